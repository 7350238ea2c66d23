//! Loads and attaches every program, and lets go of all of them again: what `doctor` says about hooks is seen.
//!
//! Nothing is counted meanwhile: the programs leave at once while the time of counting has not begun.

use aya::Btf;
use iocontend_core::doctor::Trial;
use iocontend_core::plan::Plan;

use super::cost;
use super::probes::{ProbeOptions, attach, chain, load};

/// Tries everything that is planned. When it returns, nothing is attached.
pub fn try_all(plan: &Plan, btf: &Btf, options: ProbeOptions) -> Trial {
    let mut ebpf = match load(plan, btf, options) {
        Ok(ebpf) => ebpf,
        Err(error) => return Trial::Failed(chain(&error)),
    };
    let map_bytes = ebpf.maps().filter_map(|(_, map)| cost::of_map(map)).sum();
    let hooks = plan
        .programs
        .iter()
        .map(|planned| {
            let refused = attach(&mut ebpf, planned, btf).err().map(|error| chain(&error));
            (planned.program, planned.hook, refused)
        })
        .collect();
    Trial::Tried { hooks, map_bytes }
}
