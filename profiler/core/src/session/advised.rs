//! What advice is told of the session: facts of the host, and who writes to which file system.

use std::collections::BTreeMap;

use super::actors::{Actors, Owned};
use super::books::Books;
use super::streams::{Rows, What};
use crate::advice::{Facts, advise};
use crate::facts::{ProcessFacts, WrittenFile};
use crate::report::{Advice, Report};
use foldhash::{HashMap, HashMapExt as _};

/// Users of disks of whom more is read than their name.
const PARTIES: usize = 32;
/// `O_DIRECT` on x86 (arch/x86 has the value of include/uapi/asm-generic/fcntl.h).
const O_DIRECT: u32 = 0o40_000;

/// Advice for the whole window; `None` without anybody to wait.
pub(super) fn advice(books: &Books, report: &Report) -> Option<Vec<Advice>> {
    books.actors.has_targets().then(|| {
        let controls = books.controls.as_deref();
        advise(report, &Facts { devices: &books.devices, controls, written: written(books) })
    })
}

/// What each process had open for writing when it was last looked at.
fn written(books: &Books) -> BTreeMap<String, Vec<WrittenFile>> {
    let mut written: BTreeMap<String, Vec<WrittenFile>> = BTreeMap::new();
    for (_, known) in books.actors.reported() {
        let files = written_files(&known.facts);
        if !files.is_empty() {
            written.insert(known.facts.key.to_string(), files);
        }
    }
    for process in books.controls.iter().flat_map(|controls| &controls.processes) {
        let files = written.entry(process.key.to_string()).or_default();
        files.extend(&process.written);
        files.sort_unstable();
        files.dedup();
    }
    written
}

/// Which file systems these facts show written, and whether past the page cache.
pub fn written_files(facts: &ProcessFacts) -> Vec<WrittenFile> {
    let open = facts.open_files.iter().filter(|file| file.writable);
    let mut files: Vec<WrittenFile> = open
        .map(|file| WrittenFile {
            fs: file.dev,
            direct: file.flags.map(|flags| flags & O_DIRECT != 0),
        })
        .collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// Targets, and whoever spent most time in devices.
pub(super) fn parties(actors: &Actors, streams: &Rows) -> Vec<ProcessFacts> {
    let mut busy: HashMap<usize, u64> = HashMap::new();
    for (key, row) in streams.all() {
        if let (Owned::Actor(id), What::Io(_)) = (key.owner, key.what) {
            let sum = busy.entry(id).or_default();
            *sum = sum.saturating_add(row.q2c.sum_ns());
        }
    }
    let mut busiest: Vec<(u64, usize)> = busy.into_iter().map(|(id, ns)| (ns, id)).collect();
    busiest.sort_unstable_by(|a, b| b.cmp(a));
    let targets = actors.targets().map(|known| &known.facts);
    let others = busiest.iter().take(PARTIES).filter_map(|(_, id)| actors.get(*id));
    let others = others.filter(|known| known.selected_by.is_empty()).map(|known| &known.facts);
    targets.chain(others).filter(|facts| !facts.kernel_thread).cloned().collect()
}
