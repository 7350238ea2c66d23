//! Open-loop load: requests are due at a fixed rate, whatever the answers take, and latency counts from the due time.
//!
//! A client that waits for an answer before it sends the next request slows down with the server and so hides what it
//! was to measure. Here a bounded number of lanes, one request in flight each, take the requests in the order in
//! which they are due; a request that finds no free lane is late, one that is still not sent when the time is over
//! is counted as unsent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Sent later than this after it was due, a request is late.
const LATE: Duration = Duration::from_millis(10);
/// A latency above this counts as this one, ns.
const CEILING_NS: u64 = 600_000_000_000;

/// When the requests are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Requests a second.
    pub rate: u32,
    /// At full rate, but not counted.
    pub lead: Duration,
    /// Counted.
    pub window: Duration,
    /// Whether what has not been sent at the end of the window stays unsent; else it is sent late.
    pub cut: bool,
}

impl Schedule {
    /// How long after the begin a request is due; they are numbered from 0.
    pub fn due(&self, number: u64) -> Duration {
        // u64 nanoseconds reach for 584 years.
        Duration::from_nanos(number.saturating_mul(1_000_000_000) / u64::from(self.rate.max(1)))
    }

    /// How many are due before a moment.
    fn due_before(&self, moment: Duration) -> u64 {
        let nanos = moment.as_nanos() * u128::from(self.rate);
        u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }

    /// All requests, those of the lead included.
    pub fn total(&self) -> u64 {
        self.due_before(self.lead + self.window)
    }

    /// The number of the first one that counts.
    pub fn first_counted(&self) -> u64 {
        self.due_before(self.lead)
    }
}

/// What became of the requests that were due in the window. `answered + failed + unsent = due`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Due in the window.
    pub due: u64,
    /// Answered well, in the window or after it.
    pub answered: u64,
    /// Answered with an error, or not within the limit.
    pub failed: u64,
    /// Not sent, since all lanes were busy until the end.
    pub unsent: u64,
    /// Of those sent, how many more than 10 ms after they were due.
    pub late: u64,
    /// From due to answered, of the answered ones. Absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Words of the first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A distribution in a few numbers, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Exact mean.
    pub mean_ms: f64,
    /// Median; quantiles are within 1 %.
    pub p50_ms: f64,
    /// 99 % do not exceed it.
    pub p99_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

/// What one lane saw.
struct Lane {
    latencies: Histogram<u64>,
    sum_ns: u128,
    failed: u64,
    late: u64,
    error: Option<String>,
}

impl Lane {
    fn new() -> Result<Self> {
        let latencies = Histogram::new_with_bounds(1, CEILING_NS, 3)?;
        Ok(Self { latencies, sum_ns: 0, failed: 0, late: 0, error: None })
    }

    fn count(&mut self, waited: Duration, latency: Duration, answer: Result<()>) {
        if waited > LATE {
            self.late += 1;
        }
        match answer {
            Ok(()) => {
                self.sum_ns += latency.as_nanos();
                let nanos = u64::try_from(latency.as_nanos()).unwrap_or(CEILING_NS);
                self.latencies.saturating_record(nanos);
            }
            Err(error) => {
                self.failed += 1;
                self.error.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
}

/// When the window ends, after the begin: as planned, or earlier when somebody has seen enough.
#[derive(Debug)]
pub struct End(AtomicU64);

impl End {
    /// As planned.
    pub fn of(schedule: Schedule) -> Self {
        Self(AtomicU64::new(nanos(schedule.lead + schedule.window)))
    }

    /// At this moment after the begin, unless the end comes earlier anyway.
    pub fn set(&self, moment: Duration) {
        self.0.fetch_min(nanos(moment), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

fn nanos(time: Duration) -> u64 {
    // u64 nanoseconds reach for 584 years.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Sends the requests of a schedule from `begin` on, with one lane for each of `senders`, and waits for the last answer.
pub fn run<S>(schedule: Schedule, begin: Instant, senders: Vec<S>) -> Result<Outcome>
where
    S: FnMut(u64) -> Result<()> + Send,
{
    run_until(schedule, begin, senders, &End::of(schedule))
}

/// The same with an end that may come early: what would have been due after it was never due.
pub fn run_until<S>(
    schedule: Schedule,
    begin: Instant,
    senders: Vec<S>,
    end: &End,
) -> Result<Outcome>
where
    S: FnMut(u64) -> Result<()> + Send,
{
    let next = AtomicU64::new(0);
    let lanes = thread::scope(|scope| {
        let start = |sender| scope.spawn(|| lane(schedule, begin, end, &next, sender));
        let lanes: Vec<_> = senders.into_iter().map(start).collect();
        let ended = lanes.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|end| end.unwrap_or_else(|_| bail!("a lane failed"))).collect::<Result<Vec<_>>>()
    })?;
    let window = end.get().saturating_sub(schedule.lead).min(schedule.window);
    outcome(Schedule { window, ..schedule }, lanes)
}

/// Takes the next request when it has nothing to do, waits until it is due, sends it.
fn lane(
    schedule: Schedule,
    begin: Instant,
    end: &End,
    next: &AtomicU64,
    mut send: impl FnMut(u64) -> Result<()>,
) -> Result<Lane> {
    let mut seen = Lane::new()?;
    // Order among lanes is of no matter, only that no number is given twice.
    while !schedule.cut || begin.elapsed() < end.get() {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= schedule.total() {
            break;
        }
        let due = begin + schedule.due(number);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // The end came while it slept.
        if schedule.due(number) >= end.get() {
            break;
        }
        let waited = due.elapsed();
        let answer = send(number);
        if number >= schedule.first_counted() {
            seen.count(waited, due.elapsed(), answer);
        }
    }
    Ok(seen)
}

#[expect(clippy::cast_precision_loss, reason = "times for people")]
fn outcome(schedule: Schedule, lanes: Vec<Lane>) -> Result<Outcome> {
    let mut all = Lane::new()?;
    for lane in lanes {
        all.latencies.add(&lane.latencies)?;
        all.sum_ns += lane.sum_ns;
        all.failed += lane.failed;
        all.late += lane.late;
        all.error = all.error.or(lane.error);
    }
    let due = schedule.total() - schedule.first_counted();
    let answered = all.latencies.len();
    let ms = |ns: u64| ns as f64 / 1e6;
    let latency = (answered > 0).then(|| Latency {
        mean_ms: all.sum_ns as f64 / answered as f64 / 1e6,
        p50_ms: ms(all.latencies.value_at_quantile(0.5)),
        p99_ms: ms(all.latencies.value_at_quantile(0.99)),
        max_ms: ms(all.latencies.max()),
    });
    let unsent = due.saturating_sub(answered + all.failed);
    Ok(Outcome {
        due,
        answered,
        failed: all.failed,
        unsent,
        late: all.late,
        latency,
        error: all.error,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    proptest! {
        // Property: every request has one due time, they lie 1/rate apart, and exactly those of lead and window count.
        #[test]
        fn due_times_are_even(rate in 1..2000_u32, lead in 0..5000_u64, window in 1..60_000_u64) {
            let schedule = Schedule { rate, lead: ms(lead), window: ms(window), cut: true };
            let (first, total) = (schedule.first_counted(), schedule.total());
            prop_assert!(first <= total);
            if total > 0 {
                prop_assert!(schedule.due(total - 1) < ms(lead + window));
            }
            prop_assert!(schedule.due(total) + Duration::from_nanos(1) >= ms(lead + window));
            prop_assert!(first == 0 || schedule.due(first - 1) < ms(lead));
            let step = schedule.due(total + 1).saturating_sub(schedule.due(total));
            let ideal = Duration::from_secs(1) / rate;
            prop_assert!(step.abs_diff(ideal) <= Duration::from_nanos(1));
        }
    }

    // Property: with all lanes stuck until the end, what was due meanwhile is unsent, and the one that was stuck has
    // the whole time from its due time as latency.
    #[test]
    fn what_could_not_be_sent_is_counted() {
        let schedule = Schedule { rate: 100, lead: Duration::ZERO, window: ms(200), cut: true };
        let begin = Instant::now();
        let stuck = |_: u64| {
            thread::sleep((begin + ms(300)).saturating_duration_since(Instant::now()));
            Ok(())
        };
        let outcome = run(schedule, begin, vec![stuck]).unwrap();
        assert_eq!((outcome.due, outcome.answered, outcome.unsent), (20, 1, 19));
        assert!(outcome.latency.unwrap().mean_ms >= 300.0, "{outcome:?}");
    }

    // Property: without a cut everything is sent, however late.
    #[test]
    fn without_a_cut_everything_is_sent() {
        let schedule = Schedule { rate: 100, lead: Duration::ZERO, window: ms(50), cut: false };
        let begin = Instant::now();
        let slow = |_: u64| {
            thread::sleep((begin + ms(100)).saturating_duration_since(Instant::now()));
            Ok(())
        };
        let outcome = run(schedule, begin, vec![slow]).unwrap();
        assert_eq!((outcome.due, outcome.answered, outcome.unsent), (5, 5, 0));
    }

    // Property: with an end that comes early, exactly what was due before it counts.
    #[test]
    fn an_early_end_cuts_what_was_due() {
        let schedule = Schedule { rate: 100, lead: ms(50), window: ms(60_000), cut: true };
        let end = End::of(schedule);
        end.set(ms(250));
        end.set(ms(900));
        let outcome = run_until(schedule, Instant::now(), vec![|_| Ok(()); 4], &end).unwrap();
        assert_eq!(outcome.due, 20);
        assert_eq!(outcome.answered + outcome.unsent, 20);
    }

    // Property: every number is sent once, by any number of lanes; those of the window count as what they were, those of
    // the lead do not, however far a slow machine gets.
    #[test]
    fn every_request_is_sent_once() {
        let schedule = Schedule { rate: 1000, lead: ms(50), window: ms(100), cut: true };
        let sent = Mutex::new(Vec::new());
        let sender = |number: u64| {
            sent.lock().unwrap().push(number);
            if number.is_multiple_of(2) { Ok(()) } else { bail!("odd") }
        };
        let outcome = run(schedule, Instant::now(), vec![sender; 4]).unwrap();
        let mut numbers = sent.into_inner().unwrap();
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
        numbers.retain(|number| *number >= 50);
        let (even, odd): (Vec<u64>, Vec<u64>) =
            numbers.into_iter().partition(|number| number.is_multiple_of(2));
        let counts = [outcome.answered, outcome.failed, outcome.unsent];
        let lengths = [even.len(), odd.len(), 100 - even.len() - odd.len()];
        assert_eq!(counts.map(|count| usize::try_from(count).unwrap()), lengths);
        assert_eq!((outcome.due, outcome.error.is_some()), (100, !odd.is_empty()));
    }
}
