//! What a request asks of a device, as iocost has it: a fixed part by whether it goes on where its owner's last one ended,
//! and a part by its size.
//!
//! Only ratios matter here, so the kernel's own defaults serve (block/blk-iocost.c, `autop[]`, AUTOP_HDD and
//! AUTOP_SSD_DFL, 6.12). Latencies of single requests would not: a device that serves many at a time takes as long for
//! one small request as for many.

use crate::ids::Op;

/// A request is at a random place when it begins so far from where the last one of its owner ended, 512-byte sectors:
/// 4,096 pages (block/blk-iocost.c, LCOEF_RANDIO_PAGES).
const RANDOM: u64 = 4096 * 8;

/// Rates that a device sustains: bytes per second, and 4 KiB requests per second, in sequence and at random.
struct Rates {
    bytes: f64,
    sequential: f64,
    random: f64,
}

const PAGE: f64 = 4096.0;
const SECOND: f64 = 1e9;

const DISK: [Rates; 2] = [
    Rates { bytes: 174_019_176.0, sequential: 41_708.0, random: 370.0 },
    Rates { bytes: 178_075_866.0, sequential: 42_705.0, random: 378.0 },
];
const SSD: [Rates; 2] = [
    Rates { bytes: 488_636_629.0, sequential: 8_932.0, random: 8_518.0 },
    Rates { bytes: 427_891_549.0, sequential: 28_755.0, random: 21_940.0 },
];

/// Whether a request begins far from where the one before it ended.
pub(super) const fn is_random(sector: u64, last_end: u64) -> bool {
    sector.abs_diff(last_end) > RANDOM
}

/// The time a device of this kind needs for it at full load, ns.
pub(super) fn cost_ns(rotational: bool, op: Op, bytes: u32, random: bool) -> f64 {
    let [read, write] = if rotational { DISK } else { SSD };
    let rates = match op {
        Op::Read => read,
        Op::Write => write,
        // These ask for no transfer; what a flush costs is told by its bytes elsewhere.
        Op::Flush | Op::Discard => return 0.0,
    };
    let per_request = SECOND / if random { rates.random } else { rates.sequential };
    let page = SECOND * PAGE / rates.bytes;
    // The rates of requests are of such with one page (`calc_lcoefs`).
    (per_request - page).max(0.0) + page * f64::from(bytes) / PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: the rates come out again: a page at random costs one over its rate, a long transfer one over the bandwidth.
    #[test]
    fn costs_are_one_over_the_rates() {
        let per_second = |ns: f64| SECOND / ns;
        assert!((per_second(cost_ns(true, Op::Read, 4096, true)) - 370.0).abs() < 0.01);
        assert!((per_second(cost_ns(false, Op::Write, 4096, false)) - 28_755.0).abs() < 1.0);
        let gib = cost_ns(false, Op::Read, 1 << 30, false);
        assert!((f64::from(1 << 30) / gib * SECOND / 488_636_629.0 - 1.0).abs() < 0.001);
        assert!(cost_ns(false, Op::Flush, 0, true) < f64::EPSILON);
    }

    #[test]
    fn near_is_not_random() {
        assert!(!is_random(1000, 1000));
        assert!(!is_random(0, RANDOM));
        assert!(is_random(RANDOM + 1, 0));
    }
}
