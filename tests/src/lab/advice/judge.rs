//! Whether the advice of a case was good. Pure.

use iocontend_core::report::Advice;

use super::case::{Case, SETTABLE};
use super::figure::Figure;
use super::order::{advised, winner};
use super::result::{Line, Outcome, Phase};

/// The advice may be this many times as slow as the best.
const NEAR_BEST: f64 = 1.3;
/// What counts as cured: this many times the value alone, or what etcd itself does not warn of (`--warning-apply-duration`, 100 ms).
const CURED: f64 = 1.5;
const SET_POINT_MS: f64 = 100.0;
/// The best helps when it leaves less than this part (as the advisor's own line).
const HELPS: f64 = 0.8;
/// The expected value may be off by this factor.
const EXPECTED: f64 = 1.5;

/// What is said of one case. `None` is: cannot be told, or does not arise.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The case.
    pub case: String,
    /// Id of the first recommended action.
    pub action: Option<String>,
    /// The best setting's name.
    pub winner: String,
    /// 99th percentiles of puts on fresh rounds, milliseconds: alone, nothing set, best, advice.
    pub alone_ms: f64,
    /// Nothing set.
    pub none_ms: f64,
    /// The best.
    pub winner_ms: f64,
    /// The advice; nothing set where it sets nothing; none where it could not be set.
    pub advice_ms: Option<f64>,
    /// What the advice expects as p99 of syncs while the culprit is at work, and what it was in the fresh rounds, in which it always
    /// is, milliseconds. Of the log, or of all files where the advice says so.
    pub expected_ms: Option<f64>,
    /// The latter; alone, for what takes another disk.
    pub measured_ms: Option<f64>,
    /// Within 1.3 times the best.
    pub is_near_best: bool,
    /// Where the best is cured, whether the advice is.
    pub is_cured_too: Option<bool>,
    /// Not worse than before beyond the repeats' interval; none with one repeat.
    pub is_not_worse: Option<bool>,
    /// Where nothing helps, whether the advice says so and names a structural cure.
    pub says_helpless: Option<bool>,
    /// The expected value is within a factor of 1.5; no number is not.
    pub is_expected: bool,
    /// All figures are of enough syncs.
    pub is_enough: bool,
}

/// A case whose fresh rounds are there.
pub fn judge(case: &Case, lines: &[Line]) -> Option<Judged> {
    let fresh = |arm: &str| Figure::of_arm(lines, &case.name, Phase::Fresh, arm);
    let advised = advised(case, lines)?;
    let (best, _) = winner(case, lines)?;
    let (alone, none, winner) = (fresh("alone")?, fresh("none")?, fresh(&best)?);
    let advice = advised.advice();
    let arm = advised.arm();
    let is_impossible = lines.iter().any(|line| {
        let is_it = line.case == case.name && Some(line.todo.arm.as_str()) == arm;
        is_it && matches!(line.outcome, Outcome::Impossible { .. })
    });
    let figure = match arm {
        Some(_) if is_impossible => None,
        // Not run yet.
        Some(arm) => Some(fresh(arm)?),
        None => Some(none.clone()),
    };
    let sets = arm.is_some();
    let advice_ms = figure.as_ref().map(|figure| figure.put_p99_ms);
    let is_of_call = advice
        .and_then(|one| one.effect.as_ref())
        .is_some_and(|effect| effect.file_class.is_none());
    let sync_ms = |figure: &Figure| {
        if is_of_call { figure.all_files_p99_ms } else { Some(figure.p99_ms) }
    };
    // What takes another disk expects what it is alone.
    let measured_ms = if sets { figure.as_ref().and_then(sync_ms) } else { sync_ms(&alone) };
    let goal = (CURED * alone.put_p99_ms).max(SET_POINT_MS);
    let expected_ms = advice.and_then(expected_ms);
    let worse = figure.as_ref().filter(|_| sets).and_then(|figure| figure.more_than(&none));
    let at_most = |ms: f64| advice_ms.is_some_and(|advice| advice <= ms);
    let all = [Some(&alone), Some(&none), Some(&winner), figure.as_ref()];
    Some(Judged {
        case: case.name.clone(),
        action: advice.map(|one| one.id.name().to_owned()),
        is_near_best: at_most(NEAR_BEST * winner.put_p99_ms),
        is_cured_too: (winner.put_p99_ms <= goal).then(|| at_most(goal)),
        is_not_worse: match (sets, worse) {
            (false, _) => Some(true),
            (true, worse) => worse.and_then(|w| Some(w.mean - w.half? <= 0.0)),
        },
        says_helpless: (winner.put_p99_ms > HELPS * none.put_p99_ms).then(|| says_helpless(advice)),
        is_expected: is_within(expected_ms, measured_ms),
        is_enough: all.into_iter().flatten().all(|figure| figure.syncs >= super::figure::ENOUGH),
        alone_ms: alone.put_p99_ms,
        none_ms: none.put_p99_ms,
        winner_ms: winner.put_p99_ms,
        winner: best,
        advice_ms,
        expected_ms,
        measured_ms,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a time")]
fn expected_ms(advice: &Advice) -> Option<f64> {
    advice.effect.as_ref().map(|effect| effect.p99_expected_ns as f64 / 1e6)
}

fn is_within(expected: Option<f64>, measured: Option<f64>) -> bool {
    let both = expected.zip(measured).filter(|(a, b)| *a > 0.0 && *b > 0.0);
    both.is_some_and(|(a, b)| (a / b).max(b / a) <= EXPECTED)
}

/// Whether it says that nothing here helps, and names what takes another disk, host or plan.
fn says_helpless(advice: Option<&Advice>) -> bool {
    advice.is_some_and(|one| !SETTABLE.contains(&one.id.name()) && one.nothing_here_helps)
}

#[cfg(test)]
pub(super) mod tests {
    use iocontend_core::change::Change;
    use iocontend_core::ids::{Call, FileClass};
    use iocontend_core::report::{Action, Effect, Lat, Verdict, Why};

    use super::super::super::table::tests::round;
    use super::super::case::ASK;
    use super::super::case::tests::{case, setting};
    use super::super::order::{Repeats, next};
    use super::super::result::{Measured, SCHEMA, Todo};
    use super::*;

    const TWICE: Repeats = Repeats { explore: 2, fresh: 2 };

    pub(crate) fn a_case() -> Case {
        let queue = "kind='queue',file='scheduler',value='bfq'";
        case(&[setting("a", "scheduler", queue), setting("b", "io-max", queue)].concat()).unwrap()
    }

    /// A first action that sets something, or nothing, and expects this.
    fn advice(id: &str, sets: bool, expected_ms: u64, helpless: bool) -> Advice {
        let change = Change::Sysctl { name: "vm/x".to_owned(), value: "1".to_owned() };
        Advice {
            id: serde_json::from_value(id.into()).unwrap(),
            action: Action::LimitsUnchanged,
            verdict: Verdict::Recommended,
            reason: Why::SingleMember,
            nothing_here_helps: helpless,
            culprit: None,
            expected: None,
            effect: Some(Effect {
                victim: String::new(),
                call: Call::Fdatasync,
                file_class: Some(FileClass::Wal),
                p99_before_ns: 1_000_000_000,
                p99_expected_ns: expected_ms * 1_000_000,
                error_factor: 1.5,
                culprit_duration_factor: None,
            }),
            risks: Vec::new(),
            changes: if sets { vec![change] } else { Vec::new() },
            apply: Vec::new(),
            undo: Vec::new(),
            verify: None,
        }
    }

    pub(crate) fn line(todo: Todo, p99_ms: u64, advice: &[Advice]) -> Line {
        let ns = p99_ms * 1_000_000;
        let wal = Lat {
            count: 1_000,
            sum_ns: 1_000 * ns,
            min_ns: Some(ns),
            max_ns: Some(ns),
            p99_ns: Some(ns),
            buckets: vec![(ns, 1_000)],
            ..Lat::default()
        };
        Line {
            schema: SCHEMA.to_owned(),
            case: "c".to_owned(),
            action: None,
            in_force: Vec::new(),
            outcome: Outcome::Measured(Box::new(Measured {
                wal,
                syncs: None,
                beside: None,
                wal_of_etcd: vec![(Some(8.0), 1_000)],
                advice: advice.to_vec(),
                round: round(todo.repeat, &[], f64::from(u32::try_from(p99_ms).unwrap())),
            })),
            todo,
        }
    }

    /// A whole run in which each arm takes so many milliseconds.
    pub(crate) fn whole(arms: &[(&str, u64)], first: &Advice) -> Vec<Line> {
        let case = a_case();
        let mut lines = Vec::new();
        while let Some(todo) = next(&case, TWICE, 7, &lines) {
            let ms = arms.iter().find(|(arm, _)| *arm == todo.arm).unwrap().1;
            // Repeats differ a little.
            let ms = ms + u64::from(todo.repeat);
            lines.push(line(todo, ms, std::slice::from_ref(first)));
        }
        lines
    }

    fn judged(arms: &[(&str, u64)], first: &Advice) -> Judged {
        judge(&a_case(), &whole(arms, first)).unwrap()
    }

    const GOOD: [(&str, u64); 6] =
        [("alone", 40), ("ask", 500), ("none", 900), ("a", 700), ("b", 50), ("advice", 52)];

    fn with(arm: &str, ms: u64) -> [(&'static str, u64); 6] {
        GOOD.map(|(name, old)| (name, if name == arm { ms } else { old }))
    }

    // Property: good advice passes everything, and what does not arise is not judged.
    #[test]
    fn good_advice_passes() {
        let good = judged(&GOOD, &advice("io-max", true, 60, false));
        assert_eq!((good.winner.as_str(), good.is_near_best, good.is_expected), ("b", true, true));
        assert_eq!((good.is_cured_too, good.says_helpless), (Some(true), None));
        assert_eq!((good.is_not_worse, good.is_enough), (Some(true), true));
    }

    // Property: each mark is lost by just what it is about.
    #[test]
    fn bad_advice_is_caught() {
        let first = advice("io-max", true, 60, false);
        let slow = judged(&with("advice", 120), &advice("io-max", true, 100, false));
        assert_eq!((slow.is_near_best, slow.is_cured_too), (false, Some(false)));
        assert_eq!((slow.is_expected, slow.is_not_worse), (true, Some(true)));
        assert_eq!(judged(&with("advice", 1200), &first).is_not_worse, Some(false));
        assert!(!judged(&GOOD, &advice("io-max", true, 90, false)).is_expected);
        assert!(!judged(&GOOD, &advice("io-max", true, 30, false)).is_expected);
        let mut silent = first.clone();
        silent.effect = None;
        assert!(!judged(&GOOD, &silent).is_expected);
        // Nothing is cured: no question.
        let none = judged(&with("b", 600), &first);
        assert_eq!((none.winner.as_str(), none.is_near_best), ("advice", true));
        assert_eq!(
            judged(
                &[
                    ("ask", 1),
                    ("alone", 40),
                    ("none", 900),
                    ("a", 700),
                    ("b", 600),
                    ("advice", 620)
                ],
                &first
            )
            .is_cured_too,
            None
        );
    }

    // Property: what is expected of a call on all files is compared with the syncs of all files, and with nothing where these were not kept.
    #[test]
    fn all_files_are_compared_with_all_files() {
        let mut first = advice("io-max", true, 200, false);
        first.effect.as_mut().unwrap().file_class = None;
        let mut lines = whole(&GOOD, &first);
        assert!(!judge(&a_case(), &lines).unwrap().is_expected, "not kept");
        for line in &mut lines {
            let Outcome::Measured(measured) = &mut line.outcome else { continue };
            let (ns, count) = (210_000_000, 10);
            measured.syncs = Some(Lat {
                count,
                sum_ns: count * ns,
                min_ns: Some(ns),
                max_ns: Some(ns),
                buckets: vec![(ns, count)],
                ..Lat::default()
            });
        }
        let judged = judge(&a_case(), &lines).unwrap();
        assert_eq!((judged.is_expected, judged.measured_ms), (true, Some(210.0)));
    }

    // Property: advice of another version stands in a round's place of the old one, unless it begins with something that
    // was not run.
    #[test]
    fn only_the_same_first_advice_can_be_judged_again() {
        let asked = Todo { phase: Phase::Explore, repeat: 0, arm: ASK.to_owned() };
        let Outcome::Measured(mut measured) =
            line(asked, 500, &[advice("io-max", true, 60, false)]).outcome
        else {
            panic!("not measured")
        };
        let better = advice("io-max", true, 50, false);
        measured.advised_again(vec![better.clone()]).unwrap();
        assert_eq!(measured.advice, std::slice::from_ref(&better));
        for other in [advice("io-weight", true, 50, false), advice("io-max", false, 50, false)] {
            assert!(measured.advised_again(vec![other, better.clone()]).is_err());
        }
        assert!(measured.advised_again(Vec::new()).is_err());
        // What is refused comes before and is no first advice.
        let mut refused = advice("io-weight", true, 50, false);
        refused.verdict = Verdict::Refused;
        measured.advised_again(vec![refused, better]).unwrap();
        assert_eq!(measured.advice.len(), 2);
    }

    // Property: where nothing helps, only an advice that says so and takes another disk is right; where something does,
    // such an advice is far from the best.
    #[test]
    fn helplessness_is_to_be_said() {
        let bad =
            [("ask", 1), ("alone", 40), ("none", 900), ("a", 880), ("b", 1000), ("advice", 890)];
        let says = |first: &Advice| judged(&bad, first).says_helpless;
        assert_eq!(says(&advice("separate-disk", false, 45, true)), Some(true));
        assert_eq!(says(&advice("separate-disk", false, 45, false)), Some(false));
        assert_eq!(says(&advice("io-max", true, 45, false)), Some(false));
        assert!(judged(&bad, &advice("separate-disk", false, 45, true)).is_expected);
        let wrong = judged(&GOOD, &advice("separate-disk", false, 45, true));
        assert_eq!((wrong.is_near_best, wrong.is_cured_too), (false, Some(false)));
    }

    // Property: rounds come to an end, every arm has all repeats in the first phase, alone and nothing come first, the second phase
    // has the best and the advice, and a run that stopped anywhere goes on with the same rounds.
    #[test]
    fn rounds_are_whole_and_resumable() {
        let lines = whole(&GOOD, &advice("io-max", true, 60, false));
        assert_eq!(lines.len(), 2 * 5 + 2 * 4);
        let arms: Vec<&str> = lines.iter().map(|line| line.todo.arm.as_str()).collect();
        assert_eq!(arms[..2], ["alone", "ask"]);
        for stop in 0..lines.len() {
            let todo = next(&a_case(), TWICE, 7, &lines[..stop]);
            assert_eq!(todo.as_ref(), Some(&lines[stop].todo));
        }
        assert_eq!(next(&a_case(), TWICE, 7, &lines), None);
    }

    // Property: an advice that sets what one of the settings does, no more and no less, has that one's rounds and none of its own.
    #[test]
    fn an_advice_that_is_a_setting_is_not_run_twice() {
        let arms = |changes: &[(&str, &str)]| {
            let queue = |(file, value): &(&str, &str)| Change::Queue {
                device: "nvme0n1".to_owned(),
                file: (*file).to_owned(),
                value: (*value).to_owned(),
            };
            let mut first = advice("scheduler", true, 60, false);
            first.changes = changes.iter().map(queue).collect();
            let lines = whole(&GOOD, &first);
            let judged = judge(&a_case(), &lines).unwrap();
            (lines.iter().any(|line| line.todo.arm == "advice"), judged.advice_ms)
        };
        // `a` takes 700 ms, the advice's own rounds 52; a repeat more makes it 701 and 53.
        assert_eq!(arms(&[("scheduler", "bfq")]), (false, Some(700.5)));
        assert_eq!(arms(&[("scheduler", "kyber")]), (true, Some(52.5)));
        assert_eq!(arms(&[("scheduler", "bfq"), ("wbt_lat_usec", "0")]), (true, Some(52.5)));
    }

    // Property: what cannot be set is tried once.
    #[test]
    fn impossible_settings_are_left_out() {
        let mut lines = Vec::new();
        let first = advice("io-max", true, 60, false);
        while let Some(todo) = next(&a_case(), TWICE, 7, &lines) {
            let is_a = todo.arm == "a";
            let mut one = line(todo, 50, std::slice::from_ref(&first));
            if is_a {
                one.outcome = Outcome::Impossible { impossible: "no file".to_owned() };
            }
            lines.push(one);
        }
        assert_eq!(lines.iter().filter(|line| line.todo.arm == "a").count(), 1);
    }
}
