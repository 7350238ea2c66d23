//! What etcds say of their own logs: requests to listeners on the loopback interface.
//!
//! Anybody can run a program that is called etcd and names listeners that never answer. So nobody waits here: each etcd is
//! asked by a thread of its own, few addresses of few etcds, and all within one limit.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use iocontend_core::etcd_urls::metrics_urls;
use iocontend_core::facts::{ProcessFacts, ProcessKey, WalFsyncs};
use iocontend_core::session::Now;
use prometheus_parse::{Scrape, Value};

use super::HostRoot;

/// For all answers of one reading, whole: etcd answers in milliseconds, or it has other troubles. A watch reads at its
/// begin and at its end, a second in all.
pub const METRICS_LIMIT: Duration = Duration::from_millis(500);
/// Addresses that are asked of one process at most: etcd itself has one for metrics and one or two for clients.
const MOST_URLS: usize = 3;
/// Processes that are asked at most, those that began first before others.
const MOST_PROCESSES: usize = 16;
/// Most bytes of an answer (etcd 3.6 sends some 100 KB).
const MOST: u64 = 4 << 20;
/// The histogram, and when the process began.
const WAL: &str = "etcd_disk_wal_fsync_duration_seconds";
const STARTED: &str = "process_start_time_seconds";
/// How far an answer's start time may be from the process's: it is rounded to 10 ms, clocks are set.
const SAME_START_SECONDS: f64 = 5.0;

/// Begins to ask etcds for their metric of the log's syncs. What they say comes within [`METRICS_LIMIT`]; the channel
/// closes when nothing more comes. Whoever does not answer, needs a certificate, lives in a network of its own or is
/// another process than the one that was meant says nothing.
///
/// The clock is an argument, as everywhere.
pub fn ask_etcds(
    root: &HostRoot,
    mut etcds: Vec<ProcessFacts>,
    clock: fn() -> Now,
) -> Receiver<(ProcessKey, WalFsyncs)> {
    let (answers, receiver) = channel();
    let deadline = Instant::now() + METRICS_LIMIT;
    etcds.sort_by_key(|etcd| etcd.key.start_ticks);
    for etcd in etcds.into_iter().take(MOST_PROCESSES) {
        if !shares_our_network(root, etcd.key.pid) {
            continue;
        }
        let answers = answers.clone();
        let ask = move || {
            if let Some(said) = ask_one(&etcd, clock, deadline) {
                // A watch that has ended meanwhile wants no answer.
                answers.send((etcd.key, said)).ok();
            }
        };
        // Without a thread it is not asked.
        drop(thread::Builder::new().name("etcd-metrics".to_owned()).spawn(ask));
    }
    receiver
}

fn ask_one(etcd: &ProcessFacts, clock: fn() -> Now, deadline: Instant) -> Option<WalFsyncs> {
    let urls: Vec<String> = metrics_urls(etcd).into_iter().take(MOST_URLS).collect();
    let left = (1..=u32::try_from(urls.len()).unwrap_or(1)).rev();
    urls.iter().zip(left).find_map(|(url, left)| {
        // One that does not answer leaves time for those behind it.
        let limit = deadline.saturating_duration_since(Instant::now()) / left;
        (!limit.is_zero()).then_some(())?;
        let asked = clock();
        let text = get(&format!("{url}/metrics"), limit)?;
        parse(&text, asked.mono_ns, started_unix(etcd, asked))
    })
}

/// The body of an answer. The limit is one for connecting, headers and body.
fn get(url: &str, limit: Duration) -> Option<String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(limit))
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let mut answer = agent.get(url).call().ok()?;
    answer.body_mut().with_config().limit(MOST).read_to_string().ok()
}

/// When a process began, seconds since 1970. Its start time counts from boot, suspended time included.
#[expect(clippy::cast_precision_loss, reason = "a time to the second")]
fn started_unix(process: &ProcessFacts, asked: Now) -> f64 {
    let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let age = since_boot.tv_sec as f64 - process.key.start_ns() as f64 / 1e9;
    asked.unix_ns as f64 / 1e9 - age
}

fn shares_our_network(root: &HostRoot, pid: u32) -> bool {
    let network = |of: &str| std::fs::read_link(root.proc.join(of).join("ns/net")).ok();
    match (network("self"), network(&pid.to_string())) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => false,
    }
}

/// Reads the histogram's count and sum; `None` when it is another process's.
fn parse(text: &str, asked_ns: u64, started: f64) -> Option<WalFsyncs> {
    // The parser takes the two metrics alone: the whole text is a thousand lines of others.
    let lines = text
        .lines()
        .filter(|line| {
            let name = line.strip_prefix("# TYPE ").unwrap_or(line);
            name.starts_with(WAL) || name.starts_with(STARTED)
        })
        .map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).ok()?;
    let number = |name: &str| {
        scrape.samples.iter().find(|sample| sample.metric == name).and_then(|s| match s.value {
            Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => Some(value),
            _ => None,
        })
    };
    // Who does not say when it began may be anybody.
    let same = number(STARTED).is_some_and(|said| (said - started).abs() < SAME_START_SECONDS);
    let count = number(&format!("{WAL}_count"))?;
    let sum = number(&format!("{WAL}_sum"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and far below 2^63"
    )]
    let whole = |value: f64| (value.is_finite() && value >= 0.0).then_some(value as u64);
    let said = WalFsyncs { asked_ns, count: whole(count)?, sum_ns: whole(sum * 1e9)? };
    same.then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP etcd_disk_wal_fsync_duration_seconds The latency.
# TYPE etcd_disk_wal_fsync_duration_seconds histogram
etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 3
etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 12
etcd_disk_wal_fsync_duration_seconds_sum 0.25
etcd_disk_wal_fsync_duration_seconds_count 12
# TYPE go_goroutines gauge
go_goroutines 88
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
";

    #[test]
    fn count_and_sum_are_read_from_the_process_that_was_meant() {
        let said = parse(TEXT, 5, 1_700_000_001.0);
        assert_eq!(said, Some(WalFsyncs { asked_ns: 5, count: 12, sum_ns: 250_000_000 }));
        assert_eq!(parse(TEXT, 5, 1_700_000_100.0), None, "another process's");
        let anonymous = TEXT.replace("process_start_time_seconds 1.7e+09", "");
        assert_eq!(parse(&anonymous, 5, 1_700_000_001.0), None, "anybody's");
    }

    /// Property: whatever the listeners do, all is over within the limit, and at most three of them are asked.
    #[test]
    fn listeners_that_never_answer_take_no_more_than_the_limit() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&asked);
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                kept.push(stream);
            }
        });
        let key = ProcessKey { pid: std::process::id(), start_ticks: 1 };
        let mut etcd = ProcessFacts::named(key, "etcd");
        let urls = vec![format!("http://127.0.0.1:{port}"); 60].join(",");
        etcd.argv = vec!["etcd".to_owned(), format!("--listen-client-urls={urls}")];
        let clock = || Now { mono_ns: 1, unix_ns: 1 };
        let begin = Instant::now();
        let answers = ask_etcds(&HostRoot::default(), vec![etcd], clock);
        assert!(begin.elapsed() < METRICS_LIMIT / 2, "asking waits for nobody");
        assert_eq!(answers.iter().count(), 0);
        let took = begin.elapsed();
        assert!(took < METRICS_LIMIT * 2, "{took:?}");
        let asked = asked.load(std::sync::atomic::Ordering::SeqCst);
        assert!((1..=MOST_URLS).contains(&asked), "{asked}");
    }

    #[test]
    fn an_answer_without_the_metric_is_none() {
        assert_eq!(parse("go_goroutines 1\n", 5, 0.0), None);
        assert_eq!(parse("<html>", 5, 0.0), None);
        assert_eq!(parse(&TEXT.replace("_sum 0.25", "_sum NaN"), 5, 1.7e9), None);
    }
}
