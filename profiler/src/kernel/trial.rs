//! Loads and attaches every program, and lets go of all of them again: what `doctor` says about hooks is seen.
//!
//! Nothing is counted meanwhile: the programs leave at once while the time of counting has not begun.

use iocontend_core::doctor::Trial;
use iocontend_core::plan::Plan;

use super::cost;
use super::probes::{ProbeOptions, attach, chain, load, types};

/// Tries everything that is planned. When it returns, nothing is attached.
pub fn try_all(plan: &Plan, tracepoints: &[u8], options: ProbeOptions) -> Trial {
    let loaded = load(plan, options).and_then(|ebpf| Ok((ebpf, types(tracepoints)?)));
    let (mut ebpf, btf) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return Trial::Failed(chain(&error)),
    };
    let map_bytes = ebpf.maps().filter_map(|(_, map)| cost::of_map(map)).sum();
    let hooks = plan
        .programs
        .iter()
        .map(|planned| {
            let refused = attach(&mut ebpf, planned, &btf).err().map(|error| chain(&error));
            (planned.program, planned.hook, refused)
        })
        .collect();
    Trial::Tried { hooks, map_bytes }
}
