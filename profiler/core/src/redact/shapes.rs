//! What is a secret wherever it stands in a word: userinfo of URLs, values of secret names, keys, well-known tokens.
//!
//! Every search gives the places (byte ranges) to hide; [`replaced`] puts the mark there.

use std::ops::Range;

use super::MARK;
use super::names::{Class, class};
use super::values::{is_hidden, looks_secret};

type Place = Range<usize>;

/// Beginnings of tokens: with how many characters after it they are one, at least.
///
/// GitHub, GitLab, Slack, Stripe, Google, AWS, npm, PyPI, DigitalOcean, SendGrid, Vault, Hugging Face, age, k3s: each
/// as its maker documents it.
const TOKENS: [(&str, usize); 33] = [
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("gldt-", 16),
    ("glrt-", 16),
    ("xoxb-", 10),
    ("xoxa-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xoxe.", 10),
    ("xapp-", 10),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk_test_", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("AKIA", 16),
    ("ASIA", 16),
    ("npm_", 30),
    ("pypi-", 30),
    ("dop_v1_", 30),
    ("SG.", 40),
    ("hvs.", 16),
    ("hvb.", 16),
    ("hf_", 30),
    ("AGE-SECRET-KEY-1", 20),
    ("K10", 60),
    ("eyJ", 24),
];

/// The word with the mark at these places; `None` without any.
pub(super) fn replaced(word: &str, mut places: Vec<Place>) -> Option<String> {
    places.sort_by_key(|place| (place.start, place.end));
    let (mut out, mut at) = (String::with_capacity(word.len()), 0);
    for place in places {
        if place.end <= at {
            continue;
        }
        // One that begins within the last one goes on from it.
        if place.start >= at {
            out.push_str(word.get(at..place.start)?);
            out.push_str(MARK);
        }
        at = place.end;
    }
    if at == 0 {
        return None;
    }
    out.push_str(word.get(at..)?);
    (out != word).then_some(out)
}

/// All places of a word. `is_literal`: no shell puts anything in place of a `$NAME`; `is_cut`: its end may be missing.
pub(super) fn places(word: &str, is_literal: bool, is_cut: bool) -> Vec<Place> {
    let mut places = Vec::new();
    if word.len() < 4 {
        return places;
    }
    urls(word, is_cut, &mut places);
    values(word, is_literal, &mut places);
    tokens(word, is_cut, &mut places);
    bootstrap_tokens(word, &mut places);
    named(word, &mut places);
    pem(word, &mut places);
    places
}

/// `scheme://user:HERE@host`; without an `@` also what cannot be a port, where one follows behind a slash.
fn urls(word: &str, is_cut: bool, places: &mut Vec<Place>) {
    let begins: Vec<usize> = word.match_indices("://").map(|(at, _)| at + 3).collect();
    if begins.is_empty() {
        without_scheme(word, places);
    }
    for (index, &begin) in begins.iter().enumerate() {
        let limit = begins.get(index + 1).map_or(word.len(), |next| next - 3);
        let Some(rest) = word.get(begin..limit) else { continue };
        let rest =
            rest.split(|c: char| c.is_whitespace() || "\"'<>".contains(c)).next().unwrap_or(rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let colon = authority.find(':').filter(|_| !authority.starts_with('['));
        let is_last = is_cut && begin + authority.len() == word.len();
        let end = match authority.rfind('@') {
            Some(at) => Some(at),
            None => colon.and_then(|colon| {
                let port = authority.get(colon + 1..).unwrap_or_default();
                let port = port.split(',').next().unwrap_or(port);
                let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
                // A password with a slash in it, or one whose end is cut off.
                if is_last { Some(authority.len()) } else { rest.rfind('@').filter(|_| !is_port) }
            }),
        };
        let Some(end) = end else { continue };
        match authority.find(':').filter(|colon| *colon < end) {
            Some(colon) if colon + 1 < end => places.push(begin + colon + 1..begin + end),
            Some(_) => {}
            None => {
                let user = rest.get(..end).unwrap_or_default();
                let scheme = word.get(..begin - 3).unwrap_or_default();
                if looks_secret(user) || is_token_of(scheme, user) {
                    places.push(begin..begin + end);
                }
            }
        }
    }
    for hook in ["hooks.slack.com/services/", "/api/webhooks/", "api.telegram.org/bot"] {
        if let Some(at) = word.find(hook) {
            let from = at + hook.len();
            let rest = word.get(from..).unwrap_or_default();
            let end = rest.find(|c: char| c.is_whitespace() || "\"'".contains(c));
            // A bot's method is no secret.
            let end = end.or_else(|| rest.find('/').filter(|_| hook.ends_with("bot")));
            places.push(from..from + end.unwrap_or(rest.len()));
        }
    }
    // `jdbc:oracle:thin:USER/HERE@host`
    if let Some(at) = word.find(":thin:").map(|at| at + 6)
        && let Some(end) = word.get(at..).and_then(|rest| rest.find('@')).map(|end| at + end)
        && let Some(slash) = word.get(at..end).and_then(|user| user.find('/'))
    {
        places.push(at + slash + 1..end);
    }
}

/// Whether what stands alone before `@` is a token: so services of the web and brokers have it, where a user's name alone
/// would not let anybody in.
fn is_token_of(scheme: &str, user: &str) -> bool {
    const NAMES: [&str; 8] =
        ["git", "root", "admin", "user", "anonymous", "guest", "ubuntu", "core"];
    let has_tokens = ["http", "https", "nats", "tls", "redis", "rediss"].iter().any(|known| {
        scheme.strip_suffix(known).is_some_and(|before| {
            !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '+')
        })
    });
    has_tokens && !user.is_empty() && user != MARK && !NAMES.contains(&user)
}

/// `user:HERE@tcp(host)` and `user:HERE@host:port`, as drivers of databases have it. No image (`name:tag@sha256:…`).
fn without_scheme(word: &str, places: &mut Vec<Place>) {
    let Some(at) = word.rfind('@') else { return };
    let (left, right) = (&word[..at], &word[at + 1..]);
    let begin = left.find('=').map_or(0, |equals| equals + 1);
    let Some(colon) = left.get(begin..).and_then(|left| left.find(':')).map(|colon| begin + colon)
    else {
        return;
    };
    let is_user = |byte: u8| byte.is_ascii_alphanumeric() || b"._-$".contains(&byte);
    let user = left.get(begin..colon).unwrap_or_default();
    let has_port = right.split_once(':').is_some_and(|(host, rest)| {
        let port = rest.split('/').next().unwrap_or(rest);
        let is_hash = host.starts_with("sha") && port.len() > 5;
        !is_hash && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let is_place = ["tcp(", "unix(", "("].iter().any(|begin| right.starts_with(begin)) || has_port;
    if !user.is_empty() && user.bytes().all(is_user) && is_place && colon + 1 < at {
        places.push(colon + 1..at);
    }
}

/// What stands behind a secret name and `=` or `:`, also among others (`a=b,password=HERE&c=d`) and in JSON.
fn values(word: &str, is_literal: bool, places: &mut Vec<Place>) {
    let bytes = word.as_bytes();
    let mut from = 0;
    while let Some(found) =
        bytes.get(from..).and_then(|rest| rest.iter().position(|b| matches!(b, b'=' | b':')))
    {
        let at = from + found;
        from = at + 1;
        let Some((name, begin)) = name_before(word, at) else { continue };
        let class = class(name);
        if class == Class::Plain {
            continue;
        }
        // A folder in a list of mounts (`/var/secrets:/run`), or the scheme of a URL.
        let is_colon = bytes[at] == b':';
        let before = begin.checked_sub(1).map(|before| bytes[before]);
        let after = bytes.get(at + 1).copied();
        if is_colon && (before == Some(b'/') || after == Some(b'/') || after == Some(b':')) {
            continue;
        }
        let value = value_after(word, at + 1, begin);
        let text = word.get(value.clone()).unwrap_or_default();
        if class == Class::Pair {
            if let Some(colon) = text.find(':').filter(|colon| colon + 1 < text.len()) {
                places.push(value.start + colon + 1..value.end);
            }
        } else if is_hidden(class, text, is_literal) || is_query_signature(name, before, text) {
            places.push(value.clone());
        }
        from = value.end.max(from);
    }
}

/// `?sig=…`, `&key=…`: in a query a signature or key is hidden whatever it looks like.
fn is_query_signature(name: &str, before: Option<u8>, value: &str) -> bool {
    matches!(before, Some(b'?' | b'&')) && matches!(name, "key" | "code") && value.len() >= 8
}

/// The name that ends where a `=` or `:` stands, a quotation mark between them, and where it begins. Dashes before it are
/// not its own.
fn name_before(word: &str, end: usize) -> Option<(&str, usize)> {
    let bytes = word.as_bytes();
    let mut end = end;
    // `"name":`, and as a string in a string `\"name\":`
    while end > 0 && matches!(bytes[end - 1], b'"' | b'\'' | b'\\') {
        end -= 1;
    }
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let length = bytes[..end].iter().rev().take(256).take_while(|byte| is_part(byte)).count();
    let begin = end - length;
    let dashes = bytes[begin..end].iter().take_while(|byte| **byte == b'-').count();
    let begin = begin + dashes;
    (begin < end).then(|| (&word[begin..end], begin))
}

/// Where the value ends: that of the first name at the end of the word, a quoted one at its quotation mark, another one
/// before the next name.
fn value_after(word: &str, from: usize, name_begin: usize) -> Place {
    let bytes = word.as_bytes();
    let mut begin = from;
    // `\"` within a string: the backslash belongs to the mark.
    if bytes.get(begin) == Some(&b'\\') {
        begin += 1;
    }
    if let Some(&quote @ (b'"' | b'\'')) = bytes.get(begin) {
        let mut at = begin + 1;
        let is_nested = begin > from;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\\' if is_nested && bytes.get(at + 1) == Some(&quote) => break,
                b'\\' => at += 2,
                byte if byte == quote => break,
                _ => at += 1,
            }
        }
        return begin + 1..floor(word, at.min(bytes.len()));
    }
    let is_first = bytes[..name_begin].iter().all(|byte| *byte == b'-');
    if is_first {
        return from..word.len();
    }
    let rest = &bytes[from..];
    let mut end = 0;
    while let Some(&byte) = rest.get(end) {
        let ends = match byte {
            b',' | b';' | b'&' => is_name_next(&rest[end + 1..]),
            b'"' | b'\'' | b'}' | b']' => true,
            byte => byte.is_ascii_whitespace(),
        };
        if ends {
            break;
        }
        end += 1;
    }
    from..from + end
}

/// Whether `name=` or `name:` follows, or a quoted name.
fn is_name_next(rest: &[u8]) -> bool {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-. \"'".contains(byte);
    let length = rest.iter().take(64).take_while(is_part).count();
    length > 0 && matches!(rest.get(length), Some(b'=' | b':')) || rest.is_empty()
}

fn floor(word: &str, mut at: usize) -> usize {
    while !word.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Tokens that say themselves what they are.
fn tokens(word: &str, is_cut: bool, places: &mut Vec<Place>) {
    let bytes = word.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
        let end = at + length;
        if let Some(begin) = token_in(&word[at..end], is_cut && end == bytes.len()) {
            // A k3s token goes on: `K10…::server:…`
            let more = if bytes[at + begin..].starts_with(b"K10") && bytes[end..].starts_with(b"::")
            {
                bytes[end..].iter().take_while(|byte| is_part(byte) || **byte == b':').count()
            } else {
                0
            };
            places.push(at + begin..end + more);
        }
        at = end + 1;
        while at < bytes.len() && !word.is_char_boundary(at) {
            at += 1;
        }
    }
}

/// Bootstrap tokens of Kubernetes: `[a-z0-9]{6}.[a-z0-9]{16}`, the second part of which is the secret one.
fn bootstrap_tokens(word: &str, places: &mut Vec<Place>) {
    let bytes = word.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    for (at, _) in word.match_indices('.') {
        let before = bytes[..at].iter().rev().take(7).take_while(|byte| is_part(byte)).count();
        let after = bytes[at + 1..].iter().take(17).take_while(|byte| is_part(byte)).count();
        let end = at + 1 + after;
        let stands_alone = [at.checked_sub(7), Some(end)].into_iter().flatten().all(|beside| {
            bytes
                .get(beside)
                .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b".-_".contains(byte))
        });
        // Names of hosts and files have no sixteen letters with digits among them.
        let has_digit = bytes[at + 1..end].iter().any(u8::is_ascii_digit);
        if (before, after) == (6, 16) && stands_alone && has_digit {
            places.push(at - 6..end);
        }
    }
}

/// A text with blanks in which a pair names what another one has.
pub(super) fn named_value(text: &str) -> Option<String> {
    let mut places = Vec::new();
    named(text, &mut places);
    replaced(text, places)
}

/// The value of a pair whose name stands in a pair of its own, as containers have their variables: `env[0].name=TOKEN,env[0].value=HERE`,
/// `{"name":"TOKEN","value":"HERE"}`.
fn named(word: &str, places: &mut Vec<Place>) {
    let bytes = word.as_bytes();
    let mut is_secret = None;
    let mut from = 0;
    while let Some(found) =
        bytes.get(from..).and_then(|rest| rest.iter().position(|b| matches!(b, b'=' | b':')))
    {
        let at = from + found;
        from = at + 1;
        let Some((name, begin)) = name_before(word, at) else { continue };
        let (is_name, is_value) = match name.rsplit('.').next() {
            Some("name" | "Name" | "key" | "Key") => (true, false),
            Some("value" | "Value") => (false, true),
            _ => continue,
        };
        let value = value_after(word, skip_blanks(bytes, at + 1), begin.max(1));
        let text = word.get(value.clone()).unwrap_or_default();
        if is_name {
            is_secret = Some(class(text)).filter(|class| *class != Class::Plain);
        } else if is_value
            && let Some(class) = is_secret.take()
            && is_hidden(class, text, true)
        {
            places.push(value.clone());
        }
        from = value.end.max(from);
    }
}

fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    from + bytes.get(from..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count()
}

/// Where a token begins in a run of the characters that tokens have.
fn token_in(run: &str, is_cut: bool) -> Option<usize> {
    let found = TOKENS.iter().filter_map(|(begin, least)| {
        let least = if is_cut { (*least).min(4) } else { *least };
        let is_token = |at: usize| {
            // Within a word it is chance.
            let before = at.checked_sub(1).map(|before| run.as_bytes()[before]);
            let rest = &run[at + begin.len()..];
            // Words have no digits.
            let is_made = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
            before.is_none_or(|before| !before.is_ascii_alphanumeric())
                && rest.len() >= least
                && (is_cut || rest.bytes().any(is_made))
        };
        run.match_indices(begin).map(|(at, _)| at).find(|at| is_token(*at))
    });
    found.min()
}

/// Keys in PEM: everything between `-----BEGIN … PRIVATE KEY-----` and its end. Certificates are public.
fn pem(word: &str, places: &mut Vec<Place>) {
    const BEGIN: &str = "-----BEGIN ";
    let mut from = 0;
    while let Some(at) = word.get(from..).and_then(|rest| rest.find(BEGIN)).map(|at| from + at) {
        let label = at + BEGIN.len();
        let rest = word.get(label..).unwrap_or_default();
        let body = rest.find("-----").map_or(word.len(), |end| label + end + 5);
        let kind = word.get(label..body).unwrap_or_default();
        let end = word
            .get(body..)
            .and_then(|rest| rest.find("-----END"))
            .map_or(word.len(), |end| body + end);
        if !kind.contains("CERTIFICATE") && !kind.contains("PUBLIC") && body < end {
            places.push(body..end);
        }
        from = end.max(body);
    }
}
