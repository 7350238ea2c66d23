//! Ids for files and who writes them, given out beside the kernel side (its `files.rs` does the same).

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use aya::maps::{HashMap, MapData};
use iocontend_wire::key::FILES;
use iocontend_wire::tables::{Control, FileEntries, FileEntry, FileKey};

use super::tables::Mapped;

/// BPF_NOEXIST (include/uapi/linux/bpf.h).
const NO_EXIST: u64 = 1;
/// How many ids are tried for a new file.
const TRIES: u32 = 4;
/// Words of an entry: the inode, then device and writer.
const WORDS: usize = size_of::<FileEntry>() / 8;

/// Ids by inode: [`FileKey`] as words.
pub(super) type ByInode = HashMap<MapData, [u64; 2], u32>;

/// The tables that belong together.
pub(super) struct FileIds<'a> {
    pub(super) by_inode: &'a mut ByInode,
    pub(super) entries: &'a Mapped<FileEntries>,
    pub(super) control: &'a Mapped<Control>,
}

impl FileIds<'_> {
    /// Notes the writer of a file, unless another one is known who still counts. `false` when there is no room.
    pub(super) fn note_writer(
        &mut self,
        file: FileKey,
        writer: u32,
        counts: impl Fn(u32) -> bool,
    ) -> bool {
        let key = [file.ino, u64::from(file.dev)];
        let known = self.by_inode.get(&key, 0).ok();
        let Some(id) = known.or_else(|| self.give(key)) else { return false };
        let Some(word) = self.word(id, 1) else { return false };
        let old = word.load(SeqCst);
        let known_writer = u32::try_from(old >> 32).unwrap_or(0);
        if known_writer != writer && (known_writer == 0 || !counts(known_writer)) {
            let new = u64::from(file.dev) | u64::from(writer) << 32;
            // Otherwise the kernel side was first; the next look tries again.
            return word.compare_exchange(old, new, SeqCst, SeqCst).is_ok();
        }
        true
    }

    /// A new id, published last.
    fn give(&mut self, key: [u64; 2]) -> Option<u32> {
        for _ in 0..TRIES {
            let next = self.next()?.fetch_add(1, SeqCst);
            let id = u32::try_from(next % u64::from(FILES)).ok()?;
            let ino = self.word(id, 0)?;
            if id == 0 || ino.compare_exchange(0, key[0], SeqCst, SeqCst).is_err() {
                continue;
            }
            self.word(id, 1)?.store(key[1], SeqCst);
            if self.by_inode.insert(key, id, NO_EXIST).is_ok() {
                return Some(id);
            }
            // The kernel side was first.
            self.word(id, 0)?.store(0, SeqCst);
            return self.by_inode.get(&key, 0).ok();
        }
        None
    }

    fn word(&self, id: u32, word: usize) -> Option<&AtomicU64> {
        self.entries.word((id % FILES) as usize * WORDS + word)
    }

    /// `next_file`, the second word of [`Control`].
    fn next(&self) -> Option<&AtomicU64> {
        self.control.word(std::mem::offset_of!(Control, next_file) / 8)
    }
}

const _: () = assert!(size_of::<FileKey>() == 16 && WORDS == 2);
