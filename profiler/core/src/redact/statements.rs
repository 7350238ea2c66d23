//! Secrets in statements of databases: `ALTER USER a PASSWORD 'x'`, `IDENTIFIED BY 'x'`, `db.auth('a', 'x')`.
//!
//! Sources: PostgreSQL's CREATE ROLE, MySQL's CREATE USER and SET PASSWORD, MongoDB's `db.auth()`.

use super::MARK;

/// Longest text that is looked at, bytes: a dump on a command line is cut before (`bound`).
const LONGEST: usize = 16 << 10;
/// Words behind which a quoted text is a secret, until the statement ends.
const WORDS: [&str; 3] = ["password", "identified", "passwd"];

/// Calls that are given secrets, and how many arguments before them are none: of MongoDB's shell, drivers of databases and mail, tables
/// of ClickHouse.
const CALLS: [(&str, usize); 6] = [
    ("db.auth(", 1),
    (".auth(", 1),
    (".login(", 1),
    ("connect(", 2),
    (" s3(", 1),
    ("changeuserpassword(", 1),
];

/// How statements begin that set passwords.
const VERBS: [&str; 5] = ["alter ", "create ", "set password", "grant ", "update "];

/// The text with these secrets hidden; `None` without any.
pub(super) fn hidden(text: &str) -> Option<String> {
    // Most words are short, and no statement is.
    if text.len() < 10
        || text.len() > LONGEST
        || !(text.contains(['\'', '"']) || text.contains("$$"))
    {
        return None;
    }
    let small = text.to_ascii_lowercase();
    let call =
        CALLS.iter().filter_map(|(call, names)| Some((small.find(call)? + call.len(), *names)));
    let (begin, names) = if let Some((begin, names)) = call.min() {
        (begin, Some(names))
    } else {
        // A shell's text has words of its own, where this is one.
        let starts = VERBS.iter().any(|verb| small.trim_start().starts_with(verb));
        let behind = WORDS.iter().filter_map(|word| small.find(word).map(|at| at + word.len()));
        (behind.min().filter(|_| starts)?, None)
    };
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::with_capacity(text.len()), 0, begin);
    let mut seen = 0;
    while at < bytes.len() {
        let quote = bytes[at];
        match quote {
            b';' => break,
            b')' if names.is_some() => break,
            // PostgreSQL's other mark.
            b'$' if names.is_none() && bytes.get(at + 1) == Some(&b'$') => {
                let end = small.get(at + 2..)?.find("$$").map_or(bytes.len(), |end| at + 2 + end);
                let value = text.get(at + 2..end)?;
                if !value.is_empty() && value != MARK {
                    out.push_str(text.get(copied..at + 2)?);
                    out.push_str(MARK);
                    copied = end;
                }
                at = end + 2;
            }
            b'\'' | b'"' => {
                let length = bytes[at + 1..].iter().position(|byte| *byte == quote);
                let end = length.map_or(bytes.len(), |length| at + 1 + length);
                seen += 1;
                // `'user'@'host'` is nobody's secret, nor the first argument of `auth`, nor `VALID UNTIL '…'`.
                let is_user = bytes.get(end + 1) == Some(&b'@')
                    || at.checked_sub(1).is_some_and(|before| bytes[before] == b'@')
                    || names.is_some_and(|names| seen <= names)
                    || small[..at].trim_end().ends_with("until");
                let value = text.get(at + 1..end)?;
                if !is_user && !value.is_empty() && value != MARK {
                    out.push_str(text.get(copied..=at)?);
                    out.push_str(MARK);
                    copied = end;
                }
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(text.get(copied..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: the secret goes, and names, hosts and dates stay.
    #[test]
    fn secrets_of_statements_are_hidden() {
        for (text, left) in [
            ("ALTER USER bob PASSWORD 'hunter2'", "ALTER USER bob PASSWORD '***'"),
            (
                "create role bob encrypted password 'hunter2' valid until '2027-01-01'; select 'x'",
                "create role bob encrypted password '***' valid until '2027-01-01'; select 'x'",
            ),
            (
                "CREATE USER 'a'@'%' IDENTIFIED WITH sha2 BY 'hunter2'",
                "CREATE USER 'a'@'%' IDENTIFIED WITH sha2 BY '***'",
            ),
            ("SET PASSWORD FOR 'a'@'b' = 'hunter2'", "SET PASSWORD FOR 'a'@'b' = '***'"),
            ("db.auth('bob','hunter2')", "db.auth('bob','***')"),
            ("smtp.login('bob', 'hunter2')", "smtp.login('bob', '***')"),
            (
                "mysqli_connect(\"h\", \"bob\", \"hunter2\"); x('y', 'z', 'w')",
                "mysqli_connect(\"h\", \"bob\", \"***\"); x('y', 'z', 'w')",
            ),
            ("alter user a password $$hunter2$$", "alter user a password $$***$$"),
            ("alter user a password 'half", "alter user a password '***"),
        ] {
            assert_eq!(hidden(text).as_deref(), Some(left), "{text}");
            assert_eq!(hidden(left), None, "{left}");
        }
        for text in ["select password from 'x'", "echo 'password' is 'x'", "set x 'y'"] {
            assert_eq!(hidden(text), None, "{text}");
        }
    }
}
