//! What is wrong or worth knowing, worst first.
//!
//! Owns the order and the conditions; words are in `text::doctor`.

use std::collections::{BTreeMap, BTreeSet};

use super::disks::lies_on_etcds_disk;
use super::{
    Ability, Data, Disk, Doctor, Fs, HookGroup, JournalKind, Keeper, Problem, Seen, State, Trial,
    Trouble, privileges,
};
use crate::ids::Role;
use crate::plan::{GapReason, Loses, NoFormats};
use crate::report::Severity;

/// Processes that a problem names; of more, their number.
const NAMED: usize = 4;

/// What a problem means for what can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Nothing can be measured.
    Stops,
    /// Something is lost.
    Loses,
    /// Nothing is lost.
    Nothing,
}

/// One problem.
struct Entry {
    means: Means,
    /// Root would not have it.
    for_lack_of_rights: bool,
    problem: Problem,
}

/// All problems.
pub(super) struct Found(Vec<Entry>);

impl Found {
    /// What can be done by whoever asked.
    pub(super) fn ability(&self) -> Ability {
        Self::of(&self.0.iter())
    }

    /// What root could do.
    pub(super) fn ability_as_root(&self) -> Ability {
        Self::of(&self.0.iter().filter(|entry| !entry.for_lack_of_rights))
    }

    fn of<'a>(entries: &(impl Iterator<Item = &'a Entry> + Clone)) -> Ability {
        let any = |means| entries.clone().any(|entry| entry.means == means);
        if any(Means::Stops) {
            Ability::None
        } else if any(Means::Loses) {
            Ability::Partial
        } else {
            Ability::Full
        }
    }

    /// Worst first; else in the order in which they were looked for.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.0.into_iter().map(|entry| entry.problem).collect();
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        problems
    }

    fn add(&mut self, means: Means, severity: Severity, trouble: Trouble) {
        let for_lack_of_rights = trouble.is_for_lack_of_rights();
        self.0.push(Entry { means, for_lack_of_rights, problem: Problem { trouble, severity } });
    }

    fn stops(&mut self, trouble: Trouble) {
        self.add(Means::Stops, Severity::Critical, trouble);
    }

    fn loses(&mut self, trouble: Trouble) {
        self.add(Means::Loses, Severity::Warning, trouble);
    }

    fn warns(&mut self, trouble: Trouble) {
        self.add(Means::Nothing, Severity::Warning, trouble);
    }

    fn says(&mut self, trouble: Trouble) {
        self.add(Means::Nothing, Severity::Info, trouble);
    }
}

/// Everything that is wrong or worth knowing.
pub(super) fn of(seen: &Seen, doctor: &Doctor) -> Found {
    let mut found = Found(Vec::new());
    rights(seen, doctor, &mut found);
    kernel(seen, doctor, &mut found);
    hooks(seen, doctor, &mut found);
    sharing(doctor, &mut found);
    disks(doctor, &mut found);
    host(seen, doctor, &mut found);
    found
}

fn rights(seen: &Seen, doctor: &Doctor, found: &mut Found) {
    let missing = privileges::missing(&doctor.privileges);
    let uid = seen.asker.uid;
    if !privileges::may_load(seen.asker.capabilities) {
        found.stops(Trouble::NotPermitted { uid, missing: owned(&missing) });
    } else if !missing.is_empty() {
        let without: Vec<&str> = missing
            .iter()
            .filter(|name| !matches!(**name, "CAP_BPF" | "CAP_PERFMON"))
            .copied()
            .collect();
        // CAP_SYSLOG shows in what it is needed for: the addresses of symbols.
        let read: Vec<&str> = without.into_iter().filter(|name| *name != "CAP_SYSLOG").collect();
        if !read.is_empty() {
            found.loses(Trouble::MissingCapability { missing: owned(&read) });
        }
    }
    let was_tried = matches!(seen.trial, Trial::Tried { .. });
    if seen.asker.lockdown.as_deref() == Some("confidentiality") && !was_tried {
        found.stops(Trouble::Lockdown);
    }
    if seen.asker.host_pids == Some(false) {
        found.loses(Trouble::ForeignPidNamespace);
    }
}

fn kernel(seen: &Seen, doctor: &Doctor, found: &mut Found) {
    if let Some(error) = &doctor.btf.error {
        let (path, error) = (doctor.btf.path.clone(), error.clone());
        found.stops(Trouble::NoBtf { path, error });
    }
    if let Some(Err(missing)) = &seen.plan {
        let kernel = doctor.host.kernel.clone().unwrap_or_else(|| "unknown".to_owned());
        found.stops(Trouble::UnsupportedKernel { kernel, lack: missing.into() });
    }
    if let Trial::Failed(error) = &seen.trial {
        found.stops(Trouble::LoadFailed { error: error.clone() });
    }
    if let Trial::FewDescriptors(limit) = &seen.trial {
        found.stops(Trouble::FewDescriptors { limit: *limit });
    }
    tracefs(seen, doctor, found);
    if let Some(Ok(plan)) = &seen.plan
        && plan.symbols_hidden
        && privileges::may_load(seen.asker.capabilities)
    {
        found.loses(Trouble::SymbolsHidden);
    }
}

fn tracefs(seen: &Seen, doctor: &Doctor, found: &mut Found) {
    let (here, on_host) = (&doctor.tracefs.mounted_at, &doctor.tracefs.on_host_at);
    match &seen.tracefs_read {
        Some(Ok(_)) | None => {}
        Some(Err(NoFormats::NotPermitted)) => {
            found.loses(Trouble::TracefsUnreadable { mounted_at: here.clone() });
        }
        Some(Err(NoFormats::NotMounted)) => {
            let on_host = here.is_empty() && !on_host.is_empty();
            let at = if on_host { &doctor.tracefs.on_host_at } else { here };
            found.loses(Trouble::NoTracefs { elsewhere: at.clone(), on_host });
        }
    }
}

/// Hooks that are missing, together when they are missing for the same reason and lose the same.
fn hooks(seen: &Seen, doctor: &Doctor, found: &mut Found) {
    type Group<'a> = (bool, Option<&'a GapReason>, Loses);
    let mut groups: BTreeMap<Group<'_>, Vec<&str>> = BTreeMap::new();
    // What tracefs does not show is said once, with tracefs.
    let no_tracefs = matches!(seen.tracefs_read, Some(Err(_)));
    for hook in &doctor.hooks.hooks {
        let is_wanted = matches!(hook.state, State::Missing | State::Refused);
        if !is_wanted
            || (no_tracefs && hook.state == State::Missing && hook.kind.name() == "tracepoint")
        {
            continue;
        }
        let Some(loses) = hook.loses else { continue };
        let group = (loses == Loses::Everything, hook.reason.as_ref(), loses);
        groups.entry(group).or_default().push(&hook.hook);
    }
    for ((essential, why, loses), hooks) in groups {
        let trouble = Trouble::HookMissing { hooks: owned(&hooks), why: why.cloned(), loses };
        if essential { found.stops(trouble) } else { found.loses(trouble) }
    }
    if doctor.costs.iter().any(|cost| cost.hooks == HookGroup::Syscalls && cost.used) {
        found.says(Trouble::SyscallHooks);
    }
}

/// Others with a role on etcd's disks.
fn sharing(doctor: &Doctor, found: &mut Found) {
    if !doctor.data.iter().any(|data| data.role == Role::Etcd) {
        found.says(Trouble::NoEtcd);
        return;
    }
    for data in doctor.data.iter().filter(|data| data.role == Role::Etcd && data.disks.is_empty()) {
        let (comm, path) = (data.comm.clone(), data.path.clone());
        found.says(Trouble::DiskUnknown { comm, pid: data.pid, path });
    }
    for disk in disks_of_etcd(doctor) {
        let others: Vec<&Data> = lies_on_etcds_disk(doctor, disk).collect();
        if others.is_empty() {
            continue;
        }
        let shared = others.iter().filter_map(|data| shared_file_system(doctor, data));
        let same = shared.max_by_key(|fs| fs.journal.kind != JournalKind::None);
        let same_journal = same.is_some_and(|fs| fs.journal.kind != JournalKind::None);
        let (others, more) = named(&others);
        found.warns(Trouble::SharedDisk {
            device: disk.to_owned(),
            others,
            more,
            same_filesystem: same.is_some(),
            same_journal,
        });
    }
}

/// Each process once: the first few by name, and how many more there are.
fn named(others: &[&Data]) -> (Vec<Keeper>, u64) {
    let mut pids = BTreeSet::new();
    let processes: Vec<&&Data> = others.iter().filter(|data| pids.insert(data.pid)).collect();
    let keeper = |data: &&&Data| Keeper {
        role: data.role,
        comm: data.comm.clone(),
        pid: data.pid,
        file_class: data.file_class,
        path: data.path.clone(),
    };
    let more = processes.len().saturating_sub(NAMED) as u64;
    (processes.iter().take(NAMED).map(keeper).collect(), more)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The file system of this place when it is one of etcd's too.
fn shared_file_system<'a>(doctor: &'a Doctor, data: &Data) -> Option<&'a Fs> {
    let point = data.mount_point.as_deref()?;
    let mut etcds = doctor.data.iter().filter(|one| one.role == Role::Etcd);
    etcds.find(|etcd| etcd.mount_point.as_deref() == Some(point))?;
    let mut all = doctor.disks.iter().flat_map(|disk| &disk.filesystems);
    all.find(|fs| fs.mount_point == point)
}

fn disks_of_etcd(doctor: &Doctor) -> Vec<&str> {
    let of_etcd = doctor.data.iter().filter(|data| data.role == Role::Etcd);
    let mut disks: Vec<&str> =
        of_etcd.flat_map(|data| data.disks.iter().map(String::as_str)).collect();
    disks.sort_unstable();
    disks.dedup();
    disks
}

fn disks(doctor: &Doctor, found: &mut Found) {
    let uncounted: Vec<&str> = doctor
        .disks
        .iter()
        .filter(|disk| disk.iostats == Some(false) && is_bottom(disk))
        .map(|disk| disk.name.as_str())
        .collect();
    if !uncounted.is_empty() {
        found.loses(Trouble::IostatsOff { devices: owned(&uncounted) });
    }
}

fn is_bottom(disk: &Disk) -> bool {
    disk.bottom == [disk.name.clone()]
}

fn host(seen: &Seen, doctor: &Doctor, found: &mut Found) {
    if !doctor.psi_io {
        found.says(Trouble::NoPsi);
    }
    if doctor.cgroups.io_version == Some(1) {
        found.says(Trouble::CgroupV1);
    } else if doctor.cgroups.io_version.is_none() && seen.host.cgroup_version.is_some() {
        found.says(Trouble::NoIoController);
    }
}
