//! A capture through the engine: the report it gives for whomever is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::damage::Damage;
use super::item::{IO_BYTES, Item};
use super::read::{CaptureError, End, Reader, Step};
use crate::redact::CommandLines;
use crate::report::{Note, Report, Tool};
use crate::selector::{Absent, Selector};
use crate::session::{
    HostSample, Input, Intervals, Now, Output, Past, Session, Span, entering, report_between,
};

/// What a capture says.
#[derive(Debug)]
pub struct Replay {
    /// The report of its whole time.
    pub report: Report,
    /// How it ended.
    pub end: End,
    /// Bytes up to the end of its last whole block.
    pub kept_bytes: u64,
    /// Kinds of items that this version does not know, and how many there were.
    pub unknown: BTreeMap<String, u64>,
    /// Whether any target was found.
    pub has_targets: bool,
    /// Where none was: each selector, and why it found nobody.
    pub absent: Vec<Absent>,
    /// What it showed of activity and peaks, for a later capture's replay.
    pub past: Past,
}

/// Replays a capture: with its own selectors, or with others. `tool` is who reports.
pub fn replay(
    source: impl Read,
    selectors: Option<Vec<Selector>>,
    tool: Tool,
) -> Result<Replay, CaptureError> {
    replay_after(source, selectors, tool, Vec::new(), CommandLines::Hidden)
}

/// The same, with what other captures of the same host showed of activity and peaks, and with command lines as asked
/// for: secrets that the capture holds are hidden as it is read.
pub fn replay_after(
    source: impl Read,
    selectors: Option<Vec<Selector>>,
    tool: Tool,
    past: Vec<Past>,
    command_lines: CommandLines,
) -> Result<Replay, CaptureError> {
    play(source, selectors, tool, past, command_lines, &mut |_, _, _| {})
}

/// The same as [`replay`], and each interval's report is given to `interval` where the recorder made one.
pub fn replay_intervals(
    source: impl Read,
    selectors: Option<Vec<Selector>>,
    tool: Tool,
    interval: &mut dyn FnMut(&Report),
) -> Result<Replay, CaptureError> {
    let mut intervals = Intervals::default();
    let second: Second<'_> = &mut |session, now, is_reported| {
        if is_reported {
            interval(&intervals.next(session.snapshot(now)));
        }
    };
    play(source, selectors, tool, Vec::new(), CommandLines::Hidden, second)
}

/// The same as [`replay`], and the session is shown to `second` at the end of each second, and of an interval where the
/// recorder took down no seconds.
pub fn replay_seconds(
    source: impl Read,
    selectors: Option<Vec<Selector>>,
    tool: Tool,
    second: &mut dyn FnMut(&Session, Now),
) -> Result<Replay, CaptureError> {
    let second: Second<'_> = &mut |session, now, _| second(session, now);
    play(source, selectors, tool, Vec::new(), CommandLines::Hidden, second)
}

/// Who looks at the session when a second is over, and whether the recorder made a report of an interval then.
type Second<'a> = &'a mut dyn FnMut(&Session, Now, bool);

fn play(
    source: impl Read,
    selectors: Option<Vec<Selector>>,
    tool: Tool,
    past: Vec<Past>,
    command_lines: CommandLines,
    second: Second<'_>,
) -> Result<Replay, CaptureError> {
    let mut reader = Reader::new(source)?;
    let first = match reader.step()? {
        Step::Items(items) => items,
        Step::End(End::Corrupt(what)) => return Err(CaptureError::Corrupt(what)),
        Step::End(_) => return Err(CaptureError::Truncated),
    };
    let mut items = first.into_iter();
    let Some((now, Item::Session(opening))) = items.next() else {
        return Err(CaptureError::Corrupt(Damage::NoOpening));
    };
    let mut options = opening.options;
    options.tool = tool;
    options.selectors = selectors.unwrap_or(options.selectors);
    options.recorded_command_lines = Some(options.command_lines);
    options.command_lines = command_lines;
    let session = Session::new(options, now);
    let mut player = Player::new(session, command_lines, now, second);
    for past in past {
        player.session.remember(past);
    }
    player.items(items);
    let end = loop {
        match reader.step()? {
            Step::Items(items) => player.items(items),
            Step::End(end) => break end,
        }
    };
    let unknown = reader.unknown().clone();
    let report = player.end(end, &unknown);
    let has_targets = player.session.has_targets();
    // A recording does not say which cgroups there were without a process.
    let absent = if has_targets { Vec::new() } else { player.session.absent(|_| None) };
    let past = player.session.past(player.now);
    Ok(Replay { report, end, kept_bytes: reader.kept_bytes(), unknown, has_targets, absent, past })
}

/// A session that hears again what it heard.
struct Player<'a> {
    session: Session,
    command_lines: CommandLines,
    now: Now,
    /// The host when it was last looked at, and when that was.
    sample: HostSample,
    sampled: Now,
    /// Processes whose files are wanted, and those of which the recorder took them down.
    wanted: BTreeSet<u32>,
    tracked: BTreeSet<u32>,
    /// The last report of the whole, and whether something came after it.
    whole: Option<Report>,
    second: Second<'a>,
}

impl<'a> Player<'a> {
    fn new(session: Session, command_lines: CommandLines, now: Now, second: Second<'a>) -> Self {
        Self {
            session,
            command_lines,
            now,
            sample: HostSample::default(),
            sampled: now,
            wanted: BTreeSet::new(),
            tracked: BTreeSet::new(),
            whole: None,
            second,
        }
    }

    fn items(&mut self, items: impl IntoIterator<Item = (Now, Item)>) {
        for (now, item) in items {
            self.item(item, now);
        }
    }

    fn item(&mut self, item: Item, now: Now) {
        self.now = now;
        match item {
            Item::Input(input) => {
                if let Input::Started(sample) | Input::Host(sample) | Input::Over(sample) = &*input
                {
                    (self.sample, self.sampled) = (sample.clone(), now);
                }
                let is_second = matches!(*input, Input::Host(_));
                self.tell(*input);
                if is_second {
                    (self.second)(&self.session, self.now, false);
                }
            }
            Item::Record(bytes) => self.tell(Input::Record(&bytes)),
            Item::Io(bytes) => {
                bytes.chunks_exact(IO_BYTES).for_each(|record| self.tell(Input::Record(record)));
            }
            Item::Tracked(pid) => {
                self.tracked.insert(pid);
            }
            Item::Report { span, sample } => self.report(span, sample),
            Item::Session(_) | Item::Untracked(_) | Item::End { .. } | Item::Unknown => {}
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        let (session, now) = (&mut self.session, self.now);
        for output in entering(input, self.command_lines, |input| session.apply(input, now)) {
            if let Output::Track(pid) = output {
                self.wanted.insert(pid);
            }
        }
    }

    fn report(&mut self, span: Span, sample: HostSample) {
        (self.sample, self.sampled) = (sample.clone(), self.now);
        if span == Span::Whole {
            self.say_who_was_not_tracked();
        }
        match span {
            Span::Interval => {
                self.tell(Input::Host(sample));
                (self.second)(&self.session, self.now, true);
            }
            Span::Whole => self.whole = Some(self.whole(sample)),
        }
    }

    /// The report of the whole, now that it is over.
    fn whole(&mut self, sample: HostSample) -> Report {
        self.tell(Input::Over(sample));
        report_between(None, &self.session.snapshot(self.now))
    }

    /// Whoever is a target only now was nobody special while the kernel was watched.
    fn say_who_was_not_tracked(&mut self) {
        for pid in self.wanted.difference(&self.tracked).copied().collect::<Vec<_>>() {
            self.tell(Input::Note(Note::NotTracked { pid }));
        }
    }

    /// The report, when all is read.
    fn end(&mut self, end: End, unknown: &BTreeMap<String, u64>) -> Report {
        if let (End::Clean, Some(report)) = (end, self.whole.take())
            && unknown.is_empty()
        {
            return report;
        }
        let seconds =
            self.sampled.mono_ns.saturating_sub(self.session.started().mono_ns) / 1_000_000_000;
        match end {
            End::Clean => {}
            End::Truncated => self.tell(Input::Note(Note::CaptureTruncated { seconds })),
            End::Corrupt(damage) => {
                self.tell(Input::Note(Note::CaptureCorrupt { damage, seconds }));
            }
        }
        for (kind, count) in unknown {
            let (kind, count) = (kind.clone(), *count);
            self.tell(Input::Note(Note::UnknownItems { kind, count }));
        }
        self.say_who_was_not_tracked();
        self.whole(self.sample.clone())
    }
}
