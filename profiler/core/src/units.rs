//! How numbers look: the only place that formats them for people.
//!
//! Three significant digits, always with the unit, in at most 7 characters for times below 1,000 s and
//! 8 for bytes below 1,000 PiB, so that columns keep their width.

use crate::style::Style;

/// A time in nanoseconds: `45.6 µs`, `1.23 ms`.
pub fn duration(ns: u64, style: &Style) -> String {
    let micro = if style.unicode { "µs" } else { "us" };
    for (scale, unit) in [(1, "ns"), (1_000, micro), (1_000_000, "ms"), (1_000_000_000, "s")] {
        if let Some(digits) = three_digits(ns, scale, 1_000) {
            return format!("{digits} {unit}");
        }
    }
    format!("{} s", count(rounded(ns, 1_000_000_000)))
}

/// A number of bytes: `512 B`, `12.3 MiB`.
pub fn bytes(bytes: u64) -> String {
    let mut scale = 1;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] {
        if let Some(digits) = three_digits(bytes, scale, 1_024) {
            return format!("{digits} {unit}");
        }
        scale *= 1_024;
    }
    format!("{} PiB", count(rounded(bytes, 1 << 50)))
}

/// A number of things: `1,234`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Things per second, from a count and a time in nanoseconds: `57`, `5.3`, `<0.1`; `None` without a time.
pub fn per_second(n: u64, duration_ns: u64) -> Option<String> {
    let tenths = scaled(n, 10_000_000_000, duration_ns)?;
    Some(match tenths {
        0 if n > 0 => "<0.1".to_owned(),
        0 => "0".to_owned(),
        1..100 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => count(scaled(n, 1_000_000_000, duration_ns)?),
    })
}

/// Bytes per second, without the `/s`; `None` without a time.
pub fn byte_rate(n: u64, duration_ns: u64) -> Option<String> {
    scaled(n, 1_000_000_000, duration_ns).map(bytes)
}

/// A part of a whole: `12.3 %`. Shows 0 % and 100 % only for exactly nothing and everything.
/// `None` when the whole is 0.
pub fn share(part: u64, whole: u64) -> Option<String> {
    let tenths = scaled(part, 1_000, whole)?;
    Some(match tenths {
        0 if part > 0 => "<0.1 %".to_owned(),
        0 => "0 %".to_owned(),
        1_000.. if part < whole => ">99.9 %".to_owned(),
        1_000.. => format!("{} %", count(tenths / 10)),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    })
}

/// A number that is not a count, with one decimal: `12.3`.
pub fn decimal(number: f64) -> String {
    format!("{number:.1}")
}

/// `value / scale` with three significant digits, or `None` when that rounds to `limit` or more.
fn three_digits(value: u64, scale: u64, limit: u64) -> Option<String> {
    if scale > 1 {
        let hundredths = scaled(value, 100, scale)?;
        if hundredths < 1_000 {
            return Some(format!("{}.{:02}", hundredths / 100, hundredths % 100));
        }
        let tenths = scaled(value, 10, scale)?;
        if tenths < 1_000 {
            return Some(format!("{}.{}", tenths / 10, tenths % 10));
        }
    }
    let whole = rounded(value, scale);
    (whole < limit).then(|| whole.to_string())
}

fn rounded(value: u64, scale: u64) -> u64 {
    scaled(value, 1, scale).unwrap_or(u64::MAX)
}

/// `value * times / by`, rounded to nearest; `None` when dividing by 0. Saturates.
fn scaled(value: u64, times: u64, by: u64) -> Option<u64> {
    let by = u128::from(by);
    let product = u128::from(value) * u128::from(times);
    let sum = product.checked_add(by / 2)?;
    sum.checked_div(by).map(|result| u64::try_from(result).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unicode() -> Style {
        Style::default()
    }

    #[test]
    fn rounding_moves_up_to_the_next_unit() {
        let of = |ns| duration(ns, &unicode());
        assert_eq!(of(0), "0 ns");
        assert_eq!(of(999), "999 ns");
        assert_eq!(of(1_000), "1.00 µs");
        assert_eq!(of(45_649), "45.6 µs");
        assert_eq!(of(999_499), "999 µs");
        assert_eq!(of(999_500), "1.00 ms");
        assert_eq!(of(1_234_567), "1.23 ms");
        assert_eq!(of(9_996_000), "10.0 ms");
        assert_eq!(of(999_960_000), "1.00 s");
        assert_eq!(of(1_234_000_000_000), "1,234 s");
        assert_eq!(duration(45_600, &Style { unicode: false, ..unicode() }), "45.6 us");
    }

    #[test]
    fn other_numbers_look_as_documented() {
        assert_eq!(
            (bytes(512), bytes(1_023), bytes(1_024)),
            ("512 B".into(), "1023 B".into(), "1.00 KiB".into())
        );
        assert_eq!(bytes(12_897_485), "12.3 MiB");
        assert_eq!(bytes(1_048_575), "1.00 MiB");
        assert_eq!(
            (count(7), count(1_234), count(1_234_567)),
            ("7".into(), "1,234".into(), "1,234,567".into())
        );
        assert_eq!(per_second(57, 1_000_000_000).as_deref(), Some("57"));
        assert_eq!(per_second(53, 10_000_000_000).as_deref(), Some("5.3"));
        assert_eq!(per_second(1, 60_000_000_000).as_deref(), Some("<0.1"));
        assert_eq!(per_second(1, 0), None);
        assert_eq!(share(1, 3).as_deref(), Some("33.3 %"));
        assert_eq!(share(9_999, 10_000).as_deref(), Some(">99.9 %"));
        assert_eq!(
            (share(0, 5), share(5, 5), share(0, 0)),
            (Some("0 %".into()), Some("100 %".into()), None)
        );
    }

    /// The number before the unit, read back.
    fn number(text: &str) -> f64 {
        text.split(' ').next().unwrap_or_default().replace(',', "").parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_time_never_shows_a_thousand_of_a_smaller_unit(ns in 0_u64..999_000_000_000) {
            let text = duration(ns, &unicode());
            prop_assert!(number(&text) < 1_000.0, "{text}");
            prop_assert!(text.chars().count() <= 7, "{text}");
        }

        #[test]
        fn a_time_read_back_is_within_half_a_percent(ns in 1_000_u64..u64::MAX) {
            let text = duration(ns, &unicode());
            let scale = match text.split(' ').next_back() {
                Some("µs") => 1e3,
                Some("ms") => 1e6,
                _ => 1e9,
            };
            #[expect(clippy::cast_precision_loss, reason = "compared within half a percent")]
            let exact = ns as f64;
            prop_assert!((number(&text) * scale / exact - 1.0).abs() <= 0.005_01, "{text} for {ns}");
        }

        #[test]
        fn bytes_never_show_1024_of_a_smaller_unit(n in 0_u64..(1 << 59)) {
            let text = bytes(n);
            prop_assert!(number(&text) < 1_024.0 && text.len() <= 8, "{text}");
        }

        #[test]
        fn a_count_keeps_its_digits(n in any::<u64>()) {
            prop_assert_eq!(count(n).replace(',', ""), n.to_string());
        }

        #[test]
        fn a_share_says_all_or_nothing_only_when_it_is(part in 0_u64..1_000_000, rest in 0_u64..1_000_000) {
            let text = share(part, part + rest);
            prop_assert_eq!(text.as_deref() == Some("100 %"), rest == 0 && part > 0);
            prop_assert_eq!(text.as_deref() == Some("0 %"), part == 0 && rest > 0);
        }
    }
}
