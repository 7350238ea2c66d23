//! Reports as JSON: one document, or one line of a stream of them; and documents read back.
//!
//! Sentences in documents are English.

mod advice;
mod diagnosis;
mod doctor;
mod judged;
mod read;
mod report;

use std::io::{self, Write};

use crate::doctor::Doctor;
use crate::lease::verified::Verified;
use crate::report::Report;
use crate::text::Lang;

pub use doctor::DoctorDocument;
pub use read::ReadError;
pub use report::ReportDocument;

/// Writes the report as one indented document with a line end.
pub fn document(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &ReportDocument::of(report, Lang::En))?;
    out.write_all(b"\n")
}

/// Writes the answer alone, as one indented document of a few KB with a line end.
pub fn brief(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &ReportDocument::of(report, Lang::En).into_brief())?;
    out.write_all(b"\n")
}

/// Writes what the doctor found as one indented document with a line end.
pub fn doctor(doctor: &Doctor, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &DoctorDocument::of(doctor, Lang::En))?;
    out.write_all(b"\n")
}

/// Writes whether a change helped as one indented document with a line end.
pub fn verified(verified: &Verified, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, verified)?;
    out.write_all(b"\n")
}

/// Writes the report as one line, for `-o jsonl`: one per interval.
pub fn line(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &ReportDocument::of(report, Lang::En))?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::{document, line};
    use crate::report::{Report, sample};

    #[test]
    fn a_line_is_one_line_and_both_forms_read_back() {
        let (mut long, mut short) = (Vec::new(), Vec::new());
        document(&sample::report(), &mut long).unwrap();
        line(&sample::report(), &mut short).unwrap();
        assert_eq!(short.split(|byte| *byte == b'\n').count(), 2);
        for bytes in [&long, &short] {
            assert_eq!(bytes.last(), Some(&b'\n'));
            assert_eq!(Report::from_json(bytes).unwrap(), sample::report());
        }
    }
}
