//! The language of text for people, and how it is to look. Owns no words and no layout.

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
}

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
