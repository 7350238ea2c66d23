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

/// Makes one section, if there is something to say.
type Maker = fn(&Case<'_, '_>) -> Option<Section>;

/// State and why, who, what to do.
const BRIEF: [Maker; 3] = [state::section, who::section, next::section];

/// The whole window of a report.
pub fn brief(report: &Report, lang: Lang) -> Document {
    let diagnosis = &Diagnosis::of(report);
    let victims: Vec<&Victim<'_>> = diagnosis.victims.iter().collect();
    let causes = Causes::of(diagnosis, &victims).ok();
    let causes = causes.as_ref().filter(|causes| causes.whole_ns > 0);
    let groups = &Groups::of(report);
    let case = Case { report, lang, diagnosis, groups, victims: &victims, causes };
    let sections = BRIEF.iter().filter_map(|section| section(&case)).collect();
    Document { lang, title: facts::title(report, lang), sections }
}

#[cfg(test)]
mod tests;
