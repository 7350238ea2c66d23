//! A shell text: its commands and their words, each put back where it stood.
//!
//! Words come apart as in `argv::shell_commands`, so that whoever looks for programs in the text finds the same ones after.

use std::ops::Range;

use super::words::{How, Word, command};
use super::{MARK, shapes};

/// So many texts within texts are looked into (`ssh host "sh -c 'mysql -p…'"`); deeper ones are parted at blanks.
pub(super) const DEPTH: u8 = 4;

/// A word, and where it stands with its quotation marks.
struct Token {
    place: Range<usize>,
    text: String,
    is_literal: bool,
}

/// One command of a text, and whether its output goes into the next one.
#[derive(Default)]
struct Command {
    words: Vec<Token>,
    is_piped: bool,
    /// Its output is a file of the command before: `<(echo VALUE)`.
    is_file: bool,
}

/// The text without its secrets; `None` when there are none.
pub(super) fn text(text: &str, how: How) -> Option<String> {
    inner(text, false, how)
}

/// The same of a text that is a word itself. In one that no shell reads (`is_literal`) words still come apart alike.
pub(super) fn inner(text: &str, is_literal: bool, how: How) -> Option<String> {
    // Keys have blanks and line ends of their own, so they go first.
    if text.contains("-----BEGIN ") {
        let keys = shapes::replaced(text, shapes::places(text, is_literal, how.is_cut));
        let rest = keys.as_deref().unwrap_or(text);
        return parted(rest, how).or(keys);
    }
    parted(text, how)
}

fn parted(text: &str, how: How) -> Option<String> {
    let Some(depth) = how.depth.checked_sub(1) else { return plain(text, how) };
    let commands = commands(text);
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let last = commands.len().saturating_sub(1);
    for (at, one) in commands.iter().enumerate() {
        let how = How { depth, is_cut: how.is_cut && at == last };
        let words = one.words.iter().map(|t| Word { text: &t.text, is_literal: t.is_literal });
        let words: Vec<_> = words.collect();
        let is_said =
            one.is_file || (one.is_piped && commands.get(at + 1).is_some_and(takes_password));
        let mut hidden = command(&words, how);
        if is_said && is_echo(&words) {
            for (word, hidden) in words.iter().zip(&mut hidden).skip(1) {
                if !word.text.starts_with('-') && !word.text.starts_with('$') {
                    *hidden = Some(MARK.to_owned());
                }
            }
        }
        if takes_password(one) {
            here_string(&words, &mut hidden);
        }
        let found = hidden.into_iter().zip(&one.words);
        changes.extend(found.filter_map(|(hidden, t)| {
            let raw = text.get(t.place.clone()).unwrap_or_default();
            Some((t.place.clone(), quoted(&hidden?, raw)))
        }));
    }
    put_back(text, changes)
}

/// `<<< VALUE` of a command that reads a password.
fn here_string(words: &[Word<'_>], hidden: &mut [Option<String>]) {
    for (at, word) in words.iter().enumerate() {
        let Some(value) = word.text.strip_prefix("<<<") else { continue };
        let (at, begin, value) = match words.get(at + 1) {
            Some(next) if value.is_empty() => (at + 1, "", next.text),
            _ => (at, "<<<", value),
        };
        if !value.is_empty() && !value.starts_with('$') {
            hidden[at] = Some(format!("{begin}{MARK}"));
        }
    }
}

fn put_back(text: &str, changes: Vec<(Range<usize>, String)>) -> Option<String> {
    if changes.is_empty() {
        return None;
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (place, new) in changes {
        out.push_str(text.get(at..place.start)?);
        out.push_str(&new);
        at = place.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Words parted at blanks alone, when texts lie too deep in each other.
fn plain(text: &str, how: How) -> Option<String> {
    let begin = text.as_ptr() as usize;
    let parts: Vec<&str> = text.split_whitespace().collect();
    let bare = |part: &&str| part.trim_matches(['"', '\'', '\\']).to_owned();
    let bare: Vec<String> = parts.iter().map(bare).collect();
    let words: Vec<_> = bare.iter().map(|text| Word { text, is_literal: false }).collect();
    let hidden = command(&words, How { depth: 0, ..how });
    let changes = hidden.into_iter().zip(&parts).filter_map(|(hidden, part)| {
        let at = part.as_ptr() as usize - begin;
        Some((at..at + part.len(), hidden?))
    });
    put_back(text, changes.collect())
}

/// The commands of a text.
fn commands(text: &str) -> Vec<Command> {
    let mut commands = vec![Command::default()];
    let mut token: Option<Token> = None;
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let mut push = |c: Option<char>, end: usize, is_literal: bool| {
            let token = token.get_or_insert_with(|| Token {
                place: at..at,
                text: String::new(),
                is_literal: false,
            });
            token.text.extend(c);
            token.place.end = end;
            token.is_literal |= is_literal;
        };
        let end = at + c.len_utf8();
        match (quote, c) {
            (Some(q), c) if c == q => {
                quote = None;
                push(None, end, false);
            }
            (Some('\''), c) => push(Some(c), end, true),
            (_, '\\') => match chars.next() {
                Some((_, '\n')) | None => {}
                Some((next, c)) => push(Some(c), next + c.len_utf8(), c == '$'),
            },
            (None, '\'' | '"') => {
                quote = Some(c);
                push(None, end, false);
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                end_word(&mut commands, &mut token);
                let is_file = c == '(' && text[..at].ends_with('<');
                let is_piped = c == '|' && chars.peek().is_none_or(|(_, next)| *next != '|');
                if let Some(command) = commands.last_mut() {
                    command.is_piped = is_piped;
                }
                commands.push(Command { is_file, ..Command::default() });
            }
            (None, c) if c.is_whitespace() => end_word(&mut commands, &mut token),
            (_, c) => push(Some(c), end, false),
        }
    }
    end_word(&mut commands, &mut token);
    commands.retain(|command| !command.words.is_empty());
    commands
}

fn end_word(commands: &mut [Command], token: &mut Option<Token>) {
    if let (Some(command), Some(token)) = (commands.last_mut(), token.take()) {
        command.words.push(token);
    }
}

fn is_echo(words: &[Word<'_>]) -> bool {
    let name = words.first().map_or("", |word| crate::argv::base_name(word.text));
    matches!(name, "echo" | "printf")
}

/// Whether a command reads a password from its input.
fn takes_password(command: &Command) -> bool {
    let has = |is: fn(&str) -> bool| command.words.iter().any(|token| is(&token.text));
    has(|word| word.ends_with("-stdin") || word == "--stdin" || word.starts_with("--passphrase-fd"))
        || has(|word| matches!(crate::argv::base_name(word), "chpasswd" | "cryptsetup" | "kinit"))
        || (has(|word| crate::argv::base_name(word) == "sudo") && has(|word| word == "-S"))
}

/// As one word of a shell, in the marks it had.
fn quoted(word: &str, raw: &str) -> String {
    let is_special = |c: char| c.is_whitespace() || "\"'\\;&|()<>`$".contains(c);
    let mark = raw.chars().next().filter(|mark| matches!(mark, '"' | '\''));
    if mark.is_none() && !word.contains(is_special) {
        return word.to_owned();
    }
    if mark != Some('"') && !word.contains('\'') {
        return format!("'{word}'");
    }
    let mut out = String::from('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
