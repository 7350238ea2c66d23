//! What advice is told of the session: facts of the host, and who writes to which file system.

use std::collections::BTreeMap;

use super::Session;
use super::actors::Owned;
use super::streams::What;
use crate::advice::{Facts, advise};
use crate::facts::{ProcessFacts, WrittenFile};
use crate::report::{Advice, Report};
use foldhash::{HashMap, HashMapExt as _};

/// Users of disks of whom more is read than their name.
const PARTIES: usize = 32;
/// `O_DIRECT` on x86 (arch/x86 has the value of include/uapi/asm-generic/fcntl.h).
const O_DIRECT: u32 = 0o40_000;

/// Advice for the whole window; `None` without anybody to wait.
pub(super) fn advice(session: &Session, report: &Report) -> Option<Vec<Advice>> {
    session.has_targets().then(|| {
        let controls = session.controls.as_deref();
        advise(report, &Facts { devices: &session.devices, controls, written: written(session) })
    })
}

/// What each process had open for writing when it was last looked at.
fn written(session: &Session) -> BTreeMap<String, Vec<WrittenFile>> {
    let mut written: BTreeMap<String, Vec<WrittenFile>> = BTreeMap::new();
    for (_, known) in session.actors.reported() {
        let files = written_files(&known.facts);
        if !files.is_empty() {
            written.insert(known.facts.key.to_string(), files);
        }
    }
    for process in session.controls.iter().flat_map(|controls| &controls.processes) {
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
pub(super) fn parties(session: &Session) -> Vec<ProcessFacts> {
    let mut busy: HashMap<usize, u64> = HashMap::new();
    for (key, row) in session.streams.whole() {
        if let (Owned::Actor(id), What::Io(_)) = (key.owner, key.what) {
            let sum = busy.entry(id).or_default();
            *sum = sum.saturating_add(row.q2c.sum_ns());
        }
    }
    let mut busiest: Vec<(u64, usize)> = busy.into_iter().map(|(id, ns)| (ns, id)).collect();
    busiest.sort_unstable_by(|a, b| b.cmp(a));
    let targets = session.actors.targets().map(|known| &known.facts);
    let others = busiest.iter().take(PARTIES).filter_map(|(_, id)| session.actors.get(*id));
    let others = others.filter(|known| known.selected_by.is_empty()).map(|known| &known.facts);
    targets.chain(others).filter(|facts| !facts.kernel_thread).cloned().collect()
}
