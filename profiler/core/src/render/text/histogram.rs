//! A distribution as bars: powers of two down, counts across.

use std::io::{self, Write};

use super::table::{self, Column, Row};
use crate::render::{Style, units};
use crate::report::Lat;
use crate::text::Label;

/// At most this many rows.
const ROWS: u32 = 12;
/// The widest bar.
const BAR: usize = 40;
/// Columns that the numbers beside the bar take.
const NUMBERS: usize = 34;

/// Writes the bars of a distribution; nothing when it is empty. A row covers one power of two, or as
/// many as it takes to stay within 12 rows.
pub(super) fn write(lat: &Lat, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let steps = steps(lat);
    let most = steps.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let width = style.width.saturating_sub(NUMBERS).clamp(1, BAR);
    let mut below = 0;
    let mut rows = Vec::new();
    for (le_ns, count) in &steps {
        below += count;
        rows.push(Row {
            cells: vec![
                format!("  {}", units::duration(*le_ns, style)),
                bar(*count, most, width, style),
                units::count(*count),
                units::share(below, lat.count).unwrap_or_default(),
            ],
            strong: false,
        });
    }
    if rows.is_empty() {
        return Ok(());
    }
    let spec = [
        Column::right(Label::UpTo, 0),
        Column::left(Label::Bar, 0),
        Column::right(Label::Count, 0),
        Column::right(Label::Cumulative, 0),
    ];
    table::write(&spec, &rows, style, out)
}

/// (upper edge in nanoseconds, count) of each row, without gaps.
fn steps(lat: &Lat) -> Vec<(u64, u64)> {
    let filled = || lat.buckets.iter().filter(|(_, count)| *count > 0);
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

    proptest! {
        #[test]
        fn rows_hold_every_value_once(values in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut dist = Dist::new();
            for (index, ns) in values.iter().enumerate() {
                dist.record(ns >> (index % 64));
            }
            let steps = steps(&Lat::from(&dist));
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
