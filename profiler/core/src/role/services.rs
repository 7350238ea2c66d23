//! Signs of the control plane's other long-running programs: apiserver, kubelet, runtimes, logging.

use super::{Program, Reason, RoleVerdict};
use crate::argv::has_flag;
use crate::facts::ProcessFacts;
use crate::ids::Role;

const RUNTIMES: [&str; 20] = [
    "containerd",
    "containerd-shim",
    "containerd-shim-runc-v1",
    "containerd-shim-runc-v2",
    "containerd-shim-kata-v2",
    "containerd-shim-runsc-v1",
    "containerd-stargz-grpc",
    "cri-dockerd",
    "crio",
    "crun",
    "conmon",
    "conmonrs",
    "docker-containerd",
    "docker-containerd-shim",
    "dockerd",
    "kata-runtime",
    "runc",
    "runsc",
    "youki",
    "pinns",
];

const LOGGING: [&str; 22] = [
    "alloy",
    "auditd",
    "filebeat",
    "fluent-bit",
    "fluentbit",
    "fluentd",
    "grafana-agent",
    "journald",
    "logrotate",
    "logstash",
    "nxlog",
    "otelcol",
    "otelcol-contrib",
    "promtail",
    "rsyslogd",
    "splunkd",
    "syslog-ng",
    "syslogd",
    "systemd-journal-remote",
    "systemd-journald",
    "td-agent",
    "vector",
];

/// Scripts and titles by which log shippers run under an interpreter.
const LOGGING_SCRIPTS: [&str; 4] = ["fluentd", "td-agent", "worker:fluentd", "supervisor:fluentd"];

pub(super) fn tally(process: &ProcessFacts, program: &Program<'_>) -> Option<RoleVerdict> {
    let role = role_of_program(process, program)?;
    let mut tally = RoleVerdict::empty(role);
    tally.add_program(process, program);
    let own_flags = role == Role::Apiserver
        && ["etcd-servers", "audit-log-path"].iter().any(|f| has_flag(&program.args, f));
    tally.add_if(own_flags, Reason::Flags, 20);
    tally.add_if(program.name == "k3s", Reason::Subcommand, 10);
    let unit = process.unit().and_then(|u| u.strip_suffix(".service"));
    tally.add_if(unit.is_some_and(|u| u == program.name), Reason::Cgroup, 10);
    Some(tally)
}

fn role_of_program(process: &ProcessFacts, program: &Program<'_>) -> Option<Role> {
    if is_logging(process, program) {
        return Some(Role::Logging);
    }
    // Everything below is a binary; a script of that name is something else.
    if program.script {
        return None;
    }
    match program.name {
        // hyperkube's older word for it, with its own program name already taken off
        "kube-apiserver" | "kubelite" => Some(Role::Apiserver),
        "apiserver" if ran_by(process, "hyperkube") => Some(Role::Apiserver),
        "kubelet" => Some(Role::Kubelet),
        // A k3s agent is a kubelet with its helpers in one process.
        "k3s" | "k3s-agent" if program.subcommand() == Some("agent") => Some(Role::Kubelet),
        name if RUNTIMES.contains(&name) => Some(Role::Runtime),
        _ => None,
    }
}

fn is_logging(process: &ProcessFacts, program: &Program<'_>) -> bool {
    if program.script {
        return LOGGING_SCRIPTS.contains(&program.name);
    }
    LOGGING.contains(&program.name)
        || program.name == "java" && program.args.iter().any(|a| a == "org.logstash.Logstash")
        // Ruby's fluentd rewrites its title to "worker:fluentd1".
        || program.name.starts_with("ruby")
            && process.argv.first().is_some_and(|a| {
                LOGGING_SCRIPTS.contains(&a.trim_end_matches(|c: char| c.is_ascii_digit()))
            })
}

fn ran_by(process: &ProcessFacts, binary: &str) -> bool {
    [process.exe.as_ref(), process.argv.first()]
        .into_iter()
        .flatten()
        .any(|p| crate::argv::base_name(p) == binary)
}
