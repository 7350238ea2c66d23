//! Secrets in command lines: what is hidden, and where.
//!
//! Owns the way from a command line to the same one without passwords, tokens and keys, so that a person still recognises
//! the command. `names` says which names have secret values, `clients` which programs have short flags for them, `shapes`
//! what is a secret wherever it stands; `statements` what is one in SQL; `words` goes through the words of a command, `shell` through a shell text;
//! `bound` keeps it short. Who applies it: `session::hiding`, to what enters a session or a capture.
//!
//! When in doubt a value is hidden: a flag too many that cannot be read costs a look at the host, a password in a ticket
//! costs more. Text from outside: nothing here panics, and the time is in proportion to the length.

mod bound;
mod clients;
mod names;
mod shapes;
mod shell;
mod statements;
#[cfg(test)]
pub(crate) mod tests;
mod values;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use bound::kept;
pub use bound::{on_paper, paper_line};

/// What stands in place of a secret.
pub const MARK: &str = "***";

/// Whether command lines are as they were, or without their secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandLines {
    /// Secrets are hidden and long arguments cut.
    #[default]
    Hidden,
    /// As the processes have them.
    Whole,
}

impl CommandLines {
    /// What a capture holds that does not say it: it was written before secrets were hidden.
    pub(crate) const fn unsaid() -> Self {
        Self::Whole
    }

    /// Whether nothing is hidden.
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Whole)
    }
}

/// What a report says of its command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandLinesShown {
    /// Neither this report nor the recording it is of holds their secrets.
    Hidden,
    /// This report does not, but the recording holds command lines as they were.
    HiddenHere,
    /// This report has them as they were.
    Whole,
}

impl CommandLinesShown {
    /// Of a session that was told `told`, from a recording that holds `recorded`.
    pub(crate) const fn of(told: CommandLines, recorded: Option<CommandLines>) -> Self {
        match (told, recorded) {
            (_, Some(CommandLines::Hidden)) | (CommandLines::Hidden, None) => Self::Hidden,
            (CommandLines::Whole, _) => Self::Whole,
            (CommandLines::Hidden, Some(CommandLines::Whole)) => Self::HiddenHere,
        }
    }
}

/// The arguments of a process without their secrets. `is_cut`: the last one may be cut, so that the end of a secret, or the
/// `@` behind it, is missing.
pub fn arguments(argv: &[String], is_cut: bool) -> Vec<String> {
    let given = argv.iter().map(|argument| words::Word { text: argument, is_literal: true });
    let given: Vec<_> = given.collect();
    let hidden = words::command(&given, words::How { depth: shell::DEPTH, is_cut });
    hidden
        .into_iter()
        .zip(argv)
        .map(|(hidden, was)| hidden.unwrap_or_else(|| was.clone()))
        .collect()
}

/// A shell text (a crontab's command, `ExecStart=`) without its secrets.
pub fn shell_text(text: &str, is_cut: bool) -> String {
    let how = words::How { depth: shell::DEPTH, is_cut };
    shell::text(text, how).unwrap_or_else(|| text.to_owned())
}
