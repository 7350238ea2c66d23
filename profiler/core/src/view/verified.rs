//! Whether a change helped: both windows beside each other, and what it comes to.

use super::document::{Block, Cell, Column, Document, Row, Section, SectionId, Table};
use super::time;
use crate::lease::verified::{Measure, Range, Side, Verified};
use crate::text::{Label, Lang, lease};
use crate::units;

const COLUMNS: [Column; 4] = [
    Column::words(Label::Waits, 0),
    Column::numbers(Label::Before, 0),
    Column::numbers(Label::After, 0),
    Column::numbers(Label::Ratio, 1),
];

/// The comparison of both windows.
pub fn verified(verified: &Verified, lang: Lang) -> Document {
    let sides = |label, of: &dyn Fn(&Side) -> String| {
        let [before, after] = [&verified.before, &verified.after].map(|side| Cell::Words(of(side)));
        Row::plain(vec![Cell::Label(label), before, after, Cell::Empty])
    };
    let rows = vec![
        measure(Label::P99, verified.p99.as_ref(), lang),
        measure(Label::Mean, verified.mean.as_ref(), lang),
        sides(Label::Calls, &|side| {
            rate(units::count(side.calls), units::per_second(side.calls, side.duration_ns))
        }),
        sides(Label::OthersMoved, &|side| {
            let bytes = side.others_bytes;
            rate(units::bytes(bytes), units::byte_rate(bytes, side.duration_ns))
        }),
    ];
    let title = lease::compared(lang, verified);
    let blocks = vec![
        Block::Head(title.clone().into()),
        Block::Table(Table { columns: COLUMNS.to_vec(), rows }),
        Block::said(lease::outcome(lang, verified)),
    ];
    Document { lang, title, sections: vec![Section::bare(SectionId::Verified, blocks)] }
}

fn measure(label: Label, of: Option<&Measure>, lang: Lang) -> Row {
    let range = |value: String, low: String, high: String| {
        Cell::Words(lease::range(lang, &value, &low, &high))
    };
    let times = |all: &Range<u64>| range(time(all.value), time(all.low), time(all.high));
    let factor = |factor: f64| format!("{factor:.2}");
    let factors = |all: &Range<f64>| range(factor(all.value), factor(all.low), factor(all.high));
    let cells = of.map(|of| [times(&of.before_ns), times(&of.after_ns), factors(&of.ratio)]);
    let cells = cells.unwrap_or([const { Cell::Absent }; 3]);
    Row::plain(std::iter::once(Cell::Label(label)).chain(cells).collect())
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
    use crate::text::Lang;

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
        let text = crate::view::tests::written(&verified(&document, Lang::En), 100);
        (document, text)
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
