//! Backups and peaks: how often, in which rhythm, and which schedule entry they belong to.

use std::io::{self, Write};

use super::lines::{paragraph, title};
use crate::render::safe::{printable, shorten};
use crate::render::{Style, units};
use crate::report::{Activity, ActivityKind, Report, Scheduled};
use crate::text::{Label, periods};

/// Rows of each kind.
const SHOWN: usize = 8;
/// Longest command that is shown, in columns.
const COMMAND: usize = 100;

/// Writes the section; nothing when nothing was seen.
pub(super) fn section(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let all = report.activity.as_deref().unwrap_or_default();
    if all.is_empty() {
        return Ok(());
    }
    title(Label::ActivityTitle, style, out)?;
    for kind in [ActivityKind::Backup, ActivityKind::Peaks, ActivityKind::Scheduled] {
        let of_kind: Vec<&Activity> = all.iter().filter(|one| one.kind == kind).collect();
        for one in of_kind.iter().take(SHOWN) {
            paragraph(&line(one, style), style, out)?;
        }
        if of_kind.len() > SHOWN {
            let more = units::count(u64::try_from(of_kind.len() - SHOWN).unwrap_or(u64::MAX));
            paragraph(&periods::more(style.lang, &more), style, out)?;
        }
    }
    Ok(())
}

fn line(activity: &Activity, style: &Style) -> String {
    let name = printable(&activity.name, style);
    let times = activity.windows.len();
    let mut said = match activity.kind {
        ActivityKind::Backup => periods::ran(style.lang, &name, times),
        ActivityKind::Peaks => {
            let worst = activity.windows.iter().filter_map(|window| window.worst_ns).max();
            let worst = units::duration(worst.unwrap_or(0), style);
            periods::peaks(style.lang, &name, times, &worst)
        }
        ActivityKind::Scheduled => periods::scheduled(style.lang, &name),
    };
    for period in activity.period.iter().chain(&activity.further_periods) {
        said.push_str(", ");
        said.push_str(&periods::claim(style.lang, period));
    }
    said.push('.');
    let mut parts = vec![said];
    if activity.kind != ActivityKind::Scheduled {
        parts.extend(activity.not_yet.as_ref().map(|why| printable(why, style)));
    }
    parts.extend(activity.schedule.as_ref().map(|entry| schedule(activity.kind, entry, style)));
    if activity.kind == ActivityKind::Backup
        && let Some(with_peaks) = activity.windows_with_peaks
    {
        parts.push(periods::with_peaks(style.lang, with_peaks, times));
    }
    parts.join(" ")
}

fn schedule(kind: ActivityKind, entry: &Scheduled, style: &Style) -> String {
    let shown = Scheduled {
        source: printable(&entry.source, style),
        entry: printable(&entry.entry, style),
        command: shorten(&printable(&entry.command, style), COMMAND, style),
        next: entry.next.as_ref().map(|next| printable(next, style)),
        ..*entry
    };
    periods::entry(style.lang, kind == ActivityKind::Scheduled, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ActivityWindow, Period};

    fn text(activity: Vec<Activity>) -> String {
        let mut report = crate::report::sample::report();
        report.activity = Some(activity);
        let mut out = Vec::new();
        section(&report, &Style { width: 400, ..Style::default() }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn entry(times_agree: Option<bool>, command_agrees: bool) -> Scheduled {
        Scheduled {
            source: "/etc/crontab:12".into(),
            entry: "5 * * * *".into(),
            command: "etcdctl snapshot save /b/\u{1b}[31mx.db".into(),
            times_agree,
            command_agrees,
            next: Some("2026-03-01T06:05:00.000+00:00".into()),
        }
    }

    fn backup() -> Activity {
        Activity {
            name: "etcdctl snapshot save".into(),
            windows: vec![ActivityWindow::default(); 5],
            period: Some(Period {
                text: "every hour at :05".into(),
                cycles: 5,
                missed: 1,
                confidence: 0.75,
                ..Period::default()
            }),
            schedule: Some(entry(Some(true), true)),
            windows_with_peaks: Some(4),
            ..Activity::default()
        }
    }

    /// Property: one sentence has what, how often, when, who says so, and what it does to the targets; nothing from
    /// outside reaches the terminal as it is.
    #[test]
    fn a_backup_is_told_in_a_few_sentences() {
        let said = text(vec![backup()]);
        assert!(
            said.contains(
                "The backup `etcdctl snapshot save` ran 5 times, every hour at :05 (5 of 6 cycles, confidence 75%). "
            ),
            "{said}"
        );
        assert!(
            said.contains("/etc/crontab:12 says so: `5 * * * *` etcdctl snapshot save"),
            "{said}"
        );
        assert!(
            said.contains("Peaks of the targets' waits began in 4 of its 5 windows."),
            "{said}"
        );
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }

    /// Property: what agrees, and what is missing, is said.
    #[test]
    fn what_agrees_is_said() {
        let with = |times, command| Activity { schedule: Some(entry(times, command)), ..backup() };
        assert!(
            text(vec![with(Some(true), false)]).contains("These are the times of /etc/crontab:12")
        );
        assert!(
            text(vec![with(Some(false), true)])
                .contains("/etc/crontab:12 names the same command for other times")
        );
        assert!(text(vec![with(None, true)]).contains("/etc/crontab:12 names the same command: "));
        let not_yet = Activity { period: None, not_yet: Some("No period yet.".into()), ..backup() };
        assert!(text(vec![not_yet]).contains("ran 5 times. No period yet."));
        let peaks = Activity {
            kind: ActivityKind::Peaks,
            windows: vec![ActivityWindow {
                worst_ns: Some(40_000_000),
                ..ActivityWindow::default()
            }],
            schedule: None,
            ..backup()
        };
        assert!(text(vec![peaks]).contains("waited far longer than usual once"), "peaks");
        let heard =
            Activity { kind: ActivityKind::Scheduled, windows: vec![], period: None, ..backup() };
        assert!(text(vec![heard.clone()]).contains("next at 2026-03-01T06:05:00.000+00:00"));
        assert!(text(vec![heard; 12]).contains("and 4 more"));
        assert_eq!(text(vec![]), "");
    }
}
