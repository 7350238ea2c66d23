//! What the doctor found (its document is described for readers in `profiler/docs/doctor.md`).
//!
//! Owns the types; computes nothing, says nothing. The rules are the report's: absent is not 0, units are in the names, unknown
//! fields are allowed when reading.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HookGroup, NotTried, Quirk, Trouble, Way};
use crate::facts::WriteCache;
use crate::ids::{FileClass, Role};
use crate::plan::{GapReason, Loses};
use crate::report::{HookKind, Host, Severity, Tool};

/// The schema that this version's document names.
pub const SCHEMA: &str = "iocontend.doctor/1";

/// Everything that was found. `render::json` has the shape of the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Doctor {
    /// The program that wrote it.
    pub tool: Tool,
    /// The host it describes.
    pub host: Host,
    /// What iocontend can do here for whoever asked.
    pub ability: Ability,
    /// What it could do as root, as far as that can be known without being permitted to try. Absent when it was tried.
    pub ability_as_root: Option<Ability>,
    /// What is wrong or worth knowing, worst first.
    pub problems: Vec<Problem>,
    /// Who asked, and what that is allowed.
    pub privileges: Privileges,
    /// The kernel's type information.
    pub btf: BtfInfo,
    /// The file system of tracepoints.
    pub tracefs: Tracefs,
    /// Where programs attach.
    pub hooks: Hooks,
    /// Whose IO can be given to whoever caused it, way by way. Empty when nothing is known of the kernel.
    pub attributions: Vec<Attribution>,
    /// Memory of the kernel side.
    pub maps: Maps,
    /// What optional hooks cost.
    pub costs: Vec<Cost>,
    /// What this kernel does otherwise than others, and what serves instead.
    pub quirks: Vec<Quirk>,
    /// Cgroup hierarchies.
    pub cgroups: Cgroups,
    /// Whether the kernel accounts the pressure of IO.
    pub psi_io: bool,
    /// Disks that carry something, and what lies on them.
    pub disks: Vec<Disk>,
    /// Who keeps what where.
    pub data: Vec<Data>,
}

/// What iocontend can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Everything.
    Full,
    /// Something is lost; the problems say what.
    Partial,
    /// Nothing can be measured.
    None,
}

/// Something that is wrong or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub trouble: Trouble,
    /// `critical`: nothing works; `warning`: something is lost or shared; `info`: worth knowing.
    pub severity: Severity,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Effective user id.
    pub uid: u32,
    /// Capabilities that iocontend uses. Empty when they could not be read.
    pub capabilities: Vec<Capability>,
    /// Whether it runs in the host's first pid namespace.
    pub host_pid_namespace: Option<bool>,
    /// The kernel's lockdown. Absent when the kernel has none.
    pub lockdown: Option<String>,
}

/// A capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name, such as `CAP_BPF`.
    pub name: String,
    /// Whether it is there, itself or by one that includes it.
    pub present: bool,
}

/// The kernel's type information.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BtfInfo {
    /// Where it was looked for.
    pub path: String,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The file system of tracepoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tracefs {
    /// Where it is mounted, by the mounts of whoever asks.
    pub mounted_at: Vec<String>,
    /// Where the host has it, when whoever asks has other mounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_host_at: Vec<String>,
    /// Whether tracepoints could be read.
    pub readable: bool,
}

/// Where programs attach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Whether they were loaded and attached, and detached again. Otherwise this is a plan.
    pub tried: bool,
    /// Why not.
    pub not_tried_because: Option<NotTried>,
    /// Every program at every hook.
    pub hooks: Vec<HookState>,
}

/// One program at one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookState {
    /// The program's name in the object.
    pub program: String,
    /// The tracepoint.
    pub hook: String,
    /// The kind of hook.
    pub kind: HookKind,
    /// What is known of it.
    pub state: State,
    /// Why it is not attached.
    pub reason: Option<GapReason>,
    /// What is lost without it; `None` where a document of another version does not say.
    pub loses: Option<Loses>,
}

/// What is known of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was attached, and detached again.
    Attaches,
    /// The kernel has it; not tried.
    Planned,
    /// Not known without permission to look.
    Unknown,
    /// Not wanted on this host.
    NotNeeded,
    /// The kernel does not have it.
    Missing,
    /// The kernel refused it.
    Refused,
}

/// Whether a way of attribution works here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Which.
    pub way: Way,
    /// Whether it works here.
    pub support: Support,
    /// Why it does not.
    pub reason: Option<GapReason>,
}

/// Whether a way of attribution works here.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It works.
    Yes,
    /// This host has nothing that would need it now.
    NotNeeded,
    /// Not known without permission to look.
    Unknown,
    /// It does not: that IO stays with whoever submits it, or with nobody.
    No,
}

/// Memory of the kernel side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Maps {
    /// Bytes of the tables that are asked for: nearly all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_bytes: Option<u64>,
    /// Bytes that the kernel counted when they were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual_bytes: Option<u64>,
}

/// What a group of optional hooks costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The hooks.
    pub hooks: HookGroup,
    /// Whether they are used here.
    pub used: bool,
    /// Nanoseconds for each of `per`, as measured.
    pub ns: Option<u64>,
    /// What happens so often: `system_call`, `context_switch`.
    pub per: String,
}

/// Cgroup hierarchies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cgroups {
    /// Where the unified hierarchy is mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v2_mount: Option<String>,
    /// Controllers at its root.
    pub v2_controllers: Vec<String>,
    /// Controllers on version 1.
    pub v1_controllers: Vec<String>,
    /// The version that accounts and limits IO: 1 or 2. Absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_version: Option<u8>,
}

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Kernel name.
    pub name: String,
    /// The name given to a device-mapper device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dm_name: Option<String>,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// The active scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// Those that can be chosen now.
    pub schedulers: Vec<String>,
    /// Whether the device says that it rotates; virtual ones often say so without cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
    /// `write_back`: an fsync costs a flush; `write_through`: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_cache: Option<Cache>,
    /// Whether it takes FUA writes, which save a flush.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fua: Option<bool>,
    /// Depth of the scheduler's queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nr_requests: Option<u32>,
    /// Target latency of writeback throttling, microseconds; 0 is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wbt_lat_us: Option<u64>,
    /// Whether the kernel counts its IO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iostats: Option<bool>,
    /// The file below a loop device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_file: Option<String>,
    /// What it is built on, by kernel name.
    pub built_on: Vec<String>,
    /// What is built on it.
    pub carries: Vec<String>,
    /// The disks at the bottom; itself when it is built on none.
    pub bottom: Vec<String>,
    /// Mounted file systems on it or on what it carries.
    pub filesystems: Vec<Fs>,
}

/// What a device does with writes before a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// A volatile cache.
    WriteBack,
    /// None that the device admits.
    WriteThrough,
}

impl From<WriteCache> for Cache {
    fn from(cache: WriteCache) -> Self {
        match cache {
            WriteCache::WriteBack => Self::WriteBack,
            WriteCache::WriteThrough => Self::WriteThrough,
        }
    }
}

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fs {
    /// Type.
    pub fstype: String,
    /// Where it is mounted.
    pub mount_point: String,
    /// What was mounted.
    pub source: String,
    /// Options of the mount and the file system.
    pub options: String,
    /// Its journal.
    pub journal: Journal,
}

/// A file system's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Journal {
    /// Where it is.
    pub kind: JournalKind,
    /// The device of an external one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// ext4's data mode: `ordered`, `writeback`, `journal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_mode: Option<String>,
}

/// Where a journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JournalKind {
    /// In the file system itself.
    Internal,
    /// On a device of its own.
    External,
    /// There is none.
    None,
    /// btrfs: a tree of its own for syncs, in the file system.
    LogTree,
    /// Only the superblock would tell, which is not read here.
    Unknown,
}

/// A place where somebody with a role keeps data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    /// Process id.
    pub pid: u32,
    /// Its name.
    pub comm: String,
    /// Its systemd unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its role.
    pub role: Role,
    /// What the files are to it.
    pub file_class: FileClass,
    /// The path, in its own mount namespace.
    pub path: String,
    /// Where the file system is mounted on the host. Absent when it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_point: Option<String>,
    /// The disks at the bottom. Empty when there are none (tmpfs, network) or it could not be told.
    pub disks: Vec<String>,
}
