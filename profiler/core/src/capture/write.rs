//! Writes a capture: inputs in, blocks out. Where the blocks go is the edge's business.

use super::frame::{self, END, ITEMS, MAX_BLOCK_BYTES};
use super::item::{
    EncodeError, IO_BYTES, MAX_ITEMS, Opening, is_io, put, put_end, put_io, put_report,
    put_session, put_tracked,
};
use super::stats::Places;
use crate::session::{HostSample, Input, Now, Options, Span};

pub use super::item::EncodeError as WriteError;

/// A block is given away at this length, bytes: long enough to compress well, short enough to be written in a moment.
const BLOCK_BYTES: usize = 256 << 10;
/// A block is given away after this time, so that a recording that is cut off has lost no more.
const BLOCK_NS: u64 = 1_000_000_000;
/// So many IO records are stored together at most.
const IO_BATCH: usize = 4096 * IO_BYTES;

/// Items that belong together, not compressed yet.
#[derive(Clone, Debug)]
pub struct Block {
    number: u32,
    kind: u32,
    raw: Vec<u8>,
}

impl Block {
    /// As it stands in the file. Compresses, so it is done beside the session, not within.
    pub fn to_bytes(&self) -> Vec<u8> {
        frame::block(self.number, self.kind, &self.raw)
    }

    /// The items' bytes.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// The beginning of a capture and what is not given away yet.
pub struct Writer {
    places: Places,
    raw: Vec<u8>,
    number: u32,
    in_block: usize,
    items: u64,
    began_ns: u64,
    io: Vec<u8>,
    io_now: Now,
    done: Vec<Block>,
}

impl Writer {
    /// A capture of a session that begins now.
    pub fn new(options: &Options, now: Now) -> Result<Self, EncodeError> {
        let mut writer = Self {
            places: Places::default(),
            raw: Vec::new(),
            number: 0,
            in_block: 0,
            items: 0,
            began_ns: now.mono_ns,
            io: Vec::new(),
            io_now: now,
            done: Vec::new(),
        };
        let opening = Opening::new(options.clone());
        writer.item(now, |out, _| put_session(out, now, &opening))?;
        Ok(writer)
    }

    /// The engine is told this.
    pub fn input(&mut self, input: &Input<'_>, now: Now) -> Result<(), EncodeError> {
        if let Input::Record(record) = input
            && is_io(record)
        {
            if now != self.io_now || self.io.len() >= IO_BATCH {
                self.io_batch()?;
            }
            self.io_now = now;
            self.io.extend_from_slice(record);
            return Ok(());
        }
        self.item(now, |out, places| put(out, now, places, input))
    }

    /// The files of this process are told apart from now on, or no longer.
    pub fn tracked(&mut self, pid: u32, is_tracked: bool, now: Now) -> Result<(), EncodeError> {
        self.item(now, |out, _| put_tracked(out, now, pid, is_tracked))
    }

    /// A report is made. What stands before it is given away.
    pub fn report(&mut self, span: Span, sample: &HostSample, now: Now) -> Result<(), EncodeError> {
        self.item(now, |out, _| put_report(out, now, span, sample))?;
        self.end_block(now);
        Ok(())
    }

    /// The recording ends.
    pub fn end(&mut self, now: Now) -> Result<(), EncodeError> {
        self.io_batch()?;
        self.end_block(now);
        let items = self.items;
        put_end(&mut self.raw, now, items)?;
        self.give_away(END);
        Ok(())
    }

    /// Blocks that are complete, also for their age.
    pub fn take(&mut self, now: Now) -> Result<Vec<Block>, EncodeError> {
        if now.mono_ns.saturating_sub(self.began_ns) >= BLOCK_NS {
            self.io_batch()?;
            self.end_block(now);
        }
        Ok(std::mem::take(&mut self.done))
    }

    fn io_batch(&mut self) -> Result<(), EncodeError> {
        if self.io.is_empty() {
            return Ok(());
        }
        let (io, now) = (std::mem::take(&mut self.io), self.io_now);
        self.put(now, |out, _| put_io(out, now, &io))
    }

    /// An item behind the IO records before it.
    fn item(
        &mut self,
        now: Now,
        put: impl FnOnce(&mut Vec<u8>, &mut Places) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.io_batch()?;
        self.put(now, put)
    }

    fn put(
        &mut self,
        now: Now,
        put: impl FnOnce(&mut Vec<u8>, &mut Places) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut item = Vec::new();
        put(&mut item, &mut self.places)?;
        if item.len() > MAX_BLOCK_BYTES {
            return Err(EncodeError::too_long(item.len()));
        }
        if self.raw.len() + item.len() > MAX_BLOCK_BYTES {
            self.end_block(now);
        }
        self.raw.extend(item);
        self.in_block += 1;
        self.items += 1;
        if self.raw.len() >= BLOCK_BYTES || self.in_block == MAX_ITEMS {
            self.end_block(now);
        }
        Ok(())
    }

    fn end_block(&mut self, now: Now) {
        self.began_ns = now.mono_ns;
        if !self.raw.is_empty() {
            self.give_away(ITEMS);
        }
    }

    fn give_away(&mut self, kind: u32) {
        let raw = std::mem::take(&mut self.raw);
        self.done.push(Block { number: self.number, kind, raw });
        self.number = self.number.wrapping_add(1);
        self.in_block = 0;
    }
}
