//! Which capabilities iocontend uses, and which of them the asker has.

use super::{Asker, Capability, Privileges};

/// Bits of the capabilities (include/uapi/linux/capability.h).
pub(super) const DAC_READ_SEARCH: u64 = 1 << 2;
const DAC_OVERRIDE: u64 = 1 << 1;
pub(super) const SYS_PTRACE: u64 = 1 << 19;
const SYS_ADMIN: u64 = 1 << 21;
const SYSLOG: u64 = 1 << 34;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;

/// Each one, and the one that includes it.
const USED: [(&str, u64, u64); 5] = [
    ("CAP_BPF", BPF, SYS_ADMIN),
    ("CAP_PERFMON", PERFMON, SYS_ADMIN),
    ("CAP_SYS_PTRACE", SYS_PTRACE, 0),
    ("CAP_DAC_READ_SEARCH", DAC_READ_SEARCH, DAC_OVERRIDE),
    ("CAP_SYSLOG", SYSLOG, 0),
];

pub(super) fn of(asker: &Asker) -> Privileges {
    let capabilities = asker.capabilities.map(|have| {
        let capability = |(name, bit, other): (&str, u64, u64)| Capability {
            name: name.to_owned(),
            present: have & (bit | other) != 0,
        };
        USED.into_iter().map(capability).collect()
    });
    Privileges {
        uid: asker.uid,
        capabilities: capabilities.unwrap_or_default(),
        host_pid_namespace: asker.host_pids,
        lockdown: asker.lockdown.clone(),
    }
}

/// Whether programs may be loaded: CAP_SYS_ADMIN alone, or CAP_BPF with CAP_PERFMON. Yes when it is not known: then
/// the kernel will say.
pub fn may_load(capabilities: Option<u64>) -> bool {
    capabilities.is_none_or(|have| have & SYS_ADMIN != 0 || have & (BPF | PERFMON) == BPF | PERFMON)
}

/// Names of used capabilities that are missing.
pub(super) fn missing(privileges: &Privileges) -> Vec<&str> {
    let missing = privileges.capabilities.iter().filter(|capability| !capability.present);
    missing.map(|capability| capability.name.as_str()).collect()
}
