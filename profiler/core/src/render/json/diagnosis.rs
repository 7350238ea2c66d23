//! Groups and the diagnosis in the document: what verdict, findings and advice are views of, as numbers.
//!
//! All of it follows from the rest of the document, so that none of it is read back.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnosis::causes::{By, Cause, Causes};
use crate::diagnosis::groups::{Group, Groups};
use crate::diagnosis::waits::Waiting;
use crate::diagnosis::{Diagnosis, Victim, limits};
use crate::findings;
use crate::ids::{FileClass, Role};
use crate::report::{
    Actor, AloneVsShared, Blame, Mechanism, Pod, Report, SELF, Share, Stall, UNEXPLAINED,
    VictimState, WaitKind,
};

/// A row of blame with the names of who is charged.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Blame")]
pub(super) struct BlameDocument {
    /// The row.
    #[serde(flatten)]
    row: Blame,
    /// What the culprit is called: its group's `name`; `self` and `unexplained` as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    culprit_name: Option<String>,
    /// The culprit's group, by its `id`. Absent where it is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    culprit_group: Option<String>,
}

impl BlameDocument {
    /// All rows.
    pub(super) fn all(rows: &[Blame], groups: &Groups<'_>) -> Vec<Self> {
        let mut names: BTreeMap<Group<'_>, (String, String)> = BTreeMap::new();
        let mut of = |row: &Blame| {
            let group = groups.group(&row.culprit);
            let known = group.map(|group| {
                names.entry(group).or_insert_with(|| (groups.name(group), group.id())).clone()
            });
            let nobody = || matches!(row.culprit.as_str(), SELF | UNEXPLAINED);
            let (name, id) = match known {
                Some((name, id)) => (Some(name), Some(id)),
                None => (nobody().then(|| row.culprit.clone()), None),
            };
            Self { row: row.clone(), culprit_name: name, culprit_group: id }
        };
        rows.iter().map(&mut of).collect()
    }

    /// The row again.
    pub(super) fn into_row(self) -> Blame {
        self.row
    }
}

/// A stall with the name of who is charged with most of it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Stall")]
pub(super) struct StallDocument {
    /// The stall.
    #[serde(flatten)]
    stall: Stall,
    /// What the first of its culprits is called: its group's `name`. Absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    culprit_name: Option<String>,
    /// That culprit's group, by its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    culprit_group: Option<String>,
}

impl StallDocument {
    /// One of them.
    pub(super) fn of(stall: &Stall, groups: &Groups<'_>) -> Self {
        let first = stall.culprits.first().and_then(|one| groups.group(&one.actor));
        Self {
            stall: stall.clone(),
            culprit_name: first.map(|group| groups.name(group)),
            culprit_group: first.map(Group::id),
        }
    }

    /// The longest of these, as they stand.
    pub(super) fn keep_longest(all: &mut Vec<Self>, count: usize) {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| Reverse(all[*at].stall.worst.duration_ns));
        order.truncate(count);
        let mut at = 0..;
        all.retain(|_| at.next().is_some_and(|at| order.contains(&at)));
    }

    /// The stall again.
    pub(super) fn into_stall(self) -> Stall {
        self.stall
    }
}

/// Actors that are one to a person: runs of one program, a unit, a container of a pod.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Group")]
pub(super) struct GroupDocument {
    /// Unique in the document.
    id: String,
    /// What it is called.
    name: String,
    /// What part it plays on this host. Absent where nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// Its systemd unit, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// Its Kubernetes pod, where it is one's container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<Pod>,
    /// How many actors it has.
    count: u64,
    /// Their ids, in the order of `actors`. Absent in a brief document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    actors: Vec<String>,
    /// One for each process, where they come one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunDocument>,
}

/// A run of a program.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Run")]
struct RunDocument {
    /// The actor.
    actor: String,
    /// When it started, in nanoseconds since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_ns: Option<u64>,
    /// True when it was seen to exit within the window.
    exited: bool,
    /// Bytes of its IO, over all devices.
    bytes: u64,
}

impl GroupDocument {
    /// All of them.
    pub(super) fn all(groups: &Groups<'_>) -> Vec<Self> {
        groups.all().map(|(group, members)| Self::of(groups, group, members)).collect()
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// For a brief document.
    pub(super) fn leave_out_members(&mut self) {
        self.actors.clear();
        self.runs.clear();
    }

    fn of<'a>(groups: &Groups<'a>, group: Group<'a>, members: &[&'a Actor]) -> Self {
        let (unit, pod) = match group {
            Group::Unit { unit, .. } => (Some(unit.to_owned()), None),
            Group::Container { .. } => (None, members.iter().find_map(|actor| actor.pod.clone())),
            Group::Program { .. } | Group::Alone(..) => (None, None),
        };
        let run = |actor: &&Actor| RunDocument {
            actor: actor.id.clone(),
            start_ns: actor.start_ns,
            exited: actor.exited,
            bytes: actor.io.iter().map(|io| io.bytes).fold(0, u64::saturating_add),
        };
        let has_runs = groups.has_runs(group);
        Self {
            id: group.id(),
            name: groups.name(group),
            role: group.role(),
            unit,
            pod,
            count: members.len() as u64,
            actors: members.iter().map(|actor| actor.id.clone()).collect(),
            runs: members.iter().filter(|_| has_runs).map(run).collect(),
        }
    }
}

/// Of one victim: its state, why it waited, and what was not seen.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Diagnosis")]
pub(super) struct DiagnosisDocument {
    /// The actor that waited.
    victim: String,
    /// The name that the kernel keeps for it. Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    victim_name: Option<String>,
    /// Its state.
    state: VictimState,
    /// What its waits are held against, and where they stand, by class of file. Empty where there are too few.
    limits: Vec<LimitDocument>,
    /// Why it waited: parts of the waits that are above their limits; where none is, of all. Absent where nobody can say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causes: Option<Vec<CauseDocument>>,
    /// What was not seen.
    unseen: Vec<Unseen>,
    /// How much of it is known, 0 to 1: the explained part of these waits, less what was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<Share>,
}

/// A limit, and where waits stand.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Limit")]
struct LimitDocument {
    /// The class of file.
    file_class: FileClass,
    /// The sort of call that is worst.
    wait: WaitKind,
    /// The limit of the 99th percentile, in nanoseconds.
    value_ns: u64,
    /// Where it comes from.
    source: LimitSource,
    /// The 99th percentile, in nanoseconds.
    p99_ns: u64,
    /// The longest, in nanoseconds.
    max_ns: u64,
}

/// Where a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LimitSource {
    /// etcd's FAQ.
    EtcdFaq,
    /// That of etcd's log, for want of another.
    AsEtcdsLog,
}

/// Why it waited.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Cause")]
struct CauseDocument {
    /// What sort of cause.
    kind: CauseKind,
    /// Who, by the `id` in `groups`. Only of a neighbour; absent where nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The device on which most of it happened. Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// The time, in nanoseconds.
    wait_ns: u64,
    /// Its part of these waits.
    share: Share,
    /// How, in nanoseconds each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    mechanisms: BTreeMap<Mechanism, u64>,
    /// The victim's syncs beside a neighbour that is one process, and without. Absent where they were not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<ProofDocument>,
}

/// Syncs beside somebody, and without.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Proof")]
#[expect(clippy::struct_field_names, reason = "units are in the names of a document's fields")]
struct ProofDocument {
    /// Mean without, in nanoseconds.
    alone_mean_ns: u64,
    /// 99th percentile without, in nanoseconds.
    alone_p99_ns: u64,
    /// Mean beside it, in nanoseconds.
    shared_mean_ns: u64,
    /// 99th percentile beside it, in nanoseconds.
    shared_p99_ns: u64,
}

/// What sort of cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CauseKind {
    /// Others' IO.
    Neighbour,
    /// Its own IO, and the disk.
    Device,
    /// A limit on its own IO.
    Limit,
    /// No CPU for its threads, which were ready.
    Cpu,
    /// Its own time on a CPU.
    OwnWork,
    /// Neither who nor how is known.
    Unexplained,
}

/// What was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unseen {
    /// Events were lost.
    EventsLost,
    /// Bytes that belong to nobody.
    UnattributedIo,
    /// Waits in write(2) and page faults.
    ThreadWaits,
    /// Below the block device.
    BelowDevice,
    /// Other members and the network.
    OtherMembers,
    /// Logs.
    Logs,
}

impl DiagnosisDocument {
    /// Of each victim of a report that was judged.
    pub(super) fn all(report: &Report) -> Option<Vec<Self>> {
        report.verdict.as_ref()?;
        let diagnosis = Diagnosis::of(report);
        Some(diagnosis.victims.iter().map(|victim| Self::of(&diagnosis, victim)).collect())
    }

    /// Leaves only the largest causes.
    pub(super) fn keep_most(&mut self, count: usize) {
        if let Some(causes) = &mut self.causes {
            causes.truncate(count);
        }
    }

    /// Groups that it names, by id.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().flatten().filter_map(|cause| cause.group.as_deref())
    }

    fn of(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Self {
        let found = diagnosis.report.findings.as_deref().unwrap_or_default();
        let judged = findings::of_victim(diagnosis, victim, found);
        let causes = Causes::of(diagnosis, &[victim]).ok().filter(|causes| causes.whole_ns > 0);
        Self {
            victim: victim.actor.id.clone(),
            victim_name: victim.actor.comm.clone(),
            state: judged.answer,
            limits: victim.waitings.iter().filter_map(|one| limit(victim, one)).collect(),
            causes: causes
                .as_ref()
                .map(|all| all.all.iter().map(|one| cause(diagnosis, victim, all, one)).collect()),
            unseen: unseen(diagnosis),
            confidence: causes.as_ref().map(|causes| confidence(diagnosis, causes)),
        }
    }
}

fn limit(victim: &Victim<'_>, waiting: &Waiting<'_>) -> Option<LimitDocument> {
    let worst = waiting.worst()?;
    let is_etcd = victim.actor.role == Role::Etcd;
    Some(LimitDocument {
        file_class: waiting.class,
        wait: worst.kind,
        value_ns: waiting.limit_ns,
        source: if is_etcd { LimitSource::EtcdFaq } else { LimitSource::AsEtcdsLog },
        p99_ns: worst.p99_ns(),
        max_ns: worst.max_ns(),
    })
}

fn cause(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    all: &Causes<'_>,
    one: &Cause<'_>,
) -> CauseDocument {
    let (kind, group, proof) = match &one.by {
        By::Neighbour(culprit) => {
            let row = diagnosis.beside(&victim.actor.id, culprit);
            (CauseKind::Neighbour, Some(culprit.group.id()), row.and_then(proof))
        }
        By::Unattributed => (CauseKind::Neighbour, None, None),
        By::Device => (CauseKind::Device, None, None),
        By::Limit => (CauseKind::Limit, None, None),
        By::NoCpu => (CauseKind::Cpu, None, None),
        By::OwnWork => (CauseKind::OwnWork, None, None),
        By::Unexplained => (CauseKind::Unexplained, None, None),
    };
    CauseDocument {
        kind,
        group,
        device: one.device.map(str::to_owned),
        wait_ns: one.wait_ns,
        share: Share::rounded(crate::diagnosis::kinds::share(one.wait_ns, all.whole_ns)),
        mechanisms: one.mechanisms.clone(),
        proof,
    }
}

fn proof(row: &AloneVsShared) -> Option<ProofDocument> {
    let (alone, shared) = (row.alone.as_ref()?, row.shared.as_ref()?);
    Some(ProofDocument {
        alone_mean_ns: alone.mean_ns?,
        alone_p99_ns: alone.p99_ns?,
        shared_mean_ns: shared.mean_ns?,
        shared_p99_ns: shared.p99_ns?,
    })
}

fn unseen(diagnosis: &Diagnosis<'_>) -> Vec<Unseen> {
    let lost = (diagnosis.lost() > 0.0).then_some(Unseen::EventsLost);
    let is_much = diagnosis.unattributed() >= limits::UNATTRIBUTED;
    let unattributed = is_much.then_some(Unseen::UnattributedIo);
    let threads = (!diagnosis.is_attached("sched_switch")).then_some(Unseen::ThreadWaits);
    let always = [Unseen::BelowDevice, Unseen::OtherMembers, Unseen::Logs];
    [lost, unattributed, threads].into_iter().flatten().chain(always).collect()
}

/// As findings have it: what is explained, less what was lost or belongs to nobody.
fn confidence(diagnosis: &Diagnosis<'_>, causes: &Causes<'_>) -> Share {
    let unknown = causes.all.iter().filter(|one| matches!(one.by, By::Unexplained));
    let unknown = unknown.map(|one| one.wait_ns).fold(0, u64::saturating_add);
    let known = 1.0 - crate::diagnosis::kinds::share(unknown, causes.whole_ns);
    let kept = (1.0 - 2.0 * diagnosis.lost()).max(0.0);
    Share::rounded(limits::AT_BEST * kept * known * (1.0 - diagnosis.unattributed() / 2.0))
}
