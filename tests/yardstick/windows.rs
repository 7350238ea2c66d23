//! Windows of the captures: looking changes nothing, and what was seen in them sums to the whole.

use std::fs;

use iocontend_core::capture::replay_seconds;
use iocontend_core::report::{Report, Tool, check_consistency};
use iocontend_core::session::{Intervals, Snapshot, report_between};
use iocontend_tests::yardstick::golden::line;

use super::{Case, cases, on_all_processors};

/// Seconds between two looks of each of those who look.
const LOOKERS: [&[usize]; 3] = [&[], &[1], &[1, 2, 5]];

/// Somebody who looks now and then.
#[derive(Default)]
struct Looker {
    every: usize,
    intervals: Intervals,
    last: Option<Snapshot>,
    reports: Vec<Report>,
    settled_ns: u64,
}

impl Looker {
    fn look(&mut self, now: Snapshot) {
        let before = self.last.take().unwrap_or_else(|| now.beginning());
        self.settled_ns += now.settled_ns(Some(&before)).values().sum::<u64>();
        self.reports.push(self.intervals.next(now.clone()));
        self.last = Some(now);
    }
}

/// Requests, their bytes, and the time of waits.
fn sums<'a>(reports: impl IntoIterator<Item = &'a Report>) -> [u64; 3] {
    let mut sums = [0; 3];
    for report in reports {
        for device in &report.devices {
            (sums[0], sums[1]) = (sums[0] + device.ios, sums[1] + device.bytes);
        }
        let waits = report.actors.iter().flat_map(|actor| &actor.waits);
        sums[2] += waits.map(|wait| wait.latency.sum_ns).sum::<u64>();
    }
    sums
}

/// The whole as a document, and those who looked.
fn looked_at(case: &Case, every: &[usize]) -> (String, Vec<Looker>) {
    let of = |every: &usize| Looker { every: *every, ..Looker::default() };
    let mut lookers: Vec<Looker> = every.iter().map(of).collect();
    let mut seconds = 0;
    let capture = fs::read(&case.capture).unwrap();
    let replay = replay_seconds(
        &capture[..],
        case.selectors.clone(),
        Tool::default(),
        &mut |session, now| {
            seconds += 1;
            for looker in lookers.iter_mut().filter(|looker| seconds % looker.every == 0) {
                looker.look(session.snapshot(now));
            }
        },
    );
    (line(&replay.unwrap().report).unwrap(), lookers)
}

/// Property: the whole of each capture is the same to the byte with nobody who looks, with one and with three. In each of their
/// windows the sums agree, rows of blame with the measured waits among them; counts, bytes, waits and settled charges of windows
/// that follow each other sum to those of the whole time that they cover.
#[test]
fn looking_changes_nothing() {
    on_all_processors(cases(), |case| {
        let name = &case.name;
        let (whole, _) = looked_at(&case, LOOKERS[0]);
        for every in &LOOKERS[1..] {
            let (found, lookers) = looked_at(&case, every);
            assert!(
                found == whole,
                "{name}: the whole is another one with {} who look",
                every.len()
            );
            for looker in lookers {
                for report in &looker.reports {
                    assert_eq!(check_consistency(report), Vec::<String>::new(), "{name}");
                }
                let Some(last) = &looker.last else { continue };
                let covered = report_between(None, last);
                assert_eq!(sums(&looker.reports), sums([&covered]), "{name}");
                let settled: u64 = last.settled_ns(None).values().sum();
                assert_eq!(looker.settled_ns, settled, "{name}");
            }
        }
    });
}
