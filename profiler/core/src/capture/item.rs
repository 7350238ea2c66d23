//! The items of a capture: one per input, mark or moment, each `[kind, mono_ns, unix_ns, body]` in CBOR.
//!
//! A new input needs a kind in [`put`] (the compiler asks for it) and the same kind in [`Decoder::body`]. Readers
//! that do not know a kind count it and go on; fields may be added to a body, since readers pass over those they do
//! not know.

use std::collections::BTreeMap;

use iocontend_wire::bucket::BUCKETS;
use iocontend_wire::count::Count;
use iocontend_wire::key::Key;
use iocontend_wire::record::{IoRecord, tag};
use minicbor_serde::{Deserializer, Serializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::damage::Damage;
use super::stats::{Change, Places};
use crate::facts::WalFsyncs;
use crate::ids::Dev;
use crate::report::Note;
use crate::session::{HostSample, Input, Now, Options, Span};

/// Most items of a block.
pub(super) const MAX_ITEMS: usize = 1 << 16;
/// Most kinds told apart that this version does not know.
const UNKNOWN_KINDS: usize = 64;
/// Longest name of such a kind that is kept, bytes.
const UNKNOWN_NAME: usize = 40;
/// Bytes of an IO record.
pub(super) const IO_BYTES: usize = size_of::<IoRecord>();

/// The first item: who recorded, and how what follows is laid out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opening {
    /// What the session was begun with.
    pub options: Options,
    /// Latency buckets of a phase.
    buckets: u32,
    /// Bytes of an IO record.
    io_bytes: u32,
}

impl Opening {
    /// This version's.
    #[expect(clippy::cast_possible_truncation, reason = "both far below 2^32")]
    pub fn new(options: Options) -> Self {
        Self { options, buckets: BUCKETS as u32, io_bytes: IO_BYTES as u32 }
    }

    fn is_readable(&self) -> bool {
        (self.buckets as usize, self.io_bytes as usize) == (BUCKETS, IO_BYTES)
    }
}

/// What an item says.
#[derive(Debug)]
pub enum Item {
    /// The first item.
    Session(Box<Opening>),
    /// Something the engine was told.
    Input(Box<Input<'static>>),
    /// One record of the ring of events.
    Record(Vec<u8>),
    /// Records of finished requests, one after the other.
    Io(Vec<u8>),
    /// From here on the files of this process were told apart, and its threads watched.
    Tracked(u32),
    /// No longer.
    Untracked(u32),
    /// A second was over, or with the whole counting, and a report was made.
    Report {
        /// Of which window.
        span: Span,
        /// The host at its end.
        sample: HostSample,
    },
    /// The recording ended here, after so many items.
    End {
        /// Items before this one.
        items: u64,
    },
    /// A kind that this version does not know; it is counted.
    Unknown,
}

/// An item that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(pub Damage);

/// An item that could not be stored.
#[derive(Debug, Error)]
#[error("an item cannot be encoded: {0}")]
pub struct EncodeError(String);

impl EncodeError {
    /// An item that no reader would take.
    pub(super) fn too_long(bytes: usize) -> Self {
        Self(format!("it has {bytes} bytes"))
    }
}

#[derive(Serialize, Deserialize)]
struct Tables {
    devices: Vec<Option<Dev>>,
    cgroups: Vec<Option<(u64, Option<String>)>>,
}

#[derive(Serialize, Deserialize)]
struct File {
    id: u32,
    path: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct EtcdSaid {
    pid: u32,
    said: WalFsyncs,
}

#[derive(Serialize, Deserialize)]
struct Moment {
    span: Span,
    sample: HostSample,
}

#[derive(Serialize, Deserialize)]
struct Ending {
    items: u64,
}

/// Whether a record of the rings is one of a finished request, of which a batch is stored together.
pub(super) fn is_io(record: &[u8]) -> bool {
    record.len() == IO_BYTES && record.first() == Some(&tag::IO)
}

/// Adds an input to a block; IO records go through [`put_io`].
pub(super) fn put(
    out: &mut Vec<u8>,
    now: Now,
    places: &mut Places,
    input: &Input<'_>,
) -> Result<(), EncodeError> {
    match input {
        Input::Started(sample) => body(out, "started", now, sample),
        Input::Devices(devices) => body(out, "devices", now, devices),
        Input::Record(bytes) => put_bytes(out, "record", now, bytes),
        Input::Tables { devices, cgroups } => {
            let (devices, cgroups) = (devices.clone(), cgroups.clone());
            body(out, "tables", now, &Tables { devices, cgroups })
        }
        Input::Seen(key) => body(out, "seen", now, &key.0),
        Input::Stream(sample) => body(out, "stream", now, &places.change(sample)),
        Input::Retired(index) => {
            places.forget(*index);
            body(out, "retired", now, index)
        }
        Input::Counts(counts) => {
            let counts: BTreeMap<&str, u64> =
                counts.iter().map(|(count, value)| (count.name(), *value)).collect();
            body(out, "counts", now, &counts)
        }
        Input::RecursionMisses(misses) => body(out, "recursion_misses", now, misses),
        Input::KernelCompleted(counts) => body(out, "kernel_completed", now, counts),
        Input::Attached(attached) => body(out, "attached", now, attached),
        Input::Cost(cost) => body(out, "cost", now, cost),
        Input::MapBytes(bytes) => body(out, "map_bytes", now, bytes),
        Input::Process(facts) => body(out, "process", now, facts),
        Input::NoProcess(pid) => body(out, "no_process", now, pid),
        Input::File { id, path } => body(out, "file", now, &File { id: *id, path: path.clone() }),
        Input::FileFreed(id) => body(out, "file_freed", now, id),
        Input::EtcdMetrics { pid, said } => {
            body(out, "etcd_metrics", now, &EtcdSaid { pid: *pid, said: *said })
        }
        Input::Controls(controls) => body(out, "controls", now, controls),
        Input::Note(note) => body(out, "note", now, note),
        Input::Schedules(schedules) => body(out, "schedules", now, schedules),
        Input::Host(sample) => body(out, "host", now, sample),
        Input::Over(sample) => body(out, "over", now, sample),
    }
}

/// Adds the first item.
pub(super) fn put_session(out: &mut Vec<u8>, now: Now, open: &Opening) -> Result<(), EncodeError> {
    body(out, "session", now, open)
}

/// Adds whether a process's files are told apart.
pub(super) fn put_tracked(
    out: &mut Vec<u8>,
    now: Now,
    pid: u32,
    is_tracked: bool,
) -> Result<(), EncodeError> {
    body(out, if is_tracked { "tracked" } else { "untracked" }, now, &pid)
}

/// Adds the moment of a report.
pub(super) fn put_report(
    out: &mut Vec<u8>,
    now: Now,
    span: Span,
    sample: &HostSample,
) -> Result<(), EncodeError> {
    body(out, "report", now, &Moment { span, sample: sample.clone() })
}

/// Adds the end.
pub(super) fn put_end(out: &mut Vec<u8>, now: Now, items: u64) -> Result<(), EncodeError> {
    body(out, "end", now, &Ending { items })
}

/// Adds a batch of IO records.
pub(super) fn put_io(out: &mut Vec<u8>, now: Now, records: &[u8]) -> Result<(), EncodeError> {
    put_bytes(out, "io", now, &transposed(records, records.len() / IO_BYTES, IO_BYTES))
}

/// First all first bytes, then all second bytes, …: neighbours resemble each other more that way, and a compressor
/// finds it.
fn transposed(bytes: &[u8], rows: usize, columns: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for column in 0..columns {
        out.extend((0..rows).filter_map(|row| bytes.get(row * columns + column)));
    }
    out
}

fn put_bytes(out: &mut Vec<u8>, kind: &str, now: Now, bytes: &[u8]) -> Result<(), EncodeError> {
    head(out, kind, now)?;
    minicbor::Encoder::new(out).bytes(bytes).map(drop).map_err(failed)
}

fn body(out: &mut Vec<u8>, kind: &str, now: Now, body: &impl Serialize) -> Result<(), EncodeError> {
    head(out, kind, now)?;
    body.serialize(&mut Serializer::new(out)).map_err(failed)
}

fn head(out: &mut Vec<u8>, kind: &str, now: Now) -> Result<(), EncodeError> {
    let mut encoder = minicbor::Encoder::new(out);
    let done = encoder.array(4).and_then(|e| e.str(kind)?.u64(now.mono_ns)?.i64(now.unix_ns));
    done.map(drop).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> EncodeError {
    EncodeError(error.to_string())
}

/// Reads items; keeps what they refer to.
#[derive(Default)]
pub(super) struct Decoder {
    places: Places,
    /// What this version does not know, by name, and how often it came.
    pub(super) unknown: BTreeMap<String, u64>,
}

impl Decoder {
    /// All items of a block.
    pub(super) fn block(&mut self, bytes: &[u8]) -> Result<Vec<(Now, Item)>, Malformed> {
        let mut cbor = Deserializer::new(bytes);
        let mut items = Vec::new();
        while cbor.decoder().position() < bytes.len() {
            if items.len() == MAX_ITEMS {
                return Err(Malformed(Damage::TooManyItems));
            }
            items.push(self.item(&mut cbor).ok_or(Malformed(Damage::BrokenItem))??);
        }
        Ok(items)
    }

    /// `None` for bytes that are no item.
    fn item(&mut self, cbor: &mut Deserializer<'_>) -> Option<Result<(Now, Item), Malformed>> {
        let decoder = cbor.decoder_mut();
        let fields = decoder.array().ok()??;
        let more = fields.checked_sub(4)?;
        let kind = decoder.str().ok()?;
        let now = Now { mono_ns: decoder.u64().ok()?, unix_ns: decoder.i64().ok()? };
        let item = match self.body(kind, cbor)? {
            Ok(item) => item,
            Err(error) => return Some(Err(error)),
        };
        for _ in 0..more {
            cbor.decoder_mut().skip().ok()?;
        }
        Some(Ok((now, item)))
    }

    fn body(&mut self, kind: &str, cbor: &mut Deserializer<'_>) -> Option<Result<Item, Malformed>> {
        let input = match kind {
            "started" => Input::Started(read(cbor)?),
            "devices" => Input::Devices(read(cbor)?),
            "tables" => {
                let Tables { devices, cgroups } = read(cbor)?;
                Input::Tables { devices, cgroups }
            }
            "seen" => Input::Seen(Key(read(cbor)?)),
            "stream" => match self.places.sample(&read::<Change>(cbor)?) {
                Ok(sample) => Input::Stream(sample),
                Err(error) => return Some(Err(error)),
            },
            "retired" => {
                let index = read(cbor)?;
                self.places.forget(index);
                Input::Retired(index)
            }
            "counts" => Input::Counts(self.counts(read(cbor)?)),
            "recursion_misses" => Input::RecursionMisses(read(cbor)?),
            "kernel_completed" => Input::KernelCompleted(read(cbor)?),
            "attached" => Input::Attached(read(cbor)?),
            "cost" => Input::Cost(read(cbor)?),
            "map_bytes" => Input::MapBytes(read(cbor)?),
            "process" => Input::Process(read(cbor)?),
            "no_process" => Input::NoProcess(read(cbor)?),
            "etcd_metrics" => {
                let EtcdSaid { pid, said } = read(cbor)?;
                Input::EtcdMetrics { pid, said }
            }
            "file" => {
                let File { id, path } = read(cbor)?;
                Input::File { id, path }
            }
            "file_freed" => Input::FileFreed(read(cbor)?),
            "controls" => Input::Controls(Box::new(read(cbor)?)),
            "note" => {
                let note: Note = read(cbor)?;
                if let Note::Newer(newer) = &note {
                    self.is_unknown(&format!("note.{}", newer.code));
                }
                Input::Note(note)
            }
            "schedules" => Input::Schedules(read(cbor)?),
            "host" => Input::Host(read(cbor)?),
            "over" => Input::Over(read(cbor)?),
            _ => return self.no_input(kind, cbor),
        };
        Some(Ok(Item::Input(Box::new(input))))
    }

    fn no_input(
        &mut self,
        kind: &str,
        cbor: &mut Deserializer<'_>,
    ) -> Option<Result<Item, Malformed>> {
        Some(Ok(match kind {
            "session" => {
                let opening: Opening = read(cbor)?;
                if !opening.is_readable() {
                    return Some(Err(Malformed(Damage::Layout)));
                }
                Item::Session(Box::new(opening))
            }
            "record" => Item::Record(cbor.decoder_mut().bytes().ok()?.to_vec()),
            "io" => {
                let bytes = cbor.decoder_mut().bytes().ok()?;
                if !bytes.len().is_multiple_of(IO_BYTES) {
                    return Some(Err(Malformed(Damage::HalfRecord)));
                }
                Item::Io(transposed(bytes, IO_BYTES, bytes.len() / IO_BYTES))
            }
            "tracked" => Item::Tracked(read(cbor)?),
            "untracked" => Item::Untracked(read(cbor)?),
            "report" => {
                let Moment { span, sample } = read(cbor)?;
                Item::Report { span, sample }
            }
            "end" => Item::End { items: read::<Ending>(cbor)?.items },
            _ => {
                cbor.decoder_mut().skip().ok()?;
                self.is_unknown(kind);
                Item::Unknown
            }
        }))
    }

    /// Counters of a newer version are not lost without a word.
    fn counts(&mut self, named: BTreeMap<String, u64>) -> Vec<(Count, u64)> {
        let known = |name: &str| Count::ALL.into_iter().find(|count| count.name() == name);
        let mut counts = Vec::new();
        for (name, value) in named {
            match known(&name) {
                Some(count) => counts.push((count, value)),
                None => self.is_unknown(&format!("counts.{name}")),
            }
        }
        counts
    }

    /// Notes that something was not understood.
    pub(super) fn is_unknown(&mut self, kind: &str) {
        let name: String = kind.chars().take(UNKNOWN_NAME).collect();
        let is_room = self.unknown.len() < UNKNOWN_KINDS || self.unknown.contains_key(&name);
        *self.unknown.entry(if is_room { name } else { "…".to_owned() }).or_default() += 1;
    }
}

fn read<'a, T: Deserialize<'a>>(cbor: &mut Deserializer<'a>) -> Option<T> {
    T::deserialize(cbor).ok()
}
