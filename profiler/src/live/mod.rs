//! A live session: the engine with the probes and the host around it.
//!
//! Owns the order of things: what is read when, what the engine's effects turn into. `streams` reads the kernel
//! side's tables, `lookup` answers the engine's questions, `start` attaches.

mod etcds;
mod lookup;
mod loops;
mod members;
mod reclaim;
mod recorded;
mod start;
mod streams;

use std::collections::VecDeque;

use iocontend_core::ids::Dev;
use iocontend_core::report::{BpfCost, Note, Report};
use iocontend_core::session::{HostSample, Input, Now, Output, Snapshot, Span, report_between};
use iocontend_core::text::Problem;
use iocontend_wire::key::Owner;
use rustix::time::{ClockId, clock_gettime};

pub(crate) use start::make_plan;
pub use start::{RING_BYTES, Settings};

use crate::error::warn;
use crate::host::{self, HostRoot};
use crate::kernel::facts::KernelPaths;
use crate::kernel::probes::Probes;
use etcds::Etcds;
use lookup::Lookup;
use loops::Loops;
use members::Members;
use reclaim::Reclaim;
use recorded::Recorded;
use streams::StreamReader;

/// After a process ends, how long its streams are still read: its last requests may be in flight.
const RETIRE_AFTER_NS: u64 = 1_000_000_000;

/// Probes, engine and host.
pub struct Live {
    /// The probes.
    pub probes: Probes,
    session: Recorded,
    root: HostRoot,
    lookup: Lookup,
    reader: StreamReader,
    members: Members,
    loops: Loops,
    etcds: Etcds,
    reclaim: Reclaim,
    effects: VecDeque<Output>,
    retiring: VecDeque<(u64, u32)>,
    known_devices: Vec<Option<Dev>>,
    completed_at_start: Vec<(Dev, u64)>,
    quiet: bool,
    _stats: Option<std::os::fd::OwnedFd>,
}

/// Both clocks.
pub fn now() -> Now {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    let mono = nanoseconds(ClockId::Monotonic);
    Now { mono_ns: u64::try_from(mono).unwrap_or(0), unix_ns: nanoseconds(ClockId::Realtime) }
}

impl Live {
    /// Tells the engine something and does what it wants.
    fn apply(&mut self, input: Input<'_>) {
        let outputs = self.session.apply(input, now());
        self.effects.extend(outputs);
        self.perform();
    }

    /// Does what the engine wants, and what it wants because of that.
    fn perform(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            self.perform_one(effect);
        }
    }

    fn perform_one(&mut self, effect: Output) {
        match effect {
            Output::LookUp { pid, with_files } => {
                let input = match self.lookup.process(&self.root, pid, with_files) {
                    Some(facts) => Input::Process(Box::new(facts)),
                    None => Input::NoProcess(pid),
                };
                self.effects.extend(self.session.apply(input, now()));
            }
            Output::Track(pid) => {
                self.session.tracked(pid, true, now());
                if !self.probes.track(pid) {
                    let note = Note::NoRoomForFiles { pid };
                    self.effects.extend(self.session.apply(Input::Note(note), now()));
                }
            }
            Output::Untrack(pid) => {
                self.session.tracked(pid, false, now());
                self.probes.untrack(pid);
            }
            Output::WatchThreads(pid) => {
                if !self.probes.watch_threads(pid) {
                    let note = Note::NoRoomForThreads { pid };
                    self.effects.extend(self.session.apply(Input::Note(note), now()));
                }
            }
            Output::UnwatchThreads(pid) => self.probes.unwatch_threads(pid),
            Output::ResolveFile { id, pid } => {
                if self.lookup.may_look(id, pid) {
                    self.look_for_file(id, pid);
                }
            }
            Output::Retire(pid) => {
                self.retiring.push_back((now().mono_ns + RETIRE_AFTER_NS, pid));
            }
            Output::TargetFound { .. } => {}
            Output::TargetExited { selector, .. } => {
                if !self.quiet {
                    warn(&Problem::TargetExited { selector: &selector });
                }
            }
        }
    }

    /// Reads what has come since the last time. To be called some twenty times a second.
    pub fn poll(&mut self) {
        if let Some(logger) = &mut self.probes.logger {
            logger.flush();
        }
        self.look_for_waiting();
        self.drain();
        self.look_for_members();
        self.look_for_loops();
        for key in self.reader.new_keys(&self.probes) {
            self.apply(Input::Seen(key));
        }
        self.tables();
        let waiting = |file| self.lookup.is_waiting(file);
        self.reclaim.look(&mut self.probes, &mut self.reader, waiting, now().mono_ns);
        self.retire();
        self.look_for_files();
        self.hear_etcds();
        self.session.flush(now());
    }

    /// Files for which the last poll had no time.
    fn look_for_waiting(&mut self) {
        for (id, pid) in self.lookup.begin() {
            self.look_for_file(id, pid);
        }
    }

    /// The first look for a file.
    fn look_for_file(&mut self, id: u32, pid: u32) {
        let path = self.lookup.file(&self.root, &self.probes, id, pid);
        if path.is_none() {
            self.lookup.try_again(id, pid);
        }
        self.effects.extend(self.session.apply(Input::File { id, path }, now()));
    }

    /// Files that were not found yet.
    fn look_for_files(&mut self) {
        for (id, pid, tries) in self.lookup.due() {
            match self.lookup.file(&self.root, &self.probes, id, pid) {
                Some(path) => self.apply(Input::File { id, path: Some(path) }),
                None => self.lookup.missing((id, pid, tries)),
            }
        }
    }

    /// Who moved into a cgroup that was named, when it is time to look.
    fn look_for_members(&mut self) {
        if !self.session.has_cgroup_selectors() {
            return;
        }
        let is_new = |pid, paths: &_| self.session.moved_in(pid, paths);
        let moved = self.members.moved_in(&self.root, is_new, || now().mono_ns);
        let look_up = |pid| Output::LookUp { pid, with_files: false };
        self.effects.extend(moved.into_iter().map(look_up));
        self.perform();
    }

    /// Empties the rings. A wait ends after its requests: what the ring of waits holds is taken out first and told
    /// last, so that all requests of a wait that were kept are known by then.
    fn drain(&mut self) {
        let at = now();
        let mut others = Vec::new();
        while let Some(item) = self.probes.ring.next() {
            others.push(item.to_vec());
        }
        let (session, effects) = (&mut self.session, &mut self.effects);
        self.probes.io_ring.drain(|record| {
            effects.extend(session.apply(Input::Record(bytemuck::bytes_of(record)), at));
        });
        for record in &others {
            effects.extend(session.apply(Input::Record(record), at));
        }
        self.perform();
    }

    /// Devices and cgroups that came up since the last time.
    fn tables(&mut self) {
        let devices = StreamReader::devices(&self.probes);
        let cgroups = StreamReader::cgroups(&self.probes);
        if devices == self.known_devices && !self.lookup.has_new_cgroup(&cgroups) {
            return;
        }
        if let Ok(facts) = host::read_devices(&self.root) {
            self.apply(Input::Devices(facts));
        }
        self.known_devices.clone_from(&devices);
        let cgroups = self.lookup.cgroup_paths(&self.root, &cgroups);
        self.apply(Input::Tables { devices, cgroups });
    }

    /// Gives back the streams of processes that ended, and what else was chosen to be given back.
    fn retire(&mut self) {
        let now_ns = now().mono_ns;
        while self.retiring.front().is_some_and(|(due, _)| *due <= now_ns) {
            if let Some((_, pid)) = self.retiring.pop_front() {
                self.reader.begin_retiring(&self.probes, pid, now_ns);
                self.lookup.forget(pid);
            }
        }
        for sample in self.reader.finish_retiring(&self.probes, now_ns) {
            let index = sample.index;
            self.apply(Input::Stream(sample));
            self.apply(Input::Retired(index));
        }
        for number in self.reclaim.freed(&mut self.probes, now_ns) {
            self.apply(Input::FileFreed(number));
        }
    }

    /// Reads all statistics and counters.
    pub fn sample(&mut self) {
        self.look_for_waiting();
        self.drain();
        self.tables();
        for sample in self.reader.all(&self.probes) {
            self.apply(Input::Stream(sample));
        }
        self.look_for_files();
        // Once more: records of what the statistics just showed.
        self.drain();
        match self.probes.counts() {
            Ok(counts) => self.apply(Input::Counts(counts)),
            // Not known is not zero.
            Err(error) => {
                self.apply(Input::Note(Note::NoLossCounters { error: error.to_string() }));
            }
        }
    }

    /// What the programs cost so far: a system call for each of them, for which no second is split.
    fn costs(&mut self) {
        let costs = self.probes.costs();
        match costs.iter().map(|(_, stats)| stats.recursion_misses).sum() {
            Some(misses) if !costs.is_empty() => self.apply(Input::RecursionMisses(misses)),
            _ => self.apply(Input::Note(Note::NoRecursionMisses)),
        }
        let cost: Vec<(String, BpfCost)> = costs
            .into_iter()
            .filter(|(_, stats)| stats.run_cnt > 0)
            .map(|(name, stats)| {
                (name.to_owned(), BpfCost { run_cnt: stats.run_cnt, run_ns: stats.run_ns })
            })
            .collect();
        self.apply(Input::Cost(cost));
    }

    /// A second is over: statistics and the host are read. To be called once a second, so that what changes within a second
    /// is known by the second.
    pub fn second(&mut self) {
        self.sample();
        let sample = self.host_sample();
        self.apply(Input::Host(sample));
    }

    /// The same at the end of an interval: what is known now, to be held against an earlier snapshot.
    pub fn interval(&mut self) -> Snapshot {
        self.sample();
        self.costs();
        let sample = self.host_sample();
        self.session.report(Span::Interval, sample, now())
    }

    /// The report of the whole time up to now, as if counting were over.
    pub fn whole(&mut self) -> Report {
        self.sample();
        self.costs();
        let sample = self.host_sample();
        report_between(None, &self.session.report(Span::Whole, sample, now()))
    }

    /// Whether this is recorded: then statistics are stored at every interval, asked for or not.
    pub fn is_recording(&self) -> bool {
        self.session.is_recording()
    }

    /// Ends the recording, if there is one; what is missing in it stands in the report then.
    pub fn end_recording(&mut self, report: &mut Report) {
        self.session.end(report, now());
    }

    /// Whether a recording did not get to its end.
    pub fn recording_failed(&self) -> bool {
        self.session.has_failed()
    }

    /// Stops counting; the last report then holds everything up to this moment.
    pub fn stop(&mut self) {
        self.ask_etcds_again();
        // Who used the disks most stands in the statistics, which nobody has read where no interval was reported.
        self.sample();
        self.look_at_controls();
        let completed = self.kernel_completed();
        self.probes.count_since(0);
        // Both readings lie within the time of counting, so the kernel's difference cannot be more than ours.
        let before = std::mem::take(&mut self.completed_at_start);
        let since = completed.into_iter().filter_map(|(dev, now)| {
            let (_, then) = before.iter().find(|(known, _)| *known == dev)?;
            Some((dev, now.saturating_sub(*then)))
        });
        let since = since.collect();
        self.apply(Input::KernelCompleted(since));
    }

    /// What can be set for those who wait and those who use the disks most: at the begin, and at the end, when it is known
    /// who they are.
    fn look_at_controls(&mut self) {
        let devices = host::read_devices(&self.root).unwrap_or_default();
        let controls = host::read_controls(&self.root, &devices, &self.session.parties());
        self.apply(Input::Controls(Box::new(controls)));
    }

    /// Requests completed so far by the kernel's own count, of the disks whose requests the probes see.
    fn kernel_completed(&self) -> Vec<(Dev, u64)> {
        let completed = |dev: Dev| {
            let facts = self.session.device(dev)?;
            if !host::has_requests(&self.root, &facts.name) {
                return None;
            }
            let stat = host::read_block_stat(&self.root, &facts.name).ok()??;
            Some((
                dev,
                stat.read_ios + stat.write_ios + stat.discard.map_or(0, |discard| discard.ios),
            ))
        };
        self.session.device_numbers().into_iter().filter_map(completed).collect()
    }

    /// Whether any target has been found.
    pub fn has_targets(&self) -> bool {
        self.session.has_targets()
    }

    fn host_sample(&self) -> HostSample {
        let stat = |dev: Dev| {
            let facts = self.session.device(dev)?;
            Some((dev, host::read_block_stat(&self.root, &facts.name).ok()??))
        };
        HostSample {
            psi_io: host::read_psi_io(&self.root),
            block_stats: self.session.device_numbers().into_iter().filter_map(stat).collect(),
        }
    }

    /// Everything attaches, the host is scanned, counting begins.
    pub fn start(
        settings: &Settings,
        root: HostRoot,
        kernel: &KernelPaths,
    ) -> Result<Self, crate::error::Failure> {
        start::start(settings, root, kernel)
    }

    /// Whether a stream belongs to this process.
    fn is_of(owner: Owner, pid: u32) -> bool {
        owner == Owner::Process(pid)
    }
}
