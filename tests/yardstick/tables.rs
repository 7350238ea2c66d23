//! What counts as a difference, and which differences are meant.

use iocontend_tests::yardstick::diff::Keys;
use iocontend_tests::yardstick::{Accepted, Tables};

/// What the test goes by.
pub(super) const TABLES: Tables<'_> = Tables {
    keys: KEYS,
    prose: PROSE,
    words_are_held: WORDS_ARE_HELD,
    renamed: RENAMED,
    accepted: ACCEPTED,
};

/// Whether sentences have to stay as they are. `false` lets all words of [`PROSE`] change, and no number.
const WORDS_ARE_HELD: bool = true;

/// Fields that a later version has elsewhere: place in the golden documents, place now. The value has to be the same.
const RENAMED: &[(&str, &str)] = &[];

/// Differences that are meant: capture (or `*`), place (with all below it), and why the new value is right.
const ACCEPTED: &[Accepted<'_>] = &[];

/// Where sentences for people stand.
const PROSE: &[&str] = &[
    "verdict.summary",
    "verdict.because",
    "rules[].reason",
    "findings[].summary",
    "findings[].caveats",
    "activity[].not_yet",
    "activity[].period.text",
    "activity[].further_periods[].text",
    "advice[].action",
    "advice[].reason",
    "advice[].expected",
    "advice[].risk",
    "advice[].verify",
    "coverage.notes",
    "coverage.attached[].reason",
];

/// What tells the rows of a list apart.
const KEYS: &Keys = &[
    ("targets", &["selector"]),
    ("devices", &["name"]),
    ("devices[].ops", &["op"]),
    ("actors", &["id"]),
    ("actors[].io", &["device", "op", "file_class", "method"]),
    ("actors[].forced_by", &["by"]),
    ("actors[].waits", &["call", "file_class", "path"]),
    ("actors[].worst", &["call", "file_class", "path", "start", "duration_ns"]),
    (
        "blame",
        &[
            "victim",
            "victim_class",
            "victim_call",
            "culprit",
            "culprit_class",
            "device",
            "mechanism",
        ],
    ),
    ("alone_vs_shared", &["victim", "call", "culprit"]),
    ("timeline", &["victim", "file_class", "from"]),
    ("timeline[].causes", &["culprit", "mechanism"]),
    ("stalls", &["victim", "file_class", "start"]),
    ("stalls[].causes", &["culprit", "mechanism", "device"]),
    ("rules", &["id"]),
    ("findings", &["id", "subject"]),
    ("advice", &["id", "culprit"]),
    ("activity", &["kind", "name"]),
    ("coverage.attached", &["program", "hook"]),
    ("coverage.self_check", &["actor", "metric"]),
];
