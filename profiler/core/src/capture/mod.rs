//! The capture: everything a session was told, as a file, so that the same engine gives the same reports again.
//!
//! Owns the format (described for strangers in `profiler/docs/capture.md`): `frame` the file's header and its blocks,
//! `item` what stands in a block, `damage` what can be wrong with it, `stats` how a stream's statistics are stored as changes, `write` and `read` the two
//! directions, `replay` the way through the engine. Bytes in, bytes out: files are opened elsewhere.
//!
//! Bytes come from outside: every length is held against a limit before anything is allocated, and a block counts
//! as a whole or not at all.

mod damage;
mod frame;
mod item;
mod read;
mod replay;
mod stats;
mod write;

#[cfg(test)]
mod tests;

pub use damage::Damage;
pub use frame::{
    FILE_HEADER_BYTES, FORMAT_VERSION, MAGIC, MAX_BLOCK_BYTES, block, contents, file_header,
};
pub use item::{Item, Malformed, Opening};
pub use read::{CaptureError, End, Reader, Step};
pub use replay::{Replay, replay, replay_after, replay_intervals, replay_seconds};
pub use write::{Block, WriteError, Writer};
