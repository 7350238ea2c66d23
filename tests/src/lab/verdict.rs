//! Whether a run showed what its scenarios' bounds ask for. Pure.

use anyhow::{Context as _, Result, bail, ensure};

use super::result::{Failure, Round};
use super::scenario::{Bounds, Measure, Scenario};
use super::table::{Row, rows};

/// A line for each scenario with bounds that was run; an error names those whose bounds do not hold.
pub fn judge(
    scenarios: &[Scenario],
    rounds: &[Round],
    failures: &[Failure],
) -> Result<Vec<String>> {
    if let Some(failure) = failures.first() {
        bail!("{} failed: {}", failure.scenario, failure.failed);
    }
    let rows = rows(scenarios, rounds);
    // With all suspects, where there is at least one.
    let whole = |row: &&Row<'_>| {
        !row.subset.is_empty() && row.subset.len() == row.scenario.suspects().len()
    };
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for row in rows.iter().filter(whole) {
        let Some(bounds) = row.scenario.ci else { continue };
        let ratio = ratio(row, bounds.measure)?;
        let holds = bounds.min_ratio.is_none_or(|least| ratio >= least)
            && bounds.max_ratio.is_none_or(|most| ratio <= most);
        let line =
            format!("{}: {ratio:.2} times as long as alone ({})", row.scenario.name, words(bounds));
        if !holds {
            wrong.push(line.clone());
        }
        lines.push(line);
        for suspect in &row.subset {
            let (line, holds) = charged(row, suspect, bounds)?;
            if !holds {
                wrong.push(line.clone());
            }
            lines.push(line);
        }
    }
    ensure!(!lines.is_empty(), "no scenario with bounds was run, so nothing is proved");
    ensure!(wrong.is_empty(), "not as expected: {}", wrong.join("; "));
    Ok(lines)
}

/// What a suspect is charged with, in the mean of the rounds, and whether that is within the bounds.
fn charged(row: &Row<'_>, suspect: &str, bounds: Bounds) -> Result<(String, bool)> {
    let shares = row.mean(|round| {
        let blame = &round.iocontend.blame;
        (!blame.is_empty()).then(|| blame.get(suspect).copied().unwrap_or(0.0))
    });
    let share = shares.with_context(|| format!("{}: nobody is charged", row.scenario.name))?.mean;
    let holds = bounds.min_charged.is_none_or(|least| share >= least)
        && bounds.max_charged.is_none_or(|most| share <= most);
    let name = &row.scenario.name;
    Ok((format!("{name}: {suspect} is charged with {:.1} %", share * 100.0), holds))
}

fn words(bounds: Bounds) -> String {
    let bound = |word: &str, value: Option<f64>| value.map(|value| format!("{word} {value}"));
    let bounds = [bound("at least", bounds.min_ratio), bound("at most", bounds.max_ratio)];
    bounds.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Of the smallest round with all suspects and the smallest without any: a busy host makes rounds longer, never shorter, so
/// the smallest of a few is least disturbed.
fn ratio(row: &Row<'_>, measure: Measure) -> Result<f64> {
    let of = |round: &&Round| match measure {
        Measure::WalFsync => round.wal_fsync.mean_ms(),
        Measure::BackendCommit => round.backend_commit.mean_ms(),
    };
    let smallest = |rounds: &[&Round]| rounds.iter().filter_map(of).min_by(f64::total_cmp);
    match (smallest(&row.rounds), smallest(&row.alone)) {
        (Some(with), Some(without)) if without > 0.0 => Ok(with / without),
        _ => bail!("{}: etcd waited for nothing", row.scenario.name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{round, scenario};
    use super::*;

    fn charged(mut round: Round, share: f64) -> Round {
        round.iocontend.blame = [("dd".to_owned(), share), ("self".to_owned(), 1.0 - share)].into();
        round
    }

    // Property: the verdict fails when the effect is smaller than asked for, whatever one disturbed round says, and when
    // nothing was measured, or when a suspect is charged with too little; else it says the ratio and the charge.
    #[test]
    fn too_small_an_effect_fails() {
        let scenarios = [scenario()];
        let judge_with = |with_ms, share| {
            let rounds = [
                round(0, &[], 10.0),
                round(0, &["dd"], with_ms),
                round(1, &[], 200.0),
                round(1, &["dd"], 300.0),
            ];
            judge(&scenarios, &rounds.map(|round| charged(round, share)), &[])
        };
        let judge = |with_ms| judge_with(with_ms, 0.6);
        let lines = ["s: 2.50 times as long as alone (at least 2)", "s: dd is charged with 60.0 %"];
        assert_eq!(judge(25.0).unwrap(), lines);
        let error = judge_with(25.0, 0.4).unwrap_err().to_string();
        assert!(error.contains("40.0 %"), "{error}");
        let error = judge(19.0).unwrap_err().to_string();
        assert!(error.contains("1.90"), "{error}");
        assert!(super::judge(&scenarios, &[], &[]).is_err());
        assert!(super::judge(&scenarios, &[round(0, &["dd"], 9.0)], &[]).is_err());
    }
}
