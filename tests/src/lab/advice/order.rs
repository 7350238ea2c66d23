//! Which round of a case is next, given those that were run. Pure, so a run can be taken up again at any round.

use iocontend_core::report::Advice;

use super::case::{ADVICE, ASK, Case, Setting};
use super::figure::Figure;
use super::result::{Line, Outcome, Phase, Todo, first};

/// What the first recommended action of a case comes to here.
#[derive(Clone, Debug, PartialEq)]
pub enum Advised {
    /// Its own changes of the host, at the end with the names in the lab of those it acts on.
    Changes(Advice),
    /// What a setting of the case does too, whose rounds are the advice's then: two arms with the same values would differ by luck
    /// only. A change of the program is stood for by the first setting with its action.
    Setting {
        /// The advice.
        advice: Advice,
        /// The setting's name.
        name: String,
    },
    /// Nothing that can be set here.
    Nothing(Option<Advice>),
}

impl Advised {
    /// The advice itself.
    pub fn advice(&self) -> Option<&Advice> {
        match self {
            Self::Changes(advice) | Self::Setting { advice, .. } => Some(advice),
            Self::Nothing(advice) => advice.as_ref(),
        }
    }

    /// Whose rounds are the advice's; none where it sets nothing here.
    pub fn arm(&self) -> Option<&str> {
        match self {
            Self::Changes(_) => Some(ADVICE),
            Self::Setting { name, .. } => Some(name),
            Self::Nothing(_) => None,
        }
    }
}

/// What is advised in the first round that asks; none before that round.
pub fn advised(case: &Case, lines: &[Line]) -> Option<Advised> {
    let is_first = |line: &&Line| {
        let todo = &line.todo;
        line.case == case.name && (todo.phase, todo.arm.as_str()) == (Phase::Explore, ASK)
    };
    let round = lines.iter().find(is_first)?.measured()?;
    let Some(first) = first(&round.advice) else {
        return Some(Advised::Nothing(None));
    };
    let first = first.clone();
    let does_it = |setting: &&Setting| {
        if first.changes.is_empty() {
            setting.action == first.id.name()
        } else {
            setting.is(&first.changes)
        }
    };
    Some(match case.settings.iter().find(does_it) {
        Some(setting) => Advised::Setting { name: setting.name.clone(), advice: first },
        None if first.changes.is_empty() => Advised::Nothing(Some(first)),
        None => Advised::Changes(first),
    })
}

/// The arm with the smallest 99th percentile of puts in the first phase. Not of syncs: where a few take seconds, puts gather and
/// share them, and between them there are many quick ones.
pub fn winner(case: &Case, lines: &[Line]) -> Option<(String, Figure)> {
    let arms = std::iter::once(ADVICE.to_owned());
    let arms = arms.chain(case.settings.iter().map(|setting| setting.name.clone()));
    let figures = arms.filter_map(|arm| {
        let figure = Figure::of_arm(lines, &case.name, Phase::Explore, &arm)?;
        Some((arm, figure))
    });
    figures.min_by(|a, b| a.1.put_p99_ms.total_cmp(&b.1.put_p99_ms))
}

/// How often each arm is run in each phase.
#[derive(Clone, Copy, Debug)]
pub struct Repeats {
    /// To find the best.
    pub explore: u32,
    /// To judge.
    pub fresh: u32,
}

impl Repeats {
    /// In one phase.
    pub fn of(self, phase: Phase) -> u32 {
        match phase {
            Phase::Explore => self.explore,
            Phase::Fresh => self.fresh,
        }
    }
}

/// The next round; none when the case is complete.
pub fn next(case: &Case, repeats: Repeats, seed: u64, lines: &[Line]) -> Option<Todo> {
    let lines: Vec<Line> = lines.iter().filter(|line| line.case == case.name).cloned().collect();
    let is_open = |todo: &Todo| {
        let impossible = |line: &Line| matches!(line.outcome, Outcome::Impossible { .. });
        let closes =
            |line: &Line| line.todo == *todo || (line.todo.arm == todo.arm && impossible(line));
        !lines.iter().any(closes)
    };
    explore(case, repeats.explore, seed, &lines)
        .into_iter()
        .find(is_open)
        .or_else(|| fresh(case, repeats.fresh, seed, &lines).into_iter().find(is_open))
}

/// All settings: alone and the one that asks for advice first; then blocks in an order of their own.
fn explore(case: &Case, repeats: u32, seed: u64, lines: &[Line]) -> Vec<Todo> {
    let mut arms: Vec<String> = case.settings.iter().map(|one| one.name.clone()).collect();
    // Unknown before the first two rounds, and so never in their place.
    if matches!(advised(case, lines), Some(Advised::Changes(_))) {
        arms.push(ADVICE.to_owned());
    }
    let first = ["alone", ASK].map(str::to_owned);
    blocks(Phase::Explore, repeats, seed, &|repeat, random| {
        if repeat == 0 {
            let mut rest = arms.clone();
            random.shuffle(&mut rest);
            first.iter().cloned().chain(rest).collect()
        } else {
            let mut all: Vec<String> = first.iter().chain(&arms).cloned().collect();
            random.shuffle(&mut all);
            all
        }
    })
}

/// The best again, beside the advice, nothing, and alone.
fn fresh(case: &Case, repeats: u32, seed: u64, lines: &[Line]) -> Vec<Todo> {
    let mut arms = vec!["alone".to_owned(), "none".to_owned()];
    let is_there = |arm: &String| Figure::of_arm(lines, &case.name, Phase::Explore, arm).is_some();
    let advised = advised(case, lines).and_then(|one| one.arm().map(str::to_owned));
    let best = winner(case, lines).map(|(arm, _)| arm);
    for arm in best.into_iter().chain(advised.filter(is_there)) {
        if !arms.contains(&arm) {
            arms.push(arm);
        }
    }
    blocks(Phase::Fresh, repeats, seed ^ 1, &|_, random| {
        let mut all = arms.clone();
        random.shuffle(&mut all);
        all
    })
}

type Block<'a> = &'a dyn Fn(u32, &mut fastrand::Rng) -> Vec<String>;

fn blocks(phase: Phase, repeats: u32, seed: u64, block: Block<'_>) -> Vec<Todo> {
    let of_repeat = |repeat: u32| {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(u64::from(repeat) << 32));
        let arms = block(repeat, &mut random);
        arms.into_iter().map(move |arm| Todo { phase, repeat, arm })
    };
    (0..repeats).flat_map(of_repeat).collect()
}

/// How many rounds are left, at most.
pub fn left(case: &Case, repeats: Repeats, lines: &[Line]) -> u32 {
    let arms = u32::try_from(case.settings.len()).unwrap_or(u32::MAX) + 3;
    let done = lines.iter().filter(|line| line.case == case.name).count();
    let explore = repeats.explore.saturating_mul(arms);
    let all = explore.saturating_add(repeats.fresh.saturating_mul(4));
    all.saturating_sub(u32::try_from(done).unwrap_or(u32::MAX))
}
