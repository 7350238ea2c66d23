//! Writes a capture into a file, beside the session: the session's thread encodes, another one compresses and writes.
//!
//! Nothing here waits for the disk but the end. Between the two threads stands a queue of bounded length; a disk that
//! is slower for longer than it holds ends the recording, not the watch.

mod file;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use iocontend_core::capture::{Block, WriteError, Writer};
use iocontend_core::session::{HostSample, Input, Now, Options, Span};
use thiserror::Error;

pub use file::FileError;
pub(crate) use file::check;

/// Blocks that wait for the disk at most: of 256 KiB each, 32 MiB.
const QUEUE: usize = 128;

/// Why a recording ended early.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Something cannot be stored.
    #[error(transparent)]
    Encode(#[from] WriteError),
    /// The file cannot be written.
    #[error("{0}")]
    Write(io::Error),
    /// The disk was too slow for too long.
    #[error("the disk was slower than what was to be written, until no room was left to wait in")]
    TooSlow,
}

/// A recording.
pub struct Recorder {
    writer: Writer,
    /// Blocks that are complete, before there is a file.
    early: VecDeque<Block>,
    output: Option<Output>,
}

struct Output {
    queue: SyncSender<Block>,
    thread: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Of a session that begins now.
    pub fn new(options: &Options, now: Now) -> Result<Self, RecordError> {
        let writer = Writer::new(options, now)?;
        Ok(Self { writer, early: VecDeque::new(), output: None })
    }

    /// Creates the file; an older capture is replaced, nothing else is.
    pub fn create(&mut self, path: &Path) -> Result<(), FileError> {
        let file = file::create(path)?;
        let (queue, blocks) = sync_channel(QUEUE.max(self.early.len() + 1));
        let thread =
            thread::Builder::new().name("record".to_owned()).spawn(move || write(file, &blocks))?;
        self.output = Some(Output { queue, thread });
        Ok(())
    }

    /// The engine is told this.
    pub fn input(&mut self, input: &Input<'_>, now: Now) -> Result<(), RecordError> {
        Ok(self.writer.input(input, now)?)
    }

    /// The files of this process are told apart from now on, or no longer.
    pub fn tracked(&mut self, pid: u32, is_tracked: bool, now: Now) -> Result<(), RecordError> {
        Ok(self.writer.tracked(pid, is_tracked, now)?)
    }

    /// A report is made.
    pub fn report(&mut self, span: Span, sample: &HostSample, now: Now) -> Result<(), RecordError> {
        self.writer.report(span, sample, now)?;
        self.flush(now)
    }

    /// Gives blocks that are complete to the writing thread. Never waits.
    pub fn flush(&mut self, now: Now) -> Result<(), RecordError> {
        self.early.extend(self.writer.take(now)?);
        let Some(output) = &self.output else { return Ok(()) };
        while let Some(block) = self.early.pop_front() {
            match output.queue.try_send(block) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => return Err(RecordError::TooSlow),
                Err(TrySendError::Disconnected(_)) => return Err(self.why()),
            }
        }
        if output.thread.is_finished() { Err(self.why()) } else { Ok(()) }
    }

    /// Ends the recording; waits until all is written.
    pub fn end(mut self, now: Now) -> Result<(), RecordError> {
        self.writer.end(now)?;
        self.early.extend(self.writer.take(now)?);
        let Some(Output { queue, thread }) = self.output.take() else { return Ok(()) };
        for block in self.early {
            // When nobody listens any more, the thread says why.
            if queue.send(block).is_err() {
                break;
            }
        }
        drop(queue);
        joined(thread)
    }

    /// Why the writing thread ended.
    fn why(&mut self) -> RecordError {
        let Some(Output { queue, thread }) = self.output.take() else {
            return RecordError::Write(io::ErrorKind::BrokenPipe.into());
        };
        drop(queue);
        let ended = joined(thread).err();
        ended.unwrap_or_else(|| RecordError::Write(io::ErrorKind::BrokenPipe.into()))
    }
}

fn joined(thread: JoinHandle<io::Result<()>>) -> Result<(), RecordError> {
    let ended = thread.join().unwrap_or_else(|_panic| Err(io::Error::other("the writer failed")));
    ended.map_err(RecordError::Write)
}

/// One write per block: whatever ends the program leaves whole blocks, and at most one that is cut off.
fn write(mut file: File, blocks: &Receiver<Block>) -> io::Result<()> {
    for block in blocks {
        file.write_all(&block.to_bytes())?;
    }
    Ok(())
}
