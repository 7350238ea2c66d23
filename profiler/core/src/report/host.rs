//! The host a report describes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The kernel's release, as `uname -r` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The machine's architecture, as `uname -m` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Number of CPUs online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// Which cgroup hierarchy accounts for IO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<CgroupVersion>,
    /// Pressure of IO on the whole host (`/proc/pressure/io`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psi_io: Option<PsiIo>,
}

/// Which cgroup hierarchies a host has mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CgroupVersion {
    /// Version 1 only: buffered writes are charged to the root cgroup.
    V1,
    /// Version 2 only.
    V2,
    /// Both; the IO controller is on version 1.
    Hybrid,
}

impl CgroupVersion {
    /// The name in JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        }
    }
}

/// Time that tasks stood still for IO, by the kernel's pressure accounting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PsiIo {
    /// Percent of the last 10 s in which at least one task waited, at the end of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub some_avg10: Option<f64>,
    /// Percent of the last 10 s in which all tasks waited, at the end of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_avg10: Option<f64>,
    /// Microseconds since boot in which at least one task waited, at the end of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub some_total_us: Option<u64>,
    /// Microseconds since boot in which all tasks waited, at the end of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_total_us: Option<u64>,
    /// Microseconds within the window in which at least one task waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub some_delta_us: Option<u64>,
    /// Microseconds within the window in which all tasks waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_delta_us: Option<u64>,
}
