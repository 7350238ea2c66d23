//! What an etcd says of its own log: one request to a listener on the loopback interface.

use std::time::Duration;

use iocontend_core::etcd_urls::metrics_urls;
use iocontend_core::facts::{ProcessFacts, WalFsyncs};
use iocontend_core::session::Now;
use prometheus_parse::{Scrape, Value};

use super::HostRoot;

/// Etcd answers in milliseconds, or it has other troubles.
const LIMIT: Duration = Duration::from_millis(500);
/// Most bytes of an answer (etcd 3.6 sends some 100 KB).
const MOST: u64 = 4 << 20;
/// The histogram, and when the process began.
const WAL: &str = "etcd_disk_wal_fsync_duration_seconds";
const STARTED: &str = "process_start_time_seconds";
/// How far an answer's start time may be from the process's: it is rounded to 10 ms, clocks are set.
const SAME_START_SECONDS: f64 = 5.0;

/// Asks an etcd for its metric of the log's syncs. `None` when it does not answer, needs a certificate, lives in a
/// network of its own, or when whoever answers is another process.
///
/// The time of asking is an argument, as everywhere.
pub fn read_etcd_metrics(root: &HostRoot, process: &ProcessFacts, asked: Now) -> Option<WalFsyncs> {
    if !shares_our_network(root, process.key.pid) {
        return None;
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    metrics_urls(process).iter().find_map(|url| {
        let mut answer = agent.get(format!("{url}/metrics")).call().ok()?;
        let text = answer.body_mut().with_config().limit(MOST).read_to_string().ok()?;
        parse(&text, asked.mono_ns, started_unix(process, asked))
    })
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
    let same = number(STARTED).is_none_or(|said| (said - started).abs() < SAME_START_SECONDS);
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
    }

    #[test]
    fn an_answer_without_the_metric_is_none() {
        assert_eq!(parse("go_goroutines 1\n", 5, 0.0), None);
        assert_eq!(parse("<html>", 5, 0.0), None);
        assert_eq!(parse(&TEXT.replace("_sum 0.25", "_sum NaN"), 5, 1.7e9), None);
    }
}
