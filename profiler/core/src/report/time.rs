//! Points in time as the report spells them.

use jiff::Timestamp;
use jiff::tz::Offset;

/// A point in time (nanoseconds since 1970 UTC) as RFC 3339 with milliseconds and the offset of the
/// host's zone from UTC, such as `2026-03-01T12:00:00.250+01:00`. An offset of a day or more counts as 0.
pub fn rfc3339(unix_ns: i64, utc_offset_seconds: i32) -> String {
    // Every i64 of nanoseconds is a valid timestamp (years 1677 to 2262).
    let at = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    let offset = Offset::from_seconds(utc_offset_seconds).unwrap_or(Offset::UTC);
    let local = offset.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
    // RFC 3339 offsets have no seconds.
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{local}{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn the_zone_is_part_of_the_time() {
        let noon = 1_772_366_400_250_000_000;
        assert_eq!(rfc3339(noon, 0), "2026-03-01T12:00:00.250+00:00");
        assert_eq!(rfc3339(noon, 19_800), "2026-03-01T17:30:00.250+05:30");
        assert_eq!(rfc3339(noon, -12_600), "2026-03-01T08:30:00.250-03:30");
        assert_eq!(rfc3339(noon, i32::MAX), rfc3339(noon, 0));
    }

    #[test]
    fn no_argument_panics() {
        for ns in [i64::MIN, -1, 0, i64::MAX] {
            assert!(rfc3339(ns, 93_599).len() >= 29);
        }
    }
}
