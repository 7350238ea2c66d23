//! A real etcd of our own on the loopback interface: started, driven at a fixed rate, its own metrics read, ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cgroup::Cgroup;
use crate::gateway::Gateway;
use crate::janitor::{Left, will_leave};
use crate::load::{Schedule, run};
use crate::process::{self, until};

/// Starting takes a second, under emulation ten times as long.
const START_LIMIT: Duration = Duration::from_secs(120);
/// One answer; a throttled disk with a full queue takes its time.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long the counters stand still before we call it idle.
const IDLE: Duration = Duration::from_secs(1);
/// How long it may take until then.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// A running etcd, killed when dropped.
pub struct Etcd {
    child: Child,
    program: PathBuf,
    data: PathBuf,
    client: u16,
    peer: u16,
    gateway: Gateway,
}

impl Etcd {
    /// Debian's, with its data below a folder.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_program(Path::new("etcd"), folder)
    }

    /// Another program file.
    pub fn start_program(program: &Path, folder: &Path) -> Result<Self> {
        let (client, peer) = (free_port()?, free_port()?);
        Self::run(Command::new(program), program.to_owned(), folder.join("data"), client, peer)
    }

    /// Debian's, from its first moment on in a cgroup.
    pub fn start_in(cgroup: &Cgroup, folder: &Path) -> Result<Self> {
        let (client, peer) = (free_port()?, free_port()?);
        Self::run(cgroup.command("etcd")?, "etcd".into(), folder.join("data"), client, peer)
    }

    fn run(
        mut command: Command,
        program: PathBuf,
        data: PathBuf,
        client: u16,
        peer: u16,
    ) -> Result<Self> {
        let log = File::create(data.with_extension("log"))?;
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let child = command
            .arg(format!("--data-dir={}", data.display()))
            .args(["--listen-client-urls", &url(client), "--advertise-client-urls", &url(client)])
            .args(["--listen-peer-urls", &url(peer)])
            .args(["--initial-advertise-peer-urls", &url(peer)])
            .args(["--initial-cluster", &format!("default={}", url(peer))])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let gateway = Gateway::new(&url(client), ANSWER_LIMIT);
        let mut etcd = Self { child, program, data, client, peer, gateway };
        will_leave(Left::Process(etcd.pid()))?;
        etcd.wait_until_healthy()?;
        Ok(etcd)
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        until("a healthy etcd", START_LIMIT, || {
            if let Some(status) = self.child.try_wait()? {
                bail!("etcd: {status}, see {}", self.data.with_extension("log").display());
            }
            // Until it listens, connections are refused.
            let answer = self.gateway.get("/health").unwrap_or_default();
            Ok(answer.contains("\"true\"").then_some(()))
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its address for clients.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.client)
    }

    /// Fills the database: `mib` values of one MiB each, one after the other.
    pub fn fill(&self, mib: u32) -> Result<()> {
        let value = vec![b'v'; 1 << 20];
        (0..mib).try_for_each(|number| self.gateway.put(&format!("fill/{number:06}"), &value))
    }

    /// Kills this process and starts another one on the same data.
    pub fn restart(mut self) -> Result<Self> {
        let again = (self.program.clone(), self.data.clone(), self.client, self.peer);
        self.child.kill()?;
        self.child.wait()?;
        drop(self);
        Self::run(Command::new(&again.0), again.0, again.1, again.2, again.3)
    }

    /// Its own counters now.
    pub fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics::parse(&self.gateway.get("/metrics")?))
    }

    /// Its counters once they have stood still for a while.
    pub fn idle(&self) -> Result<Metrics> {
        let mut last = self.metrics()?;
        let mut since = Instant::now();
        until("an idle etcd", IDLE_LIMIT, || {
            let now = self.metrics()?;
            if now.syncs()? != last.syncs()? {
                since = Instant::now();
            }
            last = now;
            Ok((since.elapsed() >= IDLE).then(|| last.clone()))
        })
    }

    /// Makes it read its whole database.
    pub fn hash(&self) -> Result<()> {
        self.gateway.ask("/v3/maintenance/hash")
    }

    /// Puts `count` keys, `rate` a second, whatever the answers take; gives the slowest answer's time from the moment
    /// it was due.
    pub fn puts(&self, count: u32, rate: u32, value_bytes: usize) -> Result<Duration> {
        // Enough connections that an answer of a second does not hold the next put back.
        let lanes = rate.clamp(1, 64).min(count);
        let value = vec![b'v'; value_bytes];
        let lane = |_| {
            let gateway = Gateway::new(&self.endpoint(), ANSWER_LIMIT);
            let value = &value;
            move |number: u64| gateway.put(&format!("key/{number:08}"), value)
        };
        // Ends between the last put and one more.
        let step = Duration::from_secs(1) / rate;
        let window = (step * count).saturating_sub(step / 2);
        let schedule = Schedule { rate, lead: Duration::ZERO, window, cut: false };
        let outcome = run(schedule, Instant::now(), (0..lanes).map(lane).collect())?;
        ensure!(outcome.answered == u64::from(count), "of {count} puts: {outcome:?}");
        Ok(Duration::from_secs_f64(outcome.latency.map_or(0.0, |latency| latency.max_ms) / 1e3))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// etcd's metrics: value by name with labels.
#[derive(Clone, Debug)]
pub struct Metrics {
    values: BTreeMap<String, f64>,
}

/// A histogram of etcd's.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Number of values.
    pub count: u64,
    /// Their sum, seconds.
    pub sum: f64,
    /// Upper edge in seconds and cumulative count.
    pub buckets: Vec<(f64, u64)>,
}

/// Syncs of the log.
pub const WAL_FSYNC: &str = "etcd_disk_wal_fsync_duration_seconds";
/// Size of the database file, bytes.
pub const DB_BYTES: &str = "etcd_mvcc_db_total_size_in_bytes";
/// Commits of the database.
pub const BACKEND_COMMIT: &str = "etcd_disk_backend_commit_duration_seconds";

impl Metrics {
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        let values = pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        Self { values: values.collect() }
    }

    /// A metric without a distribution.
    pub fn value(&self, name: &str) -> Result<f64> {
        self.values.get(name).copied().with_context(|| format!("etcd has no metric {name}"))
    }

    /// A histogram since the start of etcd.
    pub fn histogram(&self, name: &str) -> Result<Histogram> {
        let prefix = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, u64)> = self
            .values
            .iter()
            .filter_map(|(key, value)| {
                let edge = key.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                let edge = if edge == "+Inf" { f64::INFINITY } else { edge.parse().ok()? };
                Some((edge, as_count(*value)))
            })
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = as_count(self.value(&format!("{name}_count"))?);
        Ok(Histogram { count, sum: self.value(&format!("{name}_sum"))?, buckets })
    }

    /// Syncs of the log and commits of the database so far.
    pub fn syncs(&self) -> Result<(u64, u64)> {
        Ok((self.histogram(WAL_FSYNC)?.count, self.histogram(BACKEND_COMMIT)?.count))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small")]
fn as_count(value: f64) -> u64 {
    value as u64
}

impl Histogram {
    /// What was added since an earlier look.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&before.buckets);
        Self {
            count: self.count - before.count,
            sum: self.sum - before.sum,
            buckets: pairs.map(|(now, old)| (now.0, now.1 - old.1)).collect(),
        }
    }

    /// The mean in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub fn mean_ns(&self) -> f64 {
        self.sum * 1e9 / self.count as f64
    }

    /// The index of the bucket that holds the value of this rank, counted from 1.
    pub fn bucket_of_rank(&self, rank: u64) -> Option<usize> {
        self.buckets.iter().position(|(_, cumulative)| *cumulative >= rank)
    }

    /// The index of the bucket into which a value falls.
    #[expect(clippy::cast_precision_loss, reason = "the edges are far apart")]
    pub fn bucket_of_ns(&self, ns: u64) -> Option<usize> {
        self.buckets.iter().position(|(edge, _)| ns as f64 <= edge * 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_read_in_order_and_subtracted() {
        let text = "# HELP x\nx_bucket{le=\"0.001\"} 1\nx_bucket{le=\"0.002\"} 4\n\
                    x_bucket{le=\"+Inf\"} 5\nx_sum 0.5\nx_count 5\n";
        let all = Metrics::parse(text).histogram("x").unwrap();
        assert_eq!(all.buckets, [(0.001, 1), (0.002, 4), (f64::INFINITY, 5)]);
        assert_eq!((all.bucket_of_rank(1), all.bucket_of_rank(2)), (Some(0), Some(1)));
        assert_eq!((all.bucket_of_ns(1_000_000), all.bucket_of_ns(1_000_001)), (Some(0), Some(1)));
        assert_eq!(all.since(&all).count, 0);
        assert!((all.mean_ns() - 1e8).abs() < 1.0);
    }
}
