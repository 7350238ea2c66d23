//! The report as JSON: one document, or one line of a stream of them.

use std::io::{self, Write};

use crate::report::Report;

/// Writes the report as one indented document with a line end.
pub fn document(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

/// Writes the report as one line, for `-o jsonl`: one per interval.
pub fn line(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    out.write_all(b"\n")
}
