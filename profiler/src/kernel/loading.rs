//! Programs into the kernel: loaded side by side, attached one after the other.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::thread;

use aya::programs::{BtfTracePoint, Program, ProgramError, TracePoint};
use aya::{Btf, Ebpf};
use iocontend_core::plan::{Hook, Planned};
use iocontend_wire::programs;

/// Threads that load programs beside the first, at most: the largest program alone takes a quarter of the time of all.
const LOADERS: usize = 3;
/// The programs on which the verifier spends most of its time.
const LARGEST: [&str; 3] = [programs::SWITCH, programs::RQ_COMPLETE, programs::IO_START];

/// Programs that the kernel refused to load, and why.
pub(super) type Refusals = HashMap<&'static str, ProgramError>;

/// Loads what is planned, several programs at a time: the kernel's verifier walks each on the CPU of who loads it, and the
/// largest take it some 0.1 s.
pub(super) fn load_programs(ebpf: &mut Ebpf, planned: &[Planned], btf: &Btf) -> Refusals {
    let mut places: HashMap<&'static str, Hook> = HashMap::new();
    for planned in planned {
        places.entry(planned.program).or_insert(planned.hook);
    }
    let mut waiting: Vec<(&'static str, Hook, &mut Program)> = ebpf
        .programs_mut()
        .filter_map(|(name, program)| {
            places.get_key_value(name).map(|(name, hook)| (*name, *hook, program))
        })
        .collect();
    // Taken from the end, so that nobody begins with a large one when the others are done.
    waiting.sort_by_key(|(name, _, _)| LARGEST.contains(name));
    let waiting = Mutex::new(waiting);
    let next = || waiting.lock().ok()?.pop();
    let work = || {
        let mut refused = Refusals::new();
        while let Some((name, hook, program)) = next() {
            if let Err(error) = load_program(program, hook, btf) {
                refused.insert(name, error);
            }
        }
        refused
    };
    let helpers = thread::available_parallelism().map_or(0, |cpus| cpus.get() - 1).min(LOADERS);
    thread::scope(|scope| {
        // Where no thread can be had, this one loads everything.
        let helpers: Vec<_> = (0..helpers)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut refused = work();
        for helper in helpers {
            match helper.join() {
                Ok(theirs) => refused.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        refused
    })
}

fn load_program(program: &mut Program, hook: Hook, btf: &Btf) -> Result<(), ProgramError> {
    match hook {
        Hook::Btf(name) => <&mut BtfTracePoint>::try_from(program)?.load(name, btf),
        Hook::Classic(..) => <&mut TracePoint>::try_from(program)?.load(),
    }
}

/// Attaches one program that is loaded, or gives why it was not.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    planned: &Planned,
    refused: &mut Refusals,
) -> Result<(), ProgramError> {
    if let Some(error) = refused.remove(planned.program) {
        return Err(error);
    }
    let missing = || ProgramError::IOError(io::Error::other("not in the object"));
    let program = ebpf.program_mut(planned.program).ok_or_else(missing)?;
    match planned.hook {
        Hook::Btf(_) => {
            <&mut BtfTracePoint>::try_from(program)?.attach()?;
        }
        Hook::Classic(category, name) => {
            let program: &mut TracePoint = program.try_into()?;
            // At the second of its tracepoints, a program that was refused says again why.
            if program.fd().is_err() {
                program.load()?;
            }
            program.attach(category, name)?;
        }
    }
    Ok(())
}
