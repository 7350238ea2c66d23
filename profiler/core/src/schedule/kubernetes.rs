//! CronJobs among static manifests, and the snapshots that k3s and rke2 servers take by themselves.

use serde_json::Value;

use super::due::parse_cron;
use super::{Entry, Kind, Problem, Trouble, When};

/// The times of k3s and rke2 when nobody gives others.
const DEFAULT: &str = "0 */12 * * *";
/// Most documents of a file, or items of a list, that are looked at.
const MOST: usize = 256;

/// The CronJobs of a manifest (YAML or JSON). `zone` gives the rules of a zone by its name.
pub fn manifest(
    source: &str,
    text: &str,
    zone: &dyn Fn(&str) -> Option<String>,
) -> (Vec<Entry>, Vec<Problem>) {
    // Most manifests hold none, and some are templates that are no YAML.
    if !text.contains("CronJob") {
        return (Vec::new(), Vec::new());
    }
    let Ok(documents) = serde_saphyr::from_multiple::<Value>(text) else {
        return (Vec::new(), vec![Problem::new(source, Trouble::Malformed)]);
    };
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for document in documents.iter().take(MOST) {
        let items = document.get("items").and_then(Value::as_array);
        let items = items.map_or(std::slice::from_ref(document), Vec::as_slice);
        for item in items.iter().take(MOST).filter(|item| text_at(item, "/kind") == Some("CronJob"))
        {
            match cron_job(source, item, zone) {
                Ok(entry) => entries.extend(entry),
                Err(trouble) => problems.push(Problem::new(source, trouble)),
            }
        }
    }
    (entries, problems)
}

fn cron_job(
    source: &str,
    item: &Value,
    zone: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Entry>, Trouble> {
    if item.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Ok(None);
    }
    let times = text_at(item, "/spec/schedule").ok_or(Trouble::Malformed)?;
    // The controller's own time where no zone is given: its image has none, so that is UTC.
    let when = match text_at(item, "/spec/timeZone") {
        Some(name) => schedule(times, Some(zone(name).ok_or(Trouble::Zone)?), zone)?,
        None => schedule(times, Some("UTC0".to_owned()), zone)?,
    };
    let pod = "/spec/jobTemplate/spec/template/spec/containers";
    let containers = item.pointer(pod).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let commands: Vec<String> = containers
        .iter()
        .map(|container| {
            let words = ["/command", "/args"].into_iter().flat_map(|part| {
                container.pointer(part).and_then(Value::as_array).into_iter().flatten()
            });
            words.filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" ")
        })
        .filter(|command| !command.is_empty())
        .collect();
    let entry = Entry::new(source, Kind::CronJob, times, &commands.join("; "), None);
    let name = text_at(item, "/metadata/name").unwrap_or_default();
    let mut entry = entry.due(when);
    entry.source = format!("{source} (CronJob {name})");
    // A pod must be made, and its image may have to come first.
    entry.delay_s = POD_DELAY_S;
    Ok(Some(entry))
}

/// How long after its time a pod may begin, seconds.
const POD_DELAY_S: u64 = 60;

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Times as the library of Kubernetes and k3s reads them: with a zone before them, or `@every 1h`.
fn schedule(
    times: &str,
    own: Option<String>,
    zone: &dyn Fn(&str) -> Option<String>,
) -> Result<When, Trouble> {
    let times = times.trim();
    if let Some(span) = times.strip_prefix("@every ") {
        let every = super::calendar::span(span).filter(|seconds| *seconds > 0);
        return every.map(When::Every).ok_or(Trouble::Times);
    }
    for prefix in ["CRON_TZ=", "TZ="] {
        if let Some((name, rest)) =
            times.strip_prefix(prefix).and_then(|rest| rest.split_once(char::is_whitespace))
        {
            let rules = zone(name).ok_or(Trouble::Zone)?;
            let pattern = parse_cron(rest).ok_or(Trouble::Times)?;
            return Ok(When::Clock { pattern, both_days: false, zone: Some(rules) });
        }
    }
    let pattern = parse_cron(times).ok_or(Trouble::Times)?;
    Ok(When::Clock { pattern, both_days: false, zone: own })
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// What is known of a k3s or rke2 server.
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    /// Which one.
    pub kind: Kind,
    /// Its configuration files in the order in which they are read: path and text.
    pub configs: &'a [(String, String)],
    /// Where its embedded etcd has its data, when it has one.
    pub etcd: Option<&'a str>,
}

/// The entry of a server that takes snapshots by itself: one with an embedded etcd whose configuration does not say
/// otherwise.
pub fn distribution(
    server: &Distribution<'_>,
    zone: &dyn Fn(&str) -> Option<String>,
) -> (Option<Entry>, Vec<Problem>) {
    let mut problems = Vec::new();
    let (mut times, mut disabled) = (None, false);
    for (source, text) in server.configs {
        let Ok(config) = serde_saphyr::from_str::<Value>(text) else {
            problems.push(Problem::new(source, Trouble::Malformed));
            continue;
        };
        // The last file that has a key decides.
        if let Some(value) = config.get("etcd-snapshot-schedule-cron").and_then(Value::as_str) {
            times = Some((source.as_str(), value.to_owned()));
        }
        if let Some(value) = config.get("etcd-disable-snapshots") {
            disabled = value.as_bool().unwrap_or(value.as_str() == Some("true"));
        }
    }
    let Some(data) = server.etcd.filter(|_| !disabled) else { return (None, problems) };
    let (source, times) = times.unwrap_or((data, DEFAULT.to_owned()));
    let program = if server.kind == Kind::K3s { "k3s" } else { "rke2" };
    match schedule(&times, None, zone) {
        Ok(when) => {
            let key = "etcd-snapshot-schedule-cron";
            let default = if source == data { " (default)" } else { "" };
            let command = format!("{program} server");
            let mut entry = Entry::new(
                source,
                server.kind,
                &format!("{key}: {times}{default}"),
                &command,
                None,
            )
            .due(when);
            entry.backup = true;
            (Some(entry), problems)
        }
        Err(trouble) => {
            problems.push(Problem::new(source, trouble));
            (None, problems)
        }
    }
}
