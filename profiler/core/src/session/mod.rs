//! The engine: inputs with their time go in, wishes and reports come out.
//!
//! Owns the flow and nothing else: who is who is kept in `actors`, what they did in `streams`, files in `files`,
//! what is missing in `coverage`. State is cumulative; a report is put together in `assemble` from the difference of two
//! snapshots (`snapshot`, `since`). No IO, no clock: a replayed capture gives the same reports.

mod activity;
mod actors;
mod advised;
mod anatomy;
mod ancestry;
mod assemble;
mod blame;
mod blamed;
mod books;
mod coverage;
mod etcd_metrics;
mod files;
mod forced;
mod hiding;
mod input;
mod judge;
mod limits;
mod recent;
mod seconds;
mod self_check;
mod since;
mod snapshot;
mod stalls;
mod streams;
mod timeline;
mod worst;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use iocontend_wire::key::{Key, Owner};

use crate::cgroup::CgroupPaths;
use crate::etcd_heartbeat::{Heartbeat, heartbeat};
use crate::event::{Event, WaitEvent, decode};
use crate::facts::{ControlFacts, DeviceFacts, ProcessFacts};
use crate::ids::{Dev, Role};
use crate::selector::{Absent, Selector, why_absent};

pub use activity::Past;
use activity::{Activities, Beside};
use actors::Actors;
pub use actors::Owned;
pub use advised::written_files;
use anatomy::Anatomy;
use blame::{Blame, Filled, Waited};
use books::{Books, class_of};
use coverage::Ledger;
use etcd_metrics::EtcdMetrics;
use files::Files;
use forced::Forced;
pub use hiding::entering;
pub use input::{HostSample, Input, Now, Options, Output, Span, StreamSample};
use since::{Renaming, Renamings};
pub use snapshot::{Intervals, Snapshot, report_between};
use stalls::Stalls;
use streams::{Places, RowKey, Rows};
use timeline::Timeline;
use worst::Worst;

/// No heartbeat interval is looked up for waits shorter than this, ns: etcd's is a millisecond at least.
const SHORT_NS: u64 = 1_000_000;

/// The engine's state: cumulative, and changed by inputs only.
pub struct Session {
    options: Arc<Options>,
    started: Now,
    first_sample: Arc<HostSample>,
    /// The host when the last second was over.
    sample: Arc<HostSample>,
    actors: Actors,
    streams: Rows,
    places: Places,
    files: Files,
    anatomy: Anatomy,
    worst: Worst,
    forced: Forced,
    blame: Blame,
    timeline: Timeline,
    stalls: Stalls,
    ledger: Ledger,
    metrics: EtcdMetrics,
    activities: Activities,
    devices: Arc<Vec<DeviceFacts>>,
    controls: Option<Arc<ControlFacts>>,
    renamings: Renamings,
    /// A second is over, and nothing was told since.
    is_between_seconds: bool,
}

impl Session {
    /// A session that begins now.
    pub fn new(options: Options, now: Now) -> Self {
        Self {
            actors: Actors::new(options.selectors.clone()),
            options: Arc::new(options),
            started: now,
            first_sample: Arc::default(),
            sample: Arc::default(),
            streams: Rows::default(),
            places: Places::default(),
            files: Files::default(),
            anatomy: Anatomy::default(),
            worst: Worst::default(),
            forced: Forced::default(),
            blame: Blame::default(),
            timeline: Timeline::default(),
            stalls: Stalls::default(),
            ledger: Ledger::default(),
            metrics: EtcdMetrics::default(),
            activities: Activities::default(),
            devices: Arc::default(),
            controls: None,
            renamings: Renamings::default(),
            is_between_seconds: false,
        }
    }

    /// Takes one input; gives what is wanted because of it.
    pub fn apply(&mut self, input: Input<'_>, now: Now) -> Vec<Output> {
        self.activities.clock(now);
        self.begin_second();
        match input {
            Input::Started(sample) => {
                self.started = now;
                self.timeline.begin(now.mono_ns);
                self.first_sample = Arc::new(sample);
                self.sample = Arc::clone(&self.first_sample);
            }
            Input::Devices(devices) => {
                self.devices = Arc::new(devices);
                self.tell_rotational();
            }
            Input::Record(bytes) => return self.record(bytes),
            Input::Tables { devices, cgroups } => {
                self.streams.set_tables(devices, cgroups);
                self.tell_rotational();
            }
            Input::Seen(key) => {
                let mut outputs = self.seen(key);
                // What a process left dirty is written long after its end; that place is given back as well.
                if let Owner::Process(pid) = key.who()
                    && self.actors.has_ended(pid)
                {
                    outputs.push(Output::Retire(pid));
                }
                return outputs;
            }
            Input::Stream(sample) => {
                let outputs = self.seen(sample.key);
                let owner = self.actors.owned_by(sample.key.who());
                self.places.add(&sample, owner, &mut self.streams);
                return outputs;
            }
            Input::Retired(index) => self.places.forget(index),
            Input::Counts(counts) => {
                let before = self.ledger.lost_so_far();
                self.ledger.set_counts(&counts);
                self.timeline.looked(now.mono_ns, self.ledger.lost_so_far() > before);
            }
            Input::RecursionMisses(misses) => self.ledger.set_recursion_misses(misses),
            Input::KernelCompleted(counts) => self.ledger.kernel_completed = counts,
            Input::Attached(attached) => self.ledger.attached = Arc::new(attached),
            Input::Cost(cost) => self.ledger.cost = Arc::new(cost),
            Input::MapBytes(bytes) => self.ledger.map_bytes = Some(bytes),
            Input::Process(facts) => return self.actors.learn(*facts),
            Input::NoProcess(pid) => return self.actors.missing(pid),
            Input::File { id, path } => self.files.resolved(id, path),
            Input::FileFreed(number) => self.file_freed(number),
            Input::EtcdMetrics { pid, said } => {
                if let Owned::Actor(actor) = self.actors.owned_by(Owner::Process(pid)) {
                    self.metrics.told(actor, said);
                }
            }
            Input::Controls(controls) => self.controls = Some(Arc::from(controls)),
            Input::Note(note) => self.ledger.note(note),
            Input::Schedules(schedules) => self.activities.scheduled(*schedules),
            Input::Host(sample) => self.end_second(sample, false),
            Input::Over(sample) => self.end_second(sample, true),
        }
        Vec::new()
    }

    fn record(&mut self, bytes: &[u8]) -> Vec<Output> {
        match decode(bytes) {
            Ok(event) => {
                self.ledger.kept(&event);
                let outputs = self.event(event);
                self.settle();
                outputs
            }
            Err(error) => {
                self.ledger.undecodable(error);
                Vec::new()
            }
        }
    }

    fn event(&mut self, event: Event) -> Vec<Output> {
        match event {
            Event::Io(io) => {
                if let Owner::Process(pid) = io.key.who()
                    && self.actors.is_target(pid)
                {
                    self.anatomy.io(pid, &io);
                }
                let mut outputs = self.seen(io.key);
                if let Some(pid) = io.forcer {
                    outputs.extend(self.actors.active(pid));
                    let cause = self.actors.owned_by(io.key.who());
                    let forcer = self.actors.owned_by(Owner::Process(pid));
                    self.forced.io(cause, forcer, &io);
                }
                self.activities.io(&self.actors, &self.files, &io);
                if self.actors.has_targets() {
                    self.blame.io(self.actors.owned_by(io.key.who()), &io);
                }
                outputs
            }
            Event::Wait(wait) => {
                let outputs = self.seen(wait.key);
                self.break_down(&wait);
                outputs
            }
            Event::Flush { dev, complete_ns, d2c_ns } => {
                self.anatomy.flush(dev, complete_ns, d2c_ns);
                self.blame.flush(dev, complete_ns, d2c_ns);
                Vec::new()
            }
            Event::Commit(commit) => {
                self.anatomy.commit(*commit);
                Vec::new()
            }
            Event::Exec(exec) => {
                let pid = exec.process.pid;
                let outputs = self.actors.exec(exec);
                self.activities.began(&self.actors, &self.files, pid);
                outputs
            }
            Event::Fork { parent, child } => {
                self.actors.fork(parent, child);
                Vec::new()
            }
            // What it dirtied may be written after its end.
            Event::Writer { pid } => self.actors.wrote(pid),
            Event::Exit { process, comm } => {
                self.anatomy.forget(process.pid);
                self.activities.ended(&self.actors, process.pid);
                self.actors.exit(process, &comm)
            }
        }
    }

    /// A wait of a target is taken breakdown; its longest ones are kept.
    fn break_down(&mut self, wait: &WaitEvent) {
        let Owner::Process(pid) = wait.key.who() else { return };
        if !self.actors.is_target(pid) {
            return;
        }
        let Some(row) = RowKey::new(wait.key, self.actors.owned_by(wait.key.who())) else { return };
        self.activities.waited(&self.actors, pid, wait);
        let breakdown = self.anatomy.break_down(pid, wait);
        self.streams.add_parts(row, &breakdown.parts);
        self.worst.add(row, wait.start_ns, wait.counted_ns, breakdown.parts);
        let last = breakdown.commits.len().saturating_sub(1);
        let commits = breakdown.commits.iter().enumerate().map(|(at, commit)| Filled {
            start: commit.start_ns,
            end: commit.end_ns,
            needed: at == last,
            by: commit
                .contributors
                .iter()
                .map(|(pid, blocks)| (self.actors.owned_by(Owner::Process(*pid)), *blocks))
                .collect(),
            others: commit.others,
        });
        let waited = Waited {
            who: row.owner,
            from: wait.start_ns,
            to: wait.end_ns.max(wait.start_ns),
            parts: breakdown.parts,
            segments: breakdown.segments,
            awaited: breakdown.awaited,
            commits: commits.collect(),
            disk: breakdown.disk,
        };
        self.blame.wait(row, waited);
        self.timeline.add(row, wait.start_ns, wait.end_ns, wait.counted_ns);
        if wait.counted_ns >= SHORT_NS {
            let known = self.actors.with_pid(pid);
            let limit =
                known.map_or_else(Heartbeat::default, |one| heartbeat(&one.facts, one.role));
            self.stalls.add(row, wait.start_ns, wait.end_ns, limit);
        }
    }

    /// Waits that were shared out belong to their seconds.
    fn settle(&mut self) {
        for shared in self.blame.settled() {
            self.timeline.settle(&shared);
            self.stalls.settle(&shared);
        }
    }

    /// Blame has to know which disks move their heads.
    fn tell_rotational(&mut self) {
        let of = |dev: Dev| self.device(dev).and_then(|facts| facts.rotational);
        let known = self.streams.devices().filter_map(|(index, dev)| Some((index, of(dev)?)));
        let known: Vec<(u32, bool)> = known.collect();
        self.blame.set_rotational(known.into_iter());
    }

    /// A key was seen: who is behind it, and which file?
    fn seen(&mut self, key: Key) -> Vec<Output> {
        let mut outputs = Vec::new();
        if let Owner::Process(pid) = key.who() {
            outputs.extend(self.actors.active(pid));
            if key.file() != 0 && self.files.is_new(key.file()) {
                outputs.push(Output::ResolveFile { id: key.file(), pid });
            }
        }
        outputs
    }

    /// Files that are gone must not pile up: rows of old ones are put together by owner, class and call.
    fn file_freed(&mut self, number: u32) {
        let old: HashSet<u32> = self.files.freed(number).into_iter().collect();
        if old.is_empty() {
            return;
        }
        let known = self.streams.files().chain(self.blame.blamed().files());
        let known = known.chain(self.timeline.files()).chain(self.stalls.files());
        let known = known.filter(|(_, file)| old.contains(file));
        let together = |(owner, file): (Owned, u32)| {
            let class = class_of(&self.actors, &self.files, owner, file);
            ((owner, file), files::together(class))
        };
        let files: HashMap<(Owned, u32), u32> = known.map(together).collect();
        self.rename(Renaming { files, ..Renaming::default() });
        self.files.forget_oldest();
    }

    /// From now on these have other names.
    fn rename(&mut self, renaming: Renaming) {
        if renaming.is_empty() {
            return;
        }
        self.streams.rename(&renaming);
        self.places.rename(&renaming);
        self.worst.rename(&renaming);
        self.forced.rename(&renaming);
        self.blame.rename(&renaming);
        self.timeline.rename(&renaming);
        self.stalls.rename(&renaming);
        self.renamings.push(renaming);
    }

    /// A second is over: everything that was told up to now belongs to it.
    fn end_second(&mut self, sample: HostSample, is_last: bool) {
        self.blame.end_second(is_last);
        self.settle();
        self.streams.end_second();
        self.sample = Arc::new(sample);
        self.is_between_seconds = true;
    }

    /// With the first input of a second: names change between two seconds, so that what is told of one has the names that it
    /// had.
    fn begin_second(&mut self) {
        if !std::mem::take(&mut self.is_between_seconds) {
            return;
        }
        let actors = self.actors.compact();
        self.rename(Renaming { actors, ..Renaming::default() });
        self.actors.sweep();
    }

    /// All that is known now. Costs little: it is shared with the session as long as it stays the same.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let books = Books {
            options: Arc::clone(&self.options),
            started: self.started,
            first_sample: Arc::clone(&self.first_sample),
            sample: Arc::clone(&self.sample),
            actors: self.actors.clone(),
            files: self.files.clone(),
            streams: self.streams.clone(),
            worst: self.worst.clone(),
            forced: self.forced.clone(),
            blame: self.blame.blamed().clone(),
            timeline: self.timeline.clone(),
            stalls: self.stalls.clone(),
            ledger: self.ledger.clone(),
            metrics: self.metrics.clone(),
            activities: self.activities.clone(),
            devices: Arc::clone(&self.devices),
            controls: self.controls.clone(),
            named: self.renamings.named(),
        };
        Snapshot::new(books, now)
    }

    /// What is known of a disk.
    pub fn device(&self, dev: Dev) -> Option<&DeviceFacts> {
        self.devices.iter().find(|facts| facts.dev == dev)
    }

    /// Numbers of all disks.
    pub fn device_numbers(&self) -> Vec<Dev> {
        self.devices.iter().map(|facts| facts.dev).collect()
    }

    /// Of whom advice may have to know more: targets, and whoever uses the disks most.
    pub fn parties(&self) -> Vec<ProcessFacts> {
        advised::parties(&self.actors, &self.streams)
    }

    /// When counting began.
    pub fn started(&self) -> Now {
        self.started
    }

    /// Whether any target has been found so far.
    pub fn has_targets(&self) -> bool {
        self.actors.has_targets()
    }

    /// Why the selectors found nobody. `cgroup_exists` is asked about each cgroup that was named.
    pub fn absent(&self, cgroup_exists: impl Fn(&str) -> Option<bool>) -> Vec<Absent> {
        let exists = |selector: &Selector| {
            if let Selector::Cgroup(path) = selector { cgroup_exists(path) } else { None }
        };
        let selectors = self.options.selectors.iter();
        selectors.map(|one| why_absent(one, self.actors.alive(), exists(one))).collect()
    }

    /// Whether a cgroup or a unit was named.
    pub fn has_cgroup_selectors(&self) -> bool {
        self.options.selectors.iter().any(Selector::is_by_cgroup)
    }

    /// Whether a process whose cgroups are these now is meant by a cgroup or unit, and not a target of it yet.
    pub fn moved_in(&self, pid: u32, cgroup: &CgroupPaths) -> bool {
        self.actors.moved_in(pid, cgroup)
    }

    /// Etcds among the targets that are alive.
    pub fn etcds(&self) -> Vec<ProcessFacts> {
        let alive = self.actors.targets().filter(|known| !known.exited && known.role == Role::Etcd);
        alive.map(|known| known.facts.clone()).collect()
    }

    /// Process ids of targets that are alive, and of others whose files are told breakdown.
    pub fn tracked_pids(&self) -> Vec<u32> {
        self.actors.tracked_pids()
    }

    /// Rows and paths that are kept.
    #[cfg(test)]
    fn sizes(&self) -> (usize, usize) {
        (self.streams.len(), self.files.len())
    }

    /// Roles of processes that are alive, for whoever wants to show them.
    pub fn roles(&self) -> Vec<(u32, Role)> {
        self.actors.roles()
    }

    /// What earlier captures of this host showed of activity and peaks; periods are looked for over all of it.
    pub fn remember(&mut self, past: Past) {
        self.activities.remember(past);
    }

    /// What this session showed of activity and peaks, for a later one to remember.
    pub fn past(&self, now: Now) -> Past {
        let Self { actors, files, options, started, .. } = self;
        self.activities.past(&Beside { actors, files, options, started: *started }, now)
    }
}
