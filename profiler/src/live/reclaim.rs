//! Gives places of streams and files back while watching goes on, so that a long watch never runs out of them.
//!
//! Owns the order: the file's inode is forgotten (its next use gets another number), its streams lose their keys, all
//! settles, the engine gets their last samples and hears that the number is free, and then the place is.

use std::collections::HashMap;

use iocontend_core::reclaim::{Idle, Taken, choose};
use iocontend_wire::key::{Key, Owner};

use super::streams::{SETTLE_NS, StreamReader};
use crate::kernel::probes::Probes;

/// How often to look while there is room.
const PERIOD_NS: u64 = 1_000_000_000;

/// What is known of the files.
#[derive(Default)]
pub(super) struct Reclaim {
    due_ns: u64,
    files: HashMap<u32, FileUse>,
    /// Numbers about to be given back, and since when.
    leaving: HashMap<u32, u64>,
}

/// One file without streams, or the last that is known of it.
#[derive(Clone, Copy)]
struct FileUse {
    /// Since when it has no stream.
    since_ns: u64,
    /// It had one.
    used: bool,
}

impl Reclaim {
    /// Looks what is idle when it is time or room is short, and begins to give back. Files whose path is `waiting` to
    /// be looked for stay.
    pub(super) fn look(
        &mut self,
        probes: &mut Probes,
        reader: &mut StreamReader,
        waiting: impl Fn(u32) -> bool,
        now_ns: u64,
    ) {
        let files = probes.files.count().saturating_sub(self.leaving.len());
        let taken = Taken { files, streams: reader.count() };
        if now_ns < self.due_ns && !taken.is_tight() {
            return;
        }
        self.due_ns = now_ns + PERIOD_NS;
        let streams = reader.idle(probes, now_ns);
        let numbers = probes.files.taken();
        let mut all = self.candidates(probes, &numbers, &streams, now_ns);
        all.retain(|one| one.file == 0 || !waiting(one.file));
        for one in choose(all, taken) {
            for index in one.streams {
                reader.take_away(probes, index, now_ns);
            }
            if one.file != 0 {
                probes.files.forget_inode(one.file);
                self.leaving.insert(one.file, now_ns);
            }
        }
    }

    /// Everything that could be given back.
    fn candidates(
        &mut self,
        probes: &mut Probes,
        numbers: &[u32],
        streams: &[(u32, Key, u64)],
        now_ns: u64,
    ) -> Vec<Idle> {
        let mut files: HashMap<u32, Idle> = HashMap::new();
        for file in numbers.iter().copied() {
            let unused = Idle { file, streams: Vec::new(), idle_ns: u64::MAX, unused: false };
            files.insert(file, unused);
        }
        let mut all = Vec::new();
        for (index, key, idle_ns) in streams.iter().copied() {
            if let Some(file) = files.get_mut(&key.file()) {
                file.streams.push(index);
                file.idle_ns = file.idle_ns.min(idle_ns);
            } else if key.who() != Owner::Overflow {
                all.push(Idle { file: 0, streams: vec![index], idle_ns, unused: false });
            }
        }
        self.files.retain(|number, _| files.contains_key(number));
        for (number, file) in files {
            let known =
                self.files.entry(number).or_insert(FileUse { since_ns: now_ns, used: false });
            if !file.streams.is_empty() {
                *known = FileUse { since_ns: now_ns, used: true };
            }
            let without_ns = now_ns - known.since_ns;
            if self.leaving.contains_key(&number) {
                continue;
            }
            if probes.files.entry(number).is_some() {
                let idle_ns = if file.streams.is_empty() { without_ns } else { file.idle_ns };
                all.push(Idle { idle_ns, unused: !known.used, ..file });
            } else if without_ns >= PERIOD_NS {
                // Two CPUs took one each for the same file: nobody uses this one.
                probes.files.give_back(number);
            }
        }
        all
    }

    /// Files that have settled: their numbers are free now. To be called after the streams' last samples.
    pub(super) fn freed(&mut self, probes: &mut Probes, now_ns: u64) -> Vec<u32> {
        let settled = |since_ns: u64| now_ns.saturating_sub(since_ns) >= SETTLE_NS;
        let done: Vec<u32> =
            self.leaving.extract_if(|_, since| settled(*since)).map(|(number, _)| number).collect();
        for number in &done {
            probes.files.give_back(*number);
        }
        done
    }
}
