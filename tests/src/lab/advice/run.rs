//! The rounds of a case, until it is complete or the time is over. In the VM only.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use iocontend_core::change::Change;
use iocontend_core::ids::{Call, Dev};
use iocontend_core::report::{ANYBODY, AloneVsShared, Lat, Report};

use super::super::actor::{Stage, prepare};
use super::super::ground::Ground;
use super::super::plan::RoundPlan;
use super::super::result::Failure;
use super::super::round::{Bench, Order, Seen, victim, wal_of};
use super::super::run::{append, machine, results};
use super::super::scenario::Place;
use super::case::{ADVICE, ASK, Case, Setting};
use super::figure::ENOUGH;
use super::force::{Forced, enable_controllers, processes};
use super::order::{Advised, Repeats, advised, left, next};
use super::result::{InForce, Line, Measured, Outcome, SCHEMA, Todo, parse};
use crate::watch::actor;

/// How a case is run.
pub struct Settings {
    /// Rounds of each arm.
    pub repeats: Repeats,
    /// Of the order of the rounds.
    pub seed: u64,
    /// Where results go, and where those of a run before stand.
    pub out: PathBuf,
    /// iocontend.
    pub program: PathBuf,
    /// The folder of the helper programs.
    pub programs: PathBuf,
    /// No round begins that would not end within this time.
    pub time: Option<Duration>,
}

/// Runs what is left of a case.
pub fn run(case: &Case, settings: &Settings, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let outcome = rounds(case, settings, progress);
    if let Err(error) = &outcome {
        let failure = Failure {
            schema: SCHEMA.to_owned(),
            scenario: case.name.clone(),
            failed: format!("{error:#}"),
        };
        append(&settings.out, "results.jsonl", &serde_json::to_string(&failure)?)?;
    }
    outcome
}

fn rounds(case: &Case, settings: &Settings, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let begin = Instant::now();
    let (mut lines, _) = parse(&results(&settings.out)?)?;
    enable_controllers()?;
    let scenario = case.scenario(None)?;
    let ground = Ground::prepare(&scenario.vm.fs)?;
    for setting in std::iter::once(None).chain(case.settings.iter().map(Some)) {
        for actor in &case.scenario(setting)?.actors {
            prepare(actor, &ground).with_context(|| format!("preparing {}", actor.name))?;
        }
    }
    let (etcd, cgroup) = victim(&scenario, &ground.path(Place::Main))?;
    ground.drain()?;
    etcd.idle()?;
    progress(&format!("{}: ready after {:.0} s", case.name, begin.elapsed().as_secs_f64()));
    let stage =
        Stage { endpoint: etcd.endpoint(), etcd: cgroup, programs: settings.programs.clone() };
    let mut bench = Bench {
        machine: machine(&scenario)?,
        scenario,
        ground,
        etcd,
        stage,
        seed: settings.seed,
        program: settings.program.clone(),
        // So that what is expected can be worked out again.
        record: true,
        out: settings.out.clone(),
    };
    let time = case.time;
    // What is started and ended around a round's parts.
    let mut around = Duration::from_secs((time.before_s + time.lead_s + 30).into());
    while let Some(todo) = next(case, settings.repeats, settings.seed, &lines) {
        let window = Duration::from_secs(case.window_s(todo.phase).into());
        if settings.time.is_some_and(|limit| begin.elapsed() + around + window > limit) {
            progress(&format!("{}: the time is over; --resume goes on here", case.name));
            return Ok(());
        }
        let start = Instant::now();
        let line = round(case, settings, &mut bench, &todo, &lines)?;
        around = start.elapsed().saturating_sub(window).max(around / 2);
        append(&settings.out, "results.jsonl", &serde_json::to_string(&line)?)?;
        progress(&said(case, &line, left(case, settings.repeats, &lines), start.elapsed()));
        lines.push(line);
    }
    progress(&format!("{}: complete", case.name));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "times for people")]
fn said(case: &Case, line: &Line, left: u32, each: Duration) -> String {
    let seen = match &line.outcome {
        Outcome::Impossible { impossible } => format!("not possible: {impossible}"),
        Outcome::Measured(measured) => format!(
            "{} syncs, p99 {:.1} ms",
            measured.wal.count,
            measured.wal.p99_ns.unwrap_or_default() as f64 / 1e6
        ),
    };
    let minutes = each.as_secs() * u64::from(left.saturating_sub(1)) / 60;
    let Todo { phase, repeat, arm } = &line.todo;
    format!("  {} {phase:?} {} {arm}: {seen}; about {minutes} min left here", case.name, repeat + 1)
}

/// What is in force in an arm.
fn changes(case: &Case, arm: &str, lines: &[Line], disk: &Disk) -> (Option<Setting>, Vec<Change>) {
    let of = |setting: &Setting| {
        let changes = setting.set.iter().filter_map(|set| set.change(&disk.name, disk.dev));
        (Some(setting.clone()), changes.collect())
    };
    match (arm, advised(case, lines)) {
        (ADVICE, Some(Advised::Changes(advice))) => (None, advice.changes),
        (arm, _) => case.setting(arm).map_or_else(Default::default, of),
    }
}

struct Disk {
    name: String,
    dev: Dev,
}

fn disk_of(ground: &Ground) -> Result<Disk> {
    let text = fs::read_to_string(format!("/sys/block/{}/dev", ground.disk))?;
    let (major, minor) = text.trim().split_once(':').context("no device number")?;
    let dev = Dev { major: major.parse()?, minor: minor.parse()? };
    Ok(Disk { name: ground.disk.clone(), dev })
}

fn round(
    case: &Case,
    settings: &Settings,
    bench: &mut Bench,
    todo: &Todo,
    lines: &[Line],
) -> Result<Line> {
    let disk = disk_of(&bench.ground)?;
    let (setting, changes) = changes(case, &todo.arm, lines, &disk);
    bench.scenario =
        if todo.arm == ASK { case.asking()? } else { case.scenario(setting.as_ref())? };
    bench.scenario.time.window_s = case.window_s(todo.phase);
    let all = bench.scenario.actors.iter().map(|actor| actor.name.clone());
    let subset = if todo.arm == "alone" { Vec::new() } else { all.collect() };
    let plan = RoundPlan { repeat: todo.repeat, subset };
    let mut forced = Forced::default();
    let mut impossible = None;
    let mut put = || -> Result<()> {
        let done = changes.iter().try_for_each(|change| put_one(&mut forced, change, &plan));
        impossible = done.as_ref().err().map(|error| format!("{error:#}"));
        done
    };
    let mut order = Order {
        plan: &plan,
        stem: format!("{}/{:?}-{}-{}", case.name, todo.phase, todo.repeat + 1, todo.arm),
        enough: Some(ENOUGH.div_ceil(settings.repeats.of(todo.phase).max(1).into())),
        before_load: &mut put,
    };
    let seen = bench.run(&mut order);
    let line = |in_force: Vec<InForce>, outcome| Line {
        schema: SCHEMA.to_owned(),
        case: case.name.clone(),
        todo: todo.clone(),
        action: setting.as_ref().map(|setting| setting.action.clone()).or_else(|| {
            let is_advice = todo.arm == ADVICE;
            let advised = is_advice.then(|| advised(case, lines)).flatten()?;
            Some(advised.advice()?.id.name().to_owned())
        }),
        in_force,
        outcome,
    };
    if let Some(why) = impossible {
        let in_force = forced.take_back()?;
        bench.ground.drain()?;
        bench.etcd.idle()?;
        return Ok(line(in_force, Outcome::Impossible { impossible: why }));
    }
    let seen = seen?;
    let in_force = forced.take_back()?;
    Ok(line(in_force, Outcome::Measured(Box::new(measured(bench, seen)?))))
}

/// A priority goes to whoever of the lab is there in place of the advice's process.
fn put_one(forced: &mut Forced, change: &Change, plan: &RoundPlan) -> Result<()> {
    let Change::IoPriority { class, level, .. } = change else { return forced.put(change) };
    for actor in &plan.subset {
        for process in processes(actor)? {
            forced.put(&Change::IoPriority { process, class: *class, level: *level })?;
        }
    }
    Ok(())
}

fn measured(bench: &Bench, seen: Seen) -> Result<Measured> {
    let Seen { round, report, wal } = seen;
    let mut below = 0;
    let buckets = wal.buckets.iter().map(|(edge, cumulative)| {
        let count = cumulative - below;
        below = *cumulative;
        (edge.is_finite().then_some(edge * 1e3), count)
    });
    Ok(Measured {
        wal: wal_of(&report, bench.etcd.pid())?.clone(),
        syncs: syncs(&report, bench.etcd.pid())?,
        beside: beside(&report, bench.etcd.pid()),
        wal_of_etcd: buckets.filter(|(_, count)| *count > 0).collect(),
        advice: report.advice.unwrap_or_default(),
        round,
    })
}

/// Syncs of data on all files.
fn syncs(report: &Report, pid: u32) -> Result<Option<Lat>> {
    let waits = actor(report, pid)?.waits.iter().filter(|wait| wait.call == Call::Fdatasync);
    Ok(Lat::merged(waits.map(|wait| &wait.latency)))
}

/// Syncs of data beside anybody; etcd has them of its database too.
fn beside(report: &Report, pid: u32) -> Option<Lat> {
    let etcd = &actor(report, pid).ok()?.id;
    let is_it = |row: &&AloneVsShared| {
        (row.victim == *etcd) && (row.culprit.as_str(), row.call) == (ANYBODY, Call::Fdatasync)
    };
    report.alone_vs_shared.iter().flatten().find(is_it)?.shared.clone()
}
