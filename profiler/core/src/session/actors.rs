//! Who is who: every process the session has heard of, its role, whether it is a target.
//!
//! A process is a pid and a start time; a pid that comes again is another actor. Processes that did nothing are
//! forgotten when they end, all others are kept for the report.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};
use iocontend_wire::key::Owner;

use super::ancestry;
use super::input::Output;
use crate::cgroup::CgroupPaths;
use crate::event::ExecEvent;
use crate::facts::{FilesSeen, ProcessFacts, ProcessKey};
use crate::ids::Role;
use crate::report::StartedBy;
use crate::role::role_of;
use crate::selector::Selector;

/// Index of an actor.
pub(super) type ActorId = usize;

/// To whom a stream's numbers belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owned {
    /// A process, by index.
    Actor(usize),
    /// Processes of one name that ended long ago, together, by index.
    Ended(usize),
    /// Only the owning cgroup is known, by index.
    Cgroup(u32),
    /// Nobody, by reason.
    Unattributed(u32),
    /// No room in the table of streams.
    Overflow,
}

/// One process.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) facts: ProcessFacts,
    pub(super) role: Role,
    /// Whether `/proc` was asked, so that cgroup and exe are known as well as they can be.
    pub(super) looked_up: bool,
    /// It did IO, waited, or is a target: it belongs into the report.
    pub(super) active: bool,
    /// It dirtied pages, which somebody may write after its end: not to be forgotten.
    wrote: bool,
    pub(super) exited: bool,
    /// Indices of the selectors it matches; `AUTO` without selectors.
    pub(super) selected_by: Vec<usize>,
    tracked: bool,
    threads_watched: bool,
    /// Kept as soon as it is known: those in between may be forgotten.
    pub(super) started_by: Option<StartedBy>,
    /// Its place may be taken by another.
    forgotten: bool,
}

/// Index that stands for "no selector was given".
pub(super) const AUTO: usize = usize::MAX;

/// So many ended processes are listed one by one; of more, the oldest are put together by name.
const ENDED_LISTED: usize = 2000;

/// After so many ends the processes that did nothing are forgotten, also when no report is made.
const SWEEP_AFTER: usize = 4096;

/// All processes. Everything here is learnt; a process that did not change is shared with the snapshots that have it.
#[derive(Clone, Default)]
pub(super) struct Actors {
    selectors: Arc<Vec<Selector>>,
    known: Vec<Arc<Known>>,
    by_key: HashMap<ProcessKey, ActorId>,
    /// The newest process with a pid.
    by_pid: HashMap<u32, ActorId>,
    free: Vec<ActorId>,
    /// Ends since the last sweep.
    ended: usize,
    /// Names of ended processes that were put together.
    together: Arc<Vec<String>>,
    /// There is a target, or was.
    found_target: bool,
}

impl Actors {
    pub(super) fn new(selectors: Vec<Selector>) -> Self {
        Self { selectors: Arc::new(selectors), ..Self::default() }
    }

    pub(super) fn get(&self, id: ActorId) -> Option<&Known> {
        self.known.get(id).map(AsRef::as_ref)
    }

    /// The newest process with a pid.
    pub(super) fn with_pid(&self, pid: u32) -> Option<&Known> {
        self.by_pid.get(&pid).map(|id| &*self.known[*id])
    }

    /// Who started the process of a report.
    pub(super) fn started_by(&self, pid: u32, start_ns: u64) -> Option<StartedBy> {
        let id = *self.by_key.get(&ProcessKey::from_start_ns(pid, start_ns))?;
        self.known[id].started_by.clone().or_else(|| ancestry::started_by(self, id))
    }

    fn keep_who_started(&mut self, id: ActorId) {
        if self.known[id].started_by.is_none()
            && let Some(by) = ancestry::started_by(self, id)
        {
            self.known_mut(id).started_by = Some(by);
        }
    }

    fn known_mut(&mut self, id: ActorId) -> &mut Known {
        Arc::make_mut(&mut self.known[id])
    }

    /// How many places there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Actors that belong into the report.
    pub(super) fn reported(&self) -> impl Iterator<Item = (ActorId, &Known)> {
        let known = self.known.iter().map(AsRef::as_ref);
        known.enumerate().filter(|(_, known): &(_, &Known)| known.active)
    }

    /// Targets, those that ended too.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Known> {
        let known = self.known.iter().map(AsRef::as_ref);
        known.filter(|known: &&Known| !known.selected_by.is_empty())
    }

    /// Whether there is or was a target.
    pub(super) const fn has_targets(&self) -> bool {
        self.found_target
    }

    /// Targets of one selector.
    pub(super) fn selected(&self, selector: usize) -> impl Iterator<Item = &Known> {
        let known = self.known.iter().map(AsRef::as_ref);
        known.filter(move |known: &&Known| known.selected_by.contains(&selector))
    }

    pub(super) fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Whether these are the cgroups of a selector that does not have this process yet.
    pub(super) fn moved_in(&self, pid: u32, cgroup: &CgroupPaths) -> bool {
        let known = self.by_pid.get(&pid).map(|id| &self.known[*id].selected_by);
        let mut selectors = self.selectors.iter().enumerate();
        selectors.any(|(index, selector)| {
            selector.holds(cgroup) && !known.is_some_and(|known| known.contains(&index))
        })
    }

    /// Every process that is known to be alive.
    pub(super) fn alive(&self) -> impl Iterator<Item = &ProcessFacts> {
        let alive = self.known.iter().filter(|known| !known.exited && !known.forgotten);
        alive.map(|known| &known.facts)
    }

    pub(super) fn tracked_pids(&self) -> Vec<u32> {
        let tracked = self.known.iter().filter(|known| known.tracked && !known.exited);
        tracked.map(|known| known.facts.key.pid).collect()
    }

    pub(super) fn roles(&self) -> Vec<(u32, Role)> {
        let alive = self.known.iter().filter(|known| !known.exited && known.role != Role::Other);
        alive.map(|known| (known.facts.key.pid, known.role)).collect()
    }

    /// To whom an owner's numbers belong. A process nobody has described gets a place without a name.
    pub(super) fn owned_by(&mut self, owner: Owner) -> Owned {
        match owner {
            Owner::Process(pid) => Owned::Actor(self.newest(pid)),
            Owner::Cgroup(index) => Owned::Cgroup(index),
            Owner::Unattributed(reason) => Owned::Unattributed(reason),
            Owner::Overflow => Owned::Overflow,
        }
    }

    fn newest(&mut self, pid: u32) -> ActorId {
        match self.by_pid.get(&pid) {
            Some(id) => *id,
            None => self.insert(ProcessFacts::named(ProcessKey { pid, start_ticks: 0 }, "")),
        }
    }

    fn insert(&mut self, facts: ProcessFacts) -> ActorId {
        let key = facts.key;
        let known = Known {
            facts,
            role: Role::Other,
            looked_up: false,
            active: false,
            wrote: false,
            exited: false,
            selected_by: Vec::new(),
            tracked: false,
            threads_watched: false,
            started_by: None,
            forgotten: false,
        };
        let known = Arc::new(known);
        let id = if let Some(id) = self.free.pop() {
            self.known[id] = known;
            id
        } else {
            self.known.push(known);
            self.known.len() - 1
        };
        self.by_key.insert(key, id);
        // The end of an older process with this pid may be heard of late.
        let newer = self.by_pid.get(&key.pid).map(|id| self.known[*id].facts.key);
        if newer.is_none_or(|newer| newer.start_ticks <= key.start_ticks) {
            self.by_pid.insert(key.pid, id);
        }
        id
    }

    /// The place of a process. One that was only known by its pid gets its start time now.
    fn place(&mut self, key: ProcessKey) -> ActorId {
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        // Clock ticks are rounded once by the kernel and once here: one apart is the same process.
        for start_ticks in [key.start_ticks.saturating_sub(1), key.start_ticks.saturating_add(1), 0]
        {
            let near = ProcessKey { start_ticks, ..key };
            if let Some(id) = self.by_key.get(&near).copied()
                && self.by_pid.get(&key.pid) == Some(&id)
            {
                if start_ticks == 0 {
                    self.by_key.remove(&near);
                    self.by_key.insert(key, id);
                    self.known_mut(id).facts.key = key;
                }
                return id;
            }
        }
        self.insert(ProcessFacts::named(key, ""))
    }

    /// `/proc` has spoken.
    pub(super) fn learn(&mut self, mut facts: ProcessFacts) -> Vec<Output> {
        let id = self.place(facts.key);
        let known = self.known_mut(id);
        // Files that were read once stay known when a later look did not ask for them.
        if facts.files_seen == FilesSeen::NotRead {
            facts.open_files = std::mem::take(&mut known.facts.open_files);
            facts.files_seen = known.facts.files_seen;
        }
        keep_what_was_known(&mut facts, &mut known.facts);
        known.facts = facts;
        known.looked_up = true;
        self.keep_who_started(id);
        self.judge(id)
    }

    /// A process that was asked for is gone: what it inherited is the best that will be known of it.
    pub(super) fn missing(&mut self, pid: u32) -> Vec<Output> {
        let Some(id) = self.by_pid.get(&pid).copied() else { return Vec::new() };
        let first = !std::mem::replace(&mut self.known_mut(id).looked_up, true);
        if first { self.judge(id) } else { Vec::new() }
    }

    pub(super) fn exec(&mut self, exec: ExecEvent) -> Vec<Output> {
        let id = self.place(exec.process);
        let selectors = Arc::clone(&self.selectors);
        let known = self.known_mut(id);
        known.facts.comm = exec.comm;
        known.facts.ppid = exec.ppid;
        known.facts.argv = exec.argv;
        known.facts.exe = None;
        known.facts.open_files.clear();
        known.facts.files_seen = FilesSeen::NotRead;
        known.looked_up = false;
        // Selected by a name it no longer has: a shell's child before it became what it is.
        known.selected_by.retain(|index| {
            selectors.get(*index).is_some_and(|selector| selector.matches(&known.facts))
        });
        let mut outputs = Vec::new();
        if known.selected_by.is_empty() && std::mem::take(&mut known.threads_watched) {
            outputs.push(Output::UnwatchThreads(exec.process.pid));
        }
        self.keep_who_started(id);
        outputs.extend(self.judge(id));
        let known = &self.known[id];
        let interesting =
            known.active || known.role != Role::Other || !known.selected_by.is_empty();
        // Arguments that were cut, and selectors that look at more than arguments, need `/proc`: whoever starts a
        // service moves its child into its cgroup before the exec.
        let by_cgroup = self.selectors.iter().any(Selector::is_by_cgroup);
        let asked = outputs.iter().any(|output| matches!(output, Output::LookUp { .. }));
        if (interesting || exec.argv_cut || by_cgroup) && !asked {
            outputs.push(Output::LookUp { pid: exec.process.pid, with_files: false });
        }
        outputs
    }

    /// A child is its parent's image until it becomes another program.
    pub(super) fn fork(&mut self, parent: u32, child: ProcessKey) {
        let image = self.by_pid.get(&parent).map(|id| self.known[*id].facts.clone());
        let id = self.place(child);
        if let Some(image) = image
            && self.known[id].facts.comm.is_empty()
        {
            let known = self.known_mut(id);
            let key = known.facts.key;
            known.facts = ProcessFacts { key, ppid: parent, open_files: Vec::new(), ..image };
            known.facts.files_seen = FilesSeen::NotRead;
        }
        self.keep_who_started(id);
    }

    pub(super) fn exit(&mut self, process: ProcessKey, comm: &str) -> Vec<Output> {
        let pid = process.pid;
        // A process never heard of that did nothing leaves nothing behind.
        if !self.by_pid.contains_key(&pid) {
            return Vec::new();
        }
        let id = self.place(process);
        if self.known[id].exited {
            return Vec::new();
        }
        let known = self.known_mut(id);
        known.exited = true;
        if known.facts.comm.is_empty() {
            comm.clone_into(&mut known.facts.comm);
        }
        let mut outputs = Vec::new();
        for selector in known.selected_by.clone() {
            let selector = selector_name(&self.selectors, selector);
            outputs.push(Output::TargetExited { pid, selector });
        }
        if self.known[id].tracked {
            outputs.push(Output::Untrack(pid));
        }
        if std::mem::take(&mut self.known_mut(id).threads_watched) {
            outputs.push(Output::UnwatchThreads(pid));
        }
        outputs.push(Output::Retire(pid));
        self.ended += 1;
        if self.ended >= SWEEP_AFTER {
            self.sweep();
        }
        outputs
    }

    /// Ended processes that did nothing are forgotten; the streams of the others stay theirs.
    pub(super) fn sweep(&mut self) {
        self.ended = 0;
        for id in 0..self.known.len() {
            let known = &self.known[id];
            if known.active || known.wrote || !known.exited || known.forgotten {
                continue;
            }
            let known = self.known_mut(id);
            known.forgotten = true;
            let key = known.facts.key;
            self.by_key.remove(&key);
            if self.by_pid.get(&key.pid) == Some(&id) {
                self.by_pid.remove(&key.pid);
            }
            self.free.push(id);
        }
    }

    /// The name of ended processes that were put together.
    pub(super) fn together(&self, index: usize) -> &str {
        self.together.get(index).map_or("", String::as_str)
    }

    /// A long watch sees processes without end. When too many of them have ended, the oldest that nobody asked for
    /// and that play no role are put together by name: gives whose rows belong to which name now.
    pub(super) fn compact(&mut self) -> HashMap<ActorId, usize> {
        let plain = |known: &Known| {
            (known.active || known.wrote)
                && known.exited
                && !known.forgotten
                && known.role == Role::Other
                && known.selected_by.is_empty()
        };
        let mut ended: Vec<ActorId> =
            (0..self.known.len()).filter(|id| plain(&self.known[*id])).collect();
        if ended.len() <= ENDED_LISTED {
            return HashMap::new();
        }
        ended.sort_by_key(|id| self.known[*id].facts.key.start_ticks);
        // Half of them, so that this is rare.
        ended.truncate(ended.len() - ENDED_LISTED / 2);
        let mut moved = HashMap::new();
        for id in ended {
            let name = self.known[id].facts.comm.clone();
            let index =
                self.together.iter().position(|known| *known == name).unwrap_or_else(|| {
                    Arc::make_mut(&mut self.together).push(name);
                    self.together.len() - 1
                });
            let known = self.known_mut(id);
            known.active = false;
            known.wrote = false;
            moved.insert(id, index);
        }
        moved
    }

    /// The newest process with this pid.
    pub(super) fn by_pid(&self, pid: u32) -> Option<(ActorId, &Known)> {
        let id = *self.by_pid.get(&pid)?;
        Some((id, self.get(id)?))
    }

    /// Whether the newest process with this pid is a target.
    pub(super) fn is_target(&self, pid: u32) -> bool {
        self.by_pid.get(&pid).is_some_and(|id| !self.known[*id].selected_by.is_empty())
    }

    /// Whether the newest process with this pid has ended.
    pub(super) fn has_ended(&self, pid: u32) -> bool {
        self.by_pid.get(&pid).is_some_and(|id| self.known[*id].exited)
    }

    /// A process dirtied pages. What it did itself is not known yet, and its files are looked at when it is; by then it
    /// may have ended, so its name and cgroup are asked for now.
    pub(super) fn wrote(&mut self, pid: u32) -> Vec<Output> {
        let id = self.newest(pid);
        if !self.known[id].wrote {
            self.known_mut(id).wrote = true;
        }
        let known = &self.known[id];
        if known.looked_up || known.exited || known.facts.kernel_thread {
            return Vec::new();
        }
        vec![Output::LookUp { pid, with_files: false }]
    }

    /// A process did something.
    pub(super) fn active(&mut self, pid: u32) -> Vec<Output> {
        let id = self.newest(pid);
        if self.known[id].active {
            return Vec::new();
        }
        let known = self.known_mut(id);
        known.active = true;
        let looked = known.looked_up && known.facts.files_seen != FilesSeen::NotRead;
        if looked || known.exited || known.facts.kernel_thread {
            return Vec::new();
        }
        // With its files: they tell an etcd under another name, or a copier of its database.
        vec![Output::LookUp { pid, with_files: true }]
    }

    /// Role and selection from what is known now.
    fn judge(&mut self, id: ActorId) -> Vec<Output> {
        let selectors = Arc::clone(&self.selectors);
        let known = Arc::make_mut(&mut self.known[id]);
        known.role = role_of(&known.facts).role;
        let pid = known.facts.key.pid;
        let mut selected: Vec<usize> = (0..selectors.len())
            .filter(|index| {
                let selector = &selectors[*index];
                // An inherited cgroup is not believed while `/proc` may still be asked.
                (known.looked_up || !selector.is_by_cgroup()) && selector.matches(&known.facts)
            })
            .collect();
        if selectors.is_empty() && known.role == Role::Etcd {
            selected.push(AUTO);
        }
        let mut outputs = Vec::new();
        for selector in selected {
            if !known.selected_by.contains(&selector) {
                known.selected_by.push(selector);
                self.found_target = true;
                known.active = true;
                let selector = selector_name(&selectors, selector);
                outputs.push(Output::TargetFound { pid, selector });
            }
        }
        if !known.selected_by.is_empty() && !known.threads_watched && !known.exited {
            known.threads_watched = true;
            outputs.push(Output::WatchThreads(pid));
        }
        let wants = !known.selected_by.is_empty()
            || matches!(known.role, Role::Etcd | Role::Apiserver | Role::Backup);
        if wants && !known.tracked && !known.exited {
            known.tracked = true;
            outputs.push(Output::Track(pid));
            outputs.push(Output::LookUp { pid, with_files: true });
        }
        outputs
    }
}

/// What exec or an earlier look said is better than nothing, and `/proc` of a dying process says nothing.
fn keep_what_was_known(facts: &mut ProcessFacts, known: &mut ProcessFacts) {
    if facts.argv.is_empty() {
        facts.argv = std::mem::take(&mut known.argv);
    }
    facts.exe = facts.exe.take().or_else(|| known.exe.take());
    facts.cwd = facts.cwd.take().or_else(|| known.cwd.take());
    if facts.etcd_config.is_none() {
        facts.etcd_config = known.etcd_config.take();
    }
    if facts.etcd_env.is_empty() {
        facts.etcd_env = std::mem::take(&mut known.etcd_env);
    }
    if facts.cgroup == CgroupPaths::default() {
        facts.cgroup = std::mem::take(&mut known.cgroup);
    }
    facts.key = known.key;
}

/// A selector as typed.
pub(super) fn selector_name(selectors: &[Selector], index: usize) -> String {
    selectors.get(index).map_or_else(|| "auto".to_owned(), ToString::to_string)
}
