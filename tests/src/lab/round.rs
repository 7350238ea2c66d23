//! One round: iocontend watches, the actors of the subset are at work, etcd has its load, and all of them are measured over
//! the same window. In the VM only.
//!
//! ```text
//! iocontend  |---------------------------------------------------|
//! actors        |------------------------------------------------|
//! load                              |----------------------------|
//!               at work | before_s  | lead_s |     window_s      |
//! ```

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Call, FileClass};
use iocontend_core::report::{Lat, Report};

use super::ablation::{found, shares};
use super::actor::{self, Running, Stage};
use super::ground::Ground;
use super::plan::RoundPlan;
use super::result::{Cpu, Disk, Iocontend, Machine, Round, SCHEMA, Waits};
use super::scenario::{Actor, Scenario};
use crate::blockstat;
use crate::cgroup::Cgroup;
use crate::etcd::{BACKEND_COMMIT, DB_BYTES, Etcd, Histogram, Metrics, WAL_FSYNC};
use crate::load::Outcome;
use crate::process::wait_for;
use crate::watch::{Watch, actor as find_actor, latency};

/// The generator ends a while after its last answer.
const LOAD_END_LIMIT: Duration = Duration::from_secs(60);

/// Steps of the fixed computation: some 0.1 s under emulation on an idle host.
const CALIBRATION: u32 = 40_000_000;

/// What all rounds of a scenario share.
pub struct Bench {
    /// What is set up.
    pub scenario: Scenario,
    /// The disks.
    pub ground: Ground,
    /// The victim.
    pub etcd: Etcd,
    /// What actors know.
    pub stage: Stage,
    /// Where it runs.
    pub machine: Machine,
    /// Of the order.
    pub seed: u64,
    /// iocontend.
    pub program: PathBuf,
    /// Whether it leaves captures.
    pub record: bool,
    /// Where results go.
    pub out: PathBuf,
}

/// Which round is run, and what is done in it beside measuring.
pub struct Order<'a> {
    /// Who is there.
    pub plan: &'a RoundPlan,
    /// Of its files' names, below the folder of results.
    pub stem: String,
    /// Syncs of the log after which the window may end; it lasts its whole time when absent.
    pub enough: Option<u64>,
    /// Done when the actors are at work and nothing counts yet.
    pub before_load: &'a mut dyn FnMut() -> Result<()>,
}

impl<'a> Order<'a> {
    /// A round of a scenario's ablation.
    pub fn plain(
        scenario: &Scenario,
        plan: &'a RoundPlan,
        before_load: &'a mut dyn FnMut() -> Result<()>,
    ) -> Self {
        let subset =
            if plan.subset.is_empty() { "alone".to_owned() } else { plan.subset.join("+") };
        let stem = format!("{}/{}-{subset}", scenario.name, plan.repeat + 1);
        Self { plan, stem, enough: None, before_load }
    }
}

/// What a round showed.
pub struct Seen {
    /// For the results.
    pub round: Round,
    /// All that iocontend says.
    pub report: Report,
    /// etcd's histogram of syncs of its log in the window.
    pub wal: Histogram,
}

/// Between two looks at whether there were enough syncs: etcd answers with all its metrics.
const ENOUGH_LOOK: Duration = Duration::from_secs(4);

impl Bench {
    /// Runs one round and leaves everything as it was.
    pub fn run(&self, order: &mut Order<'_>) -> Result<Seen> {
        let plan = order.plan;
        if self.scenario.victim.evict_db {
            self.stage.etcd.reclaim()?;
        }
        let calibration_ms = calibrate().as_secs_f64() * 1e3;
        let names = Names::of(&order.stem);
        fs::create_dir_all(self.out.join(&self.scenario.name))?;
        let watched = Cgroup::new("lab-iocontend")?;
        let watch = self.watch(&watched, &names)?;
        let (late, early): (Vec<&Actor>, Vec<&Actor>) =
            self.present(plan).into_iter().partition(|actor| actor.delay_s.is_some());
        let mut running = self.start(&early)?;
        running.iter().try_for_each(Running::at_work)?;
        thread::sleep(Duration::from_secs(self.scenario.time.before_s.into()));

        (order.before_load)()?;

        let load_cgroup = Cgroup::new("lab-load")?;
        let mut load = Load::start(self, &load_cgroup, order.enough.is_some())?;
        load.expect("start")?;
        let start = self.etcd.metrics()?;
        running.extend(self.start(&late)?);
        load.expect("window")?;
        let cgroups = [&*self.stage.etcd, &load_cgroup, &watched];
        let before = Look::take(self, &cgroups)?;
        self.window(order.enough, &before)?;
        let after = Look::take(self, &cgroups)?;
        load.end();

        let report = watch.finish()?;
        let mut seen = std::collections::BTreeMap::new();
        for actor in running {
            seen.insert(actor.name().to_owned(), actor.stop(&self.ground)?);
        }
        let load = load.finish()?;
        self.ground.drain()?;
        self.etcd.idle()?;

        fs::write(self.out.join(&names.report), serde_json::to_vec(&report)?)?;
        let wal = after.metrics.histogram(WAL_FSYNC)?.since(&before.metrics.histogram(WAL_FSYNC)?);
        let wal_since = |earlier| waits(&after.metrics, earlier, WAL_FSYNC);
        let round = Round {
            schema: SCHEMA.to_owned(),
            machine: self.machine.clone(),
            scenario: self.scenario.name.clone(),
            seed: self.seed,
            plan: plan.clone(),
            window_s: (after.at - before.at).as_secs_f64(),
            rate: self.scenario.victim.rate,
            load,
            wal_fsync: wal_since(&before.metrics)?,
            backend_commit: waits(&after.metrics, &before.metrics, BACKEND_COMMIT)?,
            db_bytes: db_bytes(&after.metrics)?,
            calibration_ms,
            cpu: after.cpu_since(&before),
            disk: after.disk_since(&before),
            actors: seen,
            iocontend: Iocontend {
                wal_fdatasync: ours(&report, self.etcd.pid())?,
                wal_fsync_of_etcd: wal_since(&start)?,
                lost: report.coverage.lost.values().sum(),
                blame: shares(&report),
                findings: found(&report),
                report: names.report,
                capture: self.record.then_some(names.capture),
            },
        };
        Ok(Seen { round, report, wal })
    }

    /// Lasts until its time is over or there were enough syncs of the log.
    fn window(&self, enough: Option<u64>, before: &Look) -> Result<()> {
        let end = before.at + Duration::from_secs(self.scenario.time.window_s.into());
        let syncs = before.metrics.syncs()?.0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            thread::sleep(if enough.is_some() { left.min(ENOUGH_LOOK) } else { left });
            let is_enough = |enough| Ok(self.etcd.metrics()?.syncs()?.0 - syncs >= enough);
            if Instant::now() >= end || enough.map_or(Ok::<_, anyhow::Error>(false), is_enough)? {
                return Ok(());
            }
        }
    }

    fn watch(&self, cgroup: &Cgroup, names: &Names) -> Result<Watch> {
        let mut args = vec!["--pid".to_owned(), self.etcd.pid().to_string()];
        if self.record {
            let file = self.out.join(&names.capture).display().to_string();
            args.extend(["--record".to_owned(), file]);
        }
        Watch::spawn(cgroup.command(&self.program)?, "json", &args)
    }

    pub(super) fn start(&self, actors: &[&Actor]) -> Result<Vec<Running>> {
        actors.iter().map(|actor| actor::start(actor, &self.ground, &self.stage)).collect()
    }

    /// Bystanders, and the suspects of the subset.
    pub(super) fn present(&self, plan: &RoundPlan) -> Vec<&Actor> {
        let mut present = self.scenario.bystanders();
        let suspects = self.scenario.suspects().into_iter();
        present.extend(suspects.filter(|actor| plan.subset.contains(&actor.name)));
        present
    }
}

/// Files of a round, relative to the results.
struct Names {
    report: String,
    capture: String,
}

impl Names {
    fn of(stem: &str) -> Self {
        Self { report: format!("{stem}.json"), capture: format!("{stem}.iocap") }
    }
}

/// The generator.
pub(super) struct Load {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Load {
    fn start(bench: &Bench, cgroup: &Cgroup, may_end_early: bool) -> Result<Self> {
        let window = Duration::from_secs(bench.scenario.time.window_s.into());
        Self::start_for(bench, cgroup, window, may_end_early)
    }

    /// With a window of another length.
    pub(super) fn start_for(
        bench: &Bench,
        cgroup: &Cgroup,
        window: Duration,
        may_end_early: bool,
    ) -> Result<Self> {
        let (victim, time) = (&bench.scenario.victim, bench.scenario.time);
        let mut child = cgroup
            .command(bench.stage.programs.join("load"))?
            .args(["--endpoint", &bench.etcd.endpoint()])
            .args(["--rate", &victim.rate.to_string()])
            .args(["--connections", &victim.connections.to_string()])
            .args(["--value-bytes", &victim.value_bytes.to_string()])
            .args(["--lead-ms", &(1000 * time.lead_s).to_string()])
            .args(["--window-ms", &window.as_millis().to_string()])
            .args(may_end_early.then_some("--until-stdin"))
            .stdin(if may_end_early { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the load generator")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?);
        Ok(Self { child, answers })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<()> {
        let line = self.line()?;
        ensure!(line == word, "the load generator said `{line}` instead of `{word}`");
        Ok(())
    }

    /// Ends its window now, if it was told that it may.
    fn end(&mut self) {
        drop(self.child.stdin.take());
    }

    fn finish(mut self) -> Result<Outcome> {
        let line = self.line()?;
        let status = wait_for(&mut self.child, LOAD_END_LIMIT)?;
        ensure!(status.success(), "the load generator: {status}");
        serde_json::from_str(&line).with_context(|| format!("the load generator said `{line}`"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// All counters at one moment.
struct Look {
    at: Instant,
    metrics: Metrics,
    /// etcd, load, iocontend.
    cpu: Vec<Duration>,
    /// Of all processors: busy and in all, ticks.
    ticks: (u64, u64),
    disk: blockstat::Counts,
}

impl Look {
    fn take(bench: &Bench, cgroups: &[&Cgroup]) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            metrics: bench.etcd.metrics()?,
            cpu: cgroups.iter().map(|cgroup| cgroup.cpu()).collect::<Result<_>>()?,
            ticks: ticks(&fs::read_to_string("/proc/stat")?)?,
            disk: blockstat::read(&bench.ground.disk)?.done,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "shares for people")]
    fn cpu_since(&self, before: &Self) -> Cpu {
        let elapsed = (self.at - before.at).as_secs_f64();
        let share = |index: usize| {
            let used = self.cpu[index].saturating_sub(before.cpu[index]);
            used.as_secs_f64() / elapsed
        };
        let (busy, all) = (self.ticks.0 - before.ticks.0, self.ticks.1 - before.ticks.1);
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Cpu {
            etcd: share(0),
            load: share(1),
            iocontend: share(2),
            busy: busy as f64 / all.max(1) as f64 * processors as f64,
            processors: u32::try_from(processors).unwrap_or(u32::MAX),
        }
    }

    fn disk_since(&self, before: &Self) -> Disk {
        let done = self.disk.since(&before.disk);
        Disk {
            reads: done.reads,
            read_bytes: done.read_bytes,
            writes: done.writes,
            write_bytes: done.write_bytes,
        }
    }
}

/// The time of a fixed computation.
fn calibrate() -> Duration {
    let begin = Instant::now();
    let mut random = fastrand::Rng::with_seed(1);
    std::hint::black_box((0..CALIBRATION).fold(0, |sum: u64, _| sum ^ random.u64(..)));
    begin.elapsed()
}

/// Ticks of all processors from /proc/stat: all but idle and iowait, and all (guest time is part of user time).
fn ticks(stat: &str) -> Result<(u64, u64)> {
    let line = stat.lines().next().context("an empty /proc/stat")?;
    let fields: Vec<u64> = line.split_whitespace().skip(1).take(8).flat_map(str::parse).collect();
    ensure!(fields.len() == 8, "/proc/stat: {line}");
    let all: u64 = fields.iter().sum();
    Ok((all - fields[3] - fields[4], all))
}

pub(super) fn waits(after: &Metrics, before: &Metrics, name: &str) -> Result<Waits> {
    let added = after.histogram(name)?.since(&before.histogram(name)?);
    Ok(Waits { count: added.count, sum_s: added.sum })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
fn db_bytes(metrics: &Metrics) -> Result<u64> {
    Ok(metrics.value(DB_BYTES)? as u64)
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
pub(super) fn ours(report: &Report, pid: u32) -> Result<Waits> {
    let wal = wal_of(report, pid)?;
    Ok(Waits { count: wal.count, sum_s: wal.sum_ns as f64 / 1e9 })
}

/// etcd's syncs of its log as iocontend has them.
pub fn wal_of(report: &Report, pid: u32) -> Result<&Lat> {
    latency(find_actor(report, pid)?, Call::Fdatasync, FileClass::Wal)
}

/// Makes an etcd in a cgroup of its own, with a database of the size that the scenario asks for.
pub fn victim(scenario: &Scenario, folder: &Path) -> Result<(Etcd, Arc<Cgroup>)> {
    let cgroup = Arc::new(Cgroup::new("lab-etcd")?);
    let etcd = Etcd::start_in(&cgroup, folder)?;
    etcd.fill(scenario.victim.db_mib)?;
    Ok((etcd, cgroup))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_all_but_idle_and_iowait() {
        let stat = "cpu  10 1 5 100 20 2 3 4 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(ticks(stat).unwrap(), (25, 145));
    }
}
