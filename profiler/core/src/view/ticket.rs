//! What goes into a ticket: impact, stalls on a time line, causes and what to do first; what they rest on; everything that was
//! measured, folded away.
//!
//! Owns the order and what is folded. The first part is the short summary's, so that both say the same.

use super::brief::{self, Parts};
use super::document::{Block, Document, Section};
use super::{
    Maker, Options, activity, actors, advice, blame, coverage, devices, facts, io, stalls, verdict,
    waits,
};
use crate::report::Report;
use crate::text::Label;

/// What the first part rests on.
const EVIDENCE: [Maker; 5] =
    [verdict::findings, blame::matrix, blame::beside, activity::section, advice::section];

/// Long tables, and what nobody asks for first.
const FOLDED: [Maker; 6] =
    [waits::worst, facts::section, devices::section, waits::section, io::section, actors::section];

/// What was lost or not looked at is never folded away.
const NOT_SEEN: [Maker; 2] = [coverage::section, coverage::notes];

/// The whole window of a report, for a ticket.
pub fn ticket(report: &Report, options: Options) -> Document {
    let made = |makers: &'static [Maker]| {
        makers.iter().filter_map(move |section| section(report, options))
    };
    let Parts { state, who, next } = brief::parts(report, options.lang);
    let first = [
        state,
        stalls::section(report, options),
        who.map(|who| Section { heading: Some(Label::CausesTitle), ..who }),
        next.map(|next| Section { heading: Some(Label::DoFirst), ..without_more(next) }),
        verdict::verdict(report, options)
            .map(|verdict| Section { heading: Some(Label::VerdictTitle), ..verdict }),
    ];
    let folded = made(&FOLDED).map(|section| Section { folded: true, ..section });
    let sections = first.into_iter().flatten();
    let sections = sections.chain(made(&EVIDENCE)).chain(folded).chain(made(&NOT_SEEN)).collect();
    Document { lang: options.lang, title: facts::title(report, options.lang), sections }
}

/// Where the rest is: here, it follows.
fn without_more(mut section: Section) -> Section {
    for block in &mut section.blocks {
        if let Block::Fields { rows, .. } = block {
            rows.retain(|row| row.head != Some(Label::BriefMore));
        }
    }
    section
}
