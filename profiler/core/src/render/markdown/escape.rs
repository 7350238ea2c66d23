//! Text from outside in a Markdown document: it is shown as it is and means nothing.
//!
//! A process chooses its name and its arguments, and whoever files a ticket pastes them where others are mentioned,
//! images are loaded and HTML may run.

use crate::render::Style;
use crate::render::safe::printable;

/// Keeps `@name` from being a mention: of no width, and no line may break there.
const WORD_JOINER: char = '\u{2060}';

/// A text: markup in it is shown, not followed. What stands between backticks becomes code.
pub(super) fn text(text: &str, style: &Style) -> String {
    let safe = printable(text, style);
    let parts: Vec<&str> = safe.split('`').collect();
    // An odd number of backticks quotes nothing.
    if parts.len().is_multiple_of(2) {
        return plain(&safe, style);
    }
    let part = |(index, part): (usize, &&str)| {
        if index % 2 == 1 { fenced(part) } else { plain(part, style) }
    };
    parts.iter().enumerate().map(part).collect()
}

/// A name, path or command line as code.
pub(super) fn code(text: &str, style: &Style) -> String {
    fenced(&printable(text, style))
}

/// What stands at the begin of a line, already escaped: it begins no list and no heading there.
pub(super) fn at_begin(text: &str) -> String {
    let text = text.trim_start();
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match text.as_bytes().get(number) {
        Some(b'-' | b'+' | b'=') if number == 0 => format!("\\{text}"),
        Some(b'.' | b')')
            if number > 0 && matches!(text.as_bytes().get(number + 1), None | Some(b' ')) =>
        {
            let (number, rest) = text.split_at(number);
            format!("{number}\\{rest}")
        }
        _ => text.to_owned(),
    }
}

/// Code with as many backticks around it as it takes.
fn fenced(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space on either side is taken away again; without it, a backtick there would belong to the fence.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn plain(text: &str, style: &Style) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A backslash before a bar is not understood everywhere, and in code it would be shown.
            '|' => escaped.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '~' | '!' | '$' => {
                escaped.extend(['\\', c]);
            }
            // A scheme or a host name that would become a link.
            ':' if rest.starts_with("//") => escaped.push_str("\\:"),
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => escaped.push_str("\\."),
            '@' if !before.is_alphanumeric() && style.unicode => escaped.extend([c, WORD_JOINER]),
            '@' if !before.is_alphanumeric() => escaped.push_str("(at)"),
            _ => escaped.push(c),
        }
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    /// What a reader of Markdown makes of it: the words, and whether anything but words and code is in it.
    fn read(markdown: &str) -> (String, bool) {
        let mut words = String::new();
        let mut only_words = true;
        for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(text) | Event::Code(text) => words.push_str(&text),
                Event::SoftBreak => words.push('\n'),
                Event::Start(Tag::Paragraph) | Event::End(_) => {}
                _ => only_words = false,
            }
        }
        (words, only_words)
    }

    #[test]
    fn markup_is_shown_and_not_followed() {
        let style = Style::default();
        for evil in [
            "<script>alert(1)</script>",
            "![x](http://evil/x.png)",
            "[x](javascript:1) **b** _i_ ~~s~~ $m$ #1",
            "a | b || c",
            "&lt;b&gt; \\<b>",
            "`code` and ``more``",
            "<!-- x",
        ] {
            let (words, only_words) = read(&format!("x {}", text(evil, &style)));
            assert!(only_words, "{evil}: {}", text(evil, &style));
            assert_eq!(words.replace('`', ""), format!("x {}", evil.replace('`', "")));
            let (words, only_words) = read(&code(evil, &style));
            assert!(only_words && words == evil, "{evil}: {words}");
        }
    }

    #[test]
    fn nobody_is_mentioned_and_nothing_is_linked() {
        let style = Style::default();
        assert_eq!(text("a@b @c", &style), "a@b @\u{2060}c");
        assert_eq!(text("http://x www.x", &style), "http\\://x www\\.x");
        assert_eq!(text("the backup `a_b` ran", &style), "the backup `a_b` ran");
    }

    #[test]
    fn what_stands_at_the_begin_begins_nothing() {
        let style = Style::default();
        for evil in ["- x", "+ x", "1. x", "23) x", "    x", "=== x", "--- ", "# x", "> x", "* x"] {
            let markdown = at_begin(&text(evil, &style));
            let (words, only_words) = read(&markdown);
            assert!(only_words, "{evil}: {markdown}");
            assert_eq!(words.trim(), evil.trim());
            let nested = read(&format!("- x\n\n{markdown}"));
            assert!(nested.0.ends_with(evil.trim()), "{evil}: {nested:?}");
        }
    }

    proptest! {
        /// Property: whatever is written, a reader sees words only, in one paragraph, and code is what it was.
        #[test]
        fn any_text_is_words(evil in "[a-z<>&|`*_~!\\[\\](){}#$@:/.\\\\\n\t -]{0,40}") {
            let style = Style::default();
            let (_, only_words) = read(&format!("x {}", text(&evil, &style)));
            prop_assert!(only_words, "{}", text(&evil, &style));
            let shown = printable(&evil, &style);
            if !shown.trim().is_empty() {
                let (words, only_words) = read(&format!("x {}", code(&evil, &style)));
                prop_assert!(only_words);
                prop_assert_eq!(words, format!("x {shown}"));
            }
        }
    }
}
