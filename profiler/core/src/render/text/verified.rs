//! Whether a change helped: both windows beside each other, and what it comes to.

use std::io::{self, Write};

use super::lines::{ABSENT, Tone, head, paragraph, toned};
use super::table::{self, Column, Row};
use crate::lease::verified::{Measure, Range, Side, Verified};
use crate::render::{Style, units};
use crate::text::{Label, lease};

/// Writes the table and the sentence below it.
pub fn verified(verified: &Verified, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let what = lease::compared(style.lang, verified);
    writeln!(out, "{}", toned(&what, Tone::Strong, style))?;
    let spec = [
        Column::left(Label::Waits, 0),
        Column::right(Label::Before, 0),
        Column::right(Label::After, 0),
        Column::right(Label::Ratio, 1),
    ];
    let sides = |label, of: &dyn Fn(&Side) -> String| Row {
        cells: vec![
            head(label, style).to_owned(),
            of(&verified.before),
            of(&verified.after),
            String::new(),
        ],
        strong: false,
    };
    let rows = [
        measure(Label::P99, verified.p99.as_ref(), style),
        measure(Label::Mean, verified.mean.as_ref(), style),
        sides(Label::Calls, &|side| {
            rate(units::count(side.calls), units::per_second(side.calls, side.duration_ns))
        }),
        sides(Label::OthersMoved, &|side| {
            let bytes = side.others_bytes;
            rate(units::bytes(bytes), units::byte_rate(bytes, side.duration_ns))
        }),
    ];
    table::write(&spec, &rows, style, out)?;
    paragraph(&lease::outcome(style.lang, verified), style, out)
}

fn measure(label: Label, of: Option<&Measure>, style: &Style) -> Row {
    let range = |range: &Range<u64>| {
        let [value, low, high] =
            [range.value, range.low, range.high].map(|ns| units::duration(ns, style));
        lease::range(style.lang, &value, &low, &high)
    };
    let factor = |range: &Range<f64>| {
        let [value, low, high] =
            [range.value, range.low, range.high].map(|factor| format!("{factor:.2}"));
        lease::range(style.lang, &value, &low, &high)
    };
    let cells = of.map(|of| [range(&of.before_ns), range(&of.after_ns), factor(&of.ratio)]);
    let cells = cells.unwrap_or_else(|| [(); 3].map(|()| ABSENT.to_owned()));
    Row {
        cells: std::iter::once(head(label, style).to_owned()).chain(cells).collect(),
        strong: false,
    }
}

fn rate(sum: String, per_second: Option<String>) -> String {
    match per_second {
        Some(rate) => format!("{sum} ({rate}/s)"),
        None => sum,
    }
}

#[cfg(test)]
mod tests {
    use super::verified;
    use crate::hist::Dist;
    use crate::lease::verified::{Verified, Word};
    use crate::lease::verify::{Doubt, Second};
    use crate::lease::window::Subject;
    use crate::render::Style;

    fn window(seconds: usize, ms: u64) -> Vec<Second> {
        let second = |number| {
            let mut waits = Dist::new();
            (0..50).for_each(|step| waits.record(ms * 1_000_000 + (step + number) * 10_000));
            Second { waits, others_bytes: 1 << 20, duration_ns: 1_000_000_000 }
        };
        (0..seconds as u64).map(second).collect()
    }

    fn shown(before: &[Second], after: &[Second]) -> (Verified, String) {
        let document = Verified::new("1-2", "io-max", &Subject::default(), before, after);
        let mut out = Vec::new();
        verified(&document, &Style { width: 100, ..Style::default() }, &mut out).unwrap();
        (document, String::from_utf8(out).unwrap())
    }

    // Property: the table has both windows with intervals, the sentence says what became of the change, and only what
    // helped is kept.
    #[test]
    fn both_windows_and_the_outcome_are_shown() {
        let (document, text) = shown(&window(20, 10), &window(20, 2));
        assert!(document.kept);
        assert_eq!(document.outcome, Word::Helped);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("BEFORE") && lines[1].contains("WITH / BEFORE"), "{text}");
        assert!(lines[2].starts_with("p99 ") && lines[2].matches(" to ").count() == 3, "{text}");
        assert!(lines[4].contains("1,000 (50/s)"), "{text}");
        assert!(lines[6].contains("It helped"), "{text}");
        let (document, text) = shown(&window(20, 2), &window(20, 2));
        assert!(!document.kept && text.contains("did not help"), "{text}");
        let (document, text) = shown(&window(2, 10), &[]);
        assert_eq!(document.doubt, Some(Doubt::TooFewCalls));
        assert!(!document.kept && document.p99.is_none() && text.contains("taken back"), "{text}");
    }
}
