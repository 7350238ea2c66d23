//! When somebody had requests in a device, in steps of [`STEP_NS`]: how long in all, and whether around a wait.

use crate::session::actors::Owned;

/// A step, ns: short beside a backup, long beside the pauses between its requests.
const STEP_NS: u64 = 250_000_000;
/// Steps of which each is known: 16 s. Waits are looked at a quarter of a second after their end, so those up to 15 s long are
/// answered for.
const KNOWN: u64 = u64::BITS as u64;
/// What began so many steps after somebody's last request is apart from him: what he left behind is over by then.
const APART: u64 = 2;

/// One owner's on one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Activity {
    /// The last step with a request.
    last: u64,
    /// Bit n: there was one in step `last` − n.
    known: u64,
    /// Steps with one.
    steps: u64,
}

impl Activity {
    /// A request was there from then to then, CLOCK_MONOTONIC ns. Records come in any order, but not much later.
    pub(super) fn add(&mut self, from: u64, to: u64) {
        let (first, last) = (from / STEP_NS, to.max(from) / STEP_NS);
        let after = if self.known == 0 { 0 } else { self.last + 1 };
        if self.known == 0 || last > self.last {
            let on = if self.known == 0 { KNOWN } else { last - self.last };
            self.known = shifted(self.known, on);
            self.last = last;
        }
        let oldest = self.last.saturating_sub(KNOWN - 1);
        for step in first.max(oldest)..=last {
            let bit = 1 << (self.last - step);
            self.steps += u64::from(self.known & bit == 0);
            self.known |= bit;
        }
        // Older steps are not known any more: those after all that was there before are new, the others were counted or are given up.
        self.steps += oldest.min(last + 1).saturating_sub(first.max(after));
    }

    /// Time in steps with a request, ns.
    pub(super) const fn ns(&self) -> u64 {
        self.steps.saturating_mul(STEP_NS)
    }

    /// Whether there was none in a span of time and in the half second before it. What is not known any more was not apart.
    pub(super) fn is_away(&self, from: u64, to: u64) -> bool {
        let (first, last) = ((from / STEP_NS).saturating_sub(APART), to / STEP_NS);
        let is_known = first + KNOWN > self.last;
        let is_free = |step: u64| step > self.last || self.known & (1 << (self.last - step)) == 0;
        is_known && (first..=last.min(self.last)).all(is_free)
    }
}

/// All owners' on one disk, as far as it must be known whether somebody else was there.
pub(super) struct Crowd {
    /// Of each of the last steps: its number, who was there first, and whether somebody else was too.
    steps: Vec<Option<(u64, Owned, bool)>>,
    last: u64,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { steps: vec![None; usize::from(KNOWN_STEPS)], last: 0 }
    }
}

const KNOWN_STEPS: u8 = 64;
const _: () = assert!(KNOWN_STEPS as u64 == KNOWN);

impl Crowd {
    /// Somebody had a request there from then to then, CLOCK_MONOTONIC ns.
    pub(super) fn add(&mut self, who: Owned, from: u64, to: u64) {
        let (first, last) = (from / STEP_NS, to.max(from) / STEP_NS);
        self.last = self.last.max(last);
        for step in first.max(self.last.saturating_sub(KNOWN - 1))..=last {
            let place = place(step);
            self.steps[place] = match self.steps[place] {
                Some((known, first, more)) if known == step => {
                    Some((step, first, more || first != who))
                }
                _ => Some((step, who, false)),
            };
        }
    }

    /// Whether nobody but this one was there in a span of time and in the half second before it. What is not known any more was not
    /// quiet.
    pub(super) fn is_quiet(&self, who: Owned, from: u64, to: u64) -> bool {
        let (first, last) = ((from / STEP_NS).saturating_sub(APART), to / STEP_NS);
        let is_own = |step: u64| match self.steps[place(step)] {
            Some((known, first, more)) if known == step => first == who && !more,
            _ => true,
        };
        first + KNOWN > self.last && (first..=last.min(self.last)).all(is_own)
    }
}

fn place(step: u64) -> usize {
    usize::from((step % KNOWN).to_le_bytes()[0])
}

fn shifted(bits: u64, by: u64) -> u64 {
    u32::try_from(by).ok().and_then(|by| bits.checked_shl(by)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Property: steps are counted once each, in whatever order requests of the same seconds are told; and a span is apart
        // exactly when none of its steps, and of the two before, had one.
        #[test]
        fn steps_are_counted_once(
            requests in prop::collection::vec((0_u64..12_000, 0_u64..900), 1..60),
            spans in prop::collection::vec((0_u64..12_000, 0_u64..900), 20),
        ) {
            let (mut activity, mut steps) = (Activity::default(), BTreeSet::new());
            for (from, ms) in &requests {
                let (from, to) = (from * 1_000_000, (from + ms) * 1_000_000);
                activity.add(from, to);
                steps.extend(from / STEP_NS..=to / STEP_NS);
            }
            prop_assert_eq!(activity.ns(), u64::try_from(steps.len()).unwrap() * STEP_NS);
            for (from, ms) in &spans {
                let (from, to) = (from * 1_000_000, (from + ms) * 1_000_000);
                let around = (from / STEP_NS).saturating_sub(2)..=to / STEP_NS;
                prop_assert_eq!(activity.is_away(from, to), steps.range(around).next().is_none());
            }
        }
    }

    proptest! {
        // Property: a span is quiet for somebody exactly when nobody else had a request in its steps and in the two before.
        #[test]
        fn a_crowd_knows_whether_somebody_else_was_there(
            requests in prop::collection::vec((0_usize..3, 0_u64..12_000, 0_u64..900), 1..40),
            spans in prop::collection::vec((0_u64..12_000, 0_u64..900), 20),
        ) {
            let (mut crowd, mut steps) = (Crowd::default(), BTreeSet::new());
            for (who, from, ms) in &requests {
                let (from, to) = (from * 1_000_000, (from + ms) * 1_000_000);
                crowd.add(Owned::Actor(*who), from, to);
                steps.extend((from / STEP_NS..=to / STEP_NS).map(|step| (step, *who)));
            }
            for (from, ms) in &spans {
                let (from, to) = (from * 1_000_000, (from + ms) * 1_000_000);
                let around = (from / STEP_NS).saturating_sub(2)..=to / STEP_NS;
                let others = steps.iter().any(|(step, who)| around.contains(step) && *who != 0);
                prop_assert_eq!(crowd.is_quiet(Owned::Actor(0), from, to), !others);
            }
        }
    }

    // Property: hours are counted whole, and of what is long over nothing is said.
    #[test]
    fn old_steps_are_forgotten_but_counted() {
        let mut activity = Activity::default();
        activity.add(0, 3_600_000_000_000);
        assert_eq!(activity.ns() / STEP_NS, 4 * 3_600 + 1);
        activity.add(0, 3_600_000_000_000);
        assert_eq!(activity.ns() / STEP_NS, 4 * 3_600 + 1, "of two beside each other once");
        assert!(!activity.is_away(3_570_000_000_000, 3_571_000_000_000));
        activity.add(7_200_000_000_000, 7_200_000_000_001);
        assert_eq!(activity.ns() / STEP_NS, 4 * 3_600 + 2);
        assert!(!activity.is_away(3_700_000_000_000, 3_700_000_000_001), "not known any more");
        assert!(activity.is_away(7_195_000_000_000, 7_195_000_000_001));
    }
}
