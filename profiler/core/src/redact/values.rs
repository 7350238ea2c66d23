//! What a value looks like: a path, a switch, a variable, a secret.

use super::MARK;
use super::names::Class;

/// Shortest value that is taken for a secret because of its looks, bytes.
const LOOKS: usize = 16;

/// Whether the value of a name of this class is hidden. `is_literal`: no shell will put anything in place of a `$NAME`.
pub(super) fn is_hidden(class: Class, value: &str, is_literal: bool) -> bool {
    if value.is_empty() || value == MARK || is_switch(value) {
        return false;
    }
    if !is_literal && is_variable(value) {
        return false;
    }
    match class {
        Class::Plain | Class::Pair => false,
        // One digit is a pass of ffmpeg, not a password.
        Class::Password => !(value.len() == 1 && value.as_bytes()[0].is_ascii_digit()),
        // A number is how many tokens.
        Class::Token => !is_path(value) && (value.len() >= 8 || !is_number(value)),
        Class::Folder => !value.starts_with('/'),
        Class::Login => !is_path(value) && !is_way_to_log_in(value),
        Class::Maybe => looks_secret(value),
    }
}

/// Names of ways to log in, and of plugins for it, as flags named `auth` have them.
fn is_way_to_log_in(value: &str) -> bool {
    const WAYS: [&str; 36] = [
        "abac",
        "anonymous",
        "aws",
        "basic",
        "bearer",
        "cert",
        "certificate",
        "cram",
        "default",
        "digest",
        "disabled",
        "enabled",
        "external",
        "gssapi",
        "htpasswd",
        "iam",
        "jwt",
        "kerberos",
        "krb5",
        "ldap",
        "local",
        "login",
        "md5",
        "negotiate",
        "node",
        "ntlm",
        "oauth2",
        "oidc",
        "optional",
        "pam",
        "password",
        "peer",
        "plain",
        "rbac",
        "required",
        "spnego",
    ];
    const MORE: [&str; 8] = ["scram", "sha", "sys", "tls", "token", "trust", "webhook", "x509"];
    value.split([',', '-', '+', '_', ':']).all(|part| {
        WAYS.iter().chain(&MORE).any(|way| part.eq_ignore_ascii_case(way)) || is_number(part)
    })
}

fn is_number(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A value of a switch is none that anybody hides.
fn is_switch(value: &str) -> bool {
    const SWITCHES: [&str; 10] =
        ["true", "false", "yes", "no", "on", "off", "none", "null", "simple", "auto"];
    SWITCHES.iter().any(|switch| value.eq_ignore_ascii_case(switch))
}

/// `$NAME`, `${NAME}`, `$(NAME)`, and the `$` before a command in parentheses.
pub(super) fn is_variable(value: &str) -> bool {
    let Some(rest) = value.strip_prefix('$') else { return false };
    let inner = match rest.as_bytes() {
        [] => return true,
        [b'{', inner @ .., b'}'] | [b'(', inner @ .., b')'] | inner => inner,
    };
    inner.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// How files that hold keys end.
const ENDS: [&str; 12] = [
    ".pem", ".key", ".crt", ".cer", ".der", ".p12", ".pfx", ".jks", ".json", ".yaml", ".txt",
    ".pub",
];

/// Whether it is a path of a file, rather than a secret that begins with a slash.
pub(super) fn is_path(value: &str) -> bool {
    let value = value.strip_prefix('@').unwrap_or(value);
    for scheme in ["file:", "env:", "fd:", "pkcs11:"] {
        if value.starts_with(scheme) {
            return true;
        }
    }
    if ENDS.iter().any(|end| value.ends_with(end)) {
        return true;
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@~:,".contains(&byte);
    let begins = ["/", "./", "../", "~/"].iter().any(|begin| value.starts_with(begin));
    // Two folders at least, and none of the characters that only base64 has.
    begins && value.bytes().filter(|byte| *byte == b'/').count() >= 2 && value.bytes().all(is_part)
}

/// Whether it looks like made by a machine to be guessed by nobody: long, letters and digits, no blanks, no path, no address.
pub(super) fn looks_secret(value: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_-=.".contains(&byte);
    if value.len() < LOOKS || is_path(value) || !value.bytes().all(is_part) {
        return false;
    }
    let has = |is: fn(&u8) -> bool| value.as_bytes().iter().any(is);
    // A host's name or a file's has points or slashes, and parts that are words.
    let parts = value.split(['.', '/', '-', '_']);
    let longest = parts.map(str::len).max().unwrap_or(0);
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && longest >= 12
}

/// Whether it may be what stands behind `Basic`: base64 of something, and no word.
pub(super) fn is_base64(value: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
    let is_word = value.bytes().skip(1).all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    value.len() >= 4 && value.bytes().all(is_part) && !is_word
}

/// Whether the word after a flag is another flag, not its value.
pub(super) fn is_flag(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('-') else { return false };
    let is_name = |name: &str| {
        let name = name.split('=').next().unwrap_or(name);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    match rest.strip_prefix('-') {
        Some(long) => long.is_empty() || is_name(long),
        None => rest.len() == 1 || is_name(rest),
    }
}
