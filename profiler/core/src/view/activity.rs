//! Backups and peaks: how often, in which rhythm, and which schedule entry they belong to.

use super::document::{Block, Section, SectionId};
use super::{IN_WORDS, Options, time};
use crate::report::{Activity, ActivityKind, Report, Scheduled};
use crate::safe::{printable, shorten};
use crate::text::{Label, Lang, Msg, periods, text};
use crate::units;

/// Rows of each kind.
const SHOWN: usize = 8;
/// Longest command that is shown, in columns.
const COMMAND: usize = 100;

/// The section; `None` when nothing was seen.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    let all = report.activity.as_deref().filter(|all| !all.is_empty())?;
    let mut said = Vec::new();
    for kind in [ActivityKind::Backup, ActivityKind::Peaks, ActivityKind::Scheduled] {
        let of_kind: Vec<&Activity> = all.iter().filter(|one| one.kind == kind).collect();
        said.extend(of_kind.iter().take(SHOWN).map(|one| line(one, options.lang)));
        if of_kind.len() > SHOWN {
            let more = units::count((of_kind.len() - SHOWN) as u64);
            said.push(text(options.lang, &Msg::MoreRows(&more)));
        }
    }
    let list = Block::list(said)?;
    Some(Section::new(SectionId::Activity, Label::ActivityTitle, vec![list]))
}

fn line(activity: &Activity, lang: Lang) -> String {
    let name = &activity.name;
    let times = activity.windows.len();
    let mut said = match activity.kind {
        ActivityKind::Backup => periods::ran(lang, name, times, activity.actors.len()),
        ActivityKind::Peaks => {
            let worst = activity.windows.iter().filter_map(|window| window.worst_ns).max();
            periods::peaks(lang, name, times, &time(worst.unwrap_or(0)))
        }
        ActivityKind::Scheduled => periods::scheduled(lang, name),
    };
    for period in activity.period.iter().chain(&activity.further_periods) {
        said.push_str(", ");
        said.push_str(&periods::claim(lang, period));
    }
    said.push('.');
    let mut parts = vec![said];
    if activity.kind != ActivityKind::Scheduled {
        parts.extend(activity.not_yet.as_ref().map(|why| periods::not_yet(lang, why)));
    }
    parts.extend(activity.schedule.as_ref().map(|entry| schedule(activity.kind, entry, lang)));
    if activity.kind == ActivityKind::Backup
        && let Some(with_peaks) = activity.windows_with_peaks
    {
        parts.push(periods::with_peaks(lang, with_peaks, times));
    }
    parts.join(" ")
}

fn schedule(kind: ActivityKind, entry: &Scheduled, lang: Lang) -> String {
    let command = shorten(&printable(&entry.command, &IN_WORDS), COMMAND, &IN_WORDS);
    periods::entry(lang, kind == ActivityKind::Scheduled, &Scheduled { command, ..entry.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ActivityWindow, NotYet, Period};

    fn said(activity: Vec<Activity>) -> String {
        let mut report = crate::report::sample::report();
        report.activity = Some(activity);
        crate::view::tests::in_text(section(&report, Options::default()), 400)
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
                seconds: 3_600,
                phase_seconds: Some(300),
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
        let said = said(vec![backup()]);
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
            said(vec![with(Some(true), false)]).contains("These are the times of /etc/crontab:12")
        );
        assert!(
            said(vec![with(Some(false), true)])
                .contains("/etc/crontab:12 names the same command for other times")
        );
        assert!(said(vec![with(None, true)]).contains("/etc/crontab:12 names the same command: "));
        let not_yet =
            Activity { period: None, not_yet: Some(NotYet::Irregular { starts: 5 }), ..backup() };
        assert!(
            said(vec![not_yet])
                .contains("ran 5 times. No period: it began 5 times, and none fits.")
        );
        let peaks = Activity {
            kind: ActivityKind::Peaks,
            windows: vec![ActivityWindow {
                worst_ns: Some(40_000_000),
                ..ActivityWindow::default()
            }],
            schedule: None,
            ..backup()
        };
        assert!(said(vec![peaks]).contains("had waits far above its baseline once"), "peaks");
        let heard =
            Activity { kind: ActivityKind::Scheduled, windows: vec![], period: None, ..backup() };
        assert!(said(vec![heard.clone()]).contains("next at 2026-03-01T06:05:00.000+00:00"));
        assert!(said(vec![heard; 12]).contains("and 4 more"));
        assert_eq!(said(vec![]), "");
    }
}
