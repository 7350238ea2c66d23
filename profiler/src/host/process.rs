//! Processes: identity, command line, cgroup.
//!
//! Owns `/proc/PID/{stat,cmdline,exe,cwd,cgroup,environ}`; open files are in `open_files`, the configuration of etcd in `etcd_config`.

use std::io;

use iocontend_core::cgroup::CgroupPaths;
use iocontend_core::facts::{ProcessFacts, ProcessKey};
use rustix::io::Errno;

use super::etcd_config::read_config;
use super::open_files::read_open_files;
use super::proc_dir::{ProcDir, is_gone};
use super::{HostRoot, lossy};

/// Whether to read the open files as well, which costs several calls for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithFiles {
    /// Read them.
    Yes,
    /// Leave them unread.
    No,
}

/// `PF_KTHREAD` (include/linux/sched.h).
const PF_KTHREAD: u64 = 0x0020_0000;

/// Limits on what a process can make us read. A command line of this length is no server's.
const MAX_CMDLINE: usize = 64 << 10;
const MAX_ENVIRON: usize = 256 << 10;
const MAX_SMALL: usize = 16 << 10;

/// The variables that set etcd's paths and its heartbeat. Nothing else is kept of an environment: it holds secrets.
const ETCD_VARIABLES: [&str; 5] =
    ["ETCD_DATA_DIR", "ETCD_WAL_DIR", "ETCD_NAME", "ETCD_CONFIG_FILE", "ETCD_HEARTBEAT_INTERVAL"];

/// The pids of all processes, in the order `/proc` gives.
pub fn list_pids(root: &HostRoot) -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir(&root.proc)?;
    let names = entries.filter_map(Result::ok).map(|e| e.file_name());
    Ok(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
}

/// All processes that could be read; those that end meanwhile are left out.
pub fn read_processes(root: &HostRoot, files: WithFiles) -> io::Result<Vec<ProcessFacts>> {
    let pids = list_pids(root)?;
    Ok(pids.into_iter().filter_map(|pid| read_process(root, pid, files).ok().flatten()).collect())
}

/// One process; `None` when it does not exist or ended while it was read. What may not be read is
/// missing from the facts and no error.
pub fn read_process(
    root: &HostRoot,
    pid: u32,
    files: WithFiles,
) -> io::Result<Option<ProcessFacts>> {
    let Some(dir) = ProcDir::open(root, pid)? else { return Ok(None) };
    let Some(stat) = read_stat(&dir, pid)? else { return Ok(None) };
    let key = ProcessKey { pid, start_ticks: stat.start_ticks };
    let mut facts = ProcessFacts::named(key, stat.comm);
    facts.ppid = stat.ppid;
    facts.kernel_thread = stat.flags & PF_KTHREAD != 0;
    let mut reader = Reader { dir: &dir, missed: false };
    facts.cgroup = CgroupPaths::parse(&lossy(&reader.read("cgroup", MAX_SMALL)));
    if !facts.kernel_thread {
        reader.read_user_space(&mut facts);
        if is_etcd(&facts) {
            facts.etcd_config = read_config(root, &dir, &facts);
        }
        if files == WithFiles::Yes {
            read_open_files(&dir, &mut facts);
        }
    }
    // A file that is not there may mean "not in this kernel", "zombie" or "ended": ask again.
    if reader.missed && read_stat(&dir, pid)?.is_none() {
        return Ok(None);
    }
    Ok(Some(facts))
}

/// The cgroups of a process; `None` when it is gone.
pub fn read_cgroup(root: &HostRoot, pid: u32) -> Option<CgroupPaths> {
    let text = ProcDir::open(root, pid).ok()??.read("cgroup", MAX_SMALL).ok()?;
    Some(CgroupPaths::parse(&lossy(&text)))
}

/// Reads that may fail one by one.
struct Reader<'a> {
    dir: &'a ProcDir,
    missed: bool,
}

impl Reader<'_> {
    fn read(&mut self, name: &str, limit: usize) -> Vec<u8> {
        let read = self.dir.read(name, limit);
        self.known(read).unwrap_or_default()
    }

    fn link(&mut self, name: &str) -> Option<String> {
        let target = self.dir.link(name);
        self.known(target).map(|bytes| lossy(&bytes))
    }

    fn known<T>(&mut self, read: Result<T, Errno>) -> Option<T> {
        self.missed |= read.as_ref().is_err_and(|e| is_gone(*e));
        read.ok()
    }

    fn read_user_space(&mut self, facts: &mut ProcessFacts) {
        facts.argv = parse_cmdline(&self.read("cmdline", MAX_CMDLINE));
        facts.exe = self.link("exe");
        facts.cwd = self.link("cwd");
        if is_etcd(facts) {
            facts.etcd_env = parse_environ(&self.read("environ", MAX_ENVIRON));
        }
    }
}

/// Whether a process may be an etcd, by the name of its executable or its first word.
fn is_etcd(facts: &ProcessFacts) -> bool {
    let names = [facts.exe.as_ref(), facts.argv.first()];
    let is_named = |path: &String| path.rsplit('/').next().is_some_and(|n| n.starts_with("etcd"));
    names.into_iter().flatten().any(is_named)
}

/// What is taken from `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    comm: String,
    ppid: u32,
    flags: u64,
    start_ticks: u64,
}

fn read_stat(dir: &ProcDir, pid: u32) -> io::Result<Option<Stat>> {
    match dir.read("stat", MAX_SMALL) {
        Ok(bytes) => parse_stat(&bytes).map(Some).ok_or_else(|| {
            let message = format!("stat of process {pid} is not understood: {}", lossy(&bytes));
            io::Error::new(io::ErrorKind::InvalidData, message)
        }),
        Err(e) if is_gone(e) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// comm may hold blanks and parentheses, so it ends at the last `)`.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let comm = lossy(bytes.get(open + 1..close)?);
    let rest = std::str::from_utf8(&bytes[close + 1..]).ok()?;
    // Counted from field 3, the state.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        comm,
        ppid: fields.get(1)?.parse().ok()?,
        flags: fields.get(6)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

/// Arguments end in NUL; a program that rewrote its title leaves more of them at the end.
fn parse_cmdline(bytes: &[u8]) -> Vec<String> {
    let Some(last) = bytes.iter().rposition(|b| *b != 0) else { return Vec::new() };
    bytes[..=last].split(|b| *b == 0).map(lossy).collect()
}

fn parse_environ(bytes: &[u8]) -> Vec<(String, String)> {
    let lines = bytes.split(|b| *b == 0).map(lossy);
    let pairs = lines.filter_map(|l| l.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
    pairs.filter(|(name, _)| ETCD_VARIABLES.contains(&name.as_str())).collect()
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
