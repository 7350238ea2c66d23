//! How values, words and bars look, whoever writes them for people.

use super::safe::printable;
use super::{Style, units};
use crate::text::{Lang, label};
use crate::view::{Cell, Slice};

/// What a value that is not known looks like in a table.
const ABSENT: &str = "-";
/// At most this many rows of a distribution.
const ROWS: u32 = 12;

/// Our words with names in them, safe to print. In ASCII the few characters of ours beyond it have other forms; those of
/// names are escaped.
pub(super) fn words(text: &str, style: &Style) -> String {
    if style.unicode {
        return printable(text, style);
    }
    printable(&text.replace(" · ", ", ").replace('µ', "u").replace('…', ".."), style)
}

/// A value, safe to print.
pub(super) fn value(cell: &Cell, lang: Lang, style: &Style) -> String {
    let absent = || ABSENT.to_owned();
    match cell {
        Cell::Empty => String::new(),
        Cell::Absent => absent(),
        Cell::Label(of) => label(lang, *of).to_owned(),
        Cell::Words(text) => words(text, style),
        Cell::Name(name) => printable(name, style),
        Cell::Count(count) => units::count(*count),
        Cell::Bytes(bytes) => units::bytes(*bytes),
        Cell::Time(ns) => units::duration(*ns, style),
        Cell::Decimal(number) => units::decimal(*number),
        Cell::Share(part, whole) => units::share(*part, *whole).unwrap_or_else(absent),
        Cell::PerSecond(count, ns) => units::per_second(*count, *ns).unwrap_or_else(absent),
        Cell::BytesPerSecond(bytes, ns) => units::byte_rate(*bytes, *ns).unwrap_or_else(absent),
        Cell::Slices(all) => slices(all),
    }
}

/// Parts of a whole with their shares.
pub(super) fn slices(all: &[Slice]) -> String {
    let one = |slice: &Slice| {
        let share = units::share(slice.part, slice.whole).unwrap_or_default();
        format!("{} {share}", slice.name)
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The rows of a distribution, bars at most `width` long, in the order of [`crate::view::BARS`]. A row covers one power of
/// two, or as many as it takes to stay within 12 rows.
pub(super) fn bars(buckets: &[(u64, u64)], width: usize, style: &Style) -> Vec<[String; 4]> {
    let steps = steps(buckets);
    let most = steps.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let all = steps.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
    let mut below = 0_u64;
    let row = |(le_ns, count): &(u64, u64)| {
        below = below.saturating_add(*count);
        let so_far = units::share(below, all).unwrap_or_default();
        let bar = bar(*count, most, width, style);
        [units::duration(*le_ns, style), bar, units::count(*count), so_far]
    };
    steps.iter().map(row).collect()
}

/// (upper edge in nanoseconds, count) of each row, without gaps.
fn steps(buckets: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let filled = || buckets.iter().filter(|(_, count)| *count > 0);
    let exp = |ns: u64| ns.max(1).ilog2();
    let (Some(first), Some(last)) = (filled().next(), filled().next_back()) else {
        return Vec::new();
    };
    let (first, last) = (exp(first.0), exp(last.0));
    let per_row = (last - first + 1).div_ceil(ROWS);
    let rows = (last - first) / per_row + 1;
    (0..rows)
        .map(|row| {
            let low = first + row * per_row;
            let high = low + per_row;
            let inside = |ns: u64| (low..high).contains(&exp(ns));
            let count = filled().filter(|(le_ns, _)| inside(*le_ns)).map(|(_, count)| count).sum();
            (1_u64.checked_shl(high).unwrap_or(u64::MAX), count)
        })
        .collect()
}

/// A bar of at most `width` columns; anything above 0 shows at least a trace.
fn bar(count: u64, most: u64, width: usize, style: &Style) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let cells = (u128::from(count) * width as u128 * 8).checked_div(u128::from(most)).unwrap_or(0);
    let eighths = usize::try_from(cells).unwrap_or(width * 8).max(usize::from(count > 0));
    if style.unicode {
        format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
    } else {
        "#".repeat(eighths.div_ceil(8))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hist::Dist;
    use crate::report::Lat;

    proptest! {
        #[test]
        fn rows_hold_every_value_once(values in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut dist = Dist::new();
            for (index, ns) in values.iter().enumerate() {
                dist.record(ns >> (index % 64));
            }
            let steps = steps(&Lat::from(&dist).buckets);
            prop_assert!(steps.len() <= 12);
            prop_assert_eq!(steps.iter().map(|(_, count)| count).sum::<u64>(), dist.count());
            prop_assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }

        #[test]
        fn a_bar_fits_and_shows_whatever_is_there(count in 0_u64..1_000, more: u32, unicode: bool) {
            let style = Style { unicode, ..Style::default() };
            let bar = bar(count, count + u64::from(more), 40, &style);
            prop_assert!(bar.chars().count() <= 40);
            prop_assert_eq!(bar.is_empty(), count == 0);
        }
    }
}
