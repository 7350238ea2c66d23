//! Calendar events and time spans of systemd (systemd.time(7)), as far as backups use them.
//!
//! Understood: the names (`hourly`, `daily`, …), weekdays, dates and times with `*`, lists, ranges and steps, and UTC at
//! the end. Not understood: `~` (days before the end of a month), fractions of seconds, other zones unless their rules are
//! given.

use super::When;
use super::due::parse;

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A calendar event; `zone` gives the rules of a zone by its name.
pub(super) fn calendar(text: &str, zone: &dyn Fn(&str) -> Option<String>) -> Option<When> {
    let text = text.trim();
    let whole = match text.to_ascii_lowercase().as_str() {
        "minutely" => "*-*-* *:*:00",
        "hourly" => "*-*-* *:00:00",
        "daily" => "*-*-* 00:00:00",
        "weekly" => "Mon *-*-* 00:00:00",
        "monthly" => "*-*-01 00:00:00",
        "quarterly" => "*-01,04,07,10-01 00:00:00",
        "semiannually" => "*-01,07-01 00:00:00",
        "yearly" | "annually" => "*-01-01 00:00:00",
        _ => text,
    };
    let mut words: Vec<&str> = whole.split_whitespace().collect();
    let mut own = None;
    if let Some(last) = words.last()
        && last.chars().next().is_some_and(char::is_alphabetic)
        && weekdays(last).is_none()
    {
        own = Some(if last.eq_ignore_ascii_case("utc") { "UTC0".to_owned() } else { zone(last)? });
        words.pop();
    }
    let (mut days, mut date, mut time) = (None, None, None);
    for word in words {
        if word.contains(':') && time.is_none() {
            time = Some(time_of_day(word)?);
        } else if let Some(list) = weekdays(word).filter(|_| days.is_none() && date.is_none()) {
            days = Some(list);
        } else if word.contains('-') && date.is_none() && time.is_none() {
            date = Some(date_of(word)?);
        } else {
            return None;
        }
    }
    if days.is_none() && date.is_none() && time.is_none() {
        return None;
    }
    let [year, month, day] = date.unwrap_or_else(|| ["*", "*", "*"].map(str::to_owned));
    let [hour, minute, second] = time.unwrap_or_else(|| ["0", "0", "0"].map(str::to_owned));
    let days = days.unwrap_or_else(|| "*".to_owned());
    let pattern = format!("{second} {minute} {hour} {day} {month} {days} {year}");
    parse(&pattern, true)?;
    Some(When::Clock { pattern, both_days: true, zone: own })
}

/// `Mon..Fri,Sun` as numbers.
fn weekdays(word: &str) -> Option<String> {
    let number = |name: &str| {
        let name = name.to_ascii_lowercase();
        // Three letters or the whole name.
        let found = WEEKDAYS.iter().position(|short| name.starts_with(short))?;
        let full = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
        (name.len() == 3 || name == full[found]).then_some(found)
    };
    let mut days = Vec::new();
    for part in word.split(',') {
        let (from, to) = part.split_once("..").unwrap_or((part, part));
        let (from, to) = (number(from)?, number(to)?);
        let mut day = from;
        loop {
            days.push(day.to_string());
            if day == to {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Some(days.join(","))
}

/// `[YEAR-]MONTH-DAY`
fn date_of(word: &str) -> Option<[String; 3]> {
    let parts: Vec<&str> = word.split('-').collect();
    let (year, month, day) = match parts[..] {
        [year, month, day] => (year, month, day),
        [month, day] => ("*", month, day),
        _ => return None,
    };
    Some([component(year, 1_970, 2_199)?, component(month, 1, 12)?, component(day, 1, 31)?])
}

/// `HOUR:MINUTE[:SECOND]`
fn time_of_day(word: &str) -> Option<[String; 3]> {
    let mut parts = word.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let second = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    Some([component(hour, 0, 23)?, component(minute, 0, 59)?, component(second, 0, 59)?])
}

/// A component as cron writes it: `*`, numbers, `a..b`, each with a step.
fn component(text: &str, least: u32, most: u32) -> Option<String> {
    let number =
        |text: &str| text.parse::<u32>().ok().filter(|number| (least..=most).contains(number));
    let mut parts = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?))
            }
            None => (part, None),
        };
        let range = if range == "*" {
            if step.is_some() { format!("{least}-{most}") } else { "*".to_owned() }
        } else if let Some((from, to)) = range.split_once("..") {
            format!("{}-{}", number(from)?, number(to)?)
        } else {
            let from = number(range)?;
            if step.is_some() { format!("{from}-{most}") } else { from.to_string() }
        };
        parts.push(step.map_or_else(|| range.clone(), |step| format!("{range}/{step}")));
    }
    Some(parts.join(","))
}

/// A time span in seconds (`1h 30min`, `90`, `1d`); parts below a second are left out.
pub(super) fn span(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let seconds: u64 = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            "ms" | "msec" | "us" | "usec" => 0,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(seconds)?)?;
        rest = next.trim_start();
    }
    Some(sum)
}
