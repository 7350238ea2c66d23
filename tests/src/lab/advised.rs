//! What iocontend advises beside the suspects of a scenario, applied and verified by iocontend itself, measured again, and
//! taken back. Pure: a line of JSON for each scenario in `advised.jsonl`, how it is judged, and the table.

use std::fmt::Write as _;

use iocontend_core::ids::{Call, FileClass};
use iocontend_core::lease::verified::{Verified, Word};
use iocontend_core::report::{Advice, Report, Verdict};
use iocontend_core::text::names::Names;
use iocontend_core::text::{Lang, advice};
use serde::{Deserialize, Serialize};

use super::result::Machine;
use super::table::table;

/// Name and version of a line's shape.
pub const SCHEMA: &str = "iocontend.lab.advised/1";
/// The measured 99th percentile may differ from the expected one by this factor.
const EXPECTED_FACTOR: f64 = 1.5;

/// etcd's syncs of its log in a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Syncs {
    /// How many, by iocontend.
    pub count: u64,
    /// Mean by iocontend, milliseconds.
    pub mean_ms: f64,
    /// 99th percentile by iocontend, milliseconds.
    pub p99_ms: f64,
    /// Mean of the same window by etcd's own histogram, milliseconds. Absent where the window is not the tester's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd_mean_ms: Option<f64>,
    /// Bytes a second that the suspects moved meanwhile, by their cgroups.
    pub suspects_bytes_per_s: f64,
}

/// An action that was advised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Kind of action.
    pub id: String,
    /// In words.
    pub action: String,
    /// The expected 99th percentile, milliseconds, and by what factor it may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_p99_ms: Option<(f64, f64)>,
}

impl Action {
    /// The first that a report recommends.
    pub fn first(report: &Report) -> Option<Self> {
        recommended(report).next().map(|one| Self::of(report, one))
    }

    /// The first of them that is a setting of this host, which `apply` takes.
    pub fn first_setting(report: &Report) -> Option<Self> {
        let mut all = recommended(report);
        all.find(|one| !one.changes.is_empty()).map(|one| Self::of(report, one))
    }

    #[expect(clippy::cast_precision_loss, reason = "times for people")]
    fn of(report: &Report, advice: &Advice) -> Self {
        let effect = advice.effect.as_ref();
        let expected = effect.filter(|one| holds_log(one.call, one.file_class));
        Self {
            id: advice.id.name().to_owned(),
            action: advice::action(&Names::of(report, Lang::En), &advice.action),
            expected_p99_ms: expected
                .map(|one| (one.p99_expected_ns as f64 / 1e6, one.error_factor)),
        }
    }
}

fn recommended(report: &Report) -> impl Iterator<Item = &Advice> {
    report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Recommended)
}

/// Whether these are the syncs that are compared, or all of the call, of which they are most.
fn holds_log(call: Call, class: Option<FileClass>) -> bool {
    call == Call::Fdatasync && class.is_none_or(|class| class == FileClass::Wal)
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advised {
    /// [`SCHEMA`].
    pub schema: String,
    /// Where it ran.
    pub machine: Machine,
    /// Name of the scenario.
    pub scenario: String,
    /// Length of each window, seconds.
    pub window_s: u64,
    /// Without suspects.
    pub alone: Syncs,
    /// Beside all of them.
    pub before: Syncs,
    /// What was advised first; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Action>,
    /// The first setting of this host that was advised, which was tried; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Action>,
    /// Refused actions, by id.
    pub refused: Vec<String>,
    /// What `apply --verify` said; absent when there was no setting to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// A new window with the setting; absent when it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Syncs>,
    /// Whether nothing was left of it after `undo`.
    pub undone: bool,
}

impl Advised {
    /// Whether the measured value lies within the factor of the expected one; `None` without both.
    pub fn as_expected(&self) -> Option<bool> {
        let (expected, _) = self.tried.as_ref()?.expected_p99_ms?;
        let measured = self.after?.p99_ms;
        let factor = (measured / expected).max(expected / measured);
        Some(factor <= EXPECTED_FACTOR)
    }
}

/// The table of all.
pub fn render(all: &[Advised]) -> String {
    let mut out = String::new();
    if let Some(one) = all.first() {
        let Machine { kernel, fs, disk, etcd, .. } = &one.machine;
        let window = one.window_s;
        let _infallible = writeln!(
            out,
            "- Linux {kernel}, {fs}, disk {disk}; etcd {etcd}; windows of {window} s\n"
        );
    }
    let columns = [
        "scenario",
        "scheduler",
        "first action",
        "tried",
        "p99 alone, ms",
        "before",
        "with it",
        "expected",
        "mean before / with it",
        "by etcd",
        "suspects, MB/s before / with it",
        "verified",
        "undone",
    ];
    out.push_str(&table(&columns, all.iter().map(row)));
    out
}

fn row(one: &Advised) -> Vec<String> {
    let number =
        |value: f64| if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    let after =
        |of: fn(&Syncs) -> f64| one.after.as_ref().map_or("–".to_owned(), |a| number(of(a)));
    let etcd = |syncs: Option<&Syncs>| {
        syncs.and_then(|syncs| syncs.etcd_mean_ms).map_or("–".to_owned(), number)
    };
    let expected = one.tried.as_ref().and_then(|tried| tried.expected_p99_ms);
    let expected = expected.map_or("–".to_owned(), |(p99, factor)| {
        let word = match one.as_expected() {
            Some(true) => ", is",
            Some(false) => ", is not",
            None => "",
        };
        format!("{} (by {factor}{word})", number(p99))
    });
    let verified = one.verified.as_ref().map_or("–".to_owned(), |verified| {
        let word = match verified.outcome {
            Word::Helped => "helped",
            Word::NotHelped => "did not help",
            Word::Undecided => "cannot be told",
        };
        verified.p99.as_ref().map_or(word.to_owned(), |p99| {
            let ratio = p99.ratio;
            format!("{word}: p99 × {:.2} ({:.2} to {:.2})", ratio.value, ratio.low, ratio.high)
        })
    });
    vec![
        one.scenario.clone(),
        one.machine.sched.clone(),
        one.first.as_ref().map_or("nothing".to_owned(), |first| first.action.clone()),
        match &one.tried {
            Some(tried) if one.first.as_ref() == Some(tried) => "it".to_owned(),
            Some(tried) => tried.action.clone(),
            None => "–".to_owned(),
        },
        number(one.alone.p99_ms),
        number(one.before.p99_ms),
        after(|syncs| syncs.p99_ms),
        expected,
        format!("{} / {}", number(one.before.mean_ms), after(|syncs| syncs.mean_ms)),
        format!("{} / {}", etcd(Some(&one.before)), etcd(one.after.as_ref())),
        format!(
            "{} / {}",
            number(one.before.suspects_bytes_per_s / 1e6),
            after(|syncs| syncs.suspects_bytes_per_s / 1e6)
        ),
        verified,
        if one.undone { "yes" } else { "no" }.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syncs(p99_ms: f64) -> Syncs {
        Syncs {
            count: 500,
            mean_ms: p99_ms / 2.0,
            p99_ms,
            etcd_mean_ms: None,
            suspects_bytes_per_s: 4e6,
        }
    }

    fn advised(after: Option<f64>, expected: Option<f64>) -> Advised {
        Advised {
            schema: SCHEMA.to_owned(),
            machine: Machine::default(),
            scenario: "s".to_owned(),
            window_s: 60,
            alone: syncs(10.0),
            before: syncs(100.0),
            first: None,
            tried: Some(Action {
                id: "io-max".to_owned(),
                action: "io.max".to_owned(),
                expected_p99_ms: expected.map(|ms| (ms, 1.5)),
            }),
            refused: Vec::new(),
            verified: None,
            after: after.map(syncs),
            undone: true,
        }
    }

    // Property: a measured value is as expected within the factor either way, and nothing is said where one of them is missing.
    #[test]
    fn expected_is_a_factor_either_way() {
        assert_eq!(advised(Some(29.0), Some(20.0)).as_expected(), Some(true));
        assert_eq!(advised(Some(31.0), Some(20.0)).as_expected(), Some(false));
        assert_eq!(advised(Some(13.0), Some(20.0)).as_expected(), Some(false));
        assert_eq!(advised(None, Some(20.0)).as_expected(), None);
        assert_eq!(advised(Some(20.0), None).as_expected(), None);
    }

    // Property: a line comes back as it was written.
    #[test]
    fn lines_come_back() {
        let one = advised(Some(20.0), Some(20.0));
        let line = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Advised>(&line).unwrap(), one);
        assert!(render(&[one]).contains("20 (by 1.5, is)"));
    }
}
