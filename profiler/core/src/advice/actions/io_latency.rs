//! `io-latency`: a latency goal for the victim (cgroup v2 `io.latency`).
//!
//! - *Applies when* the victim's cgroup has the file (CONFIG_BLK_CGROUP_IOLATENCY: neither Debian nor Ubuntu build it) and is not the
//!   culprit's. Peers without a goal are held to fewer requests at a time (block/blk-iolatency.c).
//! - *Inert when* the file is not there; for peers below the same parent only; on the paths of NVMe multipath.
//! - *Harmful when* the goal is lower than the disk can do: then all peers are held back for good. The kernel's documentation says
//!   10 to 15 % above what is seen; here 15 % above the victim's requests in the device.

use super::common::recommended;
use crate::advice::case::Case;
use crate::advice::cgroup_target::{Manager, manager};
use crate::advice::demand::scaled;
use crate::advice::forms::argv;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::hist::Dist;
use crate::report::{Action, Risk, Why};

/// Above what was seen.
const ABOVE: f64 = 1.15;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let Some(path) = case.victim.cgroup.as_deref() else { return Judgement::Silent };
    let controls = case.facts.controls.and_then(|all| all.cgroup(path));
    let Some(prior) = controls.and_then(|cgroup| cgroup.value("io.latency")) else {
        return Judgement::Silent;
    };
    let (Some(dev), Some(seen)) = (case.dev(), median(case)) else { return Judgement::Silent };
    // Requests are held at the path, which no goal can be set for (block/blk-iolatency.c is behind blk_mq_submit_bio).
    if case.is_path() || case.culprit.cgroup.as_deref() == Some(path) {
        return Judgement::Silent;
    }
    let target_ns = scaled(seen, ABOVE);
    let (victim, device) = (case.victim_id(), case.disk_name());
    let action = Action::IoLatency { victim, target_ns, device };
    let mut one = recommended(case, action, Why::HoldsPeers, None, Danger::High);
    one.risks = match manager(path) {
        Manager::Pod => vec![Risk::Peers, Risk::ForgottenByRuntime { kubelet: true }],
        _ => vec![Risk::Peers],
    };
    one.culprit = None;
    let change = Change::CgroupDevice {
        cgroup: path.to_owned(),
        file: "io.latency".to_owned(),
        device: dev,
        value: format!("target={}", target_ns / 1_000),
    };
    let mount = case.facts.controls.and_then(|all| all.cgroup2_mount.as_deref());
    one.apply.push(argv::apply(&change, mount));
    one.undo.push(argv::undo(&change, Some(prior), mount));
    one.changes.push(change);
    Judgement::Recommended(Box::new(one))
}

/// The median of the victim's writes in the device: half of them met nobody who mattered.
fn median(case: &Case<'_>) -> Option<u64> {
    let rows = case
        .victim
        .io
        .iter()
        .filter(|io| io.device == case.device_name() && io.op == crate::ids::Op::Write);
    let mut all = Dist::new();
    rows.filter_map(|io| io.d2c.as_ref()).for_each(|lat| all.merge(&lat.to_dist()));
    all.quantile(0.5)
}
