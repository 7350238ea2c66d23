//! What part a process plays on a control-plane host.
//!
//! Owns the scoring: every sign for a role gives points, the role with most points wins when it reaches
//! a threshold. Signs come from exe, argv, open files and cgroup; comm is a helper and never enough,
//! since anybody can set it and k3s is several roles in one process. The rules by role stand in the
//! modules below.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::ProcessFacts;
use crate::ids::Role;

mod backup;
mod backup_tools;
mod copy_tools;
mod etcd;
mod program;
mod services;

pub(crate) use backup_tools::{is_shell, is_wrapper, shell_text, text_runs_backup};
pub(crate) use program::Program;

/// What a role was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The kernel says that it is one of its threads.
    KernelThread,
    /// The executable (or, where exe cannot be read, `argv[0]`) is the role's own program.
    Program,
    /// comm agrees with `argv[0]` where exe cannot be read.
    Comm,
    /// Flags that only this role's program takes.
    Flags,
    /// A subcommand that makes a program this role (`k3s server`, `snapshot save`).
    Subcommand,
    /// The command runs the role's program through a wrapper (`sh -c`, `env`, `docker exec`).
    Wrapped,
    /// A script whose name says backup of etcd.
    ScriptName,
    /// An etcd write-ahead log is open for writing.
    WalOpen,
    /// An etcd database is open for writing.
    DbOpen,
    /// The process reads the database of an etcd that it is not.
    ReadsDb,
    /// The arguments name files of an etcd member.
    MemberArgument,
    /// The arguments name a backup or a snapshot.
    BackupArgument,
    /// A file is open for writing whose path says backup or snapshot.
    BackupOutput,
    /// A `.part` file is open for writing, as etcd's snapshot client does.
    PartFile,
    /// The cgroup is named after the role.
    Cgroup,
}

impl Reason {
    /// The name in JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KernelThread => "kernel_thread",
            Self::Program => "program",
            Self::Comm => "comm",
            Self::Flags => "flags",
            Self::Subcommand => "subcommand",
            Self::Wrapped => "wrapped",
            Self::ScriptName => "script_name",
            Self::WalOpen => "wal_open",
            Self::DbOpen => "db_open",
            Self::ReadsDb => "reads_db",
            Self::MemberArgument => "member_argument",
            Self::BackupArgument => "backup_argument",
            Self::BackupOutput => "backup_output",
            Self::PartFile => "part_file",
            Self::Cgroup => "cgroup",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A role and what it was given for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleVerdict {
    /// The role; `other` when nothing reached the threshold.
    pub role: Role,
    /// Points of that role; 0 for `other`.
    pub score: u32,
    /// The signs, in the order in which they were looked for.
    pub reasons: Vec<Reason>,
}

/// Points a role needs. The role's own program as exe is worth more, any single weaker sign less.
pub const THRESHOLD: u32 = 50;

/// The role of a process.
///
/// With open files read the answer can differ from the one without (k3s runs etcd or SQLite; `cp` is a
/// backup by what it reads), so a process that does IO deserves a second look.
pub fn role_of(process: &ProcessFacts) -> RoleVerdict {
    if process.kernel_thread {
        let reasons = vec![Reason::KernelThread];
        return RoleVerdict { role: Role::Kernel, score: 100, reasons };
    }
    let program = Program::of(process);
    let tallies = [
        etcd::tally(process, &program),
        services::tally(process, &program),
        backup::tally(process, &program),
    ];
    // On equal points the earlier one: a k3s server that writes a snapshot is still etcd.
    let mut best = RoleVerdict::default();
    for tally in tallies.into_iter().flatten() {
        if tally.score >= THRESHOLD && tally.score > best.score {
            best = tally;
        }
    }
    best
}

impl RoleVerdict {
    fn empty(role: Role) -> Self {
        Self { role, score: 0, reasons: Vec::new() }
    }

    fn add(&mut self, reason: Reason, points: u32) {
        self.score += points;
        self.reasons.push(reason);
    }

    fn add_if(&mut self, holds: bool, reason: Reason, points: u32) {
        if holds {
            self.add(reason, points);
        }
    }

    /// Points for the program: full when exe says it; when exe cannot be read, `argv[0]` needs support.
    fn add_program(&mut self, process: &ProcessFacts, program: &Program<'_>) {
        if program.from_exe {
            self.add(Reason::Program, 60);
        } else {
            self.add(Reason::Program, 40);
            let comm_agrees = !process.comm.is_empty()
                && (program.name.starts_with(&process.comm)
                    || process.comm.starts_with(program.name));
            self.add_if(comm_agrees, Reason::Comm, 10);
        }
    }
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;

#[cfg(test)]
mod fuzz_tests;
