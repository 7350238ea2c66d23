//! The document `iocontend.doctor/1` (described for readers in `profiler/docs/doctor.md`): what the doctor found, with its
//! sentences, and the same as codes.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::judged::missing;
use crate::doctor::{
    Ability, Attribution, BtfInfo, Capability, Cgroups, Cost, Data, Disk, Doctor, HookGroup,
    HookState, Hooks, Maps, NotTried, Privileges, Problem, Quirk, SCHEMA, State, Support, Tracefs,
    Trouble, Way,
};
use crate::plan::{GapReason, Loses};
use crate::report::{HookKind, Host, Severity, Tool};
use crate::text::{Lang, doctor as words, notes};

/// The whole document.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(title = "iocontend doctor", rename = "Doctor")]
pub struct DoctorDocument<'a> {
    /// Name and version of this document's shape: `iocontend.doctor/1`.
    schema: Cow<'a, str>,
    /// The program that wrote it.
    tool: Cow<'a, Tool>,
    /// The host it describes.
    host: Cow<'a, Host>,
    /// What iocontend can do here for whoever asked.
    ability: Ability,
    /// What it could do as root, as far as that can be known without being permitted to try. Absent when it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ability_as_root: Option<Ability>,
    /// What is wrong or worth knowing, worst first.
    problems: Vec<ProblemDocument>,
    /// Who asked, and what that is allowed.
    privileges: PrivilegesDocument,
    /// The kernel's type information.
    btf: Cow<'a, BtfInfo>,
    /// The file system of tracepoints.
    tracefs: Cow<'a, Tracefs>,
    /// Where programs attach.
    hooks: HooksDocument,
    /// Whose IO can be given to whoever caused it, way by way. Empty when nothing is known of the kernel.
    #[serde(default)]
    attributions: Vec<AttributionDocument>,
    /// Memory of the kernel side.
    maps: Cow<'a, Maps>,
    /// What optional hooks cost.
    costs: Vec<CostDocument>,
    /// What this kernel does otherwise than others, and what serves instead.
    quirks: Vec<String>,
    /// The same as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quirk_codes: Vec<Quirk>,
    /// Cgroup hierarchies.
    cgroups: Cow<'a, Cgroups>,
    /// Whether the kernel accounts the pressure of IO.
    psi_io: bool,
    /// Disks that carry something, and what lies on them.
    disks: Cow<'a, [Disk]>,
    /// Who keeps what where.
    data: Cow<'a, [Data]>,
}

/// Something that is wrong or worth knowing.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct ProblemDocument {
    /// A name that stays the same, such as `no-tracefs`.
    id: String,
    /// `critical`: nothing works; `warning`: something is lost or shared; `info`: worth knowing.
    severity: Severity,
    /// What was found and what it costs.
    summary: String,
    /// What to do. Absent when there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// The problem as a code: the same name, and its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem_code: Option<Trouble>,
}

/// Who asked.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Privileges")]
struct PrivilegesDocument {
    /// Effective user id.
    uid: u32,
    /// Capabilities that iocontend uses. Empty when they could not be read.
    capabilities: Vec<CapabilityDocument>,
    /// Whether it runs in the host's first pid namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_pid_namespace: Option<bool>,
    /// The kernel's lockdown. Absent when the kernel has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lockdown: Option<String>,
}

/// A capability.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Capability")]
struct CapabilityDocument {
    /// Its name, such as `CAP_BPF`.
    name: String,
    /// Whether it is there, itself or by one that includes it.
    present: bool,
    /// What it is for.
    used_for: String,
}

/// Where programs attach.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Hooks")]
struct HooksDocument {
    /// Whether they were loaded and attached, and detached again. Otherwise this is a plan.
    tried: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_tried_because: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_tried_code: Option<NotTried>,
    /// Every program at every hook.
    hooks: Vec<HookStateDocument>,
}

/// One program at one hook.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HookState")]
struct HookStateDocument {
    /// The program's name in the object.
    program: String,
    /// The tracepoint.
    hook: String,
    /// The kind of hook.
    kind: HookKind,
    /// What is known of it.
    state: State,
    /// Why it is not attached, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<GapReason>,
    /// What is lost without it.
    loses: String,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loses_code: Option<Loses>,
}

/// A way in which IO is given to whoever caused it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Attribution")]
struct AttributionDocument {
    /// A name that stays the same, such as `writeback`.
    name: Way,
    /// Whether it works here.
    support: Support,
    /// Which IO goes to whom, in words.
    what: String,
    /// Why it does not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<GapReason>,
}

/// What a group of optional hooks costs.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Cost")]
struct CostDocument {
    /// The hooks: `syscalls`, `sched`.
    hooks: HookGroup,
    /// Whether they are used here.
    used: bool,
    /// What it costs and when, in words, with the machine it was measured on.
    cost: String,
    /// Nanoseconds for each of `per`, as measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ns: Option<u64>,
    /// What happens so often: `system_call`, `context_switch`.
    per: String,
}

impl<'a> DoctorDocument<'a> {
    /// Of what was found, in a language.
    pub(super) fn of(doctor: &'a Doctor, lang: Lang) -> Self {
        let used = |one: &Capability| CapabilityDocument {
            name: one.name.clone(),
            present: one.present,
            used_for: words::used_for(lang, &one.name).to_owned(),
        };
        Self {
            schema: Cow::Borrowed(SCHEMA),
            tool: Cow::Borrowed(&doctor.tool),
            host: Cow::Borrowed(&doctor.host),
            ability: doctor.ability,
            ability_as_root: doctor.ability_as_root,
            problems: doctor.problems.iter().map(|one| ProblemDocument::of(one, lang)).collect(),
            privileges: PrivilegesDocument {
                uid: doctor.privileges.uid,
                capabilities: doctor.privileges.capabilities.iter().map(used).collect(),
                host_pid_namespace: doctor.privileges.host_pid_namespace,
                lockdown: doctor.privileges.lockdown.clone(),
            },
            btf: Cow::Borrowed(&doctor.btf),
            tracefs: Cow::Borrowed(&doctor.tracefs),
            hooks: HooksDocument::of(&doctor.hooks, lang),
            attributions: doctor.attributions.iter().map(|one| attribution(one, lang)).collect(),
            maps: Cow::Borrowed(&doctor.maps),
            costs: doctor.costs.iter().map(|one| cost(one, lang)).collect(),
            quirks: doctor.quirks.iter().map(|quirk| words::quirk(lang, quirk)).collect(),
            quirk_codes: doctor.quirks.clone(),
            cgroups: Cow::Borrowed(&doctor.cgroups),
            psi_io: doctor.psi_io,
            disks: Cow::Borrowed(&doctor.disks),
            data: Cow::Borrowed(&doctor.data),
        }
    }

    /// What was found again: by codes and numbers, not by sentences.
    fn into_doctor(self) -> Doctor {
        let capability =
            |one: CapabilityDocument| Capability { name: one.name, present: one.present };
        Doctor {
            tool: self.tool.into_owned(),
            host: self.host.into_owned(),
            ability: self.ability,
            ability_as_root: self.ability_as_root,
            problems: self.problems.into_iter().map(ProblemDocument::into_problem).collect(),
            privileges: Privileges {
                uid: self.privileges.uid,
                capabilities: self.privileges.capabilities.into_iter().map(capability).collect(),
                host_pid_namespace: self.privileges.host_pid_namespace,
                lockdown: self.privileges.lockdown,
            },
            btf: self.btf.into_owned(),
            tracefs: self.tracefs.into_owned(),
            hooks: self.hooks.into_hooks(),
            attributions: self.attributions.into_iter().map(into_attribution).collect(),
            maps: self.maps.into_owned(),
            costs: self.costs.into_iter().map(into_cost).collect(),
            quirks: self.quirk_codes,
            cgroups: self.cgroups.into_owned(),
            psi_io: self.psi_io,
            disks: self.disks.into_owned(),
            data: self.data.into_owned(),
        }
    }
}

/// What is read of a document are its codes and numbers.
impl<'de> Deserialize<'de> for Doctor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DoctorDocument::deserialize(deserializer).map(DoctorDocument::into_doctor)
    }
}

impl ProblemDocument {
    fn of(one: &Problem, lang: Lang) -> Self {
        let explained = words::trouble(lang, &one.trouble);
        Self {
            id: one.trouble.id().to_owned(),
            severity: one.severity,
            summary: explained.what,
            action: explained.hint,
            problem_code: Some(one.trouble.clone()),
        }
    }

    fn into_problem(self) -> Problem {
        let unknown = || Trouble::Newer(crate::report::Newer { code: self.id });
        Problem { trouble: self.problem_code.unwrap_or_else(unknown), severity: self.severity }
    }
}

impl HooksDocument {
    fn of(hooks: &Hooks, lang: Lang) -> Self {
        let state = |one: &HookState| HookStateDocument {
            program: one.program.clone(),
            hook: one.hook.clone(),
            kind: one.kind,
            state: one.state,
            reason: one.reason.as_ref().map(|reason| notes::reason(lang, reason)),
            reason_code: one.reason.clone(),
            loses: one.loses.map(|loses| notes::loses(lang, loses)).unwrap_or_default(),
            loses_code: one.loses,
        };
        let why = hooks.not_tried_because.as_ref();
        Self {
            tried: hooks.tried,
            not_tried_because: why.map(|why| words::not_tried(lang, why)),
            not_tried_code: why.cloned(),
            hooks: hooks.hooks.iter().map(state).collect(),
        }
    }

    fn into_hooks(self) -> Hooks {
        let state = |one: HookStateDocument| {
            let unknown = one.reason.map(|_| GapReason::Newer { code: missing().code });
            HookState {
                program: one.program,
                hook: one.hook,
                kind: one.kind,
                state: one.state,
                reason: one.reason_code.or(unknown),
                loses: one.loses_code,
            }
        };
        let unknown = self.not_tried_because.map(|_| NotTried::Newer(missing()));
        Hooks {
            tried: self.tried,
            not_tried_because: self.not_tried_code.or(unknown),
            hooks: self.hooks.into_iter().map(state).collect(),
        }
    }
}

fn attribution(one: &Attribution, lang: Lang) -> AttributionDocument {
    AttributionDocument {
        name: one.way.clone(),
        support: one.support,
        what: words::attribution(lang, &one.way),
        reason: one.reason.as_ref().map(|reason| notes::reason(lang, reason)),
        reason_code: one.reason.clone(),
    }
}

fn into_attribution(one: AttributionDocument) -> Attribution {
    let unknown = one.reason.map(|_| GapReason::Newer { code: missing().code });
    Attribution { way: one.name, support: one.support, reason: one.reason_code.or(unknown) }
}

fn cost(one: &Cost, lang: Lang) -> CostDocument {
    CostDocument {
        hooks: one.hooks.clone(),
        used: one.used,
        cost: words::cost(lang, &one.hooks, one.used),
        ns: one.ns,
        per: one.per.clone(),
    }
}

fn into_cost(one: CostDocument) -> Cost {
    Cost { hooks: one.hooks, used: one.used, ns: one.ns, per: one.per }
}
