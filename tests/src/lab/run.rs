//! The scenarios of one VM, one after the other: fresh file systems, a fresh etcd, rounds, a line of JSON for each. In the VM only.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::actor::{Stage, prepare};
use super::advised::render;
use super::ground::Ground;
use super::plan::{RoundPlan, rounds, seconds};
use super::result::{Failure, Machine, Round, SCHEMA, parse};
use super::round::{Bench, Order, victim};
use super::scenario::{Place, Scenario};
use crate::process;

/// How all scenarios are run.
pub struct Settings {
    /// Blocks of all subsets.
    pub repeats: u32,
    /// Of the order of the rounds.
    pub seed: u64,
    /// Where results go.
    pub out: PathBuf,
    /// iocontend.
    pub program: PathBuf,
    /// The folder of the helper programs.
    pub programs: PathBuf,
    /// Whether iocontend leaves captures.
    pub record: bool,
    /// Try the first advice instead of rounds, with windows of this length.
    pub advice: Option<Duration>,
}

/// Runs all; one that fails does not keep the others from running.
pub fn run_all(
    scenarios: &[Scenario],
    settings: &Settings,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut failed = Vec::new();
    for (index, scenario) in scenarios.iter().enumerate() {
        let left: u32 = scenarios[index..].iter().map(|s| seconds(s, settings.repeats)).sum();
        progress(&format!(
            "{} ({} of {}), about {left} s left for all",
            scenario.name,
            index + 1,
            scenarios.len()
        ));
        if let Err(error) = run(scenario, settings, progress) {
            progress(&format!("{} failed: {error:#}", scenario.name));
            let failure = Failure {
                schema: SCHEMA.to_owned(),
                scenario: scenario.name.clone(),
                failed: format!("{error:#}"),
            };
            append(&settings.out, "results.jsonl", &serde_json::to_string(&failure)?)?;
            failed.push(scenario.name.as_str());
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(" ")) }
}

fn run(scenario: &Scenario, settings: &Settings, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let rounds = still_to_run(scenario, settings)?;
    if rounds.is_empty() {
        return Ok(());
    }
    let begin = Instant::now();
    let ground = Ground::prepare(&scenario.vm.fs)?;
    for actor in &scenario.actors {
        prepare(actor, &ground).with_context(|| format!("preparing {}", actor.name))?;
    }
    let (etcd, cgroup) = victim(scenario, &ground.path(Place::Main))?;
    ground.drain()?;
    etcd.idle()?;
    progress(&format!("  ready after {:.0} s", begin.elapsed().as_secs_f64()));

    let stage =
        Stage { endpoint: etcd.endpoint(), etcd: cgroup, programs: settings.programs.clone() };
    let bench = Bench {
        scenario: scenario.clone(),
        ground,
        etcd,
        stage,
        machine: machine(scenario)?,
        seed: settings.seed,
        program: settings.program.clone(),
        record: settings.record,
        out: settings.out.clone(),
    };
    if let Some(window) = settings.advice {
        let advised = bench.try_advice(window)?;
        append(&settings.out, "advised.jsonl", &serde_json::to_string(&advised)?)?;
        progress(&render(&[advised]));
        return Ok(());
    }
    let begin = Instant::now();
    for (index, plan) in rounds.iter().enumerate() {
        let round = bench.run(&mut Order::plain(scenario, plan, &mut || Ok(())))?.round;
        append(&settings.out, "results.jsonl", &serde_json::to_string(&round)?)?;
        let left = remaining(begin.elapsed(), index + 1, rounds.len());
        progress(&format!(
            "  round {} of {}: {{{}}}: WAL fsync {:.1} ms, {} of {} puts answered; {:.0} s left here",
            index + 1,
            rounds.len(),
            plan.subset.join(", "),
            round.wal_fsync.mean_ms().unwrap_or_default(),
            round.load.answered,
            round.load.due,
            left.as_secs_f64()
        ));
    }
    Ok(())
}

/// What the rounds that are left take when they take what the others took.
fn remaining(elapsed: Duration, done: usize, all: usize) -> Duration {
    let each = elapsed / u32::try_from(done).unwrap_or(u32::MAX);
    each * u32::try_from(all - done).unwrap_or(u32::MAX)
}

pub(super) fn machine(scenario: &Scenario) -> Result<Machine> {
    let first_line = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
    let etcd = first_line(process::run("etcd", &["--version"])?);
    Ok(Machine {
        kernel: first_line(process::run("uname", &["-r"])?),
        disk: scenario.vm.disk.clone(),
        sched: scenario.vm.sched.clone(),
        fs: scenario.vm.fs.clone(),
        etcd: etcd.trim_start_matches("etcd Version: ").to_owned(),
    })
}

/// The rounds without those that the folder has: the VM of a run may have ended in the middle.
fn still_to_run(scenario: &Scenario, settings: &Settings) -> Result<Vec<RoundPlan>> {
    let (done, _) = parse(&results(&settings.out)?)?;
    Ok(left(scenario, settings.repeats, settings.seed, &done))
}

/// The lines of a folder; none where nothing was run.
pub(super) fn results(out: &Path) -> Result<String> {
    let path = out.join("results.jsonl");
    if !path.exists() {
        return Ok(String::new());
    }
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// The rounds of a seed without those that were run.
fn left(scenario: &Scenario, repeats: u32, seed: u64, done: &[Round]) -> Vec<RoundPlan> {
    let is_done = |plan: &RoundPlan| {
        done.iter()
            .any(|round| (&round.scenario, round.seed, &round.plan) == (&scenario.name, seed, plan))
    };
    let mut rounds = rounds(scenario, repeats, seed);
    rounds.retain(|plan| !is_done(plan));
    rounds
}

pub(super) fn append(out: &Path, file: &str, line: &str) -> Result<()> {
    let path = out.join(file);
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    writeln!(file, "{line}").with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{round, scenario};
    use super::*;

    // Property: a run that stopped anywhere goes on with the same rounds; those of another seed or scenario are none of it.
    #[test]
    fn a_run_goes_on_where_it_was() {
        let scenario = scenario();
        let all = rounds(&scenario, 3, 7);
        let done = |plan: &RoundPlan| {
            let subset: Vec<&str> = plan.subset.iter().map(String::as_str).collect();
            Round { seed: 7, ..round(plan.repeat, &subset, 10.0) }
        };
        for stop in 0..=all.len() {
            let before: Vec<Round> = all[..stop].iter().map(done).collect();
            assert_eq!(left(&scenario, 3, 7, &before), all[stop..]);
            assert_eq!(left(&scenario, 3, 8, &before).len(), all.len());
            let others = before.into_iter().map(|one| Round { scenario: "o".to_owned(), ..one });
            assert_eq!(left(&scenario, 3, 7, &others.collect::<Vec<_>>()), all);
        }
    }
}
