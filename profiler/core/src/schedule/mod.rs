//! What the host says will run when: crontabs, timers, CronJobs, the snapshots of k3s and rke2.
//!
//! Owns the entries, how their texts are read, when they are due (`due`) and which of them what was seen belongs to (`tie`).
//! Texts come in, entries come out: files are opened elsewhere. A text that is not understood is a problem that is told,
//! never a panic. Entries travel in captures, so a replay ties the same ones.

mod calendar;
mod crontab;
mod due;
mod kubernetes;
mod script;
#[cfg(test)]
mod tests;
mod tie;
mod unit;

pub use crontab::{Crontab, anacrontab, crontab, periodic_folders};
pub use due::due;
pub use kubernetes::{Distribution, distribution, manifest};
pub use script::{Script, Scripts};
pub use tie::{Agrees, Observed, Tie, names_it, tie};
pub use unit::{exec_start, timer};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activity::names_in;
use crate::redact;
use crate::role::text_runs_backup;

/// Longest command that is kept, characters.
const LONGEST_COMMAND: usize = 400;
/// Most names of an entry that are kept.
const MOST_NAMES: usize = 32;
/// Most entries that are kept; backups first.
pub const MOST_ENTRIES: usize = 512;
/// Most problems that are kept; all are counted.
pub const MOST_PROBLEMS: usize = 64;

/// All schedules of a host, as far as they were found and understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedules {
    /// Rules of the host's local time, as a POSIX TZ string. `None` when they are not known.
    #[serde(default)]
    pub zone: Option<String>,
    /// What was understood.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// What was not, at most [`MOST_PROBLEMS`].
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// Entries beyond [`MOST_ENTRIES`], and problems beyond [`MOST_PROBLEMS`].
    #[serde(default)]
    pub left_out: u64,
}

impl Schedules {
    /// No more than may be kept, whoever wrote it.
    pub(crate) fn bounded(mut self) -> Self {
        const WHENS: usize = 16;
        self.entries.truncate(MOST_ENTRIES);
        self.problems.truncate(MOST_PROBLEMS);
        self.entries.iter_mut().for_each(|entry| entry.when.truncate(WHENS));
        self
    }

    /// Hides the secrets in the commands.
    pub fn hide_secrets(&mut self) {
        for entry in &mut self.entries {
            let is_cut = entry.command.chars().count() >= LONGEST_COMMAND;
            entry.command = redact::shell_text(&entry.command, is_cut);
            // Those of older captures may hold words of the command.
            entry.names.iter_mut().for_each(|name| *name = redact::shell_text(name, false));
        }
    }

    /// Takes in what was read; of too much, backups stay.
    pub fn add(&mut self, entries: Vec<Entry>, problems: Vec<Problem>) {
        for entry in entries {
            if self.entries.len() < MOST_ENTRIES {
                self.entries.push(entry);
                continue;
            }
            self.left_out += 1;
            if entry.backup
                && let Some(plain) = self.entries.iter_mut().rev().find(|known| !known.backup)
            {
                *plain = entry;
            }
        }
        for problem in problems {
            if self.problems.len() < MOST_PROBLEMS {
                self.problems.push(problem);
            } else {
                self.left_out += 1;
            }
        }
    }
}

/// One thing that is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file, with the line where it has several entries: `/etc/crontab:12`.
    pub source: String,
    /// What kind of file.
    pub kind: Kind,
    /// When, as it stands there: `5 * * * *`.
    pub text: String,
    /// When, as far as it can be worked out.
    pub when: Vec<When>,
    /// What runs.
    pub command: String,
    /// The service that runs it.
    #[serde(default)]
    pub unit: Option<String>,
    /// Names of the programs in it (see [`crate::activity::name_of`]).
    #[serde(default)]
    pub names: Vec<String>,
    /// How much later than due it may begin on purpose, seconds.
    #[serde(default)]
    pub delay_s: u64,
    /// Whether it looks like a backup.
    #[serde(default)]
    pub backup: bool,
}

impl Entry {
    /// An entry; `script` is the script that its command runs, where it was read.
    fn new(source: &str, kind: Kind, text: &str, command: &str, script: Option<&Script>) -> Self {
        // A name is never made of a password, shown or not.
        let mut names = names_in(&redact::shell_text(command, false));
        names.extend(script.iter().flat_map(|script| script.names.iter().cloned()));
        names.dedup();
        names.truncate(MOST_NAMES);
        let backup = text_runs_backup(command)
            || script.is_some_and(|script| script.backup)
            || names.iter().any(|name| text_runs_backup(name));
        Self {
            source: source.to_owned(),
            kind,
            text: text.to_owned(),
            when: Vec::new(),
            command: command.chars().take(LONGEST_COMMAND).collect(),
            unit: None,
            names,
            delay_s: 0,
            backup,
        }
    }

    fn due(mut self, when: When) -> Self {
        self.when.push(when);
        self
    }
}

/// Where an entry was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A crontab.
    Crontab,
    /// A script in a folder that cron or anacron runs (`/etc/cron.daily`).
    CronFolder,
    /// A systemd timer.
    Timer,
    /// A CronJob among the static manifests.
    CronJob,
    /// The snapshots of a k3s server.
    K3s,
    /// The snapshots of an rke2 server.
    Rke2,
}

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum When {
    /// At times of the clock.
    Clock {
        /// Seven fields: second, minute, hour, day, month, weekday, year.
        pattern: String,
        /// Whether both day and weekday must hold (systemd) or one of them (cron).
        both_days: bool,
        /// Which clock: rules as a POSIX TZ string; `None` for the host's local time.
        zone: Option<String>,
    },
    /// Again after so many seconds.
    Every(u64),
}

/// What was not understood, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, with the line.
    pub source: String,
    /// What was wrong.
    pub what: Trouble,
}

/// Why an entry is missing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// The file could not be read.
    Unreadable,
    /// It is larger than what is read.
    TooLarge,
    /// It, or a line of it, is not what it should be.
    Malformed,
    /// Its times are written in a way that is not understood.
    Times,
    /// Its time zone is not known.
    Zone,
    /// It, and what comes after it, was not read in the time that there is for all of them.
    Late,
}

impl Problem {
    /// Of a file.
    pub fn new(source: impl Into<String>, what: Trouble) -> Self {
        Self { source: source.into(), what }
    }
}
