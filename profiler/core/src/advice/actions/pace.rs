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
use crate::render::units;
use crate::text::Lang;
use crate::text::advice::{Action, Risk, Why, risk, through_pv, with_option};

/// How long pages pile up before the kernel looks at them (`vm.dirty_writeback_centisecs`, 5 s).
const PILES_UP_S: u64 = 5;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    if is_client(case) {
        return refused(case, &Action::PacePipe, &Why::PipeRenames);
    }
    let Some(capability) = case.demand.capability else { return Judgement::Silent };
    let bytes_per_s = scaled(capability, LEFT);
    let Some(how) = how(case.program(), case.argv(), bytes_per_s) else { return Judgement::Silent };
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
    let (who, share, rate) = (case.culprit_name(), share(case), units::bytes(bytes_per_s));
    let action = Action::Pace { who: &who, rate: &rate, how: &how };
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    let why = Why::HasOption { who: &who, share: &share };
    let mut one = recommended(case, &action, &why, effect, Danger::Low);
    let what = if is_buffered { Risk::BacklogStays } else { Risk::CulpritSlower };
    one.risk = risk(Lang::En, &what);
    Judgement::Recommended(Box::new(one))
}

/// How a program is slowed down; `None` for one that is not known to be able to, or is slowed down already.
fn how(program: &str, argv: &[String], bytes_per_s: u64) -> Option<String> {
    let kib = (bytes_per_s >> 10).max(1);
    let (flag, value) = match program {
        "rsync" => ("--bwlimit", format!("{kib}")),
        "rclone" => ("--bwlimit", format!("{kib}K")),
        "curl" | "wget" => ("--limit-rate", format!("{kib}k")),
        "tar" | "gzip" | "pigz" | "zstd" | "xz" | "cat" | "dd" | "pg_dump" | "mysqldump" => {
            return Some(through_pv(Lang::En, &format!("{kib}K")));
        }
        _ => return None,
    };
    let has = argv.iter().any(|arg| arg.starts_with(flag));
    (!has).then(|| with_option(Lang::En, &format!("{flag}={value}")))
}
