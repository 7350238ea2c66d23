//! What a culprit asks of a disk, and what that disk was seen to do.

use super::Facts;
use crate::ids::{Method, Op};
use crate::report::{Actor, Device, Io};

/// Share of all bytes from which a kind of IO counts.
const COUNTS: f64 = 0.2;

/// A culprit's IO on one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Demand {
    /// Bytes read, by the culprit itself.
    pub(super) read_bytes: u64,
    /// Bytes written past the page cache.
    pub(super) direct_bytes: u64,
    /// Bytes written through the page cache, and blocks of the journal.
    pub(super) buffered_bytes: u64,
    /// Requests.
    pub(super) ios: u64,
    /// How long it was at work, ns.
    pub(super) active_ns: u64,
    /// The shortest time in the device of one of its requests, of the kind with most bytes, ns: what one stands in the way of
    /// others at least, on a disk that is not busy with it.
    pub(super) shortest_ns: Option<u64>,
    /// What the disk did while it was busy, bytes/s, of this mix of requests; at least this much it can do.
    pub(super) capability: Option<u64>,
    /// Whether how it writes was seen (flags of its open files) and not concluded.
    pub(super) is_seen: bool,
}

impl Demand {
    pub(super) fn of(
        facts: &Facts<'_>,
        device: Option<&Device>,
        runs: &[&Actor],
        active_ns: u64,
    ) -> Self {
        let Some(device) = device else { return Self::default() };
        let mut demand = Self { active_ns, ..Self::default() };
        for actor in runs {
            let direct = opens_direct(facts, actor);
            demand.is_seen |= direct.is_some();
            let direct = direct.unwrap_or_else(|| !uses_cache(actor));
            for io in actor.io.iter().filter(|io| io.device == device.name) {
                demand.ios = demand.ios.saturating_add(io.count);
                let place = match (io.op, io.method) {
                    (Op::Read, _) => &mut demand.read_bytes,
                    (Op::Write, Method::Direct) if direct => &mut demand.direct_bytes,
                    (Op::Write, _) => &mut demand.buffered_bytes,
                    _ => continue,
                };
                *place = place.saturating_add(io.bytes);
            }
        }
        let rows = runs.iter().flat_map(|run| &run.io).filter(|io| io.device == device.name);
        let most: Option<&Io> = rows.max_by_key(|io| io.bytes);
        demand.shortest_ns = most.and_then(|io| io.d2c.as_ref()?.min_ns);
        let while_busy = device.busy_ns.and_then(|busy| per_second(device.bytes, busy));
        demand.capability = while_busy.map(|seen| seen.max(demand.rate())).filter(|seen| *seen > 0);
        demand
    }

    /// Bytes of all kinds.
    pub(super) fn bytes(&self) -> u64 {
        self.read_bytes.saturating_add(self.direct_bytes).saturating_add(self.buffered_bytes)
    }

    /// Bytes per second while at work.
    pub(super) fn rate(&self) -> u64 {
        per_second(self.bytes(), self.active_ns).unwrap_or(0)
    }

    /// The size of its requests, bytes.
    pub(super) fn request_bytes(&self) -> u64 {
        self.bytes().checked_div(self.ios).unwrap_or(0)
    }

    /// Whether it reads.
    pub(super) fn reads(&self) -> bool {
        self.counts(self.read_bytes)
    }

    /// Whether it writes past the page cache.
    pub(super) fn writes_direct(&self) -> bool {
        self.counts(self.direct_bytes)
    }

    /// Whether it writes through the page cache: the kernel decides when that is written.
    pub(super) fn writes_buffered(&self) -> bool {
        self.counts(self.buffered_bytes)
    }

    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn counts(&self, bytes: u64) -> bool {
        bytes > 0 && bytes as f64 >= COUNTS * self.bytes() as f64
    }
}

/// Whether its files that are open for writing go past the page cache; `None` where no flags are known.
fn opens_direct(facts: &Facts<'_>, actor: &Actor) -> Option<bool> {
    let files = facts.written.get(&actor.id)?;
    let known: Vec<bool> = files.iter().filter_map(|file| file.direct).collect();
    (!known.is_empty()).then(|| known.contains(&true))
}

/// Without flags: whoever has pages written back, or syncs, writes through the page cache. A sync submits its caller's
/// pages itself, so requests of its own say nothing.
fn uses_cache(actor: &Actor) -> bool {
    let by_others = |method| matches!(method, Method::Writeback | Method::OwnerCgroup);
    actor.io.iter().any(|io| io.op == Op::Write && by_others(io.method) && io.bytes > 0)
        || actor.waits.iter().any(|wait| wait.call.writes_out_the_cache() && wait.latency.count > 0)
}

/// Per second; `None` without a time.
pub(super) fn per_second(bytes: u64, ns: u64) -> Option<u64> {
    let rate = (u128::from(bytes) * 1_000_000_000).checked_div(u128::from(ns))?;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// A part of a number.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate; casts from floats saturate"
)]
pub(super) fn scaled(value: u64, by: f64) -> u64 {
    (value as f64 * by).max(0.0) as u64
}
