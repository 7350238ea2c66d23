//! `io-weight`: a small share of the disk for the culprit (cgroup v2 `io.weight`, or `io.bfq.weight`).
//!
//! - *Applies when* iocost is on for the disk (any scheduler, block/blk-iocost.c), or the scheduler is BFQ and the wait arises
//!   in its queue.
//! - *Inert when* neither is: `io.weight` can be written and nothing reads it (`io.cost.qos` has `enable=0` by default,
//!   Documentation/admin-guide/cgroup-v2.rst); for the root cgroup; under BFQ in front of a disk whose limit lies behind it
//!   (D11: `io.bfq.weight 10` changed nothing).
//! - *Harmful when* iocost's model is wrong for the disk: then it holds back everybody. It is not switched on here. systemd scales
//!   `IOWeight=` for BFQ (systemd #22897, #27622), so BFQ's own file is written.

use super::common::{is_v1, place_risks, recommended, refused, set_in_place, unfit};
use super::ionice::behind;
use crate::advice::case::Case;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::report::{Action, Risk, Share, Why};

/// A tenth of the default weight, 100.
const WEIGHT: u32 = 10;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let device = case.disk_name();
    let of = Action::SomeIoWeight { actor: case.actor() };
    let scheduler = case.scheduler().unwrap_or("none");
    let has_iocost = case.disk_controls().and_then(|one| one.iocost) == Some(true);
    let (file, why) = match scheduler {
        _ if is_v1(case) => return refused(case, of, Why::V1Io),
        _ if has_iocost => ("io.weight", Why::IocostOn { device }),
        "bfq" => {
            if let Some(why) = behind(case) {
                return refused(case, of, why);
            }
            ("io.bfq.weight", Why::InQueue { share: Share::of(case.queue_share()), device })
        }
        scheduler => {
            let scheduler = scheduler.to_owned();
            return refused(case, of, Why::NoWeights { device, scheduler });
        }
    };
    let way = match case.place.way("io", file) {
        Ok(way) => way,
        Err(why) => return unfit(case, of, file, why),
    };
    let action = Action::IoWeight { actor: case.actor(), weight: WEIGHT, file: file.to_owned() };
    let mut one = recommended(case, action, why, None, Danger::Low);
    one.risks = place_risks(case, vec![Risk::CulpritSlower]);
    let change = Change::Cgroup {
        cgroup: case.place.path.clone().unwrap_or_default(),
        file: file.to_owned(),
        value: format!("default {WEIGHT}"),
    };
    set_in_place(case, &way, &mut one, change);
    Judgement::Recommended(Box::new(one))
}
