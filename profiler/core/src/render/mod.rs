//! Writers of a report. Each sees the report and a style, and nothing else.

pub mod json;
pub mod markdown;
mod matrix;
pub mod safe;
pub mod text;
pub mod units;

use crate::text::Lang;

/// How text for people is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Use ANSI colours.
    pub color: bool,
    /// Use characters beyond ASCII.
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// The language.
    pub lang: Lang,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, unicode: true, width: 80, lang: Lang::En }
    }
}
