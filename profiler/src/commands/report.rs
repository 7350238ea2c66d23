//! `iocontend report`: a recording through the same engine.

use std::fs::File;
use std::io::BufReader;

use iocontend_core::capture::{End, Replay, replay};
use iocontend_core::render::units;
use iocontend_core::report::Tool;
use iocontend_core::text::Problem;

use crate::cli::ReportArgs;
use crate::error::{Failure, warn};
use crate::output::Reports;

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let name = args.file.display().to_string();
    let refusal = |error: &dyn std::fmt::Display| {
        Failure::failed(&Problem::NotReadable { file: &name, error: &error.to_string() })
    };
    let file = File::open(&args.file).map_err(|error| refusal(&error))?;
    let size = file.metadata().map_err(|error| refusal(&error))?.len();
    let selectors = args.target.selectors();
    let asked = (!selectors.is_empty()).then(|| selectors.clone());
    let tool = Tool { version: env!("CARGO_PKG_VERSION").to_owned(), bpf_object_sha256: None };
    let replay = replay(BufReader::new(file), asked, tool).map_err(|error| refusal(&error))?;
    say_what_is_missing(&name, size, &replay);
    if !selectors.is_empty() && !replay.has_targets {
        let problem = Problem::NotInCapture { file: &name, absent: &replay.absent };
        return Err(Failure::no_target(&problem));
    }
    Reports::new(args.format()).end(&replay.report)?;
    Ok(())
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
