//! Local time, from rules that travel with a capture.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone {
    zone: TimeZone,
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self { zone: TimeZone::UTC };

    /// A zone by its rules as a POSIX TZ string (`CET-1CEST,M3.5.0,M10.5.0/3`), or, where there are none or they are not
    /// understood, by its distance from UTC in seconds.
    pub fn new(rules: Option<&str>, utc_offset_seconds: i32) -> Self {
        let by_rules = rules.and_then(|rules| TimeZone::posix(rules).ok());
        let fixed = || Offset::from_seconds(utc_offset_seconds).unwrap_or(Offset::UTC);
        Self { zone: by_rules.unwrap_or_else(|| TimeZone::fixed(fixed())) }
    }

    /// For the calendar.
    pub(crate) fn time_zone(&self) -> TimeZone {
        self.zone.clone()
    }

    /// Local time's distance from UTC at a time (seconds since 1970).
    pub fn offset(&self, unix: f64) -> i32 {
        let at = Timestamp::from_second(super::whole(unix)).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_offset(at).seconds()
    }

    /// Seconds of local time since 1970.
    pub(super) fn local(&self, unix: f64) -> f64 {
        unix + f64::from(self.offset(unix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: rules give summer time, a fixed offset does not, and bad rules fall back to it.
    #[test]
    fn rules_know_summer_time() {
        let (winter, summer) = (1_772_366_400.0, 1_782_907_200.0);
        let rules = Zone::new(Some("CET-1CEST,M3.5.0,M10.5.0/3"), 0);
        assert_eq!((rules.offset(winter), rules.offset(summer)), (3_600, 7_200));
        let fixed = Zone::new(Some("nonsense,"), 19_800);
        assert_eq!((fixed.offset(winter), fixed.offset(summer)), (19_800, 19_800));
        assert_eq!(Zone::new(None, i32::MAX).offset(f64::INFINITY), 0);
    }
}
