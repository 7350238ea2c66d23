//! The victim's open-loop schedule, as pure arithmetic. Owns when an operation is due; owns no clock.
//!
//! Due times come from the operation's number, not from when the last one ended: a closed loop would
//! issue fewer operations on a slow disk and so hide the very contention the demo wants to show.

use std::time::Duration;

const NS_PER_SECOND: u128 = 1_000_000_000;

/// A fixed number of operations per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    rate: u32,
}

impl Schedule {
    /// A schedule of `rate` operations a second; at least one.
    pub fn new(rate: u32) -> Self {
        Self { rate: rate.max(1) }
    }

    /// When operation `number` (from 0) is due, counted from the start.
    pub fn due(self, number: u64) -> Duration {
        let ns = u128::from(number) * NS_PER_SECOND / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }

    /// How many operations are due before `end`.
    pub fn operations(self, end: Duration) -> u64 {
        let operations = (end.as_nanos() * u128::from(self.rate)).div_ceil(NS_PER_SECOND);
        u64::try_from(operations).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding never adds up: after any number of operations the error is below a nanosecond.
    #[test]
    fn due_times_do_not_drift() {
        for rate in [1, 3, 7, 50, 333, 10_000] {
            let schedule = Schedule::new(rate);
            for seconds in [1_u64, 20, 3600, 86_400] {
                assert_eq!(
                    schedule.due(seconds * u64::from(rate)),
                    Duration::from_secs(seconds),
                    "{rate}"
                );
            }
        }
    }

    /// The count is exactly the number of due times before the end.
    #[test]
    fn count_matches_due_times() {
        for rate in [1, 3, 7, 50, 333] {
            let schedule = Schedule::new(rate);
            for ms in [0, 1, 20, 333, 1000, 1999, 7001] {
                let end = Duration::from_millis(ms);
                let counted = (0..100_000).take_while(|&number| schedule.due(number) < end).count();
                assert_eq!(
                    schedule.operations(end),
                    u64::try_from(counted).unwrap(),
                    "{rate} {ms}"
                );
            }
        }
    }

    /// The default of 50 a second means one every 20 ms.
    #[test]
    fn fifty_a_second() {
        let schedule = Schedule::new(50);
        assert_eq!(schedule.due(1), Duration::from_millis(20));
        assert_eq!(schedule.operations(Duration::from_secs(20)), 1000);
    }
}
