//! Signs of a backup: of etcd or of the host's files.

use super::{Program, Reason, RoleVerdict};
use super::{backup_tools as tools, copy_tools};
use crate::facts::ProcessFacts;
use crate::ids::Role;
use crate::paths::{base_is_db_part, is_backup_path, is_db_path, is_member_wal, is_part_file};

pub(super) fn tally(process: &ProcessFacts, program: &Program<'_>) -> Option<RoleVerdict> {
    // etcd's own writes are never a backup, wherever its data lives.
    if program.name == "etcd" {
        return None;
    }
    let mut tally = RoleVerdict::empty(Role::Backup);
    if tools::is_dedicated(program.name) {
        tally.add_program(process, program);
    } else if program.script {
        tally.add_if(tools::is_backup_script(program.name), Reason::ScriptName, 60);
    } else if tools::is_backup_command(program.name, &program.args) {
        tally.add_program(process, program);
        tally.add(Reason::Subcommand, 30);
    }
    tally.add_if(tools::wraps_backup(program.name, &program.args), Reason::Wrapped, 60);
    if copy_tools::is_generic(program.name) && !program.script {
        let (name, args) = (program.name, program.args.as_slice());
        tally.add_if(copy_tools::copies_member(name, args), Reason::MemberArgument, 60);
        tally.add_if(copy_tools::writes_backup(name, args), Reason::BackupArgument, 50);
        add_files(process, &mut tally, &Weights::GENERIC);
    } else {
        add_files(process, &mut tally, &Weights::ANY);
    }
    Some(tally)
}

/// Points for open files. A copier is known by any one of them; of a program that nobody knows it takes
/// two (a browser downloads to `.part`, a database may keep "snapshots").
struct Weights {
    reads_db: u32,
    output: u32,
    db_part: u32,
    part: u32,
}

impl Weights {
    const GENERIC: Self = Self { reads_db: 60, output: 50, db_part: 50, part: 30 };
    const ANY: Self = Self { reads_db: 35, output: 25, db_part: 35, part: 20 };
}

fn add_files(process: &ProcessFacts, tally: &mut RoleVerdict, weights: &Weights) {
    let files = &process.open_files;
    let reads = |path: &str| is_db_path(path) || is_member_wal(path);
    let reads_db = files.iter().any(|f| !f.writable && reads(&f.path));
    tally.add_if(reads_db, Reason::ReadsDb, weights.reads_db);
    let mut written = files.iter().filter(|f| f.writable).map(|f| f.path.as_str());
    tally.add_if(written.clone().any(is_backup_path), Reason::BackupOutput, weights.output);
    if written.clone().any(base_is_db_part) {
        tally.add(Reason::PartFile, weights.db_part);
    } else {
        tally.add_if(written.any(is_part_file), Reason::PartFile, weights.part);
    }
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
