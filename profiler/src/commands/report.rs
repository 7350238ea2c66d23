//! `iocontend report`: a recording through the same engine.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use iocontend_core::capture::{End, Replay, replay};
use iocontend_core::render::units;
use iocontend_core::report::{Report, Tool};
use iocontend_core::selector::Selector;
use iocontend_core::text::Problem;

use crate::cli::ReportArgs;
use crate::error::{Failure, warn};
use crate::output::Reports;

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let report = read(&args.file, &args.target.selectors())?;
    Reports::new(args.format()).end(&report)?;
    Ok(())
}

/// The report of a recording, for its own targets or others; what is missing in it is said.
pub(super) fn read(path: &Path, selectors: &[Selector]) -> Result<Report, Failure> {
    let name = path.display().to_string();
    let refusal = |error: &dyn std::fmt::Display| {
        Failure::failed(&Problem::NotReadable { file: &name, error: &error.to_string() })
    };
    let file = File::open(path).map_err(|error| refusal(&error))?;
    let size = file.metadata().map_err(|error| refusal(&error))?.len();
    let asked = (!selectors.is_empty()).then(|| selectors.to_vec());
    let tool = Tool { version: env!("CARGO_PKG_VERSION").to_owned(), bpf_object_sha256: None };
    let replay = replay(BufReader::new(file), asked, tool).map_err(|error| refusal(&error))?;
    say_what_is_missing(&name, size, &replay);
    if !selectors.is_empty() && !replay.has_targets {
        let problem = Problem::NotInCapture { file: &name, absent: &replay.absent };
        return Err(Failure::no_target(&problem));
    }
    Ok(replay.report)
}

fn say_what_is_missing(file: &str, size: u64, replay: &Replay) {
    let (kept, size) = (units::bytes(replay.kept_bytes), units::bytes(size));
    let (kept, size) = (kept.as_str(), size.as_str());
    match replay.end {
        End::Clean => {}
        End::Truncated => warn(&Problem::Truncated { file, kept, size }),
        End::Corrupt(what) => warn(&Problem::Corrupt { file, what, kept, size }),
    }
    if !replay.unknown.is_empty() {
        let count = |(kind, count): (&String, &u64)| format!("{count} × {}", kind.escape_debug());
        let items: Vec<String> = replay.unknown.iter().map(count).collect();
        warn(&Problem::UnknownItems { file, items: &items.join(", ") });
    }
}
