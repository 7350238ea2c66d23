//! All text for people: every label, column head, sentence, error and hint.
//!
//! Owns the wording in every language (one so far). Does not own how numbers look (`render::units`
//! formats them before they get here) nor where text goes. What a machine reads (JSON names, enum
//! spellings) is not here.

pub mod advice;
mod catalogue;
pub mod doctor;
pub mod findings;
pub mod forced;
mod labels;
pub mod lease;
pub mod notes;
pub mod periods;
mod problems;

pub use catalogue::{Msg, text};
pub use labels::{Label, label};
pub use problems::{Explained, Problem, explain};

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
}
