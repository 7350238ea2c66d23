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

/// Why there is a code.
const HAS_A_CODE: &str = "a sentence has the same as a code with its numbers beside it, so that programs need not read it";
/// Why findings have more fields.
const WAS_IN_WORDS: &str = "it stood in the summary's words only, which are made of it now";

/// Why sentences name others.
const NAMED_BY_GROUP: &str = "several processes that are one are named together with how many they are, not by one pid of them (note 0033)";
/// Why there are groups.
const SAID_BY_GROUP: &str = "who is one to a person, and the diagnosis, are said as numbers (note 0033); they follow from what was there";
/// Why "leave the limits" is gone.
const NOT_FINE: &str =
    "the limits were left alone beside a verdict that the disk is too slow (note 0031)";
/// Why advice is gone.
const NOT_NAMED: &str = "it was about somebody whom no finding of a warning or more names, while the verdict was that it is the disk, the CPU, or not known (note 0031)";
/// Why culprits are others.
const RUNS_ARE_ONE: &str =
    "runs of one program are one culprit, in one order everywhere (note 0031)";
/// Why a finding is gone.
const OF_ALL_RUNS: &str = "it rested on waits beside fio, with the time of six dd counted in; these are one culprit now, which has more than fio, and nobody has a fifth";
/// Why there are fields of seconds.
const BY_THE_SECOND: &str = "seconds and stalls are new (note 0034)";
/// Why a disk is contended that was slow.
const DD_STALLS_IT: &str = "most of the time of its stalls is dd's, though its part of the whole window is small (note 0034)";
/// Why there is a finding more.
const COPIER_STALLS_IT: &str =
    "the copier makes most of each stall, which nothing said (note 0034)";
/// Why a disk is not slow.
const A_LIMIT_HOLDS_IT: &str = "most of what nobody else takes is time in which a limit on the victim's own IO held it back: that is a verdict of its own";
/// Why words about an effect are others.
const ANOTHER_FIGURE: &str = "p99 while the culprit is at work is said to be that: it is not the p99 of the whole window that the verdict has";

/// Differences that are meant: capture (or `*`), place (with all below it), and why the new value is right.
const ACCEPTED: &[Accepted<'_>] = &[
    Accepted { capture: "*", place: "groups", reason: SAID_BY_GROUP },
    Accepted { capture: "*", place: "diagnosis", reason: SAID_BY_GROUP },
    Accepted { capture: "*", place: "blame[].culprit_name", reason: SAID_BY_GROUP },
    Accepted { capture: "*", place: "blame[].culprit_group", reason: SAID_BY_GROUP },
    Accepted { capture: "direct-write", place: "advice[].action", reason: NAMED_BY_GROUP },
    Accepted { capture: "direct-write", place: "advice[].reason", reason: NAMED_BY_GROUP },
    Accepted { capture: "direct-write", place: "findings[].summary", reason: NAMED_BY_GROUP },
    Accepted { capture: "io-uring", place: "advice[].action", reason: NAMED_BY_GROUP },
    Accepted { capture: "io-uring", place: "advice[].reason", reason: NAMED_BY_GROUP },
    Accepted { capture: "io-uring", place: "findings[].summary", reason: NAMED_BY_GROUP },
    Accepted { capture: "mmap", place: "advice[].action", reason: NAMED_BY_GROUP },
    Accepted { capture: "mmap", place: "advice[].reason", reason: NAMED_BY_GROUP },
    Accepted { capture: "mmap", place: "findings[].summary", reason: NAMED_BY_GROUP },
    Accepted { capture: "several-disks", place: "advice[].action", reason: NAMED_BY_GROUP },
    Accepted { capture: "several-disks", place: "advice[].reason", reason: NAMED_BY_GROUP },
    Accepted {
        capture: "*",
        place: "command_lines",
        reason: "the captures are older than the hiding of secrets, so a report says that it hides what they hold",
    },
    Accepted { capture: "*", place: "timeline", reason: BY_THE_SECOND },
    Accepted { capture: "*", place: "stalls", reason: BY_THE_SECOND },
    Accepted { capture: "*", place: "rules[stalls]", reason: BY_THE_SECOND },
    Accepted { capture: "*", place: "verdict.summary_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "verdict.because_codes", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "rules[].reason_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "findings[].caveat_codes", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "activity[].not_yet_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "advice[].action_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "advice[].reason_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "advice[].expected_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "advice[].risk_codes", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "advice[].verify_code", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "coverage.note_codes", reason: HAS_A_CODE },
    Accepted { capture: "*", place: "findings[].victim", reason: WAS_IN_WORDS },
    Accepted { capture: "*", place: "findings[].device", reason: WAS_IN_WORDS },
    Accepted { capture: "*", place: "findings[].others_share", reason: WAS_IN_WORDS },
    Accepted { capture: "*", place: "findings[].culprit_shares", reason: WAS_IN_WORDS },
    Accepted { capture: "*", place: "findings[].activity", reason: WAS_IN_WORDS },
    Accepted { capture: "*", place: "advice[].nothing_here_helps", reason: WAS_IN_WORDS },
    Accepted { capture: "alone", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "alone-log-only", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "bfq", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "btrfs", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "cpu-short", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "device-mapper", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "direct-read", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "etcd", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "innocent-cached-reader", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "innocent-cpu", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "innocent-other-disk", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "loop", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "own-io-max", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "own-v1-blkio", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "snapshot-once", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "sync-calls", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "xfs", place: "advice[]", reason: NOT_FINE },
    Accepted { capture: "buffered-other-fs", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "buffered-same-fs", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "cut-off", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "loss", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "many-processes", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "snapshots", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "target-returns", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "two-culprits", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "cgroup-target", place: "advice[]", reason: NOT_NAMED },
    Accepted { capture: "cgroup-target", place: "findings[]", reason: OF_ALL_RUNS },
    Accepted { capture: "cgroup-target", place: "findings[].culprits[]", reason: RUNS_ARE_ONE },
    Accepted { capture: "cgroup-target", place: "findings[].culprit_runs", reason: RUNS_ARE_ONE },
    Accepted { capture: "cgroup-target", place: "findings[].summary", reason: RUNS_ARE_ONE },
    Accepted { capture: "many-processes", place: "findings[].culprit_runs", reason: RUNS_ARE_ONE },
    Accepted { capture: "many-processes", place: "findings[].summary", reason: RUNS_ARE_ONE },
    Accepted { capture: "several-disks", place: "findings[].culprits[]", reason: RUNS_ARE_ONE },
    Accepted { capture: "several-disks", place: "findings[].culprit_runs", reason: RUNS_ARE_ONE },
    Accepted { capture: "several-disks", place: "findings[].summary", reason: RUNS_ARE_ONE },
    Accepted {
        capture: "buffered-other-fs",
        place: "findings[stalls 868@25503]",
        reason: DD_STALLS_IT,
    },
    Accepted { capture: "buffered-other-fs", place: "verdict.answer", reason: DD_STALLS_IT },
    Accepted { capture: "buffered-other-fs", place: "verdict.summary", reason: DD_STALLS_IT },
    Accepted {
        capture: "several-disks",
        place: "findings[stalls 32060@507501]",
        reason: DD_STALLS_IT,
    },
    Accepted { capture: "several-disks", place: "verdict.answer", reason: DD_STALLS_IT },
    Accepted { capture: "several-disks", place: "verdict.summary", reason: DD_STALLS_IT },
    Accepted { capture: "own-io-max", place: "verdict.answer", reason: A_LIMIT_HOLDS_IT },
    Accepted { capture: "own-io-max", place: "verdict.summary", reason: A_LIMIT_HOLDS_IT },
    Accepted { capture: "own-v1-blkio", place: "verdict.answer", reason: A_LIMIT_HOLDS_IT },
    Accepted { capture: "own-v1-blkio", place: "verdict.summary", reason: A_LIMIT_HOLDS_IT },
    Accepted { capture: "demo", place: "findings[stalls 323@5449]", reason: COPIER_STALLS_IT },
    Accepted { capture: "demo", place: "advice[].expected", reason: ANOTHER_FIGURE },
    Accepted { capture: "demo", place: "advice[].reason", reason: ANOTHER_FIGURE },
    Accepted { capture: "demo", place: "advice[].verify", reason: ANOTHER_FIGURE },
];

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
