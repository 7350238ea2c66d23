//! `iocontend report`: a recording through the same engine; of others of the same host, what they add to periods.

use std::io::BufReader;
use std::path::Path;

use iocontend_core::capture::{End, Replay, replay_after};
use iocontend_core::redact::CommandLines;
use iocontend_core::render::units;
use iocontend_core::report::{Report, Tool};
use iocontend_core::selector::Selector;
use iocontend_core::session::Past;
use iocontend_core::text::{Lang, Problem, notes};

use crate::cli::ReportArgs;
use crate::error::{Failure, warn};
use crate::host::given::{self, Refusal};
use crate::output::Reports;

pub(super) fn run(args: &ReportArgs, command_lines: CommandLines) -> Result<(), Failure> {
    let reports = Reports::new(args.format(), args.detail.clone())?;
    let selectors = args.target.selectors();
    let asked = (!selectors.is_empty()).then(|| selectors.clone());
    let history = history(args, asked.as_ref())?;
    let report = report_of(&args.file, &selectors, history, command_lines)?;
    reports.end(&report)?;
    reports.verdict(&report)
}

/// The report of a recording, for its own targets or others, with what earlier ones add; what is missing in it is said.
pub(super) fn report_of(
    path: &Path,
    selectors: &[Selector],
    history: Vec<Past>,
    command_lines: CommandLines,
) -> Result<Report, Failure> {
    let name = path.display().to_string();
    let asked = (!selectors.is_empty()).then(|| selectors.to_vec());
    let replay = read(path, asked.as_ref(), history, command_lines)?;
    if !selectors.is_empty() && !replay.has_targets {
        let problem = Problem::NotInCapture { file: &name, absent: &replay.absent };
        return Err(Failure::no_target(&problem));
    }
    Ok(replay.report)
}

/// What the other recordings showed. The recording itself is passed over, so that a pattern may take in all of a folder.
fn history(args: &ReportArgs, asked: Option<&Vec<Selector>>) -> Result<Vec<Past>, Failure> {
    let itself = args.file.canonicalize().ok();
    let others =
        args.history.iter().filter(|file| itself.is_none() || file.canonicalize().ok() != itself);
    others.map(|file| Ok(read(file, asked, Vec::new(), CommandLines::Hidden)?.past)).collect()
}

/// Replays a recording, and says what is missing in it.
fn read(
    file: &Path,
    asked: Option<&Vec<Selector>>,
    past: Vec<Past>,
    command_lines: CommandLines,
) -> Result<Replay, Failure> {
    let name = file.display().to_string();
    let refusal = |error: &dyn std::fmt::Display| {
        Failure::failed(&Problem::NotReadable { file: &name, error: &error.to_string() })
    };
    let opened = given::open(file).map_err(|refusal| not_read(&name, &refusal))?;
    let size = opened.metadata().map_err(|error| refusal(&error))?.len();
    let tool = Tool { version: env!("CARGO_PKG_VERSION").to_owned(), bpf_object_sha256: None };
    let replay = replay_after(BufReader::new(opened), asked.cloned(), tool, past, command_lines)
        .map_err(|error| refusal(&error))?;
    say_what_is_missing(&name, size, &replay);
    Ok(replay)
}

/// Why a file that the user names is not read.
pub(super) fn not_read(file: &str, refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Found(found) => Failure::failed(&Problem::NoFile { file, found: *found }),
        Refusal::TooLarge(most) => {
            Failure::failed(&Problem::TooLarge { file, most: &units::bytes(*most) })
        }
        Refusal::Io(error) => {
            Failure::failed(&Problem::NotReadable { file, error: &error.to_string() })
        }
    }
}

fn say_what_is_missing(file: &str, size: u64, replay: &Replay) {
    let (kept, size) = (units::bytes(replay.kept_bytes), units::bytes(size));
    let (kept, size) = (kept.as_str(), size.as_str());
    match replay.end {
        End::Clean => {}
        End::Truncated => warn(&Problem::Truncated { file, kept, size }),
        End::Corrupt(damage) => {
            let what = notes::damage(Lang::En, damage);
            warn(&Problem::Corrupt { file, what, kept, size });
        }
    }
    if !replay.unknown.is_empty() {
        let count = |(kind, count): (&String, &u64)| format!("{count} × {}", kind.escape_debug());
        let items: Vec<String> = replay.unknown.iter().map(count).collect();
        warn(&Problem::UnknownItems { file, items: &items.join(", ") });
    }
}
