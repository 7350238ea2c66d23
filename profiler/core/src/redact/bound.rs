//! How long command lines may be: in a capture, and on paper.

use std::borrow::Cow;

/// Longest argument of a session and a capture, bytes: no flag is longer, and a script of this length says what it does.
const KEPT: usize = 4 << 10;
/// Longest command line of a session and a capture, bytes, each argument counted with one more.
const KEPT_LINE: usize = 64 << 10;
/// Longest argument on paper (text, Markdown), bytes.
const ON_PAPER: usize = 200;
/// Longest command line on paper, bytes: an API server's has some 3,000.
const LINE_ON_PAPER: usize = 4 << 10;

/// Cuts arguments, and arguments off, to what is kept.
pub(crate) fn kept(argv: &mut Vec<String>) {
    for argument in argv.iter_mut() {
        if let Cow::Owned(short) = cut(argument, KEPT) {
            *argument = short;
        }
    }
    let bytes = |argv: &[String]| argv.iter().map(|argument| argument.len() + 1).sum::<usize>();
    if bytes(argv) > KEPT_LINE {
        let mut room = KEPT_LINE - LEFT_OUT;
        let fit = argv.iter().take_while(|argument| {
            let left = room.checked_sub(argument.len() + 1);
            room = left.unwrap_or(0);
            left.is_some()
        });
        let fit = fit.count();
        leave_out(argv, fit);
    }
}

/// Longest mark for arguments that were left out, bytes.
const LEFT_OUT: usize = 40;

fn leave_out(argv: &mut Vec<String>, fit: usize) {
    let left_out = argv.len() - fit;
    if left_out > 0 {
        argv.truncate(fit);
        argv.push(format!("...[+{left_out} arguments]"));
    }
}

/// One argument as it stands on paper: at most 200 bytes, with what is missing.
pub fn on_paper(argument: &str) -> Cow<'_, str> {
    cut(argument, ON_PAPER)
}

/// A command line as it stands on paper.
pub fn paper_line(argv: &[String]) -> String {
    let (mut line, mut fit) = (Vec::new(), 0);
    let mut bytes = 0;
    for argument in argv {
        let argument = on_paper(argument).into_owned();
        bytes += argument.len() + 1;
        if bytes > LINE_ON_PAPER {
            line.resize(argv.len(), String::new());
            break;
        }
        line.push(argument);
        fit += 1;
    }
    leave_out(&mut line, fit);
    line.join(" ")
}

/// At most so many bytes, cut between characters, with how many are missing.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    // The mark's length depends on the number, which is not longer than that of all bytes.
    let room = most.saturating_sub(format!("...[+{} bytes]", text.len()).len());
    let kept = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (kept, missing) = text.split_at(kept);
    Cow::Owned(format!("{kept}...[+{} bytes]", missing.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Property: what is cut says how much is missing, between characters, and what is short stays.
    #[test]
    fn what_is_cut_says_so() {
        let long = "é".repeat(150);
        let short = on_paper(&long);
        assert!(short.len() <= ON_PAPER, "{}", short.len());
        let (kept, missing) = short.split_once("...[+").unwrap();
        let missing: usize = missing.strip_suffix(" bytes]").unwrap().parse().unwrap();
        assert_eq!(kept.len() + missing, 300);
        assert_eq!(on_paper("short"), "short");
        let mut argv = vec!["x".repeat(100_000), "y".to_owned()];
        twice(&mut argv);
        assert!(argv[0].len() <= KEPT && argv[1] == "y");
        let mut many = vec![String::new(); 100_000];
        twice(&mut many);
        assert_eq!(many.last().unwrap(), "...[+34504 arguments]");
        assert!(paper_line(&many).ends_with(" arguments]") && paper_line(&many).len() <= 4200);
    }

    /// Twice is as once.
    fn twice(argv: &mut Vec<String>) {
        kept(argv);
        let once = argv.clone();
        kept(argv);
        assert_eq!(*argv, once);
    }

    proptest! {
        #[test]
        fn no_text_is_longer_or_panics(text in "\\PC{0,400}", most in 30_usize..300) {
            prop_assert!(cut(&text, most).len() <= most);
        }
    }
}
