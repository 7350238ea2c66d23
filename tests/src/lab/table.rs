//! The tables of a lab run, in Markdown. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::plan::subsets;
use super::result::{Failure, Round};
use super::scenario::Scenario;
use super::stats::{Mean, mean};

/// All tables of a run.
pub fn render(scenarios: &[Scenario], rounds: &[Round], failures: &[Failure]) -> String {
    let rows = rows(scenarios, rounds);
    [head(rounds), waits(&rows), machine(&rows), failed(failures)].concat()
}

/// A subset of a scenario's suspects and its rounds.
pub struct Row<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Who was there.
    pub subset: Vec<String>,
    /// Its rounds.
    pub rounds: Vec<&'a Round>,
    /// The rounds of the same blocks without any suspect.
    pub alone: Vec<&'a Round>,
}

/// A row for each subset that was run, in the order of the scenarios.
pub fn rows<'a>(scenarios: &'a [Scenario], rounds: &'a [Round]) -> Vec<Row<'a>> {
    let of_scenario = |scenario: &'a Scenario| {
        let of_subset = move |subset: &[String]| {
            let is_it = |r: &&Round| r.scenario == scenario.name && r.plan.subset == subset;
            rounds.iter().filter(is_it).collect::<Vec<_>>()
        };
        let row = move |subset: Vec<String>| {
            let (rounds, alone) = (of_subset(&subset), of_subset(&[]));
            Row { scenario, subset, rounds, alone }
        };
        subsets(scenario).into_iter().map(row).filter(|row| !row.rounds.is_empty())
    };
    scenarios.iter().flat_map(of_scenario).collect()
}

impl Row<'_> {
    fn name(&self) -> String {
        if self.subset.is_empty() { "–".to_owned() } else { self.subset.join(" + ") }
    }

    /// Mean of what the rounds have.
    pub fn mean(&self, of: impl Fn(&Round) -> Option<f64>) -> Option<Mean> {
        mean(&self.rounds.iter().filter_map(|round| of(round)).collect::<Vec<_>>())
    }

    /// Mean of what each round has more than the round of its block without any suspect.
    pub fn added(&self, of: impl Fn(&Round) -> Option<f64>) -> Option<Mean> {
        let more = |round: &&Round| {
            let same_block = |a: &&&Round| a.plan.repeat == round.plan.repeat;
            Some(of(round)? - of(self.alone.iter().find(same_block)?)?)
        };
        mean(&self.rounds.iter().filter_map(more).collect::<Vec<_>>())
    }
}

fn head(rounds: &[Round]) -> String {
    let all: BTreeSet<String> = rounds
        .iter()
        .map(|round| {
            let machine = &round.machine;
            format!(
                "Linux {}, {}, {}, disk {}; etcd {}; {} puts a second due; seed {}",
                machine.kernel,
                machine.fs,
                machine.sched,
                machine.disk,
                machine.etcd,
                round.rate,
                round.seed
            )
        })
        .collect();
    let mut text: String = all.into_iter().map(|line| format!("- {line}\n")).collect();
    text.push_str("\n± is half the 90 % interval over the rounds (Student's t).\n\n");
    text
}

/// Share of one core, percent.
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `8.1 ± 0.6`.
fn with_half(mean: Option<Mean>, sign: bool) -> String {
    let Some(Mean { mean, half }) = mean else { return String::new() };
    let digits = if mean.abs() < 100.0 { 1 } else { 0 };
    let half = half.map_or(String::new(), |half| format!(" ± {half:.digits$}"));
    if sign { format!("{mean:+.digits$}{half}") } else { format!("{mean:.digits$}{half}") }
}

/// What etcd waited for.
fn waits(rows: &[Row<'_>]) -> String {
    let mut text = "| scenario | beside etcd | rounds | WAL fsync, ms | more than alone, ms | commit, ms | \
                    more than alone, ms | put, ms | slowest put, ms | puts unsent or failed | WAL fdatasync by \
                    iocontend / by etcd, ms |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let wal = |round: &Round| round.wal_fsync.mean_ms();
        let commit = |round: &Round| round.backend_commit.mean_ms();
        let added = |of: &dyn Fn(&Round) -> Option<f64>| {
            if row.subset.is_empty() { String::new() } else { with_half(row.added(of), true) }
        };
        let latency = |round: &Round| Some(round.load.latency?.mean_ms);
        let slowest = row.rounds.iter().filter_map(|round| Some(round.load.latency?.max_ms));
        let lost: u64 = row.rounds.iter().map(|round| round.load.unsent + round.load.failed).sum();
        let due: u64 = row.rounds.iter().map(|round| round.load.due).sum();
        let ours = row.mean(|round| round.iocontend.wal_fdatasync.mean_ms());
        let theirs = row.mean(|round| round.iocontend.wal_fsync_of_etcd.mean_ms());
        let plain = |mean: Option<Mean>| mean.map_or(String::new(), |m| format!("{:.2}", m.mean));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.0} | {lost} of {due} | {} / {} |",
            row.scenario.name,
            row.name(),
            row.rounds.len(),
            with_half(row.mean(wal), false),
            added(&wal),
            with_half(row.mean(commit), false),
            added(&commit),
            with_half(row.mean(latency), false),
            slowest.fold(0.0, f64::max),
            plain(ours),
            plain(theirs),
        );
    }
    text
}

/// Who used the machine, so that contention for the disk is not mistaken for contention for processors.
fn machine(rows: &[Row<'_>]) -> String {
    let mut text = "\n| scenario | beside etcd | fsyncs/s | puts/s | CPU of etcd | of the load | of iocontend | of all | \
                    disk reads/s | writes/s | MB/s | events lost |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let of = |value: &dyn Fn(&Round) -> f64| row.mean(|round| Some(value(round)));
        let number = |value: &dyn Fn(&Round) -> f64| of(value).map_or(0.0, |mean| mean.mean);
        let rate = |count: &dyn Fn(&Round) -> u64| number(&|round| per_second(count(round), round));
        let bytes = rate(&|round| round.disk.read_bytes + round.disk.write_bytes);
        let lost: u64 = row.rounds.iter().map(|round| round.iocontend.lost).sum();
        let processors = row.rounds.first().map_or(0, |round| round.cpu.processors);
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.0} | {} | {} | {} | {} of {} | {:.0} | {:.0} | {:.1} | {lost} |",
            row.scenario.name,
            row.name(),
            rate(&|round| round.wal_fsync.count),
            rate(&|round| round.load.answered),
            percent(number(&|round| round.cpu.etcd)),
            percent(number(&|round| round.cpu.load)),
            percent(number(&|round| round.cpu.iocontend)),
            percent(number(&|round| round.cpu.busy)),
            percent(processors.into()),
            rate(&|round| round.disk.reads),
            rate(&|round| round.disk.writes),
            bytes / 1e6,
        );
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, round: &Round) -> f64 {
    count as f64 / round.window_s
}

fn failed(failures: &[Failure]) -> String {
    let line = |failure: &Failure| format!("\n**{} failed:** {}\n", failure.scenario, failure.failed);
    failures.iter().map(line).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lab::plan::RoundPlan;
    use crate::lab::result::{Cpu, Disk, Iocontend, Machine, SCHEMA, Waits};
    use crate::load::{Latency, Outcome};

    /// A scenario with one culprit `dd` and a round of it with such a mean wait.
    pub(crate) fn scenario() -> Scenario {
        Scenario::parse(
            "name='s'\npurpose='p'\nexpect='e'\n[ci]\nmeasure='wal_fsync'\nmin_ratio=2.0\n\
             [[actors]]\nname='dd'\npart='culprit'\ndoes={kind='cpu_hog'}\n",
        )
        .unwrap()
    }

    pub(crate) fn round(repeat: u32, subset: &[&str], mean_ms: f64) -> Round {
        let waits = Waits { count: 100, sum_s: mean_ms / 10.0 };
        let latency = Latency { mean_ms, p50_ms: mean_ms, p99_ms: mean_ms, max_ms: 70.0 };
        Round {
            schema: SCHEMA.to_owned(),
            machine: Machine::default(),
            scenario: "s".to_owned(),
            seed: 1,
            plan: RoundPlan { repeat, subset: subset.iter().map(|&s| s.to_owned()).collect() },
            window_s: 10.0,
            rate: 40,
            load: Outcome { due: 400, answered: 398, unsent: 2, latency: Some(latency), ..Outcome::default() },
            wal_fsync: waits,
            backend_commit: waits,
            db_bytes: 1,
            cpu: Cpu { etcd: 0.25, processors: 2, ..Cpu::default() },
            disk: Disk::default(),
            actors: std::collections::BTreeMap::new(),
            iocontend: Iocontend { wal_fdatasync: waits, wal_fsync_of_etcd: waits, ..Iocontend::default() },
        }
    }

    // Property: a row shows the mean over rounds, and what was added block by block: a drift that hits a whole block
    // is not in the interval of what was added.
    #[test]
    fn drift_is_not_in_what_was_added() {
        let rounds = [round(0, &[], 8.0), round(0, &["dd"], 18.0), round(1, &[], 28.0), round(1, &["dd"], 38.0)];
        let scenarios = [scenario()];
        let text = render(&scenarios, &rounds, &[]);
        let row = text.lines().find(|line| line.contains("| dd |")).unwrap();
        assert!(row.starts_with("| s | dd | 2 | 28.0 ± 63.1 | +10.0 ± 0.0 |"), "{row}");
        assert!(row.contains("| 70 | 4 of 800 | 28.00 / 28.00 |"), "{row}");
        let alone = text.lines().find(|line| line.contains("| – |")).unwrap();
        assert!(alone.starts_with("| s | – | 2 | 18.0 ± 63.1 |  |"), "{alone}");
    }

    // Property: a round is read as it was written; a failure stands below the tables.
    #[test]
    fn results_are_read_as_written() {
        let rounds = [round(0, &["dd"], 8.0)];
        let failure = Failure { schema: SCHEMA.to_owned(), scenario: "s".to_owned(), failed: "why".to_owned() };
        let lines = [serde_json::to_string(&rounds[0]).unwrap(), serde_json::to_string(&failure).unwrap()];
        let (read, failures) = crate::lab::result::parse(&lines.join("\n")).unwrap();
        assert_eq!((&read[..], &failures[..]), (&rounds[..], &[failure][..]));
        assert!(render(&[scenario()], &read, &failures).ends_with("**s failed:** why\n"));
    }
}
