//! What to do: recommended actions with their commands, and what is refused in a line each.

use std::io::{self, Write};

use super::lines::{Tone, head, say, title, toned, wrapped};
use crate::advice::forms::argv::typed;
use crate::render::Style;
use crate::render::safe::printable;
use crate::report::{Advice, Report, Verdict};
use crate::text::{Label, Msg};

/// Recommended actions that the summary shows; `advise` shows all.
const SHOWN: usize = 3;

/// Writes the section of a summary: the first few recommended actions, and what is refused.
pub(super) fn section(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write(report, Some(SHOWN), style, out)
}

/// Writes all advice of a report.
pub fn advice(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match &report.advice {
        Some(all) if !all.is_empty() => {
            let mut text = Vec::new();
            write(report, None, style, &mut text)?;
            // A title brings an empty line before it.
            out.write_all(text.strip_prefix(b"\n").unwrap_or(&text))
        }
        _ => writeln!(out, "{}", say(&Msg::NoAdvice, style)),
    }
}

fn write(
    report: &Report,
    shown: Option<usize>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let all = report.advice.as_deref().unwrap_or_default();
    if all.is_empty() {
        return Ok(());
    }
    title(Label::AdviceTitle, style, out)?;
    let of = |verdict| all.iter().filter(move |one| one.verdict == verdict);
    let recommended: Vec<&Advice> = of(Verdict::Recommended).collect();
    let first = shown.unwrap_or(recommended.len());
    for (index, one) in recommended.iter().take(first).enumerate() {
        recommendation(index + 1, one, shown.is_none(), style, out)?;
    }
    if recommended.len() > first {
        let more = (recommended.len() - first).to_string();
        writeln!(out, "{}", say(&Msg::MoreAdvice(&more), style))?;
    }
    let refused: Vec<Vec<String>> = of(Verdict::Refused)
        .map(|one| {
            let (action, reason) = (printable(&one.action, style), printable(&one.reason, style));
            let text = say(&Msg::Because { what: &action, why: &reason }, style);
            vec![head(Label::Refused, style).to_owned(), text]
        })
        .collect();
    wrapped(&refused, style, out)
}

/// An action with why, what to expect, and the commands.
fn recommendation(
    number: usize,
    one: &Advice,
    in_full: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let action = format!("{number}. {}", printable(&one.action, style));
    writeln!(out, "{}", toned(&action, Tone::Strong, style))?;
    let row = |of, text: &str| vec![head(of, style).to_owned(), printable(text, style)];
    let mut rows = vec![row(Label::AdviceWhy, &one.reason)];
    rows.extend(one.expected.as_deref().map(|text| row(Label::AdviceExpect, text)));
    if in_full {
        rows.extend(one.risk.as_deref().map(|text| row(Label::AdviceRisk, text)));
    }
    rows.extend(one.apply.iter().map(|argv| row(Label::AdviceDo, &command(argv))));
    if in_full {
        rows.extend(one.undo.iter().map(|argv| row(Label::AdviceUndo, &command(argv))));
        rows.extend(one.verify.as_deref().map(|text| row(Label::AdviceVerify, text)));
    }
    wrapped(&rows, style, out)
}

/// A command as a shell reads it.
fn command(argv: &[String]) -> String {
    typed(argv).unwrap_or_default()
}
