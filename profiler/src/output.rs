//! Where reports go: stdout, in the format that was asked for.
//!
//! Owns the formats of `watch`, `demo` and `report`, and which writer each is: nowhere else are they told apart.

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use iocontend_core::render::{Style, json, markdown, text};
use iocontend_core::report::{Report, VictimState};
use iocontend_core::text::{Lang, Problem, explain};

use crate::error::Failure;

/// Widest line where neither a terminal nor `COLUMNS` says how wide it is.
const WIDTH: usize = 100;

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line per interval and victim, a screen at the end.
    Text,
    /// One JSON document at the end.
    Json,
    /// One JSON document per line and interval.
    Jsonl,
    /// A document to paste into a ticket, at the end.
    Markdown,
}

/// What to print of a recording, which has no intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A screen: state, why, who, what to do.
    Text,
    /// One JSON document.
    Json,
    /// A document to paste into a ticket.
    Markdown,
}

impl From<ReportFormat> for Format {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Text => Self::Text,
            ReportFormat::Json => Self::Json,
            ReportFormat::Markdown => Self::Markdown,
        }
    }
}

/// How much is said, and what ends with an exit code of its own.
#[derive(Clone, Debug, Default, Args)]
pub struct DetailArgs {
    /// As text: all tables, of an interval too, instead of a screen.
    #[arg(long)]
    pub full: bool,
    /// The answer alone: as JSON at most 20 KB, as text the screen that there is without `--full`.
    #[arg(long, conflicts_with = "full")]
    pub brief: bool,
    /// When the verdict is one of these, end with 5.
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub fail_on: Vec<State>,
}

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// No wait for the disk is above its limit.
    Fine,
    /// The disk is slow by itself.
    SlowDisk,
    /// Others use it.
    Contended,
    /// A limit holds the target's own IO back.
    Throttled,
    /// The target's threads are ready and have no CPU.
    CpuStarved,
    /// It is not the disk.
    NotTheDisk,
    /// What was seen does not suffice.
    CannotTell,
}

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
    /// For stdout as it is now. A usage error when this format has no short form and one is asked for.
    pub fn new(format: Format, detail: DetailArgs) -> Result<Self, Failure> {
        if detail.brief && matches!(format, Format::Jsonl | Format::Markdown) {
            return Err(Failure::Usage(explain(Lang::En, &Problem::NoBriefForm)));
        }
        Ok(Self { format, detail, style: style() })
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
            VictimState::Fine => State::Fine,
            VictimState::SlowDisk => State::SlowDisk,
            VictimState::Contended => State::Contended,
            VictimState::Throttled => State::Throttled,
            VictimState::CpuStarved => State::CpuStarved,
            VictimState::NotTheDisk => State::NotTheDisk,
            VictimState::CannotTell => State::CannotTell,
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
