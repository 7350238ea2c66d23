//! How golden documents are stored: one a line, gzip; `zcat NAME.golden.gz` shows them.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use iocontend_core::capture::{End, replay_intervals};
use iocontend_core::render::json;
use iocontend_core::report::{Report, Tool};
use iocontend_core::selector::Selector;

/// What the engine makes of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// The report of each interval of the recorder, then that of the whole, as a line of JSON each.
    pub lines: Vec<String>,
    /// How the capture ended.
    pub end: End,
}

/// Replays a capture, with the targets it was recorded with or others.
pub fn replayed(capture: &[u8], selectors: Option<Vec<Selector>>) -> Result<Documents> {
    let tool = Tool { version: "yardstick".to_owned(), bpf_object_sha256: None };
    let mut reports = Vec::new();
    let replay =
        replay_intervals(capture, selectors, tool, &mut |report| reports.push(line(report)))?;
    reports.push(line(&replay.report));
    let lines = reports.into_iter().collect::<Result<_>>()?;
    Ok(Documents { lines, end: replay.end })
}

/// A report as a line of JSON.
pub fn line(report: &Report) -> Result<String> {
    let mut out = Vec::new();
    json::line(report, &mut out)?;
    Ok(String::from_utf8(out)?.trim_end().to_owned())
}

/// The name of each document: intervals from 1, then the whole.
pub fn name(at: usize, documents: usize) -> String {
    if at + 1 == documents { "whole".to_owned() } else { format!("interval {}", at + 1) }
}

/// Lines as they are stored.
pub fn pack(lines: &[String]) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for line in lines {
        packed.write_all(line.as_bytes())?;
        packed.write_all(b"\n")?;
    }
    Ok(packed.finish()?)
}

/// Stored lines.
pub fn unpack(packed: &[u8]) -> Result<Vec<String>> {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).context("not gzip of text")?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::{name, pack, unpack};

    // Property: what is stored is what is read.
    #[test]
    fn lines_come_back() {
        let lines = ["{\"a\":1}".to_owned(), "{}".to_owned()];
        assert_eq!(unpack(&pack(&lines).unwrap()).unwrap(), lines);
        assert!(unpack(b"{}").is_err());
        assert_eq!([name(0, 2), name(1, 2)], ["interval 1", "whole"]);
    }
}
