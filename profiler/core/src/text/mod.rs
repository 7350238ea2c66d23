//! All text for people: every label, column head, sentence, error and hint.
//!
//! Owns the wording in every language (one so far). Does not own how numbers look (`units`) nor where text goes. What a machine reads (JSON names, enum
//! spellings) is not here.

pub mod advice;
pub mod brief;
mod catalogue;
pub mod doctor;
pub mod findings;
pub mod forced;
mod labels;
pub mod lease;
pub mod names;
pub mod notes;
pub mod periods;
mod problems;

pub use catalogue::{Msg, OfStalls, text};
pub use labels::{Label, label};
pub use problems::{Explained, InTheWay, Problem, explain};

pub use crate::style::Lang;

/// Something that a document or capture of another version says by a code that this one does not know.
fn newer(lang: Lang, code: &str) -> String {
    let Lang::En = lang;
    format!("Not known to this version: {}.", code.escape_debug())
}

#[cfg(test)]
mod tests;
