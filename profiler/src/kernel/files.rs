//! Numbers for files, which the kernel side gives out (its `files.rs`) and this side takes back.
//!
//! A number comes out of a queue that only this side fills. Its lower bits are a place in the table of inodes; when
//! the place is given back, its next number goes into the queue. So a request or a wait that is late to finish still
//! carries the number of its own file, whatever the place holds by then.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use aya::maps::{HashMap, MapData};
use iocontend_wire::key::{FILES, file_place, next_file_number};
use iocontend_wire::tables::{Control, FileEntries, FileEntry, FileKey, FreeFiles};

use super::tables::Mapped;

/// Words of an entry: the inode, then the device.
const WORDS: usize = size_of::<FileEntry>() / 8;

const _: () = assert!(size_of::<FileKey>() == 16 && WORDS == 2);

/// Numbers by inode: [`FileKey`] as words.
type ByInode = HashMap<MapData, [u64; 2], u32>;

/// The tables that belong together.
pub struct FileTable {
    by_inode: ByInode,
    entries: Mapped<FileEntries>,
    free: Mapped<FreeFiles>,
    control: Mapped<Control>,
    /// The number each place has, or had when it was last taken out of the queue.
    numbers: Vec<u32>,
}

impl FileTable {
    /// All places are free.
    pub(super) fn new(
        by_inode: ByInode,
        entries: Mapped<FileEntries>,
        free: Mapped<FreeFiles>,
        control: Mapped<Control>,
    ) -> Self {
        let table = Self { by_inode, entries, free, control, numbers: (0..FILES).collect() };
        for number in 1..FILES {
            table.put(number);
        }
        table
    }

    /// What a number stands for; `None` when it stands for nothing (any more).
    pub fn entry(&self, number: u32) -> Option<FileEntry> {
        let place = file_place(number);
        if *self.numbers.get(place as usize)? != number {
            return None;
        }
        let (ino, rest) = (self.word(place, 0)?.load(SeqCst), self.word(place, 1)?.load(SeqCst));
        let [dev, pad] = halves(rest);
        (ino != 0).then_some(FileEntry { ino, dev, pad })
    }

    /// Numbers that are given out. One without an [`FileTable::entry`] was taken and then not used.
    pub fn taken(&self) -> Vec<u32> {
        let mut free = vec![false; FILES as usize];
        free[0] = true;
        let (taken, given) = self.ends();
        for at in taken..given {
            if let Some(number) = self.queued(at) {
                free[file_place(number) as usize] = true;
            }
        }
        self.numbers.iter().zip(free).filter(|(_, free)| !free).map(|(number, _)| *number).collect()
    }

    /// How many numbers are given out.
    pub fn count(&self) -> usize {
        let (taken, given) = self.ends();
        let free = usize::try_from(given.saturating_sub(taken)).unwrap_or(usize::MAX);
        (FILES as usize - 1).saturating_sub(free)
    }

    /// From now on the file gets a new number when it is used again.
    pub fn forget_inode(&mut self, number: u32) {
        let Some(entry) = self.entry(number) else { return };
        let key = [entry.ino, u64::from(entry.dev)];
        if self.by_inode.get(&key, 0).ok() == Some(number) {
            // Nobody else removes; should it fail, the file keeps its number and its place for good.
            drop(self.by_inode.remove(&key));
        }
    }

    /// The place is free for another file. To be called some time after [`FileTable::forget_inode`]: a program that
    /// had found the number may still look at the entry.
    pub fn give_back(&mut self, number: u32) {
        let place = file_place(number);
        let Some(known) = self.numbers.get_mut(place as usize) else { return };
        if *known != number || place == 0 {
            return;
        }
        let next = next_file_number(number);
        *known = next;
        for word in (0..WORDS).filter_map(|word| self.word(place, word)) {
            word.store(0, SeqCst);
        }
        self.put(next);
    }

    /// Puts a number into the queue.
    fn put(&self, number: u32) {
        let Some(given) = self.end(offset_of!(Control, files_given)) else { return };
        let at = given.load(SeqCst);
        if let Some(word) = self.free.word(place_in_queue(at)) {
            word.store(u64::from(number), SeqCst);
            given.store(at + 1, SeqCst);
        }
    }

    /// What stands in the queue.
    fn queued(&self, at: u64) -> Option<u32> {
        u32::try_from(self.free.word(place_in_queue(at))?.load(SeqCst)).ok()
    }

    /// How many numbers were taken and given so far. The first is read first, so it is never the larger one.
    fn ends(&self) -> (u64, u64) {
        let read = |offset| self.end(offset).map_or(0, |word| word.load(SeqCst));
        let taken = read(offset_of!(Control, files_taken));
        (taken, read(offset_of!(Control, files_given)))
    }

    fn end(&self, offset: usize) -> Option<&AtomicU64> {
        self.control.word(offset / 8)
    }

    fn word(&self, place: u32, word: usize) -> Option<&AtomicU64> {
        self.entries.word(place as usize * WORDS + word)
    }
}

/// Both halves of a word, the lower one first.
fn halves(word: u64) -> [u32; 2] {
    bytemuck::cast(word.to_ne_bytes())
}

#[expect(clippy::cast_possible_truncation, reason = "below FILES")]
fn place_in_queue(at: u64) -> usize {
    (at % u64::from(FILES)) as usize
}
