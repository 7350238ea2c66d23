//! A change of the host's settings, as advice proposes it. Data only: nothing here touches the host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::ProcessKey;
use crate::ids::Dev;

/// One setting and its wanted value. Each names a single value that can be read before and written back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A device's line in a file of a cgroup (v2), such as `io.max`, `io.weight`, `io.latency`.
    CgroupDevice {
        /// Path below the mount point, such as `/system.slice/backup.service`.
        cgroup: String,
        /// The file's name.
        file: String,
        /// The whole disk.
        device: Dev,
        /// What follows the device's number, such as `wbps=10485760`.
        value: String,
    },
    /// A file of a cgroup (v2) with one value, such as `io.prio.class`, `memory.high`.
    Cgroup {
        /// Path below the mount point.
        cgroup: String,
        /// The file's name.
        file: String,
        /// The value.
        value: String,
    },
    /// A file in a disk's queue folder in sysfs, such as `scheduler`, `wbt_lat_usec`.
    Queue {
        /// The disk's kernel name, such as `nvme0n1`.
        device: String,
        /// The file's name.
        file: String,
        /// The value.
        value: String,
    },
    /// A kernel parameter below `/proc/sys`, such as `vm/dirty_bytes`.
    Sysctl {
        /// Its path there.
        name: String,
        /// The value.
        value: String,
    },
    /// IO priority of all threads of a process (`ioprio_set(2)`).
    IoPriority {
        /// Which process; one that ended is not another that has its number.
        process: ProcessKey,
        /// 1 real time, 2 best effort, 3 idle (include/uapi/linux/ioprio.h).
        class: u8,
        /// 0 (highest) to 7.
        level: u8,
    },
}
