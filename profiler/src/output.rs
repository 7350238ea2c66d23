//! Where reports go: stdout, in the format that was asked for.

use std::io::{self, IsTerminal as _, Write as _};

use iocontend_core::render::{Style, json, markdown, text};
use iocontend_core::report::{Outcome, Report};

use crate::cli::{DetailArgs, Format, State};
use crate::error::Failure;

/// Widest line where neither a terminal nor `COLUMNS` says how wide it is.
const WIDTH: usize = 100;

/// How text looks on stdout as it is now.
pub fn style() -> Style {
    let terminal = io::stdout().is_terminal();
    let width = terminal_width().or_else(told_width).unwrap_or(WIDTH);
    let color = terminal && std::env::var_os("NO_COLOR").is_none();
    Style { color, unicode: is_unicode(), width, ..Style::default() }
}

/// Writes reports to stdout.
pub struct Reports {
    format: Format,
    detail: DetailArgs,
    style: Style,
}

impl Reports {
    /// For stdout as it is now.
    pub fn new(format: Format, detail: DetailArgs) -> Self {
        Self { format, detail, style: style() }
    }

    /// Whether interval reports are printed.
    pub fn wants_intervals(&self) -> bool {
        matches!(self.format, Format::Text | Format::Jsonl)
    }

    /// Whether the interval that ends with the watch is printed, though it is shorter: lines of JSON add up to the
    /// whole, while for people the summary has it.
    pub fn wants_last_interval(&self) -> bool {
        self.format == Format::Jsonl
    }

    /// What is said when an interval is over.
    pub fn interval(&self, report: &Report) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self.format {
            Format::Text if self.detail.full => text::interval(report, &self.style, &mut out)?,
            Format::Text => text::brief_interval(report, &self.style, &mut out)?,
            Format::Jsonl => json::line(report, &mut out)?,
            Format::Json | Format::Markdown => {}
        }
        Ok(out)
    }

    /// The end.
    pub fn end(&self, report: &Report) -> io::Result<()> {
        let mut out = Vec::new();
        match self.format {
            Format::Text if self.detail.full => text::summary(report, &self.style, &mut out)?,
            Format::Text => text::brief(report, &self.style, &mut out)?,
            Format::Json if self.detail.brief => json::brief(report, &mut out)?,
            Format::Json => json::document(report, &mut out)?,
            Format::Markdown => markdown::document(report, &self.style, &mut out)?,
            Format::Jsonl => return Ok(()),
        }
        write(&out)
    }

    /// Whether the verdict is one to fail on.
    pub fn verdict(&self, report: &Report) -> Result<(), Failure> {
        let of = |answer| match answer {
            Outcome::Slow => State::SlowDisk,
            Outcome::Contended => State::Contended,
            Outcome::NotTheDisk => State::NotTheDisk,
            Outcome::CannotTell => State::CannotTell,
        };
        let state = report.verdict.as_ref().map(|verdict| of(verdict.answer));
        let is_found = state.is_some_and(|state| self.detail.fail_on.contains(&state));
        if is_found { Err(Failure::StateFound) } else { Ok(()) }
    }
}

pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Narrower than this nothing can be read.
const NARROWEST: usize = 40;

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(size.ws_col.into()).filter(|width| *width >= NARROWEST)
}

/// As shells and pagers tell it.
fn told_width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    Some(columns).filter(|width| *width >= NARROWEST)
}

/// By the locale, as other programs do: POSIX and C have no block characters.
fn is_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}
