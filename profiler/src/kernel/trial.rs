//! Loads and attaches every program, and lets go of all of them again: what `doctor` says about hooks is seen.
//!
//! Nothing is counted meanwhile: the programs leave at once while the time of counting has not begun.

use iocontend_core::doctor::Trial;
use iocontend_core::plan::Plan;

use super::cost;
use super::loading::{attach, load_programs};
use super::probes::{ProbeOptions, chain, load, types};
use crate::limits;

/// Tries everything that is planned. When it returns, nothing is attached.
pub fn try_all(plan: &Plan, tracepoints: &[u8], options: ProbeOptions) -> Trial {
    let loaded = load(plan, options).and_then(|ebpf| Ok((ebpf, types(tracepoints)?)));
    let (mut ebpf, btf) = match loaded {
        Ok(loaded) => loaded,
        Err(error) if limits::is_for_lack_of_descriptors(&error) => return few_descriptors(),
        Err(error) => return Trial::Failed(chain(&error)),
    };
    let map_bytes = ebpf.maps().filter_map(|(_, map)| cost::of_map(map)).sum();
    let mut refusals = load_programs(&mut ebpf, &plan.programs, &btf);
    let mut hooks = Vec::new();
    for planned in &plan.programs {
        let refused = attach(&mut ebpf, planned, &mut refusals).err();
        if refused.as_ref().is_some_and(|error| limits::is_for_lack_of_descriptors(error)) {
            return few_descriptors();
        }
        hooks.push((planned.program, planned.hook, refused.map(|error| chain(&error))));
    }
    // A watch would not begin.
    if !limits::has_spare_descriptors() {
        return few_descriptors();
    }
    Trial::Tried { hooks, map_bytes }
}

fn few_descriptors() -> Trial {
    Trial::FewDescriptors(limits::descriptors().unwrap_or_default())
}
