//! The engine, with a recorder beside it that notes everything the engine is told.

use std::ops::Deref;
use std::path::Path;

use iocontend_core::redact::CommandLines;
use iocontend_core::report::{Note, Report};
use iocontend_core::session::{
    HostSample, Input, Now, Options, Output, Session, Snapshot, Span, entering,
};
use iocontend_core::text::Problem;

use crate::error::{Failure, warn};
use crate::record::{self, FileError, RecordError, Recorder};

/// A session that may be recorded. What changes it goes through here; what only looks is the session's own.
pub(super) struct Recorded {
    session: Session,
    command_lines: CommandLines,
    recorder: Option<Recorder>,
    failed: bool,
}

impl Recorded {
    /// A session that begins now. It is recorded from its beginning, into memory until there is a file.
    pub(super) fn new(options: Options, is_recorded: bool, now: Now) -> Result<Self, Failure> {
        let recorder = if is_recorded {
            let recorder = Recorder::new(&options, now);
            Some(recorder.map_err(|error| Failure::other(&error.into()))?)
        } else {
            None
        };
        let command_lines = options.command_lines;
        let session = Session::new(options, now);
        Ok(Self { session, command_lines, recorder, failed: false })
    }

    /// What was recorded so far, and all that follows, goes into this file.
    pub(super) fn record_to(&mut self, file: &Path) -> Result<(), Failure> {
        let Some(recorder) = &mut self.recorder else { return Ok(()) };
        recorder.create(file).map_err(|error| refusal(file, &error))
    }

    pub(super) fn is_recording(&self) -> bool {
        self.recorder.is_some()
    }

    /// Whether a recording was begun and did not get to its end.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Tells the engine something; secrets in it reach neither the engine nor the recording.
    pub(super) fn apply(&mut self, input: Input<'_>, now: Now) -> Vec<Output> {
        entering(input, self.command_lines, |input| {
            self.note(|recorder| recorder.input(&input, now));
            self.session.apply(input, now)
        })
    }

    /// The files of this process are told apart from now on, or no longer.
    pub(super) fn tracked(&mut self, pid: u32, is_tracked: bool, now: Now) {
        self.note(|recorder| recorder.tracked(pid, is_tracked, now));
    }

    /// A second is over, or with the whole counting, and a report is made: what is known now. The recording's mark of it says
    /// both.
    pub(super) fn report(&mut self, span: Span, sample: HostSample, now: Now) -> Snapshot {
        self.note(|recorder| recorder.report(span, &sample, now));
        let input = match span {
            Span::Interval => Input::Host(sample),
            Span::Whole => Input::Over(sample),
        };
        self.session.apply(input, now);
        self.session.snapshot(now)
    }

    /// Gives away what is due.
    pub(super) fn flush(&mut self, now: Now) {
        self.note(|recorder| recorder.flush(now));
    }

    /// The recording ends; the last report says so when it did not get there.
    pub(super) fn end(&mut self, report: &mut Report, now: Now) {
        let Some(recorder) = self.recorder.take() else { return };
        if let Err(error) = recorder.end(now) {
            report.coverage.notes.push(self.stopped(&error));
        }
    }

    /// Notes something, or stops recording: the watch goes on without.
    fn note(&mut self, put: impl FnOnce(&mut Recorder) -> Result<(), RecordError>) {
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(error) = put(recorder) {
            self.recorder = None;
            let note = self.stopped(&error);
            self.session.apply(Input::Note(note), super::now());
        }
    }

    fn stopped(&mut self, error: &RecordError) -> Note {
        self.failed = true;
        let error = error.to_string();
        warn(&Problem::RecordingStopped { error: &error });
        Note::RecordingStopped { error }
    }
}

/// Says before anything is attached why nothing could be recorded there.
pub(super) fn check(file: &Path) -> Result<(), Failure> {
    record::check(file).map_err(|error| refusal(file, &error))
}

fn refusal(file: &Path, error: &FileError) -> Failure {
    let file = file.display().to_string();
    match error {
        FileError::InTheWay(found) => {
            Failure::failed(&Problem::NotReplaced { file: &file, found: *found })
        }
        FileError::Io(error) => {
            Failure::failed(&Problem::OutputFailed { to: &file, error: &error.to_string() })
        }
    }
}

impl Deref for Recorded {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
