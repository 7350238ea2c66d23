//! Which IO this kernel lets us give to whoever caused it, by the hooks and members that each way needs.

use iocontend_wire::config::ABSENT;

use super::{Attribution, HookState, Hooks, Seen, State, Support};
use crate::text::{Lang, doctor as words};

/// What a way of attribution needs beyond the block hooks.
enum Needs {
    /// Nothing.
    Nothing,
    /// A program.
    Program(&'static str),
    /// Members of the kernel's types, or addresses of functions.
    Members(fn(&iocontend_wire::config::Config) -> bool),
    /// A loop device, and members that lead to its requests.
    Loops,
}

/// All ways, by the names they have in the document.
const WAYS: [(&str, Needs); 10] = [
    ("direct", Needs::Nothing),
    ("io_uring_aio", Needs::Nothing),
    ("device_mapper", Needs::Nothing),
    ("writeback", Needs::Program("dirty_folio")),
    ("journal_ext4", Needs::Program("handle_stats")),
    ("log_xfs", Needs::Program("xfs_log_write")),
    (
        "limited_direct",
        Needs::Members(|config| config.dio_end_count > 0 && config.iomap_dio_waiter != ABSENT),
    ),
    ("owner_cgroup", Needs::Members(|config| config.bio_blkg != ABSENT && config.kn_id != ABSENT)),
    ("dm_crypt", Needs::Program("stack_queue")),
    ("loop", Needs::Loops),
];

/// Each way, and whether it works here. Empty when nothing is known of the kernel.
pub(super) fn of(seen: &Seen, hooks: &Hooks) -> Vec<Attribution> {
    let Some(Ok(plan)) = &seen.plan else { return Vec::new() };
    let block = hooks.hooks.iter().find(|hook| hook.program == "rq_issue");
    let whole = block.map_or(Support::Unknown, |hook| support(hook.state));
    let one = |(name, needs): &(&str, Needs)| {
        let (support, reason) = match needs {
            Needs::Nothing => (whole, None),
            Needs::Program(program) => by_program(hooks, program),
            Needs::Loops if plan.config.indirect.loops != 0 => (whole, None),
            Needs::Loops => by_program(hooks, "loop"),
            Needs::Members(there) if there(&plan.config) => (whole, None),
            Needs::Members(_) => (Support::No, Some(words::no_members(Lang::En))),
        };
        let what = words::attribution(Lang::En, name).to_owned();
        Attribution { name: (*name).to_owned(), support, what, reason }
    };
    WAYS.iter().map(one).collect()
}

fn by_program(hooks: &Hooks, program: &str) -> (Support, Option<String>) {
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
