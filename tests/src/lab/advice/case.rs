//! A case: one file of tests/lab/advice, read and checked. Who makes etcd wait, and which settings are tried. Pure.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::change::Change;
use iocontend_core::ids::Dev;
use serde::Deserialize;

use super::super::files::InFile;
use super::super::scenario::{Actor, Does, Scenario, Time, Victim, Vm, plain};
use super::result::Phase;

/// Actions that set something; those of the catalogue that are not here take another disk, host or plan. `wbt` is no action of it: no case
/// has shown that it helps.
pub const SETTABLE: [&str; 11] = [
    "ionice",
    "io-max",
    "io-weight",
    "io-latency",
    "io-prio-class",
    "scheduler",
    "wbt",
    "dirty-limit",
    "memory-high",
    "pace",
    "direct-io",
];
/// Settings of a case at most.
const MOST: usize = 12;
/// etcd, where a cgroup is named.
pub const ETCD: &str = "etcd";
/// Names of rounds that are no setting's.
pub const RESERVED: [&str; 4] = ["alone", ASK, "none", ADVICE];
/// The first recommended action, by its own changes.
pub const ADVICE: &str = "advice";
/// The round whose report gives the advice: etcd has its load for [`ALONE_S`] before the actors begin, as when somebody
/// watches over the time of a backup. What comes out of it is no figure of being beside them all the time.
pub const ASK: &str = "ask";
/// Seconds.
pub const ALONE_S: u32 = 15;

/// Who makes etcd wait where, and what is tried against it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of its file.
    pub name: String,
    /// What a user has.
    pub purpose: String,
    /// Debian's kernel: 6.1 or 6.12.
    pub kernel: String,
    /// The machine.
    #[serde(default)]
    pub vm: Vm,
    /// etcd and its load.
    #[serde(default)]
    pub victim: Victim,
    /// Lengths of a round's parts; the window is a limit, it ends when there are enough syncs.
    #[serde(default)]
    pub time: Time,
    /// The limit of a window in the rounds that are judged, seconds.
    pub fresh_window_s: u32,
    /// Everybody else.
    pub actors: Vec<Actor>,
    /// What is tried.
    pub settings: Vec<Setting>,
}

/// Something that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Short, unique in the case.
    pub name: String,
    /// Which action of the catalogue it is.
    pub action: String,
    /// What is set.
    pub set: Vec<Set>,
}

/// One thing that is set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Set {
    /// The disk's line in a file of a cgroup, such as `io.max`.
    DeviceLine {
        /// An actor's name or `etcd`.
        of: String,
        /// The file.
        file: String,
        /// What follows the disk's number.
        value: String,
    },
    /// A file of a cgroup.
    Cgroup {
        /// An actor's name or `etcd`.
        of: String,
        /// The file.
        file: String,
        /// The value.
        value: String,
    },
    /// A file of the disk's queue.
    Queue {
        /// The file.
        file: String,
        /// The value.
        value: String,
    },
    /// A kernel parameter.
    Sysctl {
        /// Its path below /proc/sys.
        name: String,
        /// The value.
        value: String,
    },
    /// An actor is started with the idle priority.
    Idle {
        /// Who.
        of: String,
    },
    /// An actor works otherwise.
    Works {
        /// Who.
        of: String,
        /// What it does instead.
        does: Does,
    },
}

impl Set {
    /// Whom it is about.
    fn of(&self) -> Option<&str> {
        match self {
            Self::DeviceLine { of, .. }
            | Self::Cgroup { of, .. }
            | Self::Idle { of }
            | Self::Works { of, .. } => Some(of),
            Self::Queue { .. } | Self::Sysctl { .. } => None,
        }
    }

    /// As a change of the host; none where the actor itself is another one.
    pub fn change(&self, disk: &str, device: Dev) -> Option<Change> {
        let cgroup = |of: &str| format!("/lab-{of}");
        Some(match self {
            Self::DeviceLine { of, file, value } => Change::CgroupDevice {
                cgroup: cgroup(of),
                file: file.clone(),
                device,
                value: value.clone(),
            },
            Self::Cgroup { of, file, value } => {
                Change::Cgroup { cgroup: cgroup(of), file: file.clone(), value: value.clone() }
            }
            Self::Queue { file, value } => {
                Change::Queue { device: disk.to_owned(), file: file.clone(), value: value.clone() }
            }
            Self::Sysctl { name, value } => {
                Change::Sysctl { name: name.clone(), value: value.clone() }
            }
            Self::Idle { .. } | Self::Works { .. } => return None,
        })
    }
}

impl Setting {
    /// Whether it changes the host as these do, and nothing else.
    pub fn is(&self, changes: &[Change]) -> bool {
        let does = |set: &Set, change: &Change| {
            let nowhere = Dev { major: 0, minor: 0 };
            let (disk, dev) = match change {
                Change::CgroupDevice { device, .. } => ("", *device),
                Change::Queue { device, .. } => (device.as_str(), nowhere),
                _ => ("", nowhere),
            };
            set.change(disk, dev).as_ref() == Some(change)
        };
        self.set.len() == changes.len()
            && changes.iter().all(|change| self.set.iter().any(|set| does(set, change)))
    }
}

impl Case {
    fn check(&self) -> Result<()> {
        self.scenario(None)?;
        ensure!(["6.1", "6.12"].contains(&self.kernel.as_str()), "no kernel `{}`", self.kernel);
        ensure!(!self.actors.is_empty(), "nobody makes etcd wait");
        let count = self.settings.len();
        ensure!((1..=MOST).contains(&count), "{count} settings, 1 to {MOST} are possible");
        let mut seen = BTreeSet::from(RESERVED);
        for setting in &self.settings {
            plain(&setting.name)?;
            ensure!(seen.insert(&setting.name), "a second setting is called {}", setting.name);
            let action = setting.action.as_str();
            ensure!(SETTABLE.contains(&action), "`{action}` is no action that sets something");
            ensure!(!setting.set.is_empty(), "{} sets nothing", setting.name);
            for of in setting.set.iter().filter_map(|set| Some((set, set.of()?))) {
                let is_actor = self.actors.iter().any(|actor| actor.name == of.1);
                let is_etcd = of.1 == ETCD && of.0.change("", Dev { major: 0, minor: 0 }).is_some();
                ensure!(is_actor || is_etcd, "{}: nobody is called {}", setting.name, of.1);
            }
        }
        Ok(())
    }

    /// The round that gives the advice.
    pub fn asking(&self) -> Result<Scenario> {
        let mut scenario = self.scenario(None)?;
        scenario.time.lead_s += ALONE_S;
        scenario.actors.iter_mut().for_each(|actor| actor.delay_s = Some(ALONE_S));
        Ok(scenario)
    }

    /// How long a window lasts at most.
    pub fn window_s(&self, phase: Phase) -> u32 {
        match phase {
            Phase::Explore => self.time.window_s,
            Phase::Fresh => self.fresh_window_s,
        }
    }

    /// The setting of this name.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// What the lab's rounds run: the actors, as a setting makes them work.
    pub fn scenario(&self, setting: Option<&Setting>) -> Result<Scenario> {
        let mut actors = self.actors.clone();
        for set in setting.iter().flat_map(|setting| &setting.set) {
            let Some(of) = set.of().filter(|of| *of != ETCD) else { continue };
            let actor = actors.iter_mut().find(|actor| actor.name == of);
            let actor = actor.with_context(|| format!("nobody is called {of}"))?;
            match set {
                Set::Idle { .. } => actor.idle = true,
                Set::Works { does, .. } => actor.does = does.clone(),
                _ => {}
            }
        }
        let scenario = Scenario {
            name: self.name.clone(),
            purpose: self.purpose.clone(),
            manual: None,
            expect: String::new(),
            also: Vec::new(),
            vm: self.vm.clone(),
            victim: self.victim.clone(),
            time: self.time,
            actors,
            ci: None,
        };
        scenario.check()?;
        Ok(scenario)
    }
}

impl InFile for Case {
    const WHAT: &str = "case";

    fn parse(text: &str) -> Result<Self> {
        let case: Self = toml::from_str(text)?;
        case.check()?;
        Ok(case)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::super::super::files::load_all;
    use super::*;

    const HEAD: &str = "name='c'\npurpose='p'\nkernel='6.1'\nfresh_window_s=60\n\
        [[actors]]\nname='dd'\npart='culprit'\ndoes={kind='buffered',place='main',mib=64}\n";

    pub(crate) fn case(settings: &str) -> Result<Case> {
        Case::parse(&format!("{HEAD}{settings}"))
    }

    pub(crate) fn setting(name: &str, action: &str, set: &str) -> String {
        format!("[[settings]]\nname='{name}'\naction='{action}'\nset=[{{{set}}}]\n")
    }

    // Property: there are ten cases; both kernels, three schedulers and all kinds of culprits are among them.
    #[test]
    fn the_files_are_ten_cases() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/advice");
        let all: Vec<Case> = load_all(&folder).unwrap();
        assert_eq!(all.len(), 10);
        let kernels: BTreeSet<_> = all.iter().map(|case| case.kernel.as_str()).collect();
        let scheds: BTreeSet<_> = all.iter().map(|case| case.vm.sched.as_str()).collect();
        assert_eq!(kernels, BTreeSet::from(["6.1", "6.12"]));
        assert_eq!(scheds, BTreeSet::from(["bfq", "mq-deadline", "none"]));
        for name in [
            "direct-read",
            "direct-write",
            "buffered-same-fs",
            "buffered-other-fs",
            "snapshot",
            "two-culprits",
        ] {
            assert!(all.iter().any(|case| case.name == name), "{name} is missing");
        }
    }

    // Property: a mistake in a file is an error that names it.
    #[test]
    fn mistakes_are_errors() {
        let queue = "kind='queue',file='scheduler',value='bfq'";
        let good = setting("a", "scheduler", queue);
        case(&good).unwrap();
        let many: String = (0..13).map(|n| setting(&format!("s{n}"), "scheduler", queue)).collect();
        for (text, words) in [
            (good.clone() + &good, "second setting"),
            (many, "13 settings"),
            (setting("none", "scheduler", queue), "second setting is called none"),
            (setting("a", "move-output", queue), "move-output"),
            (setting("a", "pace", "kind='idle',of='fio'"), "fio"),
            (setting("a", "pace", "kind='idle',of='etcd'"), "etcd"),
            (setting("a", "pace", "kind='idle',of='dd',level=3"), "level"),
            (setting("a", "pace", "kind='magic'"), "magic"),
            (good.replace("name=", "colour="), "colour"),
        ] {
            let error = format!("{:#}", case(&text).unwrap_err());
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    // Property: in the round that gives the advice nobody is there at first, and that time does not count.
    #[test]
    fn the_round_that_asks_begins_alone() {
        let case =
            case(&setting("a", "scheduler", "kind='queue',file='scheduler',value='bfq'")).unwrap();
        let (plain, asking) = (case.scenario(None).unwrap(), case.asking().unwrap());
        assert!(asking.actors.iter().all(|actor| actor.delay_s == Some(ALONE_S)));
        assert_eq!(asking.time.lead_s, plain.time.lead_s + ALONE_S);
        assert_eq!(asking.time.window_s, plain.time.window_s);
    }

    // Property: a setting changes whom it names, as it says, and the host's part of it is a change in that one's cgroup.
    #[test]
    fn a_setting_is_a_change_or_another_actor() {
        let works = "kind='works',of='dd',does={kind='buffered',place='main',mib=64,direct_kib=64}";
        let line = "kind='device_line',of='dd',file='io.max',value='wbps=1'";
        let case = case(&[setting("a", "direct-io", works), setting("b", "io-max", line)].concat());
        let case = case.unwrap();
        let does = |name: Option<&str>| {
            let setting = name.and_then(|name| case.setting(name));
            case.scenario(setting).unwrap().actors[0].does.clone()
        };
        assert_ne!(does(Some("a")), does(None));
        assert_eq!(does(Some("b")), does(None));
        let dev = Dev { major: 259, minor: 0 };
        assert_eq!(case.settings[0].set[0].change("d", dev), None);
        let Some(Change::CgroupDevice { cgroup, device, .. }) =
            case.settings[1].set[0].change("d", dev)
        else {
            panic!()
        };
        assert_eq!((cgroup.as_str(), device), ("/lab-dd", dev));
    }
}
