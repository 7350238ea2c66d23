//! The victim: appends records to WAL-like segments at a fixed rate, each followed by fdatasync, and
//! times both itself. Owns the loop and the result; its figures are the demo's second source, taken
//! without the profiler.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::latency::{LatencyRecorder, LatencySummary};
use super::schedule::Schedule;
use super::source::fill_pattern;
use super::stop::Stop;
use super::wal::{RECORD_BYTES, SEGMENT_BYTES, Wal};
use super::{nanos, process};

/// What the victim is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VictimArgs {
    /// Where `member/wal` is made; it must not hold one yet.
    pub data_dir: PathBuf,
    /// Records per second.
    pub rate: u32,
    /// How long to write.
    pub duration: Duration,
    /// Also report the time before and after this moment apart.
    pub split_at: Option<Duration>,
}

/// What the victim did and saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VictimResult {
    /// Records that were due within the duration.
    pub scheduled: u64,
    /// Records written and synced.
    pub records: u64,
    /// Bytes of these records.
    pub bytes: u64,
    /// Records due but not begun when the time was over or a signal came.
    pub not_issued: u64,
    /// Records begun at once, because their turn had come while an earlier one was still running.
    pub late: u64,
    /// By how much those were late; absent when none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness: Option<LatencySummary>,
    /// Segments written to.
    pub segments: u64,
    /// From the first record's due time to the end of the last.
    pub elapsed_ns: u64,
    /// write(2) on the WAL: one for each record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<LatencySummary>,
    /// fdatasync(2): one for each record and one for each change of segment, so `count` is the number
    /// of such calls the process made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fdatasync: Option<LatencySummary>,
    /// The same before and after [`VictimArgs::split_at`], by when a call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<VictimSplit>,
}

/// Two parts of the victim's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VictimSplit {
    /// Where the parts meet.
    pub at_ns: u64,
    /// What began before.
    pub before: PhaseLatency,
    /// What began at that moment or after.
    pub after: PhaseLatency,
}

/// Latencies of one part; absent when nothing was called in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseLatency {
    /// write(2) on the WAL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<LatencySummary>,
    /// fdatasync(2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fdatasync: Option<LatencySummary>,
}

/// Runs the victim as a process of its own: stops on SIGTERM and SIGINT, ends with its parent.
pub fn run_victim(args: &VictimArgs) -> anyhow::Result<VictimResult> {
    let stop = process::enter_workload("demo-victim")?;
    run(args, SEGMENT_BYTES, &stop)
}

/// The workload itself, for a segment size of choice.
pub(super) fn run(
    args: &VictimArgs,
    segment_bytes: u64,
    stop: &Stop,
) -> anyhow::Result<VictimResult> {
    anyhow::ensure!(args.rate > 0, "the rate is 0 records a second; ask for at least 1");
    let wal =
        Wal::create(&args.data_dir, segment_bytes).context("the demo's victim cannot start")?;
    let mut victim = Victim::new(wal, args)?;
    let schedule = Schedule::new(args.rate);
    let scheduled = schedule.operations(args.duration);
    for number in 0..scheduled {
        if !victim.await_turn(schedule.due(number), args.duration, stop) {
            break;
        }
        victim.write_record()?;
    }
    Ok(victim.result(scheduled, args.split_at))
}

/// The running workload.
struct Victim {
    wal: Wal,
    record: Vec<u8>,
    records: u64,
    start: Instant,
    end: Duration,
    split_at: Duration,
    lateness: LatencyRecorder,
    whole: Recorders,
    before: Recorders,
    after: Recorders,
}

/// The two timed calls.
struct Recorders {
    write: LatencyRecorder,
    fdatasync: LatencyRecorder,
}

/// Which call was timed.
#[derive(Clone, Copy)]
enum Call {
    Write,
    Fdatasync,
}

impl Victim {
    fn new(wal: Wal, args: &VictimArgs) -> anyhow::Result<Self> {
        let mut record = vec![0; RECORD_BYTES];
        fill_pattern(&mut record, 0);
        Ok(Self {
            wal,
            record,
            records: 0,
            split_at: args.split_at.unwrap_or(Duration::MAX),
            lateness: LatencyRecorder::new()?,
            whole: Recorders::new()?,
            before: Recorders::new()?,
            after: Recorders::new()?,
            end: Duration::ZERO,
            // Last, so that setting up is not part of the schedule.
            start: Instant::now(),
        })
    }

    /// Waits until `due`; a turn that has passed is taken at once and counted. `false` ends the run.
    fn await_turn(&mut self, due: Duration, end: Duration, stop: &Stop) -> bool {
        let now = self.start.elapsed();
        if now >= end || stop.is_requested() {
            return false;
        }
        if let Some(early) = due.checked_sub(now) {
            return !stop.sleep(early);
        }
        // The very first turn is due at zero; only what an earlier record held up is late.
        if self.records > 0 {
            self.lateness.record(now.saturating_sub(due));
        }
        true
    }

    /// One record, durable on return, and a change of segment if it filled this one.
    fn write_record(&mut self) -> anyhow::Result<()> {
        let number = self.records + 1;
        self.record[..8].copy_from_slice(&number.to_le_bytes());
        let begun = self.start.elapsed();
        self.wal.append(&self.record)?;
        self.timed(Call::Write, begun);
        self.sync()?;
        self.records = number;
        if self.wal.is_full() {
            self.wal.cut()?;
            self.sync()?;
            self.wal.roll_over(number + 1)?;
        }
        Ok(())
    }

    fn sync(&mut self) -> anyhow::Result<()> {
        let begun = self.start.elapsed();
        self.wal.sync()?;
        self.timed(Call::Fdatasync, begun);
        Ok(())
    }

    fn timed(&mut self, call: Call, begun: Duration) {
        self.end = self.start.elapsed();
        let latency = self.end.saturating_sub(begun);
        self.whole.record(call, latency);
        let phase = if begun < self.split_at { &mut self.before } else { &mut self.after };
        phase.record(call, latency);
    }

    fn result(&self, scheduled: u64, split_at: Option<Duration>) -> VictimResult {
        let whole = self.whole.latency();
        let lateness = self.lateness.summary();
        VictimResult {
            scheduled,
            records: self.records,
            bytes: self.records * u64::try_from(RECORD_BYTES).unwrap_or(u64::MAX),
            not_issued: scheduled - self.records,
            late: lateness.map_or(0, |lateness| lateness.count),
            lateness,
            segments: self.wal.segments(),
            elapsed_ns: nanos(self.end),
            write: whole.write,
            fdatasync: whole.fdatasync,
            split: split_at.map(|at| VictimSplit {
                at_ns: nanos(at),
                before: self.before.latency(),
                after: self.after.latency(),
            }),
        }
    }
}

impl Recorders {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { write: LatencyRecorder::new()?, fdatasync: LatencyRecorder::new()? })
    }

    fn record(&mut self, call: Call, latency: Duration) {
        match call {
            Call::Write => self.write.record(latency),
            Call::Fdatasync => self.fdatasync.record(latency),
        }
    }

    fn latency(&self) -> PhaseLatency {
        PhaseLatency { write: self.write.summary(), fdatasync: self.fdatasync.summary() }
    }
}
