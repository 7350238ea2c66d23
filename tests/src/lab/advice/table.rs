//! The tables of a run of cases, in Markdown. Pure.

use super::super::result::Failure;
use super::super::table::table;
use super::case::{ADVICE, ASK, Case};
use super::figure::{ENOUGH, Figure};
use super::judge::{Judged, judge};
use super::order::advised;
use super::result::{Line, Outcome, Phase};

/// All tables.
pub fn render(cases: &[Case], lines: &[Line], failures: &[Failure]) -> String {
    let judged: Vec<Judged> = cases.iter().filter_map(|case| judge(case, lines)).collect();
    let head = "Times in milliseconds. `*`: fewer than 2,000 syncs of the log. p50 and p99 are iocontend's, of all rounds.\n\n";
    let open = cases.iter().filter(|case| {
        let is_begun = lines.iter().any(|line| line.case == case.name);
        is_begun && !judged.iter().any(|one| one.case == case.name)
    });
    let open: Vec<String> =
        open.map(|case| format!("\n{} is not complete.\n", case.name)).collect();
    let failed =
        failures.iter().map(|one| format!("\n**{} failed:** {}\n", one.scenario, one.failed));
    let parts = [head.to_owned(), figures(cases, lines), verdicts(&judged), open.concat()];
    parts.into_iter().chain(failed).collect()
}

/// What each arm showed.
fn figures(cases: &[Case], lines: &[Line]) -> String {
    let columns = [
        "case",
        "phase",
        "setting",
        "action",
        "rounds",
        "syncs",
        "WAL fsync p50",
        "p99",
        "p99 beside somebody",
        "p99 by etcd ≤",
        "put p99",
        "culprits, MB/s",
        "in force",
    ];
    let mut rows = Vec::new();
    for case in cases {
        for phase in [Phase::Explore, Phase::Fresh] {
            let names = case.settings.iter().map(|setting| setting.name.as_str());
            for arm in ["alone", ASK, "none"].into_iter().chain(names).chain([ADVICE]) {
                rows.extend(row(case, phase, arm, lines));
            }
        }
    }
    table(&columns, rows.into_iter())
}

fn row(case: &Case, phase: Phase, arm: &str, lines: &[Line]) -> Option<Vec<String>> {
    let is_it = |l: &&Line| l.case == case.name && l.todo.phase == phase && l.todo.arm == arm;
    let first = lines.iter().find(is_it)?;
    let name = match phase {
        Phase::Explore => "all",
        Phase::Fresh => "fresh",
    };
    let mut cells = vec![case.name.clone(), name.to_owned(), arm.to_owned()];
    cells.push(action_of(case, arm, lines).unwrap_or_else(|| "–".to_owned()));
    let Some(figure) = Figure::of_arm(lines, &case.name, phase, arm) else {
        let Outcome::Impossible { impossible } = &first.outcome else { return None };
        cells.extend(vec![String::new(); 8]);
        cells.push(format!("no: {}", impossible.replace(['|', '\n'], " ")));
        return Some(cells);
    };
    let few = if figure.syncs < ENOUGH { "*" } else { "" };
    let ms = |ms: f64| format!("{ms:.1}");
    let rates = figure.actors_mb_s.iter().map(|(name, rate)| format!("{name} {rate:.1}"));
    cells.extend([
        figure.rounds.to_string(),
        format!("{}{few}", figure.syncs),
        ms(figure.p50_ms),
        ms(figure.p99_ms),
        figure.beside_p99_ms.map_or_else(|| "–".to_owned(), ms),
        figure.etcd_p99_le_ms.map_or_else(|| "–".to_owned(), |edge| format!("{edge:.0}")),
        ms(figure.put_p99_ms),
        rates.collect::<Vec<_>>().join(", "),
        in_force(first),
    ]);
    Some(cells)
}

fn in_force(line: &Line) -> String {
    let one = |set: &super::result::InForce| {
        let file = set.file.rsplit('/').next().unwrap_or_default();
        format!("{file}: {}", set.after.trim().replace(['|', '\n'], " "))
    };
    line.in_force.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn action_of(case: &Case, arm: &str, lines: &[Line]) -> Option<String> {
    let of_setting = case.setting(arm).map(|setting| setting.action.clone());
    let of_advice = || (arm == ADVICE).then(|| advised(case, lines))?;
    of_setting.or_else(|| Some(of_advice()?.advice()?.id.name().to_owned()))
}

/// Whether the advice was good.
fn verdicts(judged: &[Judged]) -> String {
    if judged.is_empty() {
        return String::new();
    }
    let columns = [
        "case",
        "advice",
        "best",
        "put p99 alone",
        "nothing set",
        "best",
        "advice",
        "sync p99 expected",
        "measured",
        "within 1.3 × best",
        "cured where the best is",
        "not worse than before",
        "says that nothing helps",
        "expected within 1.5 ×",
        "enough syncs",
    ];
    let ms = |ms: f64| format!("{ms:.1}");
    let maybe = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}"));
    let yes = |is: bool| if is { "yes" } else { "**no**" }.to_owned();
    let asked = |is: Option<bool>| is.map_or_else(|| "–".to_owned(), yes);
    let row = |one: &Judged| {
        vec![
            one.case.clone(),
            one.action.clone().unwrap_or_else(|| "none".to_owned()),
            one.winner.clone(),
            ms(one.alone_ms),
            ms(one.none_ms),
            ms(one.winner_ms),
            maybe(one.advice_ms),
            maybe(one.expected_ms),
            maybe(one.measured_ms),
            yes(one.is_near_best),
            asked(one.is_cured_too),
            asked(one.is_not_worse),
            asked(one.says_helpless),
            yes(one.is_expected),
            yes(one.is_enough),
        ]
    };
    let count = |is: fn(&Judged) -> bool| judged.iter().filter(|one| is(one)).count();
    let all = judged.len();
    format!(
        "\n{}\nOf {all} cases: near the best {}, expected {}, worse than before {}.\n",
        table(&columns, judged.iter().map(row)),
        count(|one| one.is_near_best),
        count(|one| one.is_expected),
        count(|one| one.is_not_worse == Some(false)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::judge::tests::{a_case, line};
    use super::super::result::{Todo, parse};
    use super::*;

    // Property: a round is read as it was written, a cut last line is not there; few syncs are marked, and a case that is not complete is
    // not judged.
    #[test]
    fn few_syncs_are_marked() {
        let todo = Todo { phase: Phase::Explore, repeat: 0, arm: ASK.to_owned() };
        let one = line(todo, 50, &[]);
        let written = format!("{}\n{{\"cut", serde_json::to_string(&one).unwrap());
        let (read, _) = parse(&written).unwrap();
        assert_eq!(read, [one]);
        let text = render(&[a_case()], &read, &[]);
        assert!(text.contains("| c | all | ask | – | 1 | 1000* |"), "{text}");
        assert!(text.contains("c is not complete."), "{text}");
    }
}
