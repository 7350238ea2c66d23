//! What people are shown of a report: which facts, in which order, in which words.
//!
//! Owns the sections; each is written once, and every writer for people (`render::text`, `render::markdown`) writes the
//! [`Document`]. Words come from `crate::text`. Does not own how anything looks: values stay values here.

mod activity;
mod actors;
mod advice;
mod blame;
mod brief;
mod coverage;
mod devices;
mod doctor;
mod document;
mod facts;
mod interval;
mod io;
mod matrix;
mod names;
mod stalls;
mod ticket;
mod verdict;
mod verified;
mod waits;

use crate::report::Report;
use crate::style::Style;
use crate::text::{Label, Lang, Msg, label, text};

pub use self::brief::{brief, interval as brief_interval};
pub use self::doctor::doctor;
pub use self::document::{
    BARS, Block, Cell, Column, Document, Field, Fit, Item, Kind, Room, Row, Section, SectionId,
    Slice, Span, Table, Text, Tone,
};
pub use self::interval::interval;
pub use self::ticket::ticket;
pub use self::verified::verified;

/// What is wanted of a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The language.
    pub lang: Lang,
    /// Everything that somebody may ask for next, as in a ticket; else what fits a screen or two.
    pub full: bool,
}

/// Makes one section, if there is something to say.
type Maker = fn(&Report, Options) -> Option<Section>;

/// The sections of a summary: the answer and what it rests on first, then everything that was measured.
const SUMMARY: [Maker; 15] = [
    verdict::verdict,
    verdict::findings,
    stalls::section,
    blame::matrix,
    blame::beside,
    activity::section,
    advice::section,
    waits::worst,
    facts::section,
    devices::section,
    waits::section,
    io::section,
    actors::section,
    coverage::section,
    coverage::notes,
];

/// The whole window of a report.
pub fn summary(report: &Report, options: Options) -> Document {
    let sections = SUMMARY.iter().filter_map(|section| section(report, options)).collect();
    Document { lang: options.lang, title: facts::title(report, options.lang), sections }
}

/// All that is recommended for a report, in full; what is refused in a line, or each with the reason.
pub fn advice(report: &Report, why_not: bool, lang: Lang) -> Document {
    let section =
        advice::actions(report, Options { lang, full: true }, why_not).unwrap_or_else(|| {
            let none = Block::said(text(lang, &Msg::NoAdvice));
            Section::bare(SectionId::Advice, vec![none])
        });
    let title = label(lang, Label::AdviceTitle).to_owned();
    Document { lang, title, sections: vec![section] }
}

/// How numbers look inside of sentences: whatever the writer cannot show it replaces.
const IN_WORDS: Style = Style { color: false, unicode: true, width: usize::MAX, lang: Lang::En };

/// A time in a sentence.
fn time(ns: u64) -> String {
    crate::units::duration(ns, &IN_WORDS)
}

/// A time in a sentence, or that it is not known.
fn known_time(ns: Option<u64>) -> String {
    ns.map_or_else(|| ABSENT.to_owned(), time)
}

/// In a sentence: not known.
const ABSENT: &str = "-";

#[cfg(test)]
mod tests;
