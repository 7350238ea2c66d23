//! When entries are due.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;

use super::When;
use crate::period::Zone;

/// Times of one entry that are worked out at most: two years of hours, two weeks of minutes.
const MOST: usize = 20_000;

/// A pattern of cron: five fields, or a nickname (`@daily`).
pub(super) fn parse_cron(text: &str) -> Option<String> {
    let fields = match text.trim().to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *".to_owned(),
        "@monthly" => "0 0 1 * *".to_owned(),
        "@weekly" => "0 0 * * 0".to_owned(),
        "@daily" | "@midnight" => "0 0 * * *".to_owned(),
        "@hourly" => "0 * * * *".to_owned(),
        other => other.to_owned(),
    };
    if fields.split_whitespace().count() != 5 {
        return None;
    }
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let pattern = format!("0 {} *", fields.join(" "));
    parse(&pattern, false).map(|_| pattern)
}

/// Seven fields.
pub(super) fn parse(pattern: &str, both_days: bool) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .dom_and_dow(both_days)
        .build();
    parser.parse(pattern).ok()
}

/// The times within two others (seconds since 1970) at which it is due, in order, those first that come first; none for
/// what has no time of the clock. `zone` is the host's.
pub fn due(when: &When, from: f64, to: f64, zone: &Zone) -> Vec<f64> {
    let mut times = Vec::new();
    each_due(when, from, to, zone, |time| {
        times.push(time);
        times.len() < MOST
    });
    times
}

/// The first time after another, up to a third one: without working out those behind it.
pub(super) fn first_due(when: &When, after: f64, to: f64, zone: &Zone) -> Option<f64> {
    let mut first = None;
    each_due(when, after, to, zone, |time| {
        first = (time > after).then_some(time);
        first.is_none()
    });
    first
}

/// Whether there are more times within two others, without counting on.
pub(super) fn is_due_more_than(whens: &[When], from: f64, to: f64, zone: &Zone, most: f64) -> bool {
    let mut count = 0.0;
    for when in whens {
        let mut seen = 0;
        each_due(when, from, to, zone, |_| {
            count += 1.0;
            seen += 1;
            count <= most && seen < MOST
        });
    }
    count > most
}

/// One time after the other, as long as more are wanted.
fn each_due(when: &When, from: f64, to: f64, zone: &Zone, mut goes_on: impl FnMut(f64) -> bool) {
    let When::Clock { pattern, both_days, zone: own } = when else { return };
    let Some(cron) = parse(pattern, *both_days) else { return };
    let own = own.as_deref().map(|rules| Zone::new(Some(rules), 0));
    let zone = own.as_ref().unwrap_or(zone).time_zone();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of a float stops at the ends of the type"
    )]
    let Ok(first) = Timestamp::from_second(from.ceil() as i64 - 1) else { return };
    let mut at = first.to_zoned(zone);
    while let Ok(next) = cron.find_next_occurrence(&at, false) {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 seconds")]
        let time = next.timestamp().as_second() as f64;
        // Where the clock stands still or goes back, so does the search.
        if time > to || next.timestamp() <= at.timestamp() || !goes_on(time) {
            break;
        }
        at = next;
    }
}
