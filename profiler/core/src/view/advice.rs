//! What to do: recommended actions with their commands, and what is refused in a line each.

use super::Options;
use super::document::{Block, Field, Item, Section, SectionId, Span, Tone};
use crate::advice::forms::argv::typed;
use crate::report::{Advice, Report, Verdict};
use crate::text::names::Names;
use crate::text::{Label, Msg, advice as words, brief, text};

/// Recommended actions that are shown unless everything is.
const SHOWN: usize = 3;

/// The first few recommended actions, in full all of them with risks and how to undo; and what is refused.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    actions(report, options, true)
}

/// The same; without `why_not` what is refused is named in one line.
pub(super) fn actions(report: &Report, options: Options, why_not: bool) -> Option<Section> {
    let all = report.advice.as_deref().filter(|all| !all.is_empty())?;
    let names = Names::of(report, options.lang);
    let of = |verdict| all.iter().filter(move |one| one.verdict == verdict);
    let recommended: Vec<&Advice> = of(Verdict::Recommended).collect();
    let first = if options.full { recommended.len() } else { recommended.len().min(SHOWN) };
    let mut blocks = Vec::new();
    for (number, one) in (1..).zip(recommended.iter().take(first)) {
        let action = format!("{number}. {}", words::action(&names, &one.action));
        blocks.push(Block::Paragraph(Item { tone: Tone::Strong, ..Item::new(action) }));
        blocks.push(Block::Fields { rows: fields(&names, one, options), inset: true });
    }
    if recommended.len() > first {
        let more = (recommended.len() - first).to_string();
        blocks.push(Block::said(text(options.lang, &Msg::MoreAdvice(&more))));
    }
    if !why_not {
        let mut ids: Vec<&str> = of(Verdict::Refused).map(|one| one.id.name()).collect();
        let count = ids.len();
        ids.dedup();
        if recommended.is_empty() {
            blocks.push(Block::said(text(options.lang, &Msg::NoAdvice)));
        }
        blocks.extend(
            (count > 0)
                .then(|| Block::said(brief::not_useful(options.lang, count, &ids.join(", ")))),
        );
        return Some(Section::new(SectionId::Advice, Label::AdviceTitle, blocks));
    }
    let refused: Vec<Field> = of(Verdict::Refused)
        .map(|one| {
            let (what, why) = (words::action(&names, &one.action), words::reason(&names, one));
            let why = text(options.lang, &Msg::Because { what: &what, why: &why });
            Field::new(Label::Refused, why)
        })
        .collect();
    blocks.extend((!refused.is_empty()).then(|| Block::fields(refused)));
    Some(Section::new(SectionId::Advice, Label::AdviceTitle, blocks))
}

/// Why, what to expect, and the commands.
fn fields(names: &Names<'_>, one: &Advice, options: Options) -> Vec<Field> {
    let commands = |head, all: &[Vec<String>]| -> Vec<Field> {
        let command = |argv: &Vec<String>| Span::code(typed(argv).unwrap_or_default());
        all.iter().map(|argv| Field::new(head, command(argv))).collect()
    };
    let mut rows = vec![Field::new(Label::AdviceWhy, words::reason(names, one))];
    rows.extend(words::expected(names, one).map(|text| Field::new(Label::AdviceExpect, text)));
    if options.full {
        let risks = words::risks(options.lang, &one.risks);
        rows.extend(risks.map(|text| Field::new(Label::AdviceRisk, text)));
    }
    rows.extend(commands(Label::AdviceDo, &one.apply));
    if options.full {
        rows.extend(commands(Label::AdviceUndo, &one.undo));
        let verify = one.verify.as_ref().map(|verify| words::verify(names, verify));
        rows.extend(verify.map(|text| Field::new(Label::AdviceVerify, text)));
    }
    rows
}
