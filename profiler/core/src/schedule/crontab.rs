//! Crontabs: crontab(5) of the usual crons, anacrontab(5), and the folders that both run.

use super::due::parse_cron;
use super::{Entry, Kind, MOST_ENTRIES, Problem, Script, Scripts, Trouble, When};

/// Whose crontab: the system's have a user's name before the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crontab {
    /// `/etc/crontab`, `/etc/cron.d`.
    System,
    /// A user's own.
    User,
}

/// Most lines of one crontab that are looked at, without comments: some of them may be backups, which stay of too many.
const MOST_LINES: usize = 4 * MOST_ENTRIES;

/// The entries of a crontab. `script` gives a script by its path; `zone` gives the rules of a zone by its
/// name; `goes_on` says before each line whether there is time for it.
pub fn crontab(
    source: &str,
    text: &str,
    whose: Crontab,
    script: Scripts<'_>,
    zone: &dyn Fn(&str) -> Option<String>,
    goes_on: &dyn Fn() -> bool,
) -> (Vec<Entry>, Vec<Problem>) {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    let mut own_zone: Option<String> = None;
    let mut left = MOST_LINES;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let source = format!("{source}:{}", number + 1);
        if left == 0 {
            problems.push(Problem::new(source, Trouble::TooLarge));
            break;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        left -= 1;
        if !goes_on() {
            problems.push(Problem::new(source, Trouble::Late));
            break;
        }
        if let Some((name, value)) = assignment(line) {
            if name == "CRON_TZ" {
                own_zone = zone(value);
                if own_zone.is_none() {
                    problems.push(Problem::new(source, Trouble::Zone));
                }
            }
            continue;
        }
        match entry(&source, line, whose, script) {
            Ok(Some(mut entry)) => {
                for when in &mut entry.when {
                    if let When::Clock { zone, .. } = when {
                        zone.clone_from(&own_zone);
                    }
                }
                entries.push(entry);
            }
            Ok(None) => {}
            Err(trouble) => problems.push(Problem::new(source, trouble)),
        }
    }
    (entries, problems)
}

/// `NAME=value`, with blanks and quotes as cron allows them.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then(|| (name, value.trim().trim_matches(['"', '\''])))
}

/// `None` for what runs at no time (`@reboot`).
fn entry(
    source: &str,
    line: &str,
    whose: Crontab,
    script: Scripts<'_>,
) -> Result<Option<Entry>, Trouble> {
    // A dash before the first field keeps cron from logging.
    let line = line.strip_prefix('-').unwrap_or(line);
    let count = if line.starts_with('@') { 1 } else { 5 };
    let (times, rest) = fields(line, count).ok_or(Trouble::Malformed)?;
    let command = match whose {
        Crontab::System => fields(rest, 1).ok_or(Trouble::Malformed)?.1,
        Crontab::User => rest,
    };
    let command = unescaped(command);
    if command.is_empty() {
        return Err(Trouble::Malformed);
    }
    if times.eq_ignore_ascii_case("@reboot") {
        return Ok(None);
    }
    let pattern = parse_cron(times).ok_or(Trouble::Times)?;
    let script = script_of(&command).and_then(script);
    let entry = Entry::new(source, Kind::Crontab, times, &command, script.as_deref());
    Ok(Some(entry.due(When::Clock { pattern, both_days: false, zone: None })))
}

/// So many fields, and the rest.
fn fields(line: &str, count: usize) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let mut at = 0;
    for _ in 0..count {
        let rest = line.get(at..)?;
        let begin = rest.find(|c: char| !c.is_whitespace())?;
        let field = rest.get(begin..)?;
        at += begin + field.find(char::is_whitespace)?;
    }
    Some((line.get(..at)?, line.get(at..)?.trim()))
}

/// Up to the first `%` that is not escaped: what follows is standard input.
fn unescaped(command: &str) -> String {
    let mut out = String::new();
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'%') => {
                chars.next();
                out.push('%');
            }
            '%' => break,
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// The script that a command may run: the first word that is a path.
pub(super) fn script_of(command: &str) -> Option<&str> {
    command
        .split_whitespace()
        .find(|word| word.starts_with('/'))
        .map(|word| word.trim_end_matches([';', '&', '|', ')', '"', '\'']))
}

/// The folders that a system crontab has run by `run-parts`, and when: from its entries.
pub fn periodic_folders(entries: &[Entry]) -> Vec<(String, Entry)> {
    let mut folders = Vec::new();
    for entry in entries.iter().filter(|entry| entry.command.contains("run-parts")) {
        let words = entry.command.split_whitespace();
        let folder = words
            .map(|word| word.trim_end_matches([';', ')', '}']))
            .find(|word| word.starts_with("/etc/cron."));
        if let Some(folder) = folder {
            folders.push((folder.to_owned(), entry.clone()));
        }
    }
    folders
}

/// The folders that anacron runs, and after how many days: it knows no time of the clock.
pub fn anacrontab(source: &str, text: &str) -> (Vec<(String, Entry)>, Vec<Problem>) {
    let (mut folders, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || assignment(line).is_some() {
            continue;
        }
        let source = format!("{source}:{}", number + 1);
        let Some((head, command)) = fields(line, 3) else {
            problems.push(Problem::new(source, Trouble::Malformed));
            continue;
        };
        let period = head.split_whitespace().next().unwrap_or_default();
        let days: Option<u64> = match period {
            "@daily" => Some(1),
            "@weekly" => Some(7),
            "@monthly" => Some(30),
            number => number.parse().ok(),
        };
        let Some(days) = days.filter(|days| (1..=366).contains(days)) else {
            problems.push(Problem::new(source, Trouble::Times));
            continue;
        };
        let entry = Entry::new(&source, Kind::CronFolder, head, command, None)
            .due(When::Every(days * 86_400));
        let folder = command.split_whitespace().find(|word| word.starts_with("/etc/cron."));
        folders.extend(folder.map(|folder| (folder.to_owned(), entry.clone())));
    }
    (folders, problems)
}

impl Entry {
    /// A script of a folder, at the times at which the folder is run.
    pub fn of_folder(path: &str, script: Option<&Script>, folder: &Self) -> Self {
        let mut entry = Self::new(path, Kind::CronFolder, &folder.text, path, script);
        entry.text = format!("{} ({})", folder.text, folder.source);
        entry.when.clone_from(&folder.when);
        // What runs before it in the same folder takes its time.
        entry.delay_s = FOLDER_DELAY_S;
        entry
    }
}

/// Scripts of a folder run one after the other.
const FOLDER_DELAY_S: u64 = 1_800;
