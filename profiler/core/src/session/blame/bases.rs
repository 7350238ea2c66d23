//! How long requests and flushes take on a disk when nobody disturbs them: learnt from those that had it for themselves.

use crate::hist::Dist;
use crate::ids::Op;
use foldhash::HashMap;

/// So many undisturbed ones are needed before they are believed.
const ENOUGH: u64 = 16;
/// Until then, of so many disturbed ones the shortest is taken for undisturbed: a higher quantile has waits for others in
/// it, and would call them own.
const ENOUGH_DISTURBED: u64 = 64;
/// The longest undisturbed ones are left out of the mean: what disturbed them is not seen here (firmware, other hosts).
const LONGEST: f64 = 0.95;
/// A request is slow only beyond 3/2 of its base: less is how devices vary.
const NORMAL: (u64, u64) = (3, 2);
/// Where nothing was learnt: what the kernel takes a disk's latency to be when it knows nothing (block/blk-iocost.c,
/// rates of AUTOP_SSD_DFL at random): one over 8,518 reads, 21,940 writes a second.
const DEFAULT_READ_NS: u64 = 117_000;
const DEFAULT_WRITE_NS: u64 = 46_000;

/// Size of the largest class: requests have fewer than 2^32 bytes.
const LARGEST: u8 = 32;

/// Requests that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Class {
    dev: u32,
    op: Op,
    /// A journal's writes carry flushes.
    journal: bool,
    /// Power of two of the bytes.
    size: u8,
}

impl Class {
    pub(super) const fn new(dev: u32, op: Op, journal: bool, bytes: u32) -> Self {
        Self { dev, op, journal, size: power_of_two(bytes) }
    }
}

/// The smallest power of two that is no less; 0 for nothing.
const fn power_of_two(bytes: u32) -> u8 {
    let bits = u32::BITS - bytes.saturating_sub(1).leading_zeros();
    bits.to_le_bytes()[0]
}

/// What one takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// Undisturbed, ns.
    pub(super) ns: u64,
    /// What takes no longer is not slow, ns.
    pub(super) normal_ns: u64,
}

impl Base {
    /// How much of a time is the request's own: all of it unless that was slow.
    pub(super) const fn own(self, ns: u64) -> u64 {
        if ns <= self.normal_ns || ns <= self.ns { ns } else { self.ns }
    }
}

#[derive(Default)]
struct Learnt {
    undisturbed: Dist,
    all: Dist,
    /// Of so many undisturbed ones.
    known: Option<(u64, Base)>,
}

impl Learnt {
    /// The shortest of enough, disturbed or not.
    fn shortest(&self) -> Option<u64> {
        self.all.min_ns().filter(|_| self.all.count() >= ENOUGH_DISTURBED)
    }
}

/// All that was learnt.
#[derive(Default)]
pub(super) struct Bases {
    learnt: HashMap<Class, Learnt>,
    /// Tests: nothing is learnt, everything takes this.
    #[cfg(test)]
    pub(super) fixed: Option<Base>,
}

impl Bases {
    /// One took this long, from queued to completed.
    pub(super) fn learn(&mut self, class: Class, ns: u64, undisturbed: bool) {
        let learnt = self.learnt.entry(class).or_default();
        if undisturbed {
            learnt.undisturbed.record(ns);
        }
        if learnt.undisturbed.count() < ENOUGH {
            learnt.all.record(ns);
        }
    }

    /// What one of these takes undisturbed.
    pub(super) fn of(&mut self, class: Class) -> Base {
        #[cfg(test)]
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let default = if class.op == Op::Read { DEFAULT_READ_NS } else { DEFAULT_WRITE_NS };
        let Some(learnt) = self.learnt.get_mut(&class) else { return base(default, None) };
        let count = learnt.undisturbed.count();
        if count >= ENOUGH {
            // Looked at again when a quarter more are known.
            if let Some((_, base)) = learnt.known.filter(|(of, _)| count < of + of / 4) {
                return base;
            }
            let (mean, longest) = mean_without_the_longest(&learnt.undisturbed);
            let base = base(mean, longest);
            learnt.known = Some((count, base));
            return base;
        }
        let shortest = learnt.shortest();
        let of_larger = if class.journal { None } else { self.shortest_of_larger(class) };
        let shortest = shortest.map(|own| of_larger.map_or(own, |larger| larger.min(own)));
        base(shortest.unwrap_or(default), None)
    }

    /// What a larger request of the same kind took at least: a smaller one takes no longer. Where somebody with large ones never
    /// pauses, the small ones of others may all have waited for one of these.
    fn shortest_of_larger(&self, class: Class) -> Option<u64> {
        let larger = (class.size + 1..=LARGEST).map(|size| Class { size, ..class });
        larger.filter_map(|class| self.learnt.get(&class)?.shortest()).min()
    }
}

fn base(ns: u64, usual: Option<u64>) -> Base {
    let normal_ns = (ns.saturating_mul(NORMAL.0) / NORMAL.1).max(usual.unwrap_or(0));
    Base { ns, normal_ns }
}

/// The mean of all but the longest, and how long those are at least.
fn mean_without_the_longest(dist: &Dist) -> (u64, Option<u64>) {
    let Some(longest) = dist.quantile(LONGEST) else { return (0, None) };
    let (mut sum, mut count) = (0_u128, 0_u128);
    for (le_ns, of) in dist.sparse_buckets() {
        if le_ns <= longest || count == 0 {
            sum += u128::from(le_ns) * u128::from(of);
            count += u128::from(of);
        }
    }
    (u64::try_from(sum / count.max(1)).unwrap_or(u64::MAX), Some(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: Class = Class::new(1, Op::Write, false, 4096);

    // Property: the base is the mean of undisturbed requests, whatever the disturbed ones take, and one slow outlier does
    // not move it.
    #[test]
    fn the_base_is_what_undisturbed_ones_take() {
        let mut bases = Bases::default();
        for at in 0..100 {
            bases.learn(CLASS, 1_000_000 + at * 1000, true);
            bases.learn(CLASS, 50_000_000, false);
        }
        bases.learn(CLASS, 5_000_000_000, true);
        let base = bases.of(CLASS);
        assert!((1_000_000..1_150_000).contains(&base.ns), "{base:?}");
        assert_eq!(base.own(1_400_000), 1_400_000);
        assert_eq!(base.own(50_000_000), base.ns);
    }

    // Property: where every request was disturbed, the shortest of many is the base; of a few nothing is believed.
    #[test]
    fn without_undisturbed_ones_the_shortest_counts() {
        let mut bases = Bases::default();
        assert_eq!(bases.of(CLASS).ns, DEFAULT_WRITE_NS);
        for at in 1..=100_u64 {
            bases.learn(CLASS, at * 1_000_000, false);
            if at == 20 {
                assert_eq!(bases.of(CLASS).ns, DEFAULT_WRITE_NS);
            }
        }
        assert_eq!(bases.of(CLASS).ns, 1_000_000);
    }

    // Property: without undisturbed ones, a request takes no longer than the shortest of the larger ones of its kind; smaller ones, other
    // kinds, other disks and a few say nothing of it, and neither does anything where undisturbed ones are known.
    #[test]
    fn a_smaller_request_takes_no_longer_than_a_larger_one() {
        let base_beside = |other: Class, count: u64, undisturbed: bool| {
            let mut bases = Bases::default();
            for at in 0..100 {
                bases.learn(CLASS, 38_000_000 + at, undisturbed);
            }
            for at in 0..count {
                bases.learn(other, 750_000 + at, false);
            }
            bases.of(CLASS).ns
        };
        let large = Class::new(1, Op::Write, false, 512 << 10);
        assert_eq!(base_beside(large, 100, false), 750_000);
        for (other, count) in [
            (Class::new(1, Op::Write, false, 1024), 100),
            (Class::new(1, Op::Read, false, 512 << 10), 100),
            (Class::new(1, Op::Write, true, 512 << 10), 100),
            (Class::new(2, Op::Write, false, 512 << 10), 100),
            (large, 63),
        ] {
            assert_eq!(base_beside(other, count, false), 38_000_000, "{other:?}");
        }
        assert!(base_beside(large, 100, true) > 36_000_000);
    }

    // Property: sizes within a power of two are alike, others are not.
    #[test]
    fn classes_are_powers_of_two() {
        assert_eq!(CLASS, Class::new(1, Op::Write, false, 4095));
        assert_ne!(CLASS, Class::new(1, Op::Write, false, 4097));
        assert_ne!(CLASS, Class::new(1, Op::Write, true, 4096));
        assert_eq!(Class::new(1, Op::Flush, false, 0), Class::new(1, Op::Flush, false, 1));
        let _largest = Class::new(1, Op::Write, false, u32::MAX);
    }
}
