//! Units of systemd: what a timer is due, and what its service runs (systemd.timer(5), systemd.service(5)).

use super::calendar::{calendar, span};
use super::crontab::script_of;
use super::{Entry, Kind, Problem, Scripts, Trouble, When};

/// systemd's default of `AccuracySec`, seconds.
const ACCURACY_S: u64 = 60;

/// The entry of a timer: its own text with its drop-ins after it, and the command of the service it starts (see
/// [`exec_start`]), which `command` gives by the service's name. `None` for a timer that is due only once.
pub fn timer(
    source: &str,
    name: &str,
    texts: &[String],
    command: &dyn Fn(&str) -> Option<String>,
    script: Scripts<'_>,
    zone: &dyn Fn(&str) -> Option<String>,
) -> (Option<Entry>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut whens: Vec<(String, Option<When>)> = Vec::new();
    let (mut accuracy, mut delay, mut unit) = (ACCURACY_S, 0, None);
    for (key, value) in texts.iter().flat_map(|text| settings(text, "Timer")) {
        match key.as_str() {
            // An empty value takes back what stands before.
            "OnCalendar" | "OnUnitActiveSec" | "OnUnitInactiveSec" | "OnBootSec"
            | "OnStartupSec" | "OnActiveSec"
                if value.is_empty() =>
            {
                whens.clear();
            }
            "OnCalendar" => whens.push((format!("{key}={value}"), calendar(&value, zone))),
            "OnUnitActiveSec" | "OnUnitInactiveSec" => {
                let every = span(&value).filter(|seconds| *seconds > 0).map(When::Every);
                whens.push((format!("{key}={value}"), every));
            }
            "AccuracySec" => accuracy = span(&value).unwrap_or(accuracy),
            "RandomizedDelaySec" => delay = span(&value).unwrap_or(delay),
            "Unit" => unit = Some(value),
            _ => {}
        }
    }
    if whens.iter().any(|(_, when)| when.is_none()) {
        problems.push(Problem::new(source, Trouble::Times));
    }
    whens.retain(|(_, when)| when.is_some());
    if whens.is_empty() {
        return (None, problems);
    }
    let stem = name.strip_suffix(".timer").unwrap_or(name);
    let unit = unit.unwrap_or_else(|| format!("{stem}.service"));
    let command = command(&unit).unwrap_or_default();
    let text: Vec<&str> = whens.iter().map(|(text, _)| text.as_str()).collect();
    let script = script_of(&command).and_then(script);
    let mut entry = Entry::new(source, Kind::Timer, &text.join(" "), &command, script.as_deref());
    entry.when = whens.into_iter().filter_map(|(_, when)| when).collect();
    entry.unit = Some(unit);
    entry.delay_s = accuracy.saturating_add(delay);
    (Some(entry), problems)
}

/// What a service runs, by its texts: its commands, without the marks before them.
pub fn exec_start(texts: &[String]) -> Option<String> {
    let mut commands: Vec<String> = Vec::new();
    for (key, value) in texts.iter().flat_map(|text| settings(text, "Service")) {
        match (key.as_str(), value.is_empty()) {
            ("ExecStart", true) => commands.clear(),
            ("ExecStart" | "ExecStartPre" | "ExecStartPost", false) => {
                commands.push(value.trim_start_matches(['@', '-', ':', '+', '!', '|']).to_owned());
            }
            _ => {}
        }
    }
    (!commands.is_empty()).then(|| commands.join("; "))
}

/// Keys and values of one section, in order.
fn settings(text: &str, section: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut inside = false;
    let mut found = Vec::new();
    for line in joined.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            inside = name.strip_suffix(']') == Some(section);
        } else if inside && let Some((key, value)) = line.split_once('=') {
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}
