//! The heartbeat interval of an etcd member: how long a sync may take before the cluster feels it.
//!
//! Owns the reading of it out of flags, environment and configuration file, and etcd's default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::argv::flag_value;
use crate::etcd_paths::{CONFIG_FILE, given, setting};
use crate::facts::ProcessFacts;
use crate::ids::Role;
use crate::role::Program;

/// etcd's default, ns (etcd.io/docs/v3.6/tuning, "Time parameters"): a leader that has to write before it sends a heartbeat is late
/// with it after a sync of this length.
pub const DEFAULT_NS: u64 = 100_000_000;
/// The setting's name as a flag.
const NAME: &str = "heartbeat-interval";
/// A longer one than a minute is no setting but a mistake; etcd refuses election timeouts above 50 s (`embed.Config.Validate`).
const MOST_MS: u64 = 60_000;

/// Where a heartbeat interval is known from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeartbeatSource {
    /// The command line.
    Argv,
    /// The environment.
    Environment,
    /// etcd's configuration file.
    ConfigFile,
    /// etcd's default: nothing else is said, or the process is no etcd.
    #[default]
    Default,
}

/// A heartbeat interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its length, ns.
    pub ns: u64,
    /// Where it is known from.
    pub source: HeartbeatSource,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { ns: DEFAULT_NS, source: HeartbeatSource::Default }
    }
}

/// That of a member; etcd's default for whoever is no etcd, or says nothing that can be understood.
pub fn heartbeat(process: &ProcessFacts, role: Role) -> Heartbeat {
    if role != Role::Etcd {
        return Heartbeat::default();
    }
    let program = Program::of(process);
    let known = |ms: String, source| {
        let ms = ms.parse().ok().filter(|ms| (1..=MOST_MS).contains(ms))?;
        Some(Heartbeat { ns: ms * 1_000_000, source })
    };
    if given(process, &program, CONFIG_FILE).is_some() {
        let set = setting(process, &program, NAME);
        return set.and_then(|ms| known(ms, HeartbeatSource::ConfigFile)).unwrap_or_default();
    }
    let flag = flag_value(&program.args, NAME).or_else(|| handed_on(&program));
    if let Some(ms) = flag {
        return known(ms, HeartbeatSource::Argv).unwrap_or_default();
    }
    // No flag is left: what is set comes from the environment.
    let set = setting(process, &program, NAME);
    set.and_then(|ms| known(ms, HeartbeatSource::Environment)).unwrap_or_default()
}

/// k3s and rke2 hand flags on: `--etcd-arg=heartbeat-interval=500`, any number of times; the last one wins.
fn handed_on(program: &Program<'_>) -> Option<String> {
    let values = program.args.iter().enumerate().filter_map(|(at, arg)| {
        let rest = arg.trim_start_matches('-').strip_prefix("etcd-arg")?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None => program.args.get(at + 1).map(AsRef::as_ref),
        }
    });
    let mut set = values.filter_map(|value| {
        value.trim_start_matches('-').strip_prefix(NAME)?.strip_prefix('=').map(str::to_owned)
    });
    set.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ProcessKey;

    fn of(argv: &[&str], env: &[(&str, &str)]) -> (u64, HeartbeatSource) {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 1 }, argv[0]);
        facts.argv = argv.iter().map(|&word| word.to_owned()).collect();
        facts.etcd_env =
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let heartbeat = heartbeat(&facts, Role::Etcd);
        (heartbeat.ns / 1_000_000, heartbeat.source)
    }

    /// Property: the flag wins over the environment, as it does for etcd, and what cannot be understood is etcd's default.
    #[test]
    fn flags_then_environment_then_default() {
        use HeartbeatSource::{Argv, Default, Environment};
        let env = [("ETCD_HEARTBEAT_INTERVAL", "300")];
        assert_eq!(of(&["etcd"], &[]), (100, Default));
        assert_eq!(of(&["etcd", "--heartbeat-interval=250"], &env), (250, Argv));
        assert_eq!(of(&["etcd", "--heartbeat-interval", "250"], &[]), (250, Argv));
        assert_eq!(of(&["etcd"], &env), (300, Environment));
        assert_eq!(of(&["etcd", "--heartbeat-interval=soon"], &[]), (100, Default));
        assert_eq!(of(&["etcd", "--heartbeat-interval=0"], &[]), (100, Default));
        assert_eq!(of(&["etcd", "--heartbeat-interval=99999999999999999999"], &[]), (100, Default));
    }

    /// Property: with a configuration file etcd ignores flags and environment; one that was not read says nothing.
    #[test]
    fn a_configuration_file_is_all_that_counts() {
        let argv = ["etcd", "--config-file=/etc/etcd.yaml", "--heartbeat-interval=250"];
        let env = [("ETCD_HEARTBEAT_INTERVAL", "300")];
        assert_eq!(of(&argv, &env), (100, HeartbeatSource::Default));
        let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 1 }, "etcd");
        facts.argv = argv.iter().map(|&word| word.to_owned()).collect();
        let interval = |value: &str| vec![(NAME.to_owned(), value.to_owned())];
        for (config, ns, source) in [
            (interval("500"), 500_000_000, HeartbeatSource::ConfigFile),
            (interval("soon"), DEFAULT_NS, HeartbeatSource::Default),
            (Vec::new(), DEFAULT_NS, HeartbeatSource::Default),
        ] {
            facts.etcd_config = Some(config);
            assert_eq!(heartbeat(&facts, Role::Etcd), Heartbeat { ns, source });
        }
    }

    /// Property: k3s hands flags of etcd on, and the last one wins.
    #[test]
    fn k3s_hands_it_on() {
        let argv = [
            "k3s",
            "server",
            "--etcd-arg=heartbeat-interval=400",
            "--etcd-arg",
            "heartbeat-interval=500",
        ];
        assert_eq!(of(&argv, &[]), (500, HeartbeatSource::Argv));
    }

    /// Property: whoever is no etcd has etcd's default for want of another, whatever its flags are called.
    #[test]
    fn others_have_the_default() {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 1 }, "demo");
        facts.argv = vec!["demo".into(), "--heartbeat-interval=5".into()];
        assert_eq!(heartbeat(&facts, Role::Other), Heartbeat::default());
    }
}
