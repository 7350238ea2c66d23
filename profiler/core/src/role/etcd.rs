//! Signs of an etcd server, alone or inside another program.

use super::{Program, Reason, RoleVerdict};
use crate::argv::has_flag;
use crate::facts::{FilesSeen, OpenFile, ProcessFacts};
use crate::ids::Role;
use crate::paths::{is_db_path, is_member_wal};

/// Flags of etcd's server that its other subcommands and tools do not take.
const SERVER_FLAGS: [&str; 12] = [
    "data-dir",
    "wal-dir",
    "config-file",
    "listen-client-urls",
    "listen-peer-urls",
    "advertise-client-urls",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-state",
    "discovery",
    "snapshot-count",
    "peer-cert-file",
];

/// Programs that write an etcd log without being a server: restores and plain copies.
const WRITERS: [&str; 11] =
    ["etcdctl", "etcdutl", "cp", "mv", "rsync", "tar", "bsdtar", "dd", "cpio", "unzip", "restic"];

pub(super) fn tally(process: &ProcessFacts, program: &Program<'_>) -> Option<RoleVerdict> {
    let mut tally = RoleVerdict::empty(Role::Etcd);
    if is_etcd_program(program) {
        if is_not_serving(program) {
            return None;
        }
        tally.add_program(process, program);
        let flags = SERVER_FLAGS.iter().any(|f| has_flag(&program.args, f));
        tally.add_if(flags, Reason::Flags, 20);
    } else if embeds_etcd(program) {
        add_embedded(process, program, &mut tally);
    }
    if !WRITERS.contains(&program.name) {
        let open =
            |is: fn(&OpenFile) -> bool| process.open_files.iter().any(|f| f.writable && is(f));
        tally.add_if(open(|f| is_member_wal(&f.path)), Reason::WalOpen, 60);
        tally.add_if(open(|f| is_db_path(&f.path)), Reason::DbOpen, 40);
    }
    if tally.score > 0 {
        tally.add_if(in_etcd_cgroup(process), Reason::Cgroup, 10);
    }
    Some(tally)
}

/// `etcd`, also with a version in the name (`etcd-3.5`, `etcd-v3.5.12`).
fn is_etcd_program(program: &Program<'_>) -> bool {
    let version = program.name.strip_prefix("etcd-").map(|v| v.strip_prefix('v').unwrap_or(v));
    let named = program.name == "etcd"
        || version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
    named && !program.script
}

/// etcd's binary is also a proxy and prints its version.
fn is_not_serving(program: &Program<'_>) -> bool {
    matches!(program.subcommand(), Some("gateway" | "grpc-proxy"))
        && program.args.first().is_some_and(|a| !a.starts_with('-'))
        || ["version", "help", "h"].iter().any(|f| has_flag(&program.args, f))
}

/// Distributions that can run etcd inside their server. RKE2's supervisor does not, its etcd is a
/// static pod; it counts when the log is open in it.
fn embeds_etcd(program: &Program<'_>) -> bool {
    matches!(program.name, "k3s" | "k3s-server") && program.subcommand() == Some("server")
        || program.name == "k3s-server" && program.args.is_empty()
}

/// A k3s server may run on SQLite or on another host's etcd. Its open files decide; where they were not
/// read it is taken for etcd, so that it is looked at.
fn add_embedded(process: &ProcessFacts, program: &Program<'_>, tally: &mut RoleVerdict) {
    tally.add_if(program.subcommand().is_some(), Reason::Subcommand, 10);
    if process.files_seen == FilesSeen::All {
        return;
    }
    tally.add_program(process, program);
}

fn in_etcd_cgroup(process: &ProcessFacts) -> bool {
    let unit = process.unit().unwrap_or_default();
    unit == "etcd.service"
        || unit.starts_with("etcd@")
        || process.cgroup.talos_service() == Some("etcd")
}
