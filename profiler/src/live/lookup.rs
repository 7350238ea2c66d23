//! Answers the engine's questions about processes, files and cgroups from the host.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::linux::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use iocontend_core::facts::ProcessFacts;
use iocontend_core::ids::Dev;
use iocontend_wire::tables::FileEntry;

use crate::host::{self, HostRoot, WithFiles};
use crate::kernel::probes::Probes;

/// How often a file without a path is looked for again.
const TRIES: u8 = 20;
/// Deepest cgroup that is looked at.
const CGROUP_DEPTH: u32 = 12;

/// How many files are looked for in one poll: each may take a look at all files of a process.
const LOOKS: usize = 128;

/// A file's number, a process that uses it, and how often it is looked for yet.
type Unresolved = (u32, u32, u8);

/// What was found so far, and what is still looked for.
#[derive(Default)]
pub(super) struct Lookup {
    /// Not looked for yet.
    waiting: VecDeque<(u32, u32)>,
    /// Looked for and not found yet.
    unresolved: VecDeque<Unresolved>,
    /// Files that may still be looked for in this poll.
    left: usize,
    /// Arguments of processes: they may name a file that the process has closed.
    arguments: HashMap<u32, (Vec<String>, Option<String>)>,
    cgroups: HashMap<u64, Option<String>>,
}

impl Lookup {
    /// A process as it is now.
    pub(super) fn process(
        &mut self,
        root: &HostRoot,
        pid: u32,
        with_files: bool,
    ) -> Option<ProcessFacts> {
        let files = if with_files { WithFiles::Yes } else { WithFiles::No };
        let facts = host::read_process(root, pid, files).ok().flatten()?;
        if with_files {
            self.arguments.insert(pid, (facts.argv.clone(), facts.cwd.clone()));
        }
        Some(facts)
    }

    /// The path of a file id.
    pub(super) fn file(
        &self,
        root: &HostRoot,
        probes: &Probes,
        id: u32,
        pid: u32,
    ) -> Option<String> {
        let entry = probes.files.entry(id)?;
        open_file(root, pid, &entry).or_else(|| self.named_file(root, pid, &entry))
    }

    /// A file named among the arguments of a process, or what it is called before it is complete.
    fn named_file(&self, root: &HostRoot, pid: u32, entry: &FileEntry) -> Option<String> {
        let (arguments, cwd) = self.arguments.get(&pid)?;
        let base = cwd.as_deref().unwrap_or("/");
        arguments.iter().skip(1).find_map(|argument| {
            let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value);
            let path = Path::new(base).join(value);
            let part = PathBuf::from(format!("{}.part", path.display()));
            [path, part]
                .into_iter()
                .find(|path| {
                    host::is_file_of(root, pid, path, |dev, ino| is_entry(entry, dev, ino))
                })
                .map(|path| path.to_string_lossy().into_owned())
        })
    }

    /// A process ended, and its streams were given back.
    pub(super) fn forget(&mut self, pid: u32) {
        self.arguments.remove(&pid);
    }

    /// Looks for this file again later.
    pub(super) fn try_again(&mut self, id: u32, pid: u32) {
        if !self.unresolved.iter().any(|(known, ..)| *known == id) {
            self.unresolved.push_back((id, pid, TRIES));
        }
    }

    /// A poll begins: files that had to wait for it.
    pub(super) fn begin(&mut self) -> Vec<(u32, u32)> {
        let count = LOOKS.min(self.waiting.len());
        self.left = LOOKS - count;
        self.waiting.drain(..count).collect()
    }

    /// Whether this file may be looked for in this poll; otherwise it waits for the next one.
    pub(super) fn may_look(&mut self, id: u32, pid: u32) -> bool {
        if self.left == 0 {
            self.waiting.push_back((id, pid));
            return false;
        }
        self.left -= 1;
        true
    }

    /// Whether this file was not looked for yet.
    pub(super) fn is_waiting(&self, id: u32) -> bool {
        self.waiting.iter().any(|(waiting, _)| *waiting == id)
    }

    /// Files to look for once more; they have to be said to be [`Self::missing`] when they are not found.
    pub(super) fn due(&mut self) -> Vec<Unresolved> {
        let count = self.left.min(self.unresolved.len());
        self.unresolved.drain(..count).collect()
    }

    /// Not found this time either.
    pub(super) fn missing(&mut self, (id, pid, tries): Unresolved) {
        if tries > 1 {
            self.unresolved.push_back((id, pid, tries - 1));
        }
    }

    /// Whether a cgroup is in the table that was not looked for yet.
    pub(super) fn has_new_cgroup(&self, table: &[Option<u64>]) -> bool {
        table.iter().flatten().any(|id| !self.cgroups.contains_key(id))
    }

    /// The table with paths.
    pub(super) fn cgroup_paths(
        &mut self,
        root: &HostRoot,
        table: &[Option<u64>],
    ) -> Vec<Option<(u64, Option<String>)>> {
        table
            .iter()
            .map(|id| {
                let id = (*id)?;
                let path = self.cgroups.entry(id).or_insert_with(|| cgroup_path(root, id));
                Some((id, path.clone()))
            })
            .collect()
    }
}

/// The path among the open files of a process, or in the folders of an etcd member.
fn open_file(root: &HostRoot, pid: u32, entry: &FileEntry) -> Option<String> {
    if entry.dev != 0 {
        let dev = Dev::from_kernel(entry.dev);
        if let Some(path) = host::find_file(root, pid, dev, entry.ino).ok().flatten() {
            return Some(path);
        }
    }
    // btrfs: the kernel's device is not the one that stat gives; its inode numbers are the same.
    let facts = host::read_process(root, pid, WithFiles::Yes).ok().flatten()?;
    facts.open_files.into_iter().find(|file| file.ino == entry.ino).map(|file| file.path)
}

fn is_entry(entry: &FileEntry, dev: Dev, ino: u64) -> bool {
    ino == entry.ino && (entry.dev == 0 || dev.to_kernel() == Some(entry.dev))
}

/// A cgroup's path below the root of its hierarchy: its id is its folder's inode number (fs/kernfs).
fn cgroup_path(root: &HostRoot, id: u64) -> Option<String> {
    let base = root.cgroup.clone();
    [base.clone(), base.join("unified"), base.join("blkio")]
        .into_iter()
        .find_map(|hierarchy| find_folder(&hierarchy, &hierarchy, id, CGROUP_DEPTH))
}

fn find_folder(hierarchy: &Path, folder: &Path, id: u64, depth: u32) -> Option<String> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        if entry.metadata().is_ok_and(|meta| meta.st_ino() == id) {
            let below = path.strip_prefix(hierarchy).ok()?;
            return Some(format!("/{}", below.display()));
        }
        if depth > 0
            && let Some(found) = find_folder(hierarchy, &path, id, depth - 1)
        {
            return Some(found);
        }
    }
    None
}
