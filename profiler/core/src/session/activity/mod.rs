//! When backups were at work, and when targets waited far longer than usual.
//!
//! A backup is known as one late (its role may come from its files), is a new process each time, and its pages may be
//! written after its end. So whoever may turn out to be one gets a run; runs that are over go, by the program's name,
//! into groups, or are forgotten when it was no backup. All of it is bounded; the oldest goes first.

mod origin;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};
use iocontend_wire::key::Owner;

use self::origin::Origin;
use super::actors::{ActorId, Actors, Known};
use super::files::Files;
use super::input::{Now, Options};
use crate::activity::{Baseline, Window, Windows, name_of};
use crate::event::{IoEvent, WaitEvent};
use crate::facts::{FilesSeen, ProcessKey};
use crate::file_class::{Classifier, has_own_snapshots};
use crate::ids::{FileClass, Role};
use crate::schedule::Schedules;

/// What a process does after a pause of this length is another window, ns. Pages that a backup left dirty are written
/// within some 35 s (vm.dirty_expire_centisecs and dirty_writeback_centisecs); nobody takes backups every other minute
/// in one process.
const RUN_PAUSE_NS: i64 = 120_000_000_000;
/// Processes of one program that follow each other this closely are one window, ns: parts of one backup.
const GROUP_PAUSE_NS: i64 = 5_000_000_000;
/// Long waits this far apart are one peak, ns.
const PEAK_PAUSE_NS: i64 = 30_000_000_000;
/// Windows kept of each program and each target: six weeks of hours.
const MOST_WINDOWS: usize = 1_000;
/// Windows kept of each run until it is over.
const RUN_WINDOWS: usize = 1_000;
/// Runs of processes that may be backups; with more, those that are over are settled, then the oldest.
const MOST_RUNS: usize = 1_024;
/// Runs are settled this long after their last IO, ns.
const SETTLE_NS: i64 = 600_000_000_000;
/// Programs that take backups.
const MOST_GROUPS: usize = 64;
/// Processes named of each program.
const MOST_ACTORS: usize = 1_000;
/// Targets whose waits are followed; with more, those that ended go first.
const MOST_TARGETS: usize = 64;

/// The state. Everything here is learnt, and told of the whole only.
#[derive(Clone, Default)]
pub(super) struct Activities {
    now: Now,
    runs: HashMap<(ActorId, u32), Arc<Run>>,
    settled_ns: i64,
    groups: Arc<BTreeMap<String, Group>>,
    targets: HashMap<ActorId, Arc<Target>>,
    /// Peaks of targets that are gone, by name.
    gone: Arc<BTreeMap<String, Peaks>>,
    schedules: Option<Arc<Schedules>>,
    past: Arc<Vec<Past>>,
}

/// What else is known, of which a report of activities needs something.
pub(super) struct Beside<'a> {
    pub(super) actors: &'a Actors,
    pub(super) files: &'a Files,
    pub(super) options: &'a Options,
    /// When counting began.
    pub(super) started: Now,
}

/// What one process did (of an etcd: with one file).
#[derive(Clone)]
struct Run {
    pid: u32,
    windows: Windows,
    ended: bool,
    origin: Origin,
}

/// What processes of one name did.
#[derive(Clone, Debug)]
struct Group {
    role: Role,
    windows: Windows,
    actors: BTreeSet<ProcessKey>,
    origin: Origin,
}

impl Group {
    fn new(role: Role) -> Self {
        let windows = Windows::new(GROUP_PAUSE_NS, MOST_WINDOWS);
        Self { role, windows, actors: BTreeSet::new(), origin: Origin::default() }
    }

    fn take_in(&mut self, other: &Self) {
        other.windows.iter().for_each(|window| self.windows.add(*window));
        self.origin.take_in(&other.origin);
        self.actors.extend(other.actors.iter().copied());
        while self.actors.len() > MOST_ACTORS {
            self.actors.pop_first();
        }
    }
}

/// A target's waits.
#[derive(Clone)]
struct Target {
    pid: u32,
    /// By kind of call.
    baselines: HashMap<u32, Baseline>,
    peaks: Windows,
}

/// When a target of one name waited far longer than usual.
#[derive(Clone, Debug)]
struct Peaks {
    role: Role,
    windows: Windows,
    actors: BTreeSet<ProcessKey>,
}

impl Peaks {
    fn new(role: Role) -> Self {
        let windows = Windows::new(PEAK_PAUSE_NS, MOST_WINDOWS);
        Self { role, windows, actors: BTreeSet::new() }
    }
}

/// What an earlier capture showed.
#[derive(Clone, Debug)]
pub struct Past {
    hostname: Option<String>,
    /// Since 1970, ns.
    watched: (i64, i64),
    groups: BTreeMap<String, Group>,
    peaks: BTreeMap<String, Peaks>,
}

impl Past {
    /// Whether it can be put together with what a session sees from one time to another (ns since 1970): it is of
    /// the same host, as far as both say, and of another time, since nothing may count twice.
    fn fits(&self, hostname: Option<&str>, (from, to): (i64, i64)) -> bool {
        let is_same = |own: &str| self.hostname.as_deref().is_none_or(|host| host == own);
        hostname.is_none_or(is_same) && (self.watched.1 <= from || self.watched.0 >= to)
    }
}

impl Activities {
    /// What is told from now on is told at this time.
    pub(super) const fn clock(&mut self, now: Now) {
        self.now = now;
    }

    /// What the host says will run.
    pub(super) fn scheduled(&mut self, schedules: Schedules) {
        self.schedules = Some(Arc::new(schedules.bounded()));
    }

    pub(super) fn remember(&mut self, past: Past) {
        Arc::make_mut(&mut self.past).push(past);
    }

    /// What is remembered of the same host and of other times.
    fn usable_past(&self, beside: &Beside<'_>, now: Now) -> Vec<&Past> {
        let hostname = beside.options.host.hostname.as_deref();
        let own = (beside.started.unix_ns, now.unix_ns);
        let mut usable: Vec<&Past> = Vec::new();
        for past in &*self.past {
            let is_apart = |other: &&Past| past.fits(None, other.watched);
            if past.fits(hostname, own) && usable.iter().all(is_apart) {
                usable.push(past);
            }
        }
        usable
    }

    /// Nanoseconds since 1970 of a time of the monotonic clock.
    fn unix(&self, mono_ns: u64) -> i64 {
        self.now
            .unix_ns
            .wrapping_sub(self.now.mono_ns.cast_signed().wrapping_sub(mono_ns.cast_signed()))
    }

    /// A request of a process is over.
    pub(super) fn io(&mut self, actors: &Actors, files: &Files, io: &IoEvent) {
        let Owner::Process(pid) = io.key.who() else { return };
        let Some((id, known)) = actors.by_pid(pid) else { return };
        let Some(file) = followed(known, io.key.file()) else { return };
        let window = Window {
            start_ns: self.unix(io.complete_ns.saturating_sub(io.q2c_ns.unwrap_or(0))),
            end_ns: self.unix(io.complete_ns),
            bytes: io.bytes.into(),
            ..Window::default()
        };
        self.run(actors, files, (id, file), known, window);
    }

    /// A process became another program.
    pub(super) fn began(&mut self, actors: &Actors, files: &Files, pid: u32) {
        let Some((id, known)) = actors.by_pid(pid) else { return };
        if known.role == Role::Backup {
            let now = Window::moment(self.now.unix_ns);
            self.run(actors, files, (id, 0), known, now);
        }
    }

    /// A process ends.
    pub(super) fn ended(&mut self, actors: &Actors, pid: u32) {
        let Some((id, _)) = actors.by_pid(pid) else { return };
        let now = self.now.unix_ns;
        let Some(run) = self.runs.get_mut(&(id, 0)).filter(|run| run.pid == pid) else { return };
        let run = Arc::make_mut(run);
        run.ended = true;
        // Of one that slept long before its end, the end is no work.
        if run.windows.last().is_some_and(|last| last.end_ns.saturating_add(RUN_PAUSE_NS) >= now) {
            run.windows.extend(Window::moment(now));
        }
    }

    fn run(
        &mut self,
        actors: &Actors,
        files: &Files,
        place: (ActorId, u32),
        known: &Known,
        window: Window,
    ) {
        let pid = known.facts.key.pid;
        let is_known = self.runs.get(&place).is_some_and(|run| run.pid == pid);
        if !is_known {
            let is_due = window.end_ns.saturating_sub(self.settled_ns) > SETTLE_NS;
            if is_due || self.runs.len() >= MOST_RUNS {
                self.settle(actors, files);
            }
            let windows = Windows::new(RUN_PAUSE_NS, RUN_WINDOWS);
            let origin = Origin::of(actors, known);
            self.runs.insert(place, Arc::new(Run { pid, windows, ended: false, origin }));
        }
        let Some(run) = self.runs.get_mut(&place) else { return };
        let run = Arc::make_mut(run);
        if run.ended {
            // What it left dirty is written now: nothing new begins.
            run.windows.extend(window);
        } else {
            run.windows.add(window);
        }
    }

    /// Runs that are over become part of their groups, or are forgotten.
    fn settle(&mut self, actors: &Actors, files: &Files) {
        let now = self.now.unix_ns;
        self.settled_ns = now;
        let last = |run: &Run| run.windows.last().map_or(i64::MIN, |last| last.end_ns);
        let mut over: Vec<(i64, (ActorId, u32))> =
            self.runs.iter().map(|(place, run)| (last(run.as_ref()), *place)).collect();
        over.sort_unstable();
        let must_go = self.runs.len().saturating_sub(MOST_RUNS / 2);
        for (at, (last, place)) in over.into_iter().enumerate() {
            if at >= must_go && last.saturating_add(SETTLE_NS) > now {
                break;
            }
            if let Some(run) = self.runs.remove(&place) {
                add_run(Arc::make_mut(&mut self.groups), actors, files, place, &run);
            }
        }
        while self.groups.len() > MOST_GROUPS {
            let last = |group: &Group| group.windows.last().map_or(i64::MIN, |last| last.end_ns);
            let oldest = self.groups.iter().min_by_key(|(_, group)| last(group));
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            Arc::make_mut(&mut self.groups).remove(&name);
        }
    }

    /// A target waited.
    pub(super) fn waited(&mut self, actors: &Actors, pid: u32, wait: &WaitEvent) {
        let Some((id, known)) = actors.by_pid(pid) else { return };
        let (start_ns, end_ns) = (self.unix(wait.start_ns), self.unix(wait.end_ns));
        if self.targets.get(&id).is_none_or(|target| target.pid != pid) {
            self.make_room(actors);
            let peaks = Windows::new(PEAK_PAUSE_NS, MOST_WINDOWS);
            let key = known.facts.key.pid;
            let target = Target { pid: key, baselines: HashMap::new(), peaks };
            self.targets.insert(id, Arc::new(target));
        }
        let Some(target) = self.targets.get_mut(&id) else { return };
        let target = Arc::make_mut(target);
        let baseline = target.baselines.entry(wait.key.kind()).or_default();
        if baseline.is_outlier(wait.counted_ns) {
            let worst_ns = wait.counted_ns;
            target.peaks.add(Window { start_ns, end_ns, bytes: 0, waits: 1, worst_ns });
        }
    }

    /// Of too many targets, those that ended are put together by name; else any goes.
    fn make_room(&mut self, actors: &Actors) {
        if self.targets.len() < MOST_TARGETS {
            return;
        }
        let has_ended = |id: &ActorId| actors.get(*id).is_none_or(|known| known.exited);
        let mut gone: Vec<ActorId> = self.targets.keys().copied().filter(has_ended).collect();
        if gone.is_empty() {
            gone.extend(self.targets.keys().min().copied());
        }
        for id in gone {
            if let Some(target) = self.targets.remove(&id) {
                add_target(Arc::make_mut(&mut self.gone), actors, id, &target);
            }
        }
        while self.gone.len() > MOST_GROUPS {
            Arc::make_mut(&mut self.gone).pop_first();
        }
    }

    /// Runs, and windows of groups, that are kept.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        let windows = self.groups.values().map(|group| group.windows.iter().count());
        (self.runs.len(), windows.max().unwrap_or(0))
    }

    /// All groups as they are now.
    fn all_groups(&self, beside: &Beside<'_>) -> BTreeMap<String, Group> {
        let mut groups = self.groups.as_ref().clone();
        // In order, so that the same was told gives the same.
        let mut places: Vec<&(ActorId, u32)> = self.runs.keys().collect();
        places.sort_unstable();
        for place in places {
            if let Some(run) = self.runs.get(place) {
                add_run(&mut groups, beside.actors, beside.files, *place, run);
            }
        }
        groups
    }

    fn all_peaks(&self, beside: &Beside<'_>) -> BTreeMap<String, Peaks> {
        let mut peaks = self.gone.as_ref().clone();
        let mut ids: Vec<&ActorId> = self.targets.keys().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(target) = self.targets.get(id) {
                add_target(&mut peaks, beside.actors, *id, target);
            }
        }
        peaks
    }

    /// What this session showed so far.
    pub(super) fn past(&self, beside: &Beside<'_>, now: Now) -> Past {
        let mut groups = self.all_groups(beside);
        let mut peaks = self.all_peaks(beside);
        // Ids of another boot mean nothing in a later report.
        for group in groups.values_mut() {
            group.actors.clear();
        }
        for target in peaks.values_mut() {
            target.actors.clear();
        }
        let hostname = beside.options.host.hostname.clone();
        Past { hostname, watched: (beside.started.unix_ns, now.unix_ns), groups, peaks }
    }
}

/// Whether a process may turn out to be a backup, or has such files: the number under which it is followed.
fn followed(known: &Known, file: u32) -> Option<u32> {
    let is_judged = known.looked_up && known.facts.files_seen != FilesSeen::NotRead;
    match known.role {
        role if has_own_snapshots(role, &known.facts) => (file != 0).then_some(file),
        Role::Backup => Some(0),
        Role::Other if !is_judged && !known.exited => Some(0),
        _ => None,
    }
}

/// Adds a run to its group, if it was a backup's.
fn add_run(
    groups: &mut BTreeMap<String, Group>,
    actors: &Actors,
    files: &Files,
    (id, file): (ActorId, u32),
    run: &Run,
) {
    let Some(known) = actors.get(id).filter(|known| known.facts.key.pid == run.pid) else { return };
    let windows = || run.windows.iter().filter(|window| window.bytes > 0);
    let name = match (known.role, file) {
        (Role::Backup, 0) => name_of(&known.facts),
        (role, 1..) if has_own_snapshots(role, &known.facts) => {
            let is_target = !known.selected_by.is_empty();
            let classifier = Classifier::new(&known.facts, known.role, is_target);
            let class = files.path(file).map(|path| classifier.classify(path));
            if class != Some(FileClass::BackupOutput) {
                return;
            }
            name_of(&known.facts)
        }
        _ => return,
    };
    if windows().next().is_none() {
        return;
    }
    let group = groups.entry(name).or_insert_with(|| Group::new(known.role));
    windows().for_each(|window| group.windows.add(*window));
    group.origin.take_in(&run.origin);
    group.origin.add(known);
    group.actors.insert(known.facts.key);
    while group.actors.len() > MOST_ACTORS {
        group.actors.pop_first();
    }
}

fn add_target(peaks: &mut BTreeMap<String, Peaks>, actors: &Actors, id: ActorId, target: &Target) {
    let Some(known) = actors.get(id).filter(|known| known.facts.key.pid == target.pid) else {
        return;
    };
    let own = peaks.entry(name_of(&known.facts)).or_insert_with(|| Peaks::new(known.role));
    target.peaks.iter().for_each(|window| own.windows.add(*window));
    own.actors.insert(known.facts.key);
    while own.actors.len() > MOST_ACTORS {
        own.actors.pop_first();
    }
}
