//! Reading a command line: base names, flags, shell text.
//!
//! Owns how words are found in an argv; owns no knowledge of any program.

/// The last element of a path, without the mark the kernel adds to a file that was removed.
pub(crate) fn base_name(path: &str) -> &str {
    let path = strip_deleted(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without the kernel's ` (deleted)`.
pub(crate) fn strip_deleted(path: &str) -> &str {
    path.strip_suffix(" (deleted)").unwrap_or(path)
}

/// The value of a flag in any of the forms Go programs take: `--x=y`, `--x y`, `-x=y`, `-x y`.
///
/// The last one wins, as it does for the program. A lone `--` ends the flags.
pub(crate) fn flag_value<S: AsRef<str>>(args: &[S], name: &str) -> Option<String> {
    let mut found = None;
    let mut args = args.iter().map(AsRef::as_ref).take_while(|a| *a != "--").peekable();
    while let Some(arg) = args.next() {
        match flag_parts(arg) {
            Some((flag, Some(value))) if flag == name => found = Some(value.to_owned()),
            Some((flag, None)) if flag == name => {
                if let Some(value) = args.next_if(|next| flag_parts(next).is_none()) {
                    found = Some(value.to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a flag is there, with or without a value.
pub(crate) fn has_flag<S: AsRef<str>>(args: &[S], name: &str) -> bool {
    let args = args.iter().map(AsRef::as_ref).take_while(|a| *a != "--");
    args.filter_map(flag_parts).any(|(flag, _)| flag == name)
}

/// `--name=value` or `-name` in parts; `None` for a plain word, `-` and `--`.
fn flag_parts(arg: &str) -> Option<(&str, Option<&str>)> {
    let flag = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'))?;
    if flag.is_empty() || flag.starts_with('-') {
        return None;
    }
    Some(flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value))))
}

/// Whether an argument is a plain word (not a flag).
pub(crate) fn is_word(arg: &str) -> bool {
    !arg.starts_with('-')
}

/// The simple commands of a shell text: split at `;`, `&`, `|`, parentheses and line ends, words at
/// blanks, quotes taken off.
///
/// It is no shell: expansions stay as they are. It only has to find which programs a text calls.
pub(crate) fn shell_commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => match chars.next() {
                // A backslash before a line end joins the lines.
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                end_word(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            (None, c) if c.is_whitespace() => end_word(&mut commands, &mut word),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    end_word(&mut commands, &mut word);
    commands.retain(|c| !c.is_empty());
    commands
}

fn end_word(commands: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(command), Some(word)) = (commands.last_mut(), word.take()) {
        command.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_flag_gives_its_value() {
        for args in [
            &["--data-dir=/d"][..],
            &["--data-dir", "/d"],
            &["-data-dir=/d"],
            &["-data-dir", "/d"],
            &["--x", "--data-dir", "/old", "--data-dir=/d"],
        ] {
            assert_eq!(flag_value(args, "data-dir").as_deref(), Some("/d"), "{args:?}");
        }
    }

    #[test]
    fn a_flag_without_value_or_of_another_name_gives_none() {
        for args in [
            &["--data-dir"][..],
            &["--data-dir", "--name=x"],
            &["--data-dirs=/d"],
            &["data-dir=/d"],
            &["--", "--data-dir=/d"],
            &["-", "/d"],
        ] {
            assert_eq!(flag_value(args, "data-dir"), None, "{args:?}");
        }
        assert!(has_flag(&["--v=4"], "v"));
        assert!(!has_flag(&["v"], "v"));
    }

    #[test]
    fn base_names_lose_folders_and_the_deleted_mark() {
        assert_eq!(base_name("/usr/bin/etcd (deleted)"), "etcd");
        assert_eq!(base_name("etcd"), "etcd");
        assert_eq!(base_name("/"), "");
        assert_eq!(base_name(""), "");
    }

    #[test]
    fn a_shell_text_comes_apart_into_its_commands() {
        let commands = shell_commands(
            "set -e; A=1 etcdctl \\\n snapshot save \"/b/x y.db\" && gzip 'a;b' | cat",
        );
        let expected: [&[&str]; 4] = [
            &["set", "-e"],
            &["A=1", "etcdctl", "snapshot", "save", "/b/x y.db"],
            &["gzip", "a;b"],
            &["cat"],
        ];
        assert_eq!(commands, expected);
        assert!(shell_commands(" ;; ").is_empty());
        assert_eq!(shell_commands("a 'unclosed b"), [["a", "unclosed b"]]);
    }
}
