//! The words of one command: what a flag says of the word after it, what programs make of their flags.

use super::clients::{Clients, Rule};
use super::names::{Class, class, prints_a_secret};
use super::values::{is_base64, is_flag, is_hidden, is_path, is_variable};
use super::{MARK, shapes, shell, statements};
use crate::argv::base_name;

/// A word of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    /// Without the shell's quotation marks.
    pub text: &'a str,
    /// No shell puts anything in place of a `$NAME` in it.
    pub is_literal: bool,
}

/// How to look at words.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// How many texts within texts are still looked into.
    pub depth: u8,
    /// The last word may be cut.
    pub is_cut: bool,
}

/// What a word says of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// It is the value of a name of this class.
    Value(Class),
    /// It is a secret, whatever it looks like, but no other flag.
    Secret,
    /// `user:password`, parted by this.
    Pair(char),
    /// What stands behind `Basic`.
    Base64,
    /// What stands behind `Authorization:`.
    Header,
    /// A command that prints a secret.
    Printing,
}

/// What became of a word that something knew.
#[derive(Debug)]
enum Known {
    /// It is this now.
    Hidden(String),
    /// There is nothing to hide in it.
    AsItIs,
}

impl Known {
    fn into_hidden(self) -> Option<String> {
        if let Self::Hidden(hidden) = self { Some(hidden) } else { None }
    }
}

/// The words with their secrets hidden; `None` for each that stays as it is.
pub(super) fn command(words: &[Word<'_>], how: How) -> Vec<Option<String>> {
    let mut clients = Clients::default();
    let mut next = Next::Nothing;
    let mut hidden = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let how = How { is_cut: how.is_cut && at + 1 == words.len(), ..how };
        let before = at.checked_sub(1).map_or("", |before| words[before].text);
        let expected = std::mem::replace(&mut next, Next::Nothing);
        if let Some(done) = as_expected(*word, expected, &mut next) {
            hidden.push(done.into_hidden());
            continue;
        }
        let is_last = at + 1 == words.len() && clients.hides_last();
        if (is_last || clients.hides_words())
            && !is_flag(word.text)
            // Hidden already, and what is left of it stays.
            && !word.text.contains(MARK)
            && is_hidden(Class::Password, word.text, word.is_literal)
        {
            let name = word.text.split_once('=').map(|(name, _)| name);
            let name = name.filter(|name| is_variable_name(name));
            hidden.push(Some(name.map_or(MARK.to_owned(), |name| format!("{name}={MARK}"))));
        } else if let Some(done) = by_client(*word, &clients, &mut next) {
            hidden.push(done.into_hidden());
        } else {
            // The script of a shell may begin with a variable of its first command.
            let is_script = clients.has_shell && is_letters_with_c(before);
            let whole = is_script.then(|| shell::inner(word.text, false, how));
            hidden.push(whole.unwrap_or_else(|| by_itself(*word, before, how, &mut next)));
        }
        clients.meet(word.text);
        if next == Next::Nothing && !word.text.starts_with('-') {
            next = told_by_word(word.text, &clients);
        }
    }
    hidden
}

/// What a word that is no flag says of the next one, by the programs that were named.
fn told_by_word(word: &str, clients: &Clients) -> Next {
    for rule in clients.rules() {
        match rule {
            Rule::After(name) if name == word => return Next::Secret,
            Rule::PairAfter(name, between) if name == word => return Next::Pair(between),
            Rule::Names if !word.contains('=') => {
                // `//registry.example/:_authToken`
                let name = word.rsplit(['/', ':']).next().unwrap_or(word);
                let class = class(name);
                if is_variable_name(name) && matches!(class, Class::Password | Class::Token) {
                    return Next::Value(class);
                }
            }
            _ => {}
        }
    }
    Next::Nothing
}

/// `-c`, `-ec`.
fn is_letters_with_c(flag: &str) -> bool {
    let letters = flag.strip_prefix('-').and_then(|letters| letters.strip_suffix('c'));
    letters.is_some_and(|letters| letters.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// A word that the one before it told of; `None` where it is something else after all.
fn as_expected(word: Word<'_>, expected: Next, next: &mut Next) -> Option<Known> {
    let text = word.text;
    if matches!(expected, Next::Pair(_)) && is_flag(text) && text.contains('=') {
        *next = expected;
        return None;
    }
    if text.is_empty() || (expected != Next::Header && is_flag(text)) {
        return None;
    }
    let mark = || Known::Hidden(MARK.to_owned());
    match expected {
        Next::Value(class) if is_hidden(class, text, word.is_literal) => Some(mark()),
        Next::Secret if is_hidden(Class::Password, text, word.is_literal) && !is_source(text) => {
            Some(mark())
        }
        Next::Pair(between) => pair(text, between).map(Known::Hidden),
        Next::Base64 if is_base64(text) => Some(mark()),
        Next::Printing => printing(text).map(Known::Hidden),
        Next::Header if is_scheme(text) => {
            *next = Next::Secret;
            Some(Known::AsItIs)
        }
        Next::Header => Some(mark()),
        _ => None,
    }
}

/// Where a program is to take a password from, not the password.
fn is_source(text: &str) -> bool {
    ["file:", "env:", "fd:"].iter().any(|begin| text.starts_with(begin)) || text == "stdin"
}

fn is_scheme(text: &str) -> bool {
    ["bearer", "basic", "token", "digest", "negotiate", "apikey"]
        .iter()
        .any(|scheme| text.eq_ignore_ascii_case(scheme))
}

/// `user:password` with the password hidden.
fn pair(text: &str, between: char) -> Option<String> {
    let (user, password) = text.split_once(between)?;
    // A certificate's path may have a password behind it, but a URL is none.
    if password.is_empty() || password == MARK || password.starts_with("//") {
        return None;
    }
    Some(format!("{user}{between}{MARK}"))
}

/// A flag of a program that was named before: with its value hidden, or as it is; `None` where it is no such flag.
fn by_client(word: Word<'_>, clients: &Clients, next: &mut Next) -> Option<Known> {
    let text = word.text;
    // `-password VALUE`, as many programs have it, is no `-p` with `assword`.
    let is_switch = |rule| matches!(rule, Rule::Switch(flag) if flag == text);
    if !clients.rules().any(is_switch)
        && matches!(text, "-password" | "-passwd" | "-pass" | "-passphrase" | "-token" | "-pw")
    {
        *next = Next::Secret;
        return Some(Known::AsItIs);
    }
    for rule in clients.rules() {
        match rule {
            Rule::Switch(flag) if text == flag => return Some(Known::AsItIs),
            Rule::Glued(flag) | Rule::Either(flag) => {
                if let Some(begin) = glued(text, flag) {
                    let (flags, value) = text.split_at(begin);
                    let gap = if value.starts_with('=') { "=" } else { "" };
                    let is_short = flag.len() == 2 || matches!(rule, Rule::Glued(_));
                    if (is_short || !gap.is_empty())
                        && is_hidden(Class::Password, value, word.is_literal)
                    {
                        return Some(Known::Hidden(format!("{flags}{gap}{MARK}")));
                    }
                } else if matches!(rule, Rule::Either(_)) && ends_as(text, flag) {
                    *next = Next::Secret;
                }
            }
            Rule::After(name) if text == name => *next = Next::Secret,
            Rule::Pair(flag, between) => {
                if ends_as(text, flag) {
                    *next = Next::Pair(between);
                } else if let Some(value) = text.strip_prefix(flag) {
                    let (gap, value) = match value.strip_prefix('=') {
                        Some(value) => ("=", value),
                        None => ("", value),
                    };
                    let is_its = !gap.is_empty() || flag.len() == 2;
                    if let Some(value) = pair(value, between).filter(|_| is_its) {
                        return Some(Known::Hidden(format!("{flag}{gap}{value}")));
                    }
                }
            }
            Rule::Oracle => {
                if let Some(hidden) = oracle(text) {
                    return Some(Known::Hidden(hidden));
                }
            }
            _ => {}
        }
    }
    None
}

/// Where the value begins in `-pVALUE`, also behind letters that take none (`-vpVALUE`).
fn glued(word: &str, flag: &str) -> Option<usize> {
    /// Letters that are taken for switches. Where one has a value, more is hidden than has to be.
    const ALONE: &[u8] = b"vqsfnNBr";
    if let Some(value) = word.strip_prefix(flag) {
        return (!value.is_empty()).then_some(flag.len());
    }
    let letter = flag.strip_prefix('-').filter(|letter| letter.len() == 1)?;
    let letters = word.strip_prefix('-')?;
    let alone = letters.bytes().take_while(|byte| ALONE.contains(byte)).count();
    let value = letters.get(alone..)?.strip_prefix(letter)?;
    (alone > 0 && !value.is_empty()).then_some(1 + alone + 1)
}

/// Whether a word is this flag, also as the last of several letters (`-sSu`).
fn ends_as(word: &str, flag: &str) -> bool {
    let letters = || word.strip_prefix('-').filter(|letters| letters.len() <= 5);
    word == flag
        || (flag.len() == 2
            && word.ends_with(&flag[1..])
            && letters().is_some_and(|letters| letters.bytes().all(|b| b.is_ascii_alphabetic())))
}

/// `USER/PASSWORD@PLACE`, `USER/PASSWORD`.
fn oracle(text: &str) -> Option<String> {
    let text = text.strip_prefix("userid=").map_or((text, ""), |rest| (rest, "userid="));
    let (text, begin) = text;
    let (user, rest) = text.split_once('/')?;
    let is_user = !user.is_empty()
        && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"_$#\"".contains(&b));
    let (password, place) = rest.rfind('@').map_or((rest, ""), |at| rest.split_at(at));
    (is_user && !password.is_empty() && password != MARK)
        .then(|| format!("{begin}{user}/{MARK}{place}"))
}

/// `echo VALUE`, as the command that gives a password.
fn printing(command: &str) -> Option<String> {
    let (program, words) = command.trim_start().split_once(char::is_whitespace)?;
    let says = matches!(base_name(program), "echo" | "printf");
    let is_secret = says && !words.trim().is_empty() && words.trim() != MARK;
    is_secret.then(|| format!("{program} {MARK}"))
}

/// `root:hunter2` behind `--user` of whatever program: no user's and group's name.
fn user(value: &str) -> Option<String> {
    let (name, password) = value.split_once(':')?;
    let has = |is: fn(&u8) -> bool| password.as_bytes().iter().any(is);
    let is_mixed = has(u8::is_ascii_uppercase)
        || has(|byte| !byte.is_ascii_alphanumeric() && !b"_-".contains(byte))
        || (has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic));
    (is_mixed && name != password && !value.contains('/')).then(|| pair(value, ':')).flatten()
}

/// What the word itself shows: a flag with its value, an assignment, a header, a text with words of its own.
fn by_itself(word: Word<'_>, before: &str, how: How, next: &mut Next) -> Option<String> {
    let text = word.text;
    // Most words are short and plain.
    if text.starts_with('-') {
        if let Some(hidden) = flag(word, next) {
            return hidden.into_hidden();
        }
        // `--data=user=a&pass=x`: the value as a word of its own.
        if let Some((name, value)) = text.split_once('=')
            && text.starts_with("--")
            && value.contains(['=', '{', ':'])
            && !value.contains(char::is_whitespace)
            && let Some(hidden) =
                by_itself(Word { text: value, ..word }, "", how, &mut Next::Nothing)
        {
            return Some(format!("{name}={hidden}"));
        }
    } else if let Some((name, value)) = text.split_once('=')
        && is_variable_name(name)
        && !text.contains("://")
    {
        if is_hidden(class(name), value, word.is_literal) {
            return Some(format!("{name}={MARK}"));
        }
        if prints_a_secret(name)
            && let Some(value) = printing(value)
        {
            return Some(format!("{name}={value}"));
        }
    }
    if let Some((name, value)) = text.strip_prefix('/').and_then(|flag| flag.split_once(':'))
        && is_variable_name(name)
        && is_hidden(class(name), value, word.is_literal)
    {
        return Some(format!("/{name}:{MARK}"));
    }
    if before == "--user"
        && let Some(hidden) = user(text)
    {
        return Some(hidden);
    }
    if let Some(hidden) = literal(before, text) {
        return Some(hidden);
    }
    if text.contains(char::is_whitespace) {
        if let Some(hidden) = shapes::named_value(text) {
            return shell::inner(&hidden, word.is_literal, how).or(Some(hidden));
        }
        if let Some(hidden) = statements::hidden(text) {
            return shell::inner(&hidden, word.is_literal, how).or(Some(hidden));
        }
        return header(word).or_else(|| shell::inner(text, word.is_literal, how));
    }
    if let Some(hidden) = statements::hidden(text) {
        return Some(hidden);
    }
    match text {
        _ if text.eq_ignore_ascii_case("bearer") || ends_in_scheme(text) => *next = Next::Secret,
        _ if text.eq_ignore_ascii_case("basic") => *next = Next::Base64,
        _ => after_name(word, before, next),
    }
    shapes::replaced(text, shapes::places(text, word.is_literal, how.is_cut))
}

/// `{authorization:Bearer`, of which the secret is the next word.
fn ends_in_scheme(text: &str) -> bool {
    text.rsplit_once([':', '=']).is_some_and(|(head, scheme)| {
        let name = head.trim_end_matches(['"', '\'', '\\']);
        let name = name.rsplit(['{', ',', '"', '\'', '(']).next().unwrap_or(name);
        is_scheme(scheme.trim_start_matches(['"', '\''])) && is_header(name)
    })
}

/// `"password":` before a blank and its value; `set requirepass VALUE`.
fn after_name(word: Word<'_>, before: &str, next: &mut Next) {
    let trimmed = word.text.trim_start_matches(['{', '[', '(', '"', '\'', '-', ',']);
    if let Some(name) = trimmed.strip_suffix([':', '=']) {
        let name = name.trim_end_matches(['"', '\'', '\\']);
        let last = name.rsplit(['=', ',', '{', '"']).next().unwrap_or(name);
        match class(last) {
            Class::Plain | Class::Pair => {}
            class if word.text.ends_with('=') => *next = Next::Value(class),
            _ if is_header(last) => *next = Next::Header,
            class => *next = Next::Value(class),
        }
    } else if before.eq_ignore_ascii_case("set")
        && word.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && matches!(class(word.text), Class::Password | Class::Token)
    {
        *next = Next::Value(class(word.text));
    }
}

fn is_header(name: &str) -> bool {
    let name = name.rsplit(['H', '=']).next().unwrap_or(name);
    name.eq_ignore_ascii_case("authorization")
        || name.to_ascii_lowercase().ends_with("authorization")
}

/// `--from-literal=NAME=VALUE` of kubectl, and with a blank: whatever the name, it is made a secret.
fn literal(before: &str, text: &str) -> Option<String> {
    const FLAG: &str = "--from-literal";
    let pair = match text.strip_prefix(FLAG).and_then(|rest| rest.strip_prefix('=')) {
        Some(pair) => pair,
        None if before == FLAG => text,
        None => return None,
    };
    let (name, value) = pair.split_once('=')?;
    let begin = &text[..text.len() - pair.len()];
    (!value.is_empty() && value != MARK).then(|| format!("{begin}{name}={MARK}"))
}

/// A flag whose name says what its value is: the flag with it hidden, or as it is where the value follows, `None` where the name says nothing.
fn flag(word: Word<'_>, next: &mut Next) -> Option<Known> {
    let text = word.text;
    let name = text.trim_start_matches('-');
    let dashes = &text[..text.len() - name.len()];
    match name.split_once('=') {
        Some((name, value)) => {
            if !is_variable_name(name) {
                return None;
            }
            let class = class(name);
            let value = value.trim_matches(['"', '\'']);
            if prints_a_secret(name) {
                return printing(value)
                    .map(|value| Known::Hidden(format!("{dashes}{name}={value}")));
            }
            if name == "user" {
                return user(value).map(|value| Known::Hidden(format!("{dashes}{name}={value}")));
            }
            // A connection string stays readable where its secret is seen.
            let has_parts = value.contains("://") || value.contains(';');
            (is_hidden(class, value, word.is_literal) && !(has_parts && class != Class::Password))
                .then(|| Known::Hidden(format!("{dashes}{name}={MARK}")))
        }
        None if dashes.is_empty() || !is_variable_name(name) => None,
        None if dashes == "-" && name.len() == 1 => None,
        None if prints_a_secret(name) => {
            *next = Next::Printing;
            Some(Known::AsItIs)
        }
        None => match class(name) {
            Class::Plain | Class::Pair => None,
            class => {
                *next = Next::Value(class);
                Some(Known::AsItIs)
            }
        },
    }
}

/// Whether a name is one of a variable or a flag, and not part of a text.
fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// `Authorization: Bearer …`, `Cookie: …`, `X-Api-Key: …` as one word: all of it behind the name, but for the scheme.
fn header(word: Word<'_>) -> Option<String> {
    let (head, rest) = word.text.split_once(':')?;
    if head.contains(char::is_whitespace) || rest.starts_with("//") {
        return None;
    }
    let name = head.rsplit(['=', '"', '\'', '{']).next().unwrap_or(head).trim_start_matches('-');
    let value = rest.trim_start();
    if matches!(class(name), Class::Plain | Class::Pair | Class::Maybe) || head.contains(['{', '"'])
    {
        return None;
    }
    let scheme = value.split_whitespace().next().filter(|scheme| is_scheme(scheme));
    let kept = scheme.map(|scheme| format!("{scheme} ")).unwrap_or_default();
    let secret = value.get(kept.trim_end().len()..).unwrap_or_default().trim();
    let is_one = !secret.is_empty() && secret != MARK && !is_path(secret);
    (is_one && (word.is_literal || !is_variable(secret))).then(|| format!("{head}: {kept}{MARK}"))
}
