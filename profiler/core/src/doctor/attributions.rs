//! Which IO this kernel lets us give to whoever caused it, by the hooks and members that each way needs.

use iocontend_wire::config::ABSENT;
use iocontend_wire::programs;

use super::{Attribution, HookState, Hooks, Seen, State, Support, Way};
use crate::plan::{GapReason, LOOP_USERS};

/// What a way of attribution needs beyond the block hooks.
enum Needs {
    /// Nothing.
    Nothing,
    /// A program.
    Program(&'static str),
    /// Members of the kernel's types.
    Members(fn(&iocontend_wire::config::Config) -> bool),
    /// Addresses of functions, and members.
    Addresses(fn(&iocontend_wire::config::Config) -> bool),
    /// A loop device, and members that lead to its requests.
    Loops,
}

/// All ways, by the names they have in the document.
const WAYS: [(Way, Needs); 10] = [
    (Way::Direct, Needs::Nothing),
    (Way::IoUringAio, Needs::Nothing),
    (Way::DeviceMapper, Needs::Nothing),
    (Way::Writeback, Needs::Program(programs::DIRTY_FOLIO)),
    (Way::JournalExt4, Needs::Program(programs::HANDLE_STATS)),
    (Way::LogXfs, Needs::Program(programs::XFS_LOG_WRITE)),
    (
        Way::LimitedDirect,
        Needs::Addresses(|config| config.dio_end_count > 0 && config.iomap_dio_waiter != ABSENT),
    ),
    (
        Way::OwnerCgroup,
        Needs::Members(|config| config.bio_blkg != ABSENT && config.kn_id != ABSENT),
    ),
    (Way::DmCrypt, Needs::Program(programs::STACK_QUEUE)),
    (Way::Loop, Needs::Loops),
];

/// Each way, and whether it works here. Empty when nothing is known of the kernel.
pub(super) fn of(seen: &Seen, hooks: &Hooks) -> Vec<Attribution> {
    let Some(Ok(plan)) = &seen.plan else { return Vec::new() };
    let block = hooks.hooks.iter().find(|hook| hook.program == programs::RQ_ISSUE);
    let whole = block.map_or(Support::Unknown, |hook| support(hook.state));
    let one = |(way, needs): &(Way, Needs)| {
        let (support, reason) = match needs {
            Needs::Nothing => (whole, None),
            Needs::Program(program) => by_program(hooks, program),
            Needs::Loops if plan.config.indirect.loops != 0 => (whole, None),
            Needs::Loops => by_program(hooks, LOOP_USERS),
            Needs::Members(there) | Needs::Addresses(there) if there(&plan.config) => (whole, None),
            Needs::Addresses(_) if plan.symbols_hidden => {
                (Support::Unknown, Some(GapReason::SymbolsHidden))
            }
            Needs::Members(_) | Needs::Addresses(_) => (Support::No, Some(GapReason::NoMembers)),
        };
        Attribution { way: way.clone(), support, reason }
    };
    WAYS.iter().map(one).collect()
}

fn by_program(hooks: &Hooks, program: &str) -> (Support, Option<GapReason>) {
    let found: Vec<&HookState> = hooks.hooks.iter().filter(|one| one.program == program).collect();
    let best = found.iter().min_by_key(|one| support(one.state));
    best.map_or((Support::Unknown, None), |one| (support(one.state), one.reason.clone()))
}

const fn support(state: State) -> Support {
    match state {
        State::Attaches | State::Planned => Support::Yes,
        State::NotNeeded => Support::NotNeeded,
        State::Unknown => Support::Unknown,
        State::Missing | State::Refused => Support::No,
    }
}
