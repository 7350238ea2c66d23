//! `pace`: the culprit slows itself down.
//!
//! - *Applies when* its program has an option for that, or writes to its standard output. Nothing of the kernel is in between, so it works
//!   for every scheduler, file system and cgroup. D11: 4 MB/s with a sync for each MB, p99 from 2,048 to 32 ms.
//! - *Inert when* nothing in the pipe waits: `etcdctl snapshot save /dev/stdout | pv -L` (in the manual, §8.4) cannot work, since it writes
//!   `DEST.part`, syncs and renames it (etcd, client/v3/snapshot/v3_snapshot.go).
//! - *Harmful when* pages pile up without syncs: a slow writer through the page cache has seconds of its output written at once.

use super::common::{LEFT, not_worth, recommended, refused, share};
use super::io_max::ratio;
use super::ionice::is_client;
use crate::advice::case::Case;
use crate::advice::demand::scaled;
use crate::advice::expect::{self, Held};
use crate::advice::judgement::{Danger, Judgement};
use crate::report::{Action, Risk, Why};

/// How long pages pile up before the kernel looks at them (`vm.dirty_writeback_centisecs`, 5 s).
const PILES_UP_S: u64 = 5;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    if is_client(case) {
        return refused(case, Action::PacePipe, Why::PipeRenames);
    }
    let Some(capability) = case.demand.capability else { return Judgement::Silent };
    let bytes_per_s = scaled(capability, LEFT);
    let Some(action) = how(case, bytes_per_s) else { return Judgement::Silent };
    if case.demand.rate() <= bytes_per_s {
        return Judgement::Silent;
    }
    let is_buffered = case.demand.writes_buffered();
    let piled = if is_buffered { bytes_per_s.saturating_mul(PILES_UP_S) } else { 0 };
    let held = Held {
        load: LEFT,
        ahead_bytes: piled.max(case.demand.request_bytes()),
        ahead_most_ns: case.demand.shortest_ns.filter(|_| !is_buffered),
        requests_per_s: (!is_buffered).then(|| ratio(bytes_per_s, case.demand.request_bytes())),
        victim_elsewhere: false,
        slowdown: Some(ratio(case.demand.rate(), bytes_per_s)),
    };
    let effect = expect::effect(case, held);
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    let why = Why::HasOption { actor: case.actor(), share: share(case) };
    let mut one = recommended(case, action, why, effect, Danger::Low);
    one.risks = vec![if is_buffered { Risk::BacklogStays } else { Risk::CulpritSlower }];
    Judgement::Recommended(Box::new(one))
}

/// How a program is slowed down; `None` for one that is not known to be able to, or is slowed down already.
fn how(case: &Case<'_>, bytes_per_s: u64) -> Option<Action> {
    let kib = (bytes_per_s >> 10).max(1);
    let (flag, value) = match case.program() {
        "rsync" => ("--bwlimit", format!("{kib}")),
        "rclone" => ("--bwlimit", format!("{kib}K")),
        "curl" | "wget" => ("--limit-rate", format!("{kib}k")),
        "tar" | "gzip" | "pigz" | "zstd" | "xz" | "cat" | "dd" | "pg_dump" | "mysqldump" => {
            return Some(Action::PaceByPv { actor: case.actor(), bytes_per_s });
        }
        _ => return None,
    };
    let has = case.argv().iter().any(|arg| arg.starts_with(flag));
    let option = format!("{flag}={value}");
    (!has).then(|| Action::PaceByOption { actor: case.actor(), bytes_per_s, option })
}
