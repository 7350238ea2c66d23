//! The engine's own events, decoded from the ring buffer's records.
//!
//! Decoding is total: any bytes give an event or an error, and nothing is assumed about alignment.

use bytemuck::AnyBitPattern;
use iocontend_wire::key::{Key, Kind};
use iocontend_wire::record::{
    self, CommitRecord, ExecRecord, ExitRecord, FlushRecord, ForkRecord, IoRecord, NO_TIME,
    WaitRecord, WriterRecord, tag,
};
use thiserror::Error;

use crate::facts::ProcessKey;
use crate::ids::Dev;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A block request is over.
    Io(IoEvent),
    /// A wait is over.
    Wait(WaitEvent),
    /// A flush command at a device is over.
    Flush {
        /// Device index.
        dev: u32,
        /// When, CLOCK_MONOTONIC ns.
        complete_ns: u64,
        /// From issue to completion, ns.
        d2c_ns: Option<u64>,
    },
    /// A process became another program.
    Exec(ExecEvent),
    /// A process was forked.
    Fork {
        /// Its parent's id.
        parent: u32,
        /// Who.
        child: ProcessKey,
    },
    /// A commit of a journal is over.
    Commit(Box<CommitEvent>),
    /// A process dirtied pages of a file, for the first time or after long.
    Writer {
        /// Process id.
        pid: u32,
    },
    /// A process ended.
    Exit {
        /// Who.
        process: ProcessKey,
        /// Its name at the end.
        comm: String,
    },
}

/// A finished block request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoEvent {
    /// Whose, where, what.
    pub key: Key,
    /// Bytes transferred.
    pub bytes: u32,
    /// First 512-byte sector.
    pub sector: u64,
    /// `blk_status_t` of the last completion; 0 is success.
    pub status: u8,
    /// When, CLOCK_MONOTONIC ns.
    pub complete_ns: u64,
    /// Total time, ns; `None` when the start was not seen.
    pub q2c_ns: Option<u64>,
    /// Device time, ns; `None` when never issued or not seen.
    pub d2c_ns: Option<u64>,
    /// A kernel thread submitted it for a process that a limit held back.
    pub held: bool,
    /// The process that submitted it though others caused it.
    pub forcer: Option<u32>,
}

/// A finished wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitEvent {
    /// Who, in which call, on which file.
    pub key: Key,
    /// Thread id.
    pub tid: u32,
    /// Begin, CLOCK_MONOTONIC ns.
    pub start_ns: u64,
    /// End, CLOCK_MONOTONIC ns.
    pub end_ns: u64,
    /// Inode number.
    pub ino: u64,
    /// Device of the file system; `None` when the kernel's event does not say.
    pub dev: Option<Dev>,
    /// 0 or a negative errno.
    pub ret: i32,
    /// Its length in the statistics, ns: the whole of a sync, of other calls only the time they slept.
    pub counted_ns: u64,
    /// How much of the whole time the thread was ready to run and had no CPU, ns.
    pub runnable_ns: Option<u64>,
    /// How much of it the thread had no CPU, ns.
    pub away_ns: Option<u64>,
    /// How much of it the kernel made the thread pause because of dirty pages or, in a sync, held it back while it handed
    /// over requests, ns.
    pub throttled_ns: Option<u64>,
}

/// A commit of a journal (jbd2). Times are CLOCK_MONOTONIC ns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitEvent {
    /// The file system's device.
    pub dev: Dev,
    /// Number of the transaction.
    pub tid: u32,
    /// Process id of the journal's thread.
    pub thread: u32,
    /// Begin.
    pub start_ns: u64,
    /// It begins to wait for open handles; `None` when that was not seen.
    pub locking_ns: Option<u64>,
    /// It begins to write ordered data.
    pub flushing_ns: Option<u64>,
    /// It begins to write the journal.
    pub logging_ns: Option<u64>,
    /// End.
    pub end_ns: u64,
    /// Who changed how many blocks, as far as told apart.
    pub contributors: Vec<(u32, u32)>,
    /// Blocks of kernel threads and of further processes.
    pub others: u64,
}

/// A process became another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecEvent {
    /// Who.
    pub process: ProcessKey,
    /// Its parent's id.
    pub ppid: u32,
    /// Its name.
    pub comm: String,
    /// Its arguments.
    pub argv: Vec<String>,
    /// Whether arguments were cut off.
    pub argv_cut: bool,
}

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than its kind says.
    #[error("a record of kind {kind} has {len} bytes")]
    Short {
        /// The kind.
        kind: u8,
        /// Bytes found.
        len: usize,
    },
    /// A kind this version does not know.
    #[error("unknown kind of record {0}")]
    Kind(u8),
    /// A stream key that cannot be one.
    #[error("a record has the impossible stream key {0:#x}")]
    Key(u64),
}

/// Decodes one record.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let kind = *bytes.first().ok_or(DecodeError::Short { kind: 0, len: 0 })?;
    match kind {
        tag::IO => io(record(kind, bytes)?),
        tag::WAIT => wait(record(kind, bytes)?),
        tag::FLUSH => {
            let FlushRecord { dev, complete_ns, d2c_ns, .. } = record(kind, bytes)?;
            Ok(Event::Flush { dev, complete_ns, d2c_ns: seen(d2c_ns) })
        }
        tag::WRITER => {
            let WriterRecord { tgid, .. } = record(kind, bytes)?;
            Ok(Event::Writer { pid: tgid })
        }
        tag::COMMIT => Ok(commit(&record(kind, bytes)?)),
        tag::EXEC => exec(kind, bytes),
        tag::FORK => {
            let ForkRecord { parent, child, start_boottime, .. } = record(kind, bytes)?;
            Ok(Event::Fork { parent, child: ProcessKey::from_start_ns(child, start_boottime) })
        }
        tag::EXIT => {
            let ExitRecord { tgid, start_boottime, comm, .. } = record(kind, bytes)?;
            let process = ProcessKey::from_start_ns(tgid, start_boottime);
            Ok(Event::Exit { process, comm: c_string(&comm) })
        }
        other => Err(DecodeError::Kind(other)),
    }
}

/// The record at the beginning of the bytes, whatever their alignment.
fn record<T: AnyBitPattern>(kind: u8, bytes: &[u8]) -> Result<T, DecodeError> {
    let short = DecodeError::Short { kind, len: bytes.len() };
    let exact = bytes.get(..size_of::<T>()).ok_or(short)?;
    bytemuck::try_pod_read_unaligned(exact).map_err(|_other_size| short)
}

const fn seen(ns: u64) -> Option<u64> {
    if ns == NO_TIME { None } else { Some(ns) }
}

/// A key that can be one, of a kind that exists.
fn valid(key: u64) -> Result<Key, DecodeError> {
    let key = Key(key);
    if key.is_valid() && Kind::from_u32(key.kind()).is_some() {
        Ok(key)
    } else {
        Err(DecodeError::Key(key.0))
    }
}

fn io(record: IoRecord) -> Result<Event, DecodeError> {
    Ok(Event::Io(IoEvent {
        key: valid(record.key)?,
        bytes: record.bytes,
        sector: record::io::sector_of(&record),
        status: record.head.to_le_bytes()[1],
        complete_ns: record.complete_ns,
        q2c_ns: seen(record.q2c_ns),
        d2c_ns: seen(record.d2c_ns),
        held: record.head.to_le_bytes()[2] != 0,
        forcer: Some(record::io::forcer_of(&record)).filter(|pid| *pid != 0),
    }))
}

fn wait(record: WaitRecord) -> Result<Event, DecodeError> {
    Ok(Event::Wait(WaitEvent {
        key: valid(record.key)?,
        tid: record.tid,
        start_ns: record.start_ns,
        end_ns: record.end_ns,
        ino: record.ino,
        dev: (record.dev != 0).then(|| Dev::from_kernel(record.dev)),
        ret: record.ret,
        counted_ns: record.counted_ns,
        runnable_ns: seen(record.runnable_ns),
        away_ns: seen(record.away_ns),
        throttled_ns: seen(record.throttled_ns),
    }))
}

fn commit(record: &CommitRecord) -> Event {
    let reached = |ns: u64| (ns != 0).then_some(ns);
    let halves = |word: u64| {
        let [who, blocks] = bytemuck::cast::<u64, [u32; 2]>(word.to_le());
        (u32::from_le(who), u32::from_le(blocks))
    };
    Event::Commit(Box::new(CommitEvent {
        dev: Dev::from_kernel(record.dev),
        tid: record.tid,
        thread: record.thread,
        start_ns: record.start_ns,
        locking_ns: reached(record.locking_ns),
        flushing_ns: reached(record.flushing_ns),
        logging_ns: reached(record.logging_ns),
        end_ns: record.end_ns,
        contributors: record
            .contributors
            .into_iter()
            .map(halves)
            .filter(|(who, _)| *who != 0)
            .collect(),
        others: record.others,
    }))
}

fn exec(kind: u8, bytes: &[u8]) -> Result<Event, DecodeError> {
    let head: ExecRecord = record(kind, bytes)?;
    let short = DecodeError::Short { kind, len: bytes.len() };
    let rest = bytes.get(size_of::<ExecRecord>()..).ok_or(short)?;
    let argv = rest.get(..head.argv_len as usize).ok_or(short)?;
    Ok(Event::Exec(ExecEvent {
        process: ProcessKey::from_start_ns(head.tgid, head.start_boottime),
        ppid: head.ppid,
        comm: c_string(&head.comm),
        argv: arguments(argv),
        argv_cut: head.argv_total > head.argv_len,
    }))
}

/// A record of an exec without the secrets of its arguments; `None` for one that has none, and for other records.
///
/// One whose lengths do not agree loses all behind its head: nothing of it is ever read.
pub fn hidden_exec(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() != Some(&tag::EXEC) {
        return None;
    }
    let mut head: ExecRecord = record(tag::EXEC, bytes).ok()?;
    let rest = bytes.get(size_of::<ExecRecord>()..)?;
    let Some(argv) = rest.get(..head.argv_len as usize) else {
        return (!rest.is_empty()).then(|| bytemuck::bytes_of(&head).to_vec());
    };
    let given = arguments(argv);
    let missing = head.argv_total.saturating_sub(head.argv_len);
    let mut hidden = crate::redact::arguments(&given, missing > 0);
    crate::redact::kept(&mut hidden);
    if hidden == given && rest.len() == argv.len() {
        return None;
    }
    let mut joined = hidden.join("\0").into_bytes();
    if argv.ends_with(&[0]) {
        joined.push(0);
    }
    // What was cut off stays cut off by as much.
    head.argv_len = u32::try_from(joined.len()).ok()?;
    head.argv_total = head.argv_len.saturating_add(missing);
    let mut out = bytemuck::bytes_of(&head).to_vec();
    out.extend(joined);
    Some(out)
}

/// Arguments, each ended by NUL; the last one may be cut.
fn arguments(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|one| String::from_utf8_lossy(one).into_owned()).collect()
}

/// Up to the first NUL.
fn c_string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use iocontend_wire::key::{How, Owner};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_io_record_keeps_its_fields_at_any_alignment() {
        let key = Key::owner(Owner::Process(42), 3, How::Direct).with(1, Kind::Write as u32);
        let record = IoRecord {
            head: u32::from(tag::IO) | 10 << 8,
            bytes: 4096,
            key: key.0,
            sector: 8,
            complete_ns: 1000,
            q2c_ns: 600,
            d2c_ns: NO_TIME,
        };
        let mut shifted = vec![0];
        shifted.extend(bytemuck::bytes_of(&record));
        let expected = IoEvent {
            key,
            bytes: 4096,
            sector: 8,
            status: 10,
            complete_ns: 1000,
            q2c_ns: Some(600),
            d2c_ns: None,
            held: false,
            forcer: None,
        };
        assert_eq!(decode(&shifted[1..]), Ok(Event::Io(expected)));
    }

    /// Property: sector, status, forcer and the mark of a held request share words and do not touch each other.
    #[test]
    fn a_forcer_and_a_sector_come_back_from_one_word() {
        use iocontend_wire::marks;
        let key = Key::owner(Owner::Process(42), 0, How::Writeback).with(1, Kind::Write as u32);
        let last = (1 << 48) - 1;
        for (forcer, sector, held) in
            [(4_194_303, last, 1), (1, 0, 0), (65_536, 7, 1), (0, last, 0)]
        {
            let marks = held | forcer << marks::FORCER_SHIFT;
            let record = IoRecord {
                head: record::io::head(255, marks | marks::LOOPED),
                bytes: 4096,
                key: key.0,
                sector: record::io::sector(sector, marks),
                complete_ns: 1000,
                q2c_ns: 600,
                d2c_ns: 500,
            };
            let Ok(Event::Io(io)) = decode(bytemuck::bytes_of(&record)) else { panic!("an IO") };
            assert_eq!((io.sector, io.status, io.held), (sector, 255, held == 1));
            assert_eq!(io.forcer, Some(forcer).filter(|pid| *pid != 0));
        }
    }

    #[test]
    fn arguments_survive_being_cut_and_not_being_utf8() {
        let argv = b"etcdctl\0snapshot\0save\0/b\xffck";
        let head = ExecRecord {
            head: u32::from(tag::EXEC),
            tgid: 7,
            ppid: 1,
            argv_len: u32::try_from(argv.len()).unwrap(),
            argv_total: 4000,
            pad: 0,
            start_boottime: 120_000_000,
            now_ns: 5,
            comm: *b"etcdctl\0\0\0\0\0\0\0\0\0",
        };
        let mut bytes = bytemuck::bytes_of(&head).to_vec();
        bytes.extend(argv);
        let Ok(Event::Exec(exec)) = decode(&bytes) else { panic!("not an exec") };
        assert_eq!(exec.process, ProcessKey { pid: 7, start_ticks: 12 });
        assert_eq!(exec.argv, ["etcdctl", "snapshot", "save", "/b\u{fffd}ck"]);
        assert!(exec.argv_cut);
        bytes.pop();
        assert!(matches!(decode(&bytes), Err(DecodeError::Short { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _unused = decode(&bytes);
        }
    }
}
