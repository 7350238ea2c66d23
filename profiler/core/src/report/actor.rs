//! Actors in the report: who caused IO and who waited for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Lat, Part, StartedBy};
use crate::ids::{Call, FileClass, Method, Op, Role};

/// A process, a kernel thread that could not be resolved further, or (role `unattributed`) the IO of
/// one device that could not be given to anybody for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// Unique in the document: `PID@START` (in clock ticks since boot), `cgroup:ID` where only that is known,
    /// or `unattributed:REASON:DEVICE`.
    pub id: String,
    /// Process id. Absent for what is not a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// When the process started, in nanoseconds since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<u64>,
    /// The name the kernel keeps (at most 15 bytes). Bytes that are not UTF-8 become U+FFFD, here and
    /// in `exe` and `argv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Path of the executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// The command line. Absent when it is not known; kernel threads have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// What part it plays on this host.
    pub role: Role,
    /// Its cgroup's path below the mount point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// Its systemd unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its Kubernetes pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The nearest ancestor that starts programs for others: cron, systemd, a container runtime, a session. Absent when
    /// none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<StartedBy>,
    /// True when it was seen to exit within the window.
    #[serde(default)]
    pub exited: bool,
    /// The IO it caused.
    #[serde(default)]
    pub io: Vec<Io>,
    /// How long it had requests in a device, in steps of 250 ms; of several devices, on the one where that was longest. Only for
    /// the whole window, and absent where no requests were told one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_ns: Option<u64>,
    /// Who wrote out in its own syncs what this one had caused. Absent where nobody did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced_by: Vec<ForcedBy>,
    /// Its waits for storage.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// How long its threads were ready to run and had no CPU, once for each time one got a CPU. Only of targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue: Option<Lat>,
    /// Its three longest waits in syncs, the longest first, each taken apart. Only of targets; absent when none was
    /// told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Vec<WorstWait>>,
}

/// What the kernel calls a program that was started as `/proc/self/exe`: the base name of that path.
const SELF_EXE: &str = "exe";

impl Actor {
    /// What its program is called: the kernel's name, but for one that was started as `/proc/self/exe`, as container runtimes start
    /// themselves. That is known by the first word of its command line, or by its executable. `None` where nothing is known.
    pub fn program(&self) -> Option<&str> {
        let comm = self.comm.as_deref();
        if comm.is_some_and(|comm| comm != SELF_EXE) {
            return comm;
        }
        let first = self.argv.as_ref().and_then(|argv| argv.first()).map(String::as_str);
        let paths = [first, self.exe.as_deref()].into_iter().flatten();
        let mut names = paths.filter_map(|path| path.rsplit('/').next());
        names.find(|name| !name.is_empty() && *name != SELF_EXE).or(comm).or(self.exe.as_deref())
    }
}

/// A Kubernetes pod's container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pod {
    /// The pod's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The pod's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The container's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// What one process submitted though another had caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForcedBy {
    /// The process (an actor's id) that submitted it, mostly in a sync.
    pub by: String,
    /// Requests whose larger part was the actor's.
    pub count: u64,
    /// Bytes of these requests.
    pub bytes: u64,
}

/// IO of one actor on one device: one row per operation, file class and method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Io {
    /// The device's name, as in `devices[].name`.
    pub device: String,
    /// The operation.
    pub op: Op,
    /// What the file is to the actor.
    pub file_class: FileClass,
    /// How the requests were given to the actor.
    pub method: Method,
    /// Requests. One that was split among several actors counts for the largest share only.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
    /// Queue time (from queueing to issue).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q2d: Option<Lat>,
    /// Device time (from issue to completion).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d2c: Option<Lat>,
    /// Total time (from queueing to completion).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q2c: Option<Lat>,
}

/// One wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorstWait {
    /// The call it waited in.
    pub call: Call,
    /// What the file is to the actor.
    pub file_class: FileClass,
    /// The file. Absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When it began, on the host's clock, RFC 3339 with the zone's offset. That may be before the window.
    pub start: String,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
    /// The same time split into disjoint parts, in nanoseconds.
    pub anatomy: BTreeMap<Part, u64>,
}

/// Waits of one actor in one call on one class of file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wait {
    /// The call it waited in.
    pub call: Call,
    /// What the file is to the actor.
    pub file_class: FileClass,
    /// The file, or the directory of all of them. Absent when it is not known or they have none in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How long the calls took.
    pub latency: Lat,
    /// The same time split into disjoint parts, in nanoseconds. Absent when it was not taken apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anatomy: Option<BTreeMap<Part, u64>>,
}
