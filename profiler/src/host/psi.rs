//! Pressure stall information.
//!
//! Owns `/proc/pressure/io` and the form it shares with a cgroup's `io.pressure`.

use iocontend_core::facts::{Psi, PsiLine};

use super::HostRoot;

/// The host's IO pressure; `None` when the kernel does not account it (`psi=0`, before Linux 4.20).
pub fn read_psi_io(root: &HostRoot) -> Option<Psi> {
    parse_psi(&std::fs::read_to_string(root.proc.join("pressure/io")).ok()?)
}

/// Parses a pressure file; `None` when its `some` line is not there.
pub fn parse_psi(text: &str) -> Option<Psi> {
    let line = |kind: &str| {
        let mut lines = text.lines();
        lines.find_map(|l| parse_line(l.strip_prefix(kind)?.strip_prefix(' ')?))
    };
    Some(Psi { some: line("some")?, full: line("full") })
}

fn parse_line(line: &str) -> Option<PsiLine> {
    let field = |name: &str| {
        let mut fields = line.split_ascii_whitespace();
        fields.find_map(|f| f.strip_prefix(name)?.strip_prefix('='))
    };
    let percent = |name| field(name)?.parse().ok();
    Some(PsiLine {
        avg10: percent("avg10")?,
        avg60: percent("avg60")?,
        avg300: percent("avg300")?,
        total_us: field("total")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_read_and_full_may_be_missing() {
        let some = "some avg10=1.50 avg60=0.20 avg300=0.00 total=123\n";
        let psi = parse_psi(&format!("{some}full avg10=0.50 avg60=0.10 avg300=0.00 total=7\n"));
        let psi = psi.unwrap();
        assert!((psi.some.avg10 - 1.5).abs() < 1e-9);
        assert_eq!((psi.some.total_us, psi.full.unwrap().total_us), (123, 7));
        assert_eq!(parse_psi(some).unwrap().full, None);
        assert_eq!(parse_psi(""), None);
        assert_eq!(parse_psi("some avg10=x"), None);
    }
}
