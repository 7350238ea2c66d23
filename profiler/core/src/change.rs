//! A change of the host's settings, as advice proposes it. Data only: nothing here touches the host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::ProcessKey;
use crate::ids::Dev;
use crate::safe::is_printable;

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

impl Change {
    /// Whether its names are what they look like: a cgroup or disk below where those are, and nothing in it that is not printed as
    /// it is. Of what is not no command is made.
    pub fn is_plain(&self) -> bool {
        match self {
            Self::CgroupDevice { cgroup, file, value, .. }
            | Self::Cgroup { cgroup, file, value } => {
                is_plain_path(cgroup) && is_name(file) && is_printable(value)
            }
            Self::Queue { device, file, value } => {
                is_name(device) && is_name(file) && is_printable(value)
            }
            Self::Sysctl { name, value } => name.split('/').all(is_name) && is_printable(value),
            Self::IoPriority { .. } => true,
        }
    }
}

/// Whether a path begins at the root, leads nowhere but down, and is printed as it is.
pub(crate) fn is_plain_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|inner| inner.split('/').all(is_name))
}

/// Whether this is the name of one file or folder.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('/') && is_printable(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name is plain when it leads to nothing but itself.
    #[test]
    fn names_that_lead_elsewhere_or_hide_are_not_plain() {
        let cgroup = |path: &str| Change::Cgroup {
            cgroup: path.into(),
            file: "memory.high".into(),
            value: "1".into(),
        };
        for path in ["/a", "/system.slice/a b@1.service", "/jobs/数据", "/a..b/.c"] {
            assert!(cgroup(path).is_plain(), "{path}");
        }
        for path in
            ["", "/", "a", "/a/../b", "/..", "/a//b", "/a/", "/./a", "/a\u{1b}[2K", "/a\u{202e}b"]
        {
            assert!(!cgroup(path).is_plain(), "{path}");
        }
        let queue = |device: &str| Change::Queue {
            device: device.into(),
            file: "scheduler".into(),
            value: "none".into(),
        };
        assert!(queue("nvme0n1").is_plain());
        assert!(!queue("../vda").is_plain() && !queue("a/b").is_plain());
    }
}
