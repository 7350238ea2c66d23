//! Windows of activity: moments that are close to one another, together.
//!
//! The order in which moments are told does not matter: records of several CPUs arrive CPU by CPU. Memory is bounded: of
//! too many windows the oldest go, and what is told of times before them is not taken in again.

use std::collections::VecDeque;

/// A time of activity. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// Bytes of IO in it.
    pub bytes: u64,
    /// Waits in it.
    pub waits: u64,
    /// The longest of them, nanoseconds.
    pub worst_ns: u64,
}

impl Window {
    /// A moment at which something happened, and nothing was moved.
    pub const fn moment(at_ns: i64) -> Self {
        Self { start_ns: at_ns, end_ns: at_ns, bytes: 0, waits: 0, worst_ns: 0 }
    }

    fn take_in(&mut self, other: &Self) {
        self.start_ns = self.start_ns.min(other.start_ns);
        self.end_ns = self.end_ns.max(other.end_ns);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.waits = self.waits.wrapping_add(other.waits);
        self.worst_ns = self.worst_ns.max(other.worst_ns);
    }
}

/// Windows in order, none closer to the next than a pause.
#[derive(Clone, Debug)]
pub struct Windows {
    kept: VecDeque<Window>,
    pause_ns: i64,
    most: usize,
    forgotten: u64,
    /// End of what was forgotten.
    horizon_ns: i64,
}

impl Windows {
    /// What is at most a pause apart is one window; at most so many are kept.
    pub const fn new(pause_ns: i64, most: usize) -> Self {
        Self { kept: VecDeque::new(), pause_ns, most, forgotten: 0, horizon_ns: i64::MIN }
    }

    /// The windows in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Window> {
        self.kept.iter()
    }

    /// The last one.
    pub fn last(&self) -> Option<&Window> {
        self.kept.back()
    }

    /// How many were too old to be kept.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Something happened.
    pub fn add(&mut self, new: Window) {
        if new.end_ns <= self.horizon_ns {
            return;
        }
        let pause = self.pause_ns;
        // Most of what is told belongs to the last window.
        if let Some(last) = self.kept.back_mut()
            && last.start_ns <= new.start_ns
            && new.start_ns <= last.end_ns.saturating_add(pause)
        {
            last.take_in(&new);
            return;
        }
        // All that is near it becomes one.
        let from = self.kept.partition_point(|one| one.end_ns.saturating_add(pause) < new.start_ns);
        let until =
            self.kept.partition_point(|one| one.start_ns <= new.end_ns.saturating_add(pause));
        if from < until {
            let mut whole = new;
            for near in self.kept.drain(from..until) {
                whole.take_in(&near);
            }
            self.kept.insert(from, whole);
        } else {
            self.kept.insert(from, new);
        }
        while self.kept.len() > self.most {
            if let Some(oldest) = self.kept.pop_front() {
                self.horizon_ns = oldest.end_ns;
                self.forgotten += 1;
            }
        }
    }

    /// The same activity went on until then: nothing new begins.
    pub fn extend(&mut self, until: Window) {
        match self.kept.back_mut() {
            Some(last) => {
                last.take_in(&Window { start_ns: until.start_ns.max(last.start_ns), ..until });
            }
            None => self.add(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn io(start_ns: i64, length: i64, bytes: u64) -> Window {
        Window { end_ns: start_ns + length, bytes, ..Window::moment(start_ns) }
    }

    /// Groups by brute force: sorted by begin, cut where nothing was for longer than a pause.
    fn oracle(mut all: Vec<Window>, pause: i64) -> Vec<Window> {
        all.sort_by_key(|one| one.start_ns);
        let mut windows: Vec<Window> = Vec::new();
        for one in all {
            match windows.last_mut().filter(|last| one.start_ns <= last.end_ns + pause) {
                Some(last) => last.take_in(&one),
                None => windows.push(one),
            }
        }
        windows
    }

    proptest! {
        // Property: whatever the order in which moments are told, the windows are those of the sorted ones.
        #[test]
        fn order_does_not_matter(told in prop::collection::vec((0_i64..500, 0_i64..20, 0_u64..9), 0..60)) {
            let all: Vec<Window> = told.iter().map(|(at, length, bytes)| io(*at, *length, *bytes)).collect();
            let mut windows = Windows::new(10, 1_000);
            for one in &all {
                windows.add(*one);
            }
            let kept: Vec<Window> = windows.iter().copied().collect();
            prop_assert_eq!(kept, oracle(all, 10));
        }

        // Property: there are never more than allowed, and those that are kept are the newest.
        #[test]
        fn the_oldest_go(starts in prop::collection::vec(0_i64..10_000, 0..80)) {
            let mut windows = Windows::new(1, 5);
            let mut all = Vec::new();
            for at in starts.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }) {
                windows.add(io(at, 0, 1));
                windows.add(io(at - 30_000, 0, 1));
                all.push(at);
            }
            prop_assert!(windows.iter().count() <= 5);
            if let (Some(last), Some(kept)) = (all.last(), windows.last()) {
                prop_assert_eq!(kept.end_ns, *last);
            }
        }
    }

    /// Property: what comes after the end of a process makes its last window longer, and none new.
    #[test]
    fn a_tail_is_no_new_window() {
        let mut windows = Windows::new(10, 5);
        windows.add(io(0, 5, 1));
        windows.extend(io(5_000, 5, 2));
        assert_eq!(windows.iter().copied().collect::<Vec<_>>(), [io(0, 5_005, 3)]);
    }
}
