//! What can go wrong at the edge, and the exit code of each kind.

use std::io::{self, Write as _};
use std::process::ExitCode;

use iocontend_core::render::Style;
use iocontend_core::render::safe::printable;
use iocontend_core::text::{Explained, Lang, Problem, explain};

/// A failure with its exit code: 1 failed, 2 usage, 3 not permitted or not supported here, 4 target not found, 5 a state that was asked
/// for.
#[derive(Debug)]
pub enum Failure {
    /// Something that should have worked did not.
    Failed(Explained),
    /// The arguments do not fit together.
    Usage(Explained),
    /// Not permitted, or this kernel cannot.
    NotHere(Explained),
    /// No process fits.
    NoTarget(Explained),
    /// Something failed on the way and was said when it did.
    Said,
    /// The verdict is one that `--fail-on` names; the report has said it.
    StateFound,
    /// Whoever read our output has left. Not an error to anybody.
    OutputClosed,
}

impl Failure {
    /// A problem of the catalogue, as a plain failure.
    pub fn failed(problem: &Problem<'_>) -> Self {
        Self::Failed(explain(Lang::En, problem))
    }

    /// A problem of the catalogue, as "not permitted or not supported".
    pub fn not_here(problem: &Problem<'_>) -> Self {
        Self::NotHere(explain(Lang::En, problem))
    }

    /// A problem of the catalogue, as "target not found".
    pub fn no_target(problem: &Problem<'_>) -> Self {
        Self::NoTarget(explain(Lang::En, problem))
    }

    /// Any error, with its causes.
    pub fn other(error: &anyhow::Error) -> Self {
        Self::Failed(Explained { what: format!("{error:#}"), hint: None })
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Failed(_) | Self::Said => 1,
            Self::Usage(_) => 2,
            Self::NotHere(_) => 3,
            Self::NoTarget(_) => 4,
            Self::StateFound => 5,
        }
    }

    /// Says it on stderr and gives the exit code.
    pub fn report(&self) -> ExitCode {
        self.say();
        ExitCode::from(self.code())
    }

    /// Says it on stderr.
    pub fn say(&self) {
        match self {
            Self::OutputClosed | Self::Said | Self::StateFound => {}
            Self::Failed(explained)
            | Self::Usage(explained)
            | Self::NotHere(explained)
            | Self::NoTarget(explained) => say(explained),
        }
    }
}

/// What and what to do, on stderr. When that is closed too, nobody is there to be told.
fn say(explained: &Explained) {
    let mut err = io::stderr().lock();
    let mut lines = writeln!(err, "iocontend: {}", safe(&explained.what));
    if let Some(hint) = &explained.hint {
        lines = lines.and_then(|()| writeln!(err, "  {}", safe(hint)));
    }
    drop(lines);
}

/// A line of words on stderr.
pub fn tell(line: &str) {
    drop(writeln!(io::stderr().lock(), "iocontend: {}", safe(line)));
}

/// Names of processes, files and cgroups stand in such lines, and what others wrote into files: none may steer the terminal.
fn safe(text: &str) -> String {
    let style = Style::default();
    text.split('\n').map(|line| printable(line, &style)).collect::<Vec<_>>().join("\n")
}

/// A problem on stderr that does not end the program.
pub fn warn(problem: &Problem<'_>) {
    say(&explain(Lang::En, problem));
}

impl From<io::Error> for Failure {
    /// For errors of writing to stdout.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            let error = error.to_string();
            Self::failed(&Problem::OutputFailed { to: "stdout", error: &error })
        }
    }
}
