//! What was not seen, what to do first, and where the rest is.

use super::super::document::{Block, Field, Section, SectionId, Span, Text};
use super::Case;
use crate::advice::forms::argv::typed;
use crate::diagnosis::causes::Causes;
use crate::diagnosis::limits;
use crate::report::{Advice, Answer, Caveat, Pattern, Verdict, VictimState};
use crate::text::brief::{self as words, Unseen};
use crate::text::names::Names;
use crate::text::{Label, advice};

/// A command that is longer than this is not shown: half of one is none.
const COMMAND: usize = 66;

#[expect(clippy::unnecessary_wraps, reason = "one of the makers, others of which may have nothing")]
pub(super) fn section(case: &Case<'_, '_>) -> Option<Section> {
    let mut rows = vec![Field::new(Label::BriefUnseen, unseen(case))];
    rows.extend(actions(case));
    rows.push(Field::new(Label::BriefMore, words::rest(case.lang)));
    Some(Section::bare(SectionId::Advice, vec![Block::fields(rows)]))
}

fn unseen(case: &Case<'_, '_>) -> Text {
    let (coverage, lang) = (&case.report.coverage, case.lang);
    let (lost, bytes) = (coverage.lost_total(), coverage.attribution.unattributed);
    let mut all = Vec::new();
    if lost > 0 {
        all.push(Unseen::Lost { lost, seen: coverage.events_seen });
    }
    if case.diagnosis.unattributed() >= limits::UNATTRIBUTED {
        all.push(Unseen::Unattributed { bytes, of: coverage.io_bytes });
    }
    let rules = case.report.rules.iter().flatten();
    let unasked = rules.filter(|rule| rule.answer == Answer::NotYet).count();
    if unasked > 0 {
        all.push(Unseen::Unasked(unasked));
    }
    all.push(Unseen::Always { device: case.causes.and_then(Causes::device) });
    Text::joined(all.into_iter().map(|one| words::unseen(lang, one).into()))
}

/// The first action with its command and what it should do; how many others there are.
fn actions(case: &Case<'_, '_>) -> Vec<Field> {
    let lang = case.lang;
    let all = || case.report.advice.iter().flatten();
    let mut recommended = all().filter(|one| one.verdict == Verdict::Recommended);
    let refused = all().filter(|one| one.verdict == Verdict::Refused).count();
    let Some(first) = recommended.next() else {
        let answer = case.report.verdict.as_ref().map(|verdict| verdict.answer);
        let lift = limits_set(case).filter(|_| answer == Some(VictimState::Throttled));
        let nothing = || words::nothing_to_do(lang, answer).to_owned();
        let mut rows = vec![Field::new(Label::BriefDo, lift.unwrap_or_else(nothing))];
        rows.extend(words::more_advice(lang, 0, refused).map(Field::more));
        return rows;
    };
    let names = Names::of(case.report, lang);
    let mut rows = vec![Field::new(Label::BriefDo, advice::action(&names, &first.action))];
    rows.extend(commands(case, first));
    rows.extend(words::expected(lang, first).map(Field::more));
    rows.extend(words::more_advice(lang, recommended.count(), refused).map(Field::more));
    rows
}

/// The first limit that is known to be set on a target's own cgroups.
fn limits_set(case: &Case<'_, '_>) -> Option<String> {
    let found = case.report.findings.iter().flatten();
    let mut caveats = found.filter(|one| one.id == Pattern::Throttled).flat_map(|one| &one.caveats);
    caveats.find_map(|caveat| match caveat {
        Caveat::LimitSet { file, cgroup, value, .. } => {
            Some(words::lift(case.lang, file, value, cgroup))
        }
        _ => None,
    })
}

/// Its command, where it is one and short enough; else where its commands are.
fn commands(case: &Case<'_, '_>, first: &Advice) -> Option<Field> {
    let typed = match first.apply.as_slice() {
        [] => return None,
        [only] => typed(only).filter(|line| line.chars().count() <= COMMAND),
        _ => None,
    };
    Some(match typed {
        Some(line) => Field::more(Span::code(line)),
        None => Field::more(words::commands_elsewhere(case.lang)),
    })
}
