//! Builders of process facts for tests.

use crate::cgroup::CgroupPaths;
use crate::facts::{FilesSeen, OpenFile, ProcessFacts, ProcessKey};
use crate::ids::Dev;

/// A process with a command line; comm is the base name of `argv[0]`, as after an exec.
pub(crate) fn process(exe: Option<&str>, argv: &[&str]) -> ProcessFacts {
    let name = exe.or(argv.first().copied()).unwrap_or("x");
    let comm: String = crate::argv::base_name(name).chars().take(15).collect();
    let mut facts = ProcessFacts::named(ProcessKey { pid: 42, start_ticks: 1 }, comm);
    facts.exe = exe.map(str::to_owned);
    facts.argv = argv.iter().map(|&a| a.to_owned()).collect();
    facts
}

impl ProcessFacts {
    /// With these files open for writing and all files seen.
    pub(crate) fn writing(self, paths: &[&str]) -> Self {
        self.with_files(paths, true)
    }

    /// With these files open for reading and all files seen.
    pub(crate) fn reading(self, paths: &[&str]) -> Self {
        self.with_files(paths, false)
    }

    /// In a cgroup of the unified hierarchy.
    pub(crate) fn in_cgroup(mut self, path: &str) -> Self {
        self.cgroup = CgroupPaths { v2: Some(path.to_owned()), ..CgroupPaths::default() };
        self
    }

    fn with_files(mut self, paths: &[&str], writable: bool) -> Self {
        for path in paths {
            let number = u32::try_from(self.open_files.len()).unwrap() + 3;
            self.open_files.push(OpenFile {
                fd: number,
                path: (*path).to_owned(),
                dev: Dev { major: 8, minor: 1 },
                ino: u64::from(number),
                writable,
                flags: None,
            });
        }
        self.files_seen = FilesSeen::All;
        self
    }
}
