//! The tables of a lab run, in Markdown. Pure.

use std::collections::BTreeSet;

use super::ablation::{Compared, Findings, compare, findings, wrong};
use super::plan::subsets;
use super::result::{Failure, Round};
use super::scenario::{Part, Scenario};
use super::stats::{Mean, mean};

/// All tables of a run.
pub fn render(scenarios: &[Scenario], rounds: &[Round], failures: &[Failure]) -> String {
    let rows = rows(scenarios, rounds);
    let compared = compare(scenarios, rounds);
    let found = findings(scenarios, rounds);
    let parts = [
        head(rounds),
        waits(&rows),
        blame(&compared),
        found_of(&found),
        machine(&rows),
        failed(failures),
    ];
    parts.concat()
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

/// What the rounds have in common.
fn head(rounds: &[Round]) -> String {
    let line = |round: &Round| {
        let machine = &round.machine;
        format!(
            "- Linux {}, {}, {}, disk {}; etcd {}; {} puts a second; seed {}\n",
            machine.kernel,
            machine.fs,
            machine.sched,
            machine.disk,
            machine.etcd,
            round.rate,
            round.seed
        )
    };
    let lines: BTreeSet<String> = rounds.iter().map(line).collect();
    let lines: Vec<String> = lines.into_iter().collect();
    format!("{}\n± is half the 90 % interval over the rounds (Student's t).\n\n", lines.concat())
}

/// A Markdown table.
pub(super) fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let rule = vec!["---".to_owned(); columns.len()];
    let rows: Vec<String> = rows.map(|cells| line(&cells)).collect();
    [line(&head), line(&rule), rows.concat()].concat()
}

/// `8.1 ± 0.6`.
fn with_half(mean: Option<Mean>) -> String {
    let Some(Mean { mean, half }) = mean else { return String::new() };
    let digits = usize::from(mean.abs() < 100.0);
    let half = half.map_or(String::new(), |half| format!(" ± {half:.digits$}"));
    format!("{mean:.digits$}{half}")
}

/// The same with a sign.
fn signed(mean: Option<Mean>) -> String {
    let sign = if mean.is_some_and(|mean| mean.mean >= 0.0) { "+" } else { "" };
    format!("{sign}{}", with_half(mean))
}

/// What etcd waited for.
fn waits(rows: &[Row<'_>]) -> String {
    let columns = [
        "scenario",
        "beside etcd",
        "rounds",
        "WAL fsync, ms",
        "more than alone, ms",
        "commit, ms",
        "more than alone, ms",
        "put, ms",
        "slowest put, ms",
        "puts unsent or failed",
        "WAL fdatasync by iocontend / by etcd, ms",
    ];
    table(&columns, rows.iter().map(waits_of))
}

fn waits_of(row: &Row<'_>) -> Vec<String> {
    let wal = |round: &Round| round.wal_fsync.mean_ms();
    let commit = |round: &Round| round.backend_commit.mean_ms();
    let added = |of: &dyn Fn(&Round) -> Option<f64>| {
        if row.subset.is_empty() { String::new() } else { signed(row.added(of)) }
    };
    let slowest = row.rounds.iter().filter_map(|round| Some(round.load.latency?.max_ms));
    let lost: u64 = row.rounds.iter().map(|round| round.load.unsent + round.load.failed).sum();
    let due: u64 = row.rounds.iter().map(|round| round.load.due).sum();
    let plain = |mean: Option<Mean>| mean.map_or(String::new(), |mean| format!("{:.2}", mean.mean));
    let ours = row.mean(|round| round.iocontend.wal_fdatasync.mean_ms());
    let theirs = row.mean(|round| round.iocontend.wal_fsync_of_etcd.mean_ms());
    vec![
        row.scenario.name.clone(),
        row.name(),
        row.rounds.len().to_string(),
        with_half(row.mean(wal)),
        added(&wal),
        with_half(row.mean(commit)),
        added(&commit),
        with_half(row.mean(|round| Some(round.load.latency?.mean_ms))),
        format!("{:.0}", slowest.fold(0.0, f64::max)),
        format!("{lost} of {due}"),
        format!("{} / {}", plain(ours), plain(theirs)),
    ]
}

/// Blame against ablation.
fn blame(compared: &[Compared]) -> String {
    if compared.is_empty() {
        return String::new();
    }
    let columns = [
        "scenario",
        "suspect",
        "of etcd's WAL fsync gone without it, %",
        "charged, %",
        "apart beyond the intervals, points",
        "charged most",
    ];
    let percent = |mean: Mean| {
        let half = mean.half.map_or(String::new(), |half| format!(" ± {:.0}", half * 100.0));
        format!("{:.1}{half}", mean.mean * 100.0)
    };
    let row = |one: &Compared| {
        let innocent = if one.part == Part::Innocent { " (innocent)" } else { "" };
        vec![
            one.scenario.clone(),
            format!("{}{innocent}", one.suspect),
            percent(one.measured),
            percent(one.charged),
            format!("{:.0}", one.miss() * 100.0),
            if one.first { "yes" } else { "no" }.to_owned(),
        ]
    };
    let wrong: Vec<String> = wrong(compared).iter().map(|line| format!("- {line}\n")).collect();
    format!("\n{}\n{}", table(&columns, compared.iter().map(row)), wrong.concat())
}

/// What was found, beside what has to be.
fn found_of(found: &[Findings]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let columns = ["scenario", "beside etcd", "expected", "found, warnings and worse", "right"];
    let row = |one: &Findings| {
        let ids = one.found.iter().map(|(id, count)| format!("{id} ({count} of {})", one.rounds));
        vec![
            one.scenario.clone(),
            if one.subset.is_empty() { "–".to_owned() } else { one.subset.join(" + ") },
            one.expected.clone().unwrap_or_else(|| "nothing".to_owned()),
            ids.collect::<Vec<_>>().join(", "),
            if one.is_right() { "yes" } else { "no" }.to_owned(),
        ]
    };
    format!("\n{}", table(&columns, found.iter().map(row)))
}

/// Who used the machine, so that contention for the disk is not mistaken for contention for processors.
fn machine(rows: &[Row<'_>]) -> String {
    let columns = [
        "scenario",
        "beside etcd",
        "fsyncs/s",
        "puts/s",
        "CPU of etcd",
        "of the load",
        "of iocontend",
        "of all",
        "disk reads/s",
        "writes/s",
        "MB/s",
        "calibration, ms",
        "events lost",
    ];
    format!("\n{}", table(&columns, rows.iter().map(machine_of)))
}

fn machine_of(row: &Row<'_>) -> Vec<String> {
    let of = |value: &dyn Fn(&Round) -> f64| row.mean(|round| Some(value(round)));
    let number = |value: &dyn Fn(&Round) -> f64| of(value).map_or(0.0, |mean| mean.mean);
    let rate = |count: &dyn Fn(&Round) -> u64| number(&|round| per_second(count(round), round));
    // Share of one processor.
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let lost: u64 = row.rounds.iter().map(|round| round.iocontend.lost).sum();
    let processors = row.rounds.first().map_or(0, |round| round.cpu.processors);
    let bytes = rate(&|round| round.disk.read_bytes + round.disk.write_bytes);
    let busy = percent(number(&|round| round.cpu.busy));
    vec![
        row.scenario.name.clone(),
        row.name(),
        format!("{:.1}", rate(&|round| round.wal_fsync.count)),
        format!("{:.1}", rate(&|round| round.load.answered)),
        percent(number(&|round| round.cpu.etcd)),
        percent(number(&|round| round.cpu.load)),
        percent(number(&|round| round.cpu.iocontend)),
        format!("{busy} of {}", percent(processors.into())),
        format!("{:.0}", rate(&|round| round.disk.reads)),
        format!("{:.0}", rate(&|round| round.disk.writes)),
        format!("{:.1}", bytes / 1e6),
        with_half(of(&|round| round.calibration_ms)),
        lost.to_string(),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, round: &Round) -> f64 {
    count as f64 / round.window_s
}

fn failed(failures: &[Failure]) -> String {
    let line =
        |failure: &Failure| format!("\n**{} failed:** {}\n", failure.scenario, failure.failed);
    failures.iter().map(line).collect::<Vec<_>>().concat()
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
            "name='s'\npurpose='p'\nexpect='e'\n[ci]\nmeasure='wal_fsync'\nmin_ratio=2.0\nmin_charged=0.5\n\
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
            load: Outcome {
                due: 400,
                answered: 398,
                unsent: 2,
                latency: Some(latency),
                ..Outcome::default()
            },
            wal_fsync: waits,
            backend_commit: waits,
            db_bytes: 1,
            calibration_ms: 100.0,
            cpu: Cpu { etcd: 0.25, processors: 2, ..Cpu::default() },
            disk: Disk::default(),
            actors: std::collections::BTreeMap::new(),
            iocontend: Iocontend {
                wal_fdatasync: waits,
                wal_fsync_of_etcd: waits,
                ..Iocontend::default()
            },
        }
    }

    // Property: a row shows the mean over rounds, and what was added block by block: a drift that hits a whole block
    // is not in the interval of what was added.
    #[test]
    fn drift_is_not_in_what_was_added() {
        let rounds = [
            round(0, &[], 8.0),
            round(0, &["dd"], 18.0),
            round(1, &[], 28.0),
            round(1, &["dd"], 38.0),
        ];
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
        let failure = Failure {
            schema: SCHEMA.to_owned(),
            scenario: "s".to_owned(),
            failed: "why".to_owned(),
        };
        let lines =
            [serde_json::to_string(&rounds[0]).unwrap(), serde_json::to_string(&failure).unwrap()];
        let (read, failures) = crate::lab::result::parse(&lines.join("\n")).unwrap();
        assert_eq!((&read[..], &failures[..]), (&rounds[..], &[failure][..]));
        assert!(render(&[scenario()], &read, &failures).ends_with("**s failed:** why\n"));
    }
}
