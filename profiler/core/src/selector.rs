//! How a user names the processes to watch.
//!
//! Owns the matching of a selector against one process; finding the processes is the edge's work.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::argv::base_name;
use crate::cgroup::CgroupPaths;
use crate::facts::ProcessFacts;

mod absent;
pub use absent::{Absent, Why, why_absent};

/// Longest name the kernel keeps for a task, in bytes.
const COMM_LEN: usize = 15;

/// One TARGET of the command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Selector {
    /// `--pid-of NAME`: comm, the base name of exe, or the base name of `argv[0]`.
    PidOf(String),
    /// `--pid N`.
    Pid(u32),
    /// `--cgroup PATH`: in this cgroup or below it, in any hierarchy.
    Cgroup(String),
    /// `--unit NAME`: in this systemd unit's cgroup or below it; a slice's or scope's too.
    Unit(String),
}

impl Selector {
    /// Whether this process is meant.
    pub fn matches(&self, process: &ProcessFacts) -> bool {
        match self {
            Self::Pid(pid) => process.key.pid == *pid,
            Self::PidOf(name) => is_named(process, name),
            Self::Cgroup(_) | Self::Unit(_) => self.holds(&process.cgroup),
        }
    }

    /// Whether it is these cgroups that are meant.
    pub fn holds(&self, cgroup: &CgroupPaths) -> bool {
        match self {
            Self::Pid(_) | Self::PidOf(_) => false,
            Self::Cgroup(path) => cgroup.is_at_or_below(path),
            Self::Unit(name) => cgroup.is_in_unit(name),
        }
    }

    /// Whether it is the cgroup that decides: one that was inherited may be left before the next exec.
    pub fn is_by_cgroup(&self) -> bool {
        matches!(self, Self::Cgroup(_) | Self::Unit(_))
    }
}

impl Selector {
    /// The selector that is shown like this: a report's targets can be watched again.
    pub fn from_shown(text: &str) -> Option<Self> {
        let (option, value) = text.split_once(' ')?;
        match option {
            "--pid-of" => Some(Self::PidOf(value.to_owned())),
            "--pid" => value.parse().ok().map(Self::Pid),
            "--cgroup" => Some(Self::Cgroup(value.to_owned())),
            "--unit" => Some(Self::Unit(value.to_owned())),
            _ => None,
        }
    }
}

/// As the user typed it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PidOf(name) => write!(f, "--pid-of {name}"),
            Self::Pid(pid) => write!(f, "--pid {pid}"),
            Self::Cgroup(path) => write!(f, "--cgroup {path}"),
            Self::Unit(name) => write!(f, "--unit {name}"),
        }
    }
}

fn is_named(process: &ProcessFacts, name: &str) -> bool {
    !name.is_empty()
        && (process.comm == name
            || process.exe.as_deref().is_some_and(|exe| base_name(exe) == name)
            || argv0_is(process, name)
            || cut_comm_is(process, name))
}

/// `argv[0]`, also a login shell's (`-bash`) and one rewritten to a whole title (`/bin/k3s server`).
fn argv0_is(process: &ProcessFacts, name: &str) -> bool {
    let Some(argv0) = process.argv.first() else { return false };
    let first_word = argv0.split(' ').next().unwrap_or_default();
    base_name(argv0) == name
        || base_name(first_word) == name
        || base_name(argv0).strip_prefix('-') == Some(name)
}

/// A name longer than comm can hold matches its own cut form, unless the full name is known from exe
/// and is another one (`kube-controller-manager` is not `kube-controller-x`).
fn cut_comm_is(process: &ProcessFacts, name: &str) -> bool {
    let cut = |text: &str| {
        let bytes = text.as_bytes();
        // A cut inside a character reads as the replacement character, here as in the reader of comm.
        (bytes.len() > COMM_LEN).then(|| String::from_utf8_lossy(&bytes[..COMM_LEN]).into_owned())
    };
    let exe_explains_comm = process
        .exe
        .as_deref()
        .and_then(|exe| cut(base_name(exe)))
        .is_some_and(|exe| exe == process.comm);
    !exe_explains_comm && cut(name).is_some_and(|name| name == process.comm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ProcessKey;

    fn process(comm: &str, exe: Option<&str>, argv: &[&str]) -> ProcessFacts {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 42, start_ticks: 1 }, comm);
        facts.exe = exe.map(str::to_owned);
        facts.argv = argv.iter().map(|&a| a.to_owned()).collect();
        facts
    }

    // Property: what a report shows of a selector is that selector again.
    #[test]
    fn a_shown_selector_reads_back() {
        let name = "my name".to_owned();
        for selector in [
            Selector::PidOf(name.clone()),
            Selector::Pid(7),
            Selector::Cgroup("/a b".to_owned()),
            Selector::Unit(name),
        ] {
            assert_eq!(Selector::from_shown(&selector.to_string()), Some(selector));
        }
        for none in ["auto", "", "--pid x", "--pod a/b"] {
            assert_eq!(Selector::from_shown(none), None, "{none}");
        }
    }

    #[test]
    fn a_name_matches_comm_exe_or_argv0() {
        for (name, p) in [
            ("etcd", process("etcd", None, &[])),
            ("etcd", process("x", Some("/usr/bin/etcd"), &[])),
            ("etcd", process("x", Some("/usr/bin/etcd (deleted)"), &[])),
            ("etcd", process("x", Some("/y"), &["/opt/etcd", "--name=m1"])),
            ("k3s", process("k3s-server", None, &["/usr/local/bin/k3s server"])),
            ("bash", process("x", None, &["-bash"])),
            ("kube-controller-manager", process("kube-controller", None, &[])),
            (
                "kube-controller-manager.py",
                process("kube-controller", Some("/usr/bin/python3"), &["python3"]),
            ),
            // 15 bytes end inside the second "é".
            ("abcdefghijklmnéé", process("abcdefghijklmn\u{fffd}", None, &[])),
        ] {
            assert!(Selector::PidOf(name.to_owned()).matches(&p), "{name} {p:?}");
        }
    }

    #[test]
    fn arguments_parts_of_names_and_other_long_names_do_not_match() {
        for (name, p) in [
            ("etcd", process("vim", Some("/usr/bin/vim"), &["vim", "etcd"])),
            ("etcd", process("etcdctl", Some("/usr/bin/etcdctl"), &["etcdctl"])),
            ("etcd", process("x", Some("/etcd/bin/x"), &["/etcd/x"])),
            ("kube-controller", process("kube-controlle", None, &[])),
            (
                "kube-controller-manager",
                process("kube-controller", Some("/bin/kube-controller-x"), &["kube-controller-x"]),
            ),
            ("", process("", None, &[""])),
        ] {
            assert!(!Selector::PidOf(name.to_owned()).matches(&p), "{name} {p:?}");
        }
    }

    #[test]
    fn a_pid_matches_only_itself_and_selectors_print_as_typed() {
        let p = process("etcd", None, &[]);
        assert!(Selector::Pid(42).matches(&p));
        assert!(!Selector::Pid(4).matches(&p));
        assert_eq!(Selector::Pid(42).to_string(), "--pid 42");
        assert_eq!(Selector::PidOf("etcd".to_owned()).to_string(), "--pid-of etcd");
        assert_eq!(Selector::Cgroup("/a".to_owned()).to_string(), "--cgroup /a");
        assert_eq!(Selector::Unit("etcd".to_owned()).to_string(), "--unit etcd");
    }
}
