//! The short summary: what a reader wants in ten seconds, in a screen of 80 by 24, ending with what to do.
//!
//! Owns what is in it and how much. State, shares and culprits are the diagnosis's; [`super::summary`] has everything else.

mod interval;
mod next;
mod state;
mod who;

use super::document::{Document, Section};
use super::facts;
use crate::diagnosis::causes::Causes;
use crate::diagnosis::groups::Groups;
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::Report;
use crate::text::Lang;

pub use self::interval::interval;

/// What the sections are made of.
struct Case<'a, 'c> {
    report: &'a Report,
    lang: Lang,
    diagnosis: &'c Diagnosis<'a>,
    groups: &'c Groups<'a>,
    victims: &'c [&'c Victim<'a>],
    /// Why they waited; `None` where nobody can say.
    causes: Option<&'c Causes<'a>>,
}

/// Its sections, each if there is something to say.
pub(super) struct Parts {
    /// The state, how long the waits are, and why.
    pub(super) state: Option<Section>,
    /// Who or what took the time.
    pub(super) who: Option<Section>,
    /// What was not seen, and what to do first.
    pub(super) next: Option<Section>,
}

/// The whole window of a report.
pub fn brief(report: &Report, lang: Lang) -> Document {
    let Parts { state, who, next } = parts(report, lang);
    let sections = [state, who, next].into_iter().flatten().collect();
    Document { lang, title: facts::title(report, lang), sections }
}

/// The sections of that.
pub(super) fn parts(report: &Report, lang: Lang) -> Parts {
    let diagnosis = &Diagnosis::of(report);
    let victims: Vec<&Victim<'_>> = diagnosis.victims.iter().collect();
    let causes = Causes::of(diagnosis, &victims).ok();
    let causes = causes.as_ref().filter(|causes| causes.whole_ns > 0);
    let groups = &Groups::of(report);
    let case = Case { report, lang, diagnosis, groups, victims: &victims, causes };
    Parts { state: state::section(&case), who: who::section(&case), next: next::section(&case) }
}

#[cfg(test)]
mod tests;
