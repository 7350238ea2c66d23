//! What a round of a case showed: one line of JSON each, in `results.jsonl`. Pure.

use anyhow::{Result, ensure};
use iocontend_core::report::{Advice, Lat, Verdict};
use serde::{Deserialize, Serialize};

use super::super::result::{Failure, Round};

/// Name and version of a line's shape.
pub const SCHEMA: &str = "iocontend.lab-advice/1";

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// All settings, to find the best.
    Explore,
    /// The best again, beside the advice: the best of many is partly luck.
    Fresh,
}

/// Which round it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    /// What for.
    pub phase: Phase,
    /// Counted from 0.
    pub repeat: u32,
    /// `alone`, `none` (all actors, nothing set), `advice`, or a setting's name.
    pub arm: String,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the case.
    pub case: String,
    /// Which round.
    #[serde(flatten)]
    pub todo: Todo,
    /// Which action of the catalogue was in force. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What was set, and what the kernel said of it.
    pub in_force: Vec<InForce>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was measured.
    Measured(Box<Measured>),
    /// It cannot be set on this host.
    Impossible {
        /// Why.
        impossible: String,
    },
}

/// A measured round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// etcd's fdatasync of its log as iocontend has it, from the start of the load on.
    pub wal: Lat,
    /// Its fdatasync of all files, which is what advice expects something of where it speaks of no class of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syncs: Option<Lat>,
    /// Those of these calls that met somebody, where there were 20 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Lat>,
    /// etcd's own histogram in the window: upper edge of a bucket in milliseconds (absent: above all), how many.
    pub wal_of_etcd: Vec<(Option<f64>, u64)>,
    /// What iocontend advises in this round.
    pub advice: Vec<Advice>,
    /// All the rest.
    pub round: Round,
}

/// What is advised before everything else.
pub fn first(advice: &[Advice]) -> Option<&Advice> {
    advice.iter().find(|one| one.verdict == Verdict::Recommended)
}

impl Measured {
    /// Takes what another version of the program advises on the same round. What its first advice came to stands in the other
    /// lines, so that has to be the same still.
    pub fn advised_again(&mut self, again: Vec<Advice>) -> Result<()> {
        let what = |all| first(all).map(|one| (&one.id, &one.changes));
        let (now, then) = (what(&again), what(&self.advice));
        ensure!(now == then, "first advised is now {now:?}, and {then:?} was run");
        self.advice = again;
        Ok(())
    }
}

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// What was run.
    pub command: Vec<String>,
    /// The file.
    pub file: String,
    /// What stood there before.
    pub before: String,
    /// What stood there then.
    pub after: String,
    /// Whether it stands there again as before; files of an actor's cgroup go with it.
    pub is_back: bool,
}

impl Line {
    /// What was measured.
    pub fn measured(&self) -> Option<&Measured> {
        match &self.outcome {
            Outcome::Measured(measured) => Some(measured),
            Outcome::Impossible { .. } => None,
        }
    }
}

/// Reads the lines of a file; those of failures apart. A last line that was cut off is not there.
pub fn parse(text: &str) -> Result<(Vec<Line>, Vec<Failure>)> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Failure(Failure),
        Line(Box<Line>),
    }
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for line in whole.lines() {
        match serde_json::from_str(line)? {
            Either::Failure(failure) => failures.push(failure),
            Either::Line(line) => lines.push(*line),
        }
    }
    Ok((lines, failures))
}
