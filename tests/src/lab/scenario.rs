//! A scenario: one file of tests/lab/scenarios, read and checked. Pure.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::files::InFile;

/// What somebody has on a host, and who is suspected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name of its file.
    pub name: String,
    /// What a user has.
    pub purpose: String,
    /// Section of etcd's disk manual that it belongs to, such as `§8`.
    pub manual: Option<String>,
    /// What iocontend should find one day.
    pub expect: String,
    /// What may stand beside it because it is true here as well; why is said in the file.
    #[serde(default)]
    pub also: Vec<String>,
    /// The machine.
    #[serde(default)]
    pub vm: Vm,
    /// etcd and its load.
    #[serde(default)]
    pub victim: Victim,
    /// Lengths of a round's parts.
    #[serde(default)]
    pub time: Time,
    /// Everybody else.
    #[serde(default)]
    pub actors: Vec<Actor>,
    /// What CI asks for; absent in scenarios that CI does not run.
    pub ci: Option<Bounds>,
}

/// Bounds of one measure with all suspects, as a multiple of the same without any.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// What is measured.
    pub measure: Measure,
    /// At least.
    pub min_ratio: Option<f64>,
    /// At most.
    pub max_ratio: Option<f64>,
    /// Share (0 to 1) of etcd's syncs of its log that each suspect is charged with, at least ...
    pub min_charged: Option<f64>,
    /// ... and at most.
    pub max_charged: Option<f64>,
}

/// What etcd waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Mean time of a sync of the log, as etcd says.
    WalFsync,
    /// Mean time of a commit of the database, as etcd says.
    BackendCommit,
}

/// What the VM is booted with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vm {
    /// The disk with two partitions, as `cargo xtask vm --disk` has it.
    pub disk: String,
    /// A second disk, when an actor uses it.
    pub second_disk: String,
    /// Scheduler of the disks.
    pub sched: String,
    /// File system of all of them.
    pub fs: String,
    /// Memory of the VM.
    pub memory: String,
}

impl Default for Vm {
    fn default() -> Self {
        Self {
            disk: "iops=600,bps=20M,size=3G".to_owned(),
            second_disk: "iops=600,bps=20M,size=1G".to_owned(),
            sched: "none".to_owned(),
            fs: "ext4".to_owned(),
            memory: "3G".to_owned(),
        }
    }
}

/// etcd and its load.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Victim {
    /// Puts a second.
    pub rate: u32,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Puts in flight at most.
    pub connections: u32,
    /// Size to which the database is filled before, MiB.
    pub db_mib: u32,
    /// Whether its pages are evicted before each round.
    pub evict_db: bool,
}

impl Default for Victim {
    fn default() -> Self {
        Self { rate: 20, value_bytes: 1024, connections: 32, db_mib: 0, evict_db: false }
    }
}

/// Lengths of a round's parts, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Time {
    /// Actors are at work before etcd has its load.
    pub before_s: u32,
    /// Load and actors, nothing counts yet.
    pub lead_s: u32,
    /// What counts.
    pub window_s: u32,
}

impl Default for Time {
    fn default() -> Self {
        Self { before_s: 0, lead_s: 4, window_s: 20 }
    }
}

/// Somebody beside etcd.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Short, unique in the scenario; columns and cgroups have it.
    pub name: String,
    /// What part it plays.
    pub part: Part,
    /// Seconds after the start of the load; absent when it is at work before.
    pub delay_s: Option<u32>,
    /// Started with the idle IO priority (`ionice -c 3`).
    #[serde(default)]
    pub idle: bool,
    /// What it does.
    pub does: Does,
}

/// What part an actor plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Makes etcd wait.
    Culprit,
    /// Busy, but does not make etcd wait for the disk.
    Innocent,
}

/// Which file system something happens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// etcd's own.
    Main,
    /// Another one of the same disk.
    Other,
    /// Another disk's.
    Second,
}

/// What an actor does, over and over until it is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Does {
    /// `etcdctl snapshot save`.
    Snapshot {
        /// Where the copy goes.
        place: Place,
        /// Whether the database's pages are evicted before each one.
        #[serde(default)]
        evict_db: bool,
        /// Seconds between two of them.
        #[serde(default)]
        pause_s: u32,
    },
    /// `dd` through the page cache and one fsync.
    Buffered {
        /// Where the file is.
        place: Place,
        /// Its size; each time it is written anew.
        mib: u32,
        /// Seconds between two of them.
        #[serde(default)]
        pause_s: u32,
        /// Past the page cache after all (`oflag=direct`), in pieces of this size, KiB.
        direct_kib: Option<u32>,
        /// Through `pv` at this rate, KiB a second.
        pv_kib_per_s: Option<u32>,
    },
    /// `fio` past the page cache.
    Direct {
        /// Where the file is.
        place: Place,
        /// Its size; it is written before.
        mib: u32,
        /// Read or write.
        rw: Rw,
        /// Size of a request, as fio has it (`4k`).
        block: String,
        /// Requests in flight.
        depth: u32,
        /// Whether the offsets are random.
        #[serde(default)]
        random: bool,
        /// Requests a second at most; no limit when absent.
        rate_iops: Option<u32>,
    },
    /// `tar` of a folder of files that are not cached.
    Tar {
        /// Where the folder is.
        from: Place,
        /// Where the archive goes.
        to: Place,
        /// Files.
        files: u32,
        /// Size of a file.
        file_kib: u32,
    },
    /// An API server's audit log: one write an event, no sync, renamed when it has its size.
    AuditLog {
        /// Where the log is.
        place: Place,
        /// Events a second.
        rate: u32,
        /// Bytes of an event.
        line_bytes: u32,
        /// MiB after which it is renamed.
        rotate_mib: u32,
    },
    /// An endless loop.
    CpuHog {},
    /// Reads files that are cached.
    CachedReader {
        /// Where the file is.
        place: Place,
        /// Its size.
        mib: u32,
        /// Milliseconds between two passes.
        pause_ms: u32,
    },
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rw {
    /// From the disk.
    Read,
    /// To the disk.
    Write,
}

impl Does {
    /// The file systems it needs.
    pub fn places(&self) -> Vec<Place> {
        match self {
            Self::Snapshot { place, .. }
            | Self::Buffered { place, .. }
            | Self::Direct { place, .. }
            | Self::AuditLog { place, .. }
            | Self::CachedReader { place, .. } => vec![*place],
            Self::Tar { from, to, .. } => vec![*from, *to],
            Self::CpuHog {} => Vec::new(),
        }
    }
}

impl Scenario {
    /// Reads one from text.
    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Fails for what cannot be run.
    pub fn check(&self) -> Result<()> {
        plain(&self.name)?;
        let mut seen = BTreeSet::new();
        for actor in &self.actors {
            plain(&actor.name)?;
            ensure!(seen.insert(&actor.name), "two actors are called {}", actor.name);
        }
        let suspects = self.suspects().len();
        ensure!(suspects <= 4, "{suspects} suspects make {} subsets: too many", 1 << suspects);
        let positive = [self.victim.rate, self.victim.connections, self.time.window_s];
        ensure!(!positive.contains(&0), "rate, connections and window_s are not 0");
        Ok(())
    }

    /// Those who are taken away and put back: the culprits; where there are none, the innocents.
    pub fn suspects(&self) -> Vec<&Actor> {
        let of = |part| self.actors.iter().filter(|a| a.part == part).collect::<Vec<_>>();
        let culprits = of(Part::Culprit);
        if culprits.is_empty() { of(Part::Innocent) } else { culprits }
    }

    /// Those who are there in every round: innocents beside culprits.
    pub fn bystanders(&self) -> Vec<&Actor> {
        let suspects = self.suspects();
        let is_suspect = |actor: &&Actor| suspects.iter().any(|s| s.name == actor.name);
        self.actors.iter().filter(|actor| !is_suspect(actor)).collect()
    }

    /// Whether anybody uses the second disk.
    pub fn needs_second_disk(&self) -> bool {
        self.actors.iter().any(|actor| actor.does.places().contains(&Place::Second))
    }
}

/// Fails for a name that does not look like a-b-1: names become parts of paths.
pub fn plain(name: &str) -> Result<()> {
    let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(!name.is_empty() && name.chars().all(ok), "`{name}` is not a name like a-b-1");
    Ok(())
}

impl InFile for Scenario {
    const WHAT: &str = "scenario";

    fn parse(text: &str) -> Result<Self> {
        Self::parse(text)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::files::{choose, load_all};
    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/scenarios")
    }

    // Property: every scenario file parses, and those that users ask for are there.
    #[test]
    fn the_files_are_scenarios() {
        let all: Vec<Scenario> = load_all(&folder()).unwrap();
        let names: BTreeSet<_> = all.iter().map(|s| s.name.as_str()).collect();
        for name in [
            "alone",
            "snapshot-same-fs",
            "snapshot-cold-db",
            "buffered-same-fs",
            "buffered-other-fs",
            "direct-read-4k",
            "direct-read-1m",
            "direct-write-64k",
            "direct-write-1m",
            "tar-other-dir",
            "audit-log",
            "two-culprits",
            "innocent-other-disk",
            "innocent-cpu",
            "innocent-cached-reader",
        ] {
            assert!(names.contains(name), "{name} is missing");
        }
        for scenario in &all {
            assert!(scenario.name == "alone" || !scenario.suspects().is_empty(), "{scenario:?}");
            let innocent = scenario.name.starts_with("innocent");
            let part = if innocent { Part::Innocent } else { Part::Culprit };
            assert!(scenario.suspects().iter().all(|actor| actor.part == part), "{scenario:?}");
        }
    }

    // Property: the document says of every scenario what it is for.
    #[test]
    fn the_document_has_all_scenarios() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiler/docs/lab.md");
        let text = std::fs::read_to_string(path).unwrap();
        for scenario in load_all::<Scenario>(&folder()).unwrap() {
            let manual = scenario.manual.as_deref().unwrap_or("–");
            let Scenario { name, purpose, expect, .. } = &scenario;
            let row = format!("| `{name}` | {purpose} | {manual} | `{expect}` |");
            assert!(text.contains(&row), "not in lab.md: {row}");
        }
    }

    const SMALL: &str = "name = 'a'\npurpose = 'p'\nexpect = 'nothing'\n";

    fn with(more: &str) -> Result<Scenario> {
        Scenario::parse(&format!("{SMALL}{more}"))
    }

    fn actor(name: &str, part: &str, does: &str) -> String {
        format!("[[actors]]\nname = '{name}'\npart = '{part}'\ndoes = {{ {does} }}\n")
    }

    // Property: suspects are the culprits where there are any, else the innocents; nobody is lost or twice.
    #[test]
    fn suspects_are_the_culprits_first() {
        let hog = "kind = 'cpu_hog'";
        let both = with(&[actor("x", "culprit", hog), actor("y", "innocent", hog)].concat());
        let both = both.unwrap();
        assert_eq!(
            (both.suspects()[0].name.as_str(), both.bystanders()[0].name.as_str()),
            ("x", "y")
        );
        assert_eq!((both.suspects().len(), both.bystanders().len()), (1, 1));
        let innocents = with(&actor("y", "innocent", hog)).unwrap();
        assert_eq!((innocents.suspects().len(), innocents.bystanders().len()), (1, 0));
    }

    // Property: a mistake in a file is an error that names it, never a default that nobody asked for.
    #[test]
    fn mistakes_are_errors() {
        let hog = "kind = 'cpu_hog'";
        let twice = [actor("x", "culprit", hog), actor("x", "culprit", hog)].concat();
        let many: String = ["p", "q", "r", "s", "t"].map(|n| actor(n, "culprit", hog)).concat();
        for (text, words) in [
            (twice, "called x"),
            (many, "too many"),
            (actor("X y", "culprit", hog), "X y"),
            (actor("x", "culprit", "kind = 'dance'"), "dance"),
            (actor("x", "culprit", "kind = 'cpu_hog', speed = 3"), "speed"),
            (actor("x", "culprit", "kind = 'buffered', place = 'main', mib = 1, kib = 1"), "kib"),
            ("[victim]\nrate = 0\n".to_owned(), "rate"),
            ("[victim]\nspeed = 1\n".to_owned(), "speed"),
            ("[vm]\ncolour = 1\n".to_owned(), "colour"),
            ("[time]\nwindow_s = 0\n".to_owned(), "window_s"),
        ] {
            let error = format!("{:#}", with(&text).unwrap_err());
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    // Property: names choose in their order, an unknown one is an error that lists the known ones.
    #[test]
    fn names_choose() {
        let all: Vec<Scenario> = load_all(&folder()).unwrap();
        let names = ["two-culprits".to_owned(), "alone".to_owned()];
        let chosen = choose(all.clone(), &names).unwrap();
        assert_eq!(chosen.iter().map(|s| s.name.clone()).collect::<Vec<_>>(), names);
        let error = choose(all, &["nobody".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("nobody") && error.contains("audit-log"), "{error}");
    }
}
