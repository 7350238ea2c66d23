//! Makes names from processes safe to print, and short enough.
//!
//! A process chooses its own name and arguments: without this it could move the cursor, change colours
//! or reorder a line.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::style::Style;

/// The text with control characters, characters that change direction or have no width, and (in an
/// ASCII style) everything beyond ASCII written as escapes.
pub fn printable(text: &str, style: &Style) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_safe(c) && (style.unicode || c.is_ascii()) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
    }
    safe
}

/// Whether every character of a text is printed as it is, and seen: what is not, belongs into no command.
pub fn is_printable(text: &str) -> bool {
    text.chars().all(is_safe)
}

fn is_safe(c: char) -> bool {
    // Control characters have no width; a soft hyphen's width differs between terminals.
    let has_width = c.width().is_some_and(|width| width > 0) && c != '\u{ad}';
    // Blanks that are no space, and signs that look like one, pass for the end of a word or a line.
    let is_blank = (c.is_whitespace() && c != ' ') || FILLERS.contains(&c);
    has_width && !is_blank && !c.is_control()
}

/// Letters and signs that are drawn as nothing (Hangul fillers, the blank of Braille).
const FILLERS: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// The number of columns that printable text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text if it fits `width` columns, else its beginning and end around an ellipsis.
pub fn shorten(text: &str, width: usize, style: &Style) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let ellipsis = if style.unicode { "…" } else { ".." };
    let Some(room) = width.checked_sub(ellipsis.width()) else {
        return take(text.chars(), width).into_iter().collect();
    };
    // The beginning says what it is, so it gets the odd column.
    let tail = take(text.chars().rev(), room / 2);
    let head = take(text.chars(), room - room / 2);
    head.into_iter().chain(ellipsis.chars()).chain(tail.into_iter().rev()).collect()
}

fn take(chars: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut left = width;
    chars
        .take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let style = Style::default();
        assert_eq!(printable("a\x1b[31m\nb", &style), "a\\u{1b}[31m\\nb");
        assert_eq!(printable("x\u{202e}y", &style), "x\\u{202e}y");
        assert_eq!(printable("数据 a b", &style), "数据 a b");
        for blank in "\u{2028}\u{2029}\u{115f}\u{2800}\u{3000}\u{a0}\u{3164}\t".chars() {
            assert!(!is_printable(&format!("a{blank}b")), "{blank:?}");
        }
        assert!(is_printable("/system.slice/backup-数据.service"));
        assert_eq!(printable("é", &Style { unicode: false, ..style }), "\\u{e9}");
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let style = Style::default();
        assert_eq!(
            shorten("etcdctl snapshot save /backup/a.db", 20, &style),
            "etcdctl sn…ckup/a.db"
        );
        assert_eq!(shorten("short", 5, &style), "short");
        assert_eq!(shorten("abc", 1, &Style { unicode: false, ..style }), "a");
    }

    proptest! {
        #[test]
        fn shortened_text_fits_and_stays_safe(text in ".{0,60}", width in 0_usize..40, unicode: bool) {
            let style = Style { unicode, ..Style::default() };
            let safe = printable(&text, &style);
            prop_assert!(safe.chars().all(|c| !c.is_control()));
            prop_assert!(unicode || safe.is_ascii());
            prop_assert!(columns(&shorten(&safe, width, &style)) <= width);
        }
    }
}
