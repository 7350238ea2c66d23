//! Stalls: when, how long, and behind whom; the longest few, in full all of them.

use std::cmp::Reverse;

use super::document::{Block, Cell, Column, Row, Section, SectionId, Table};
use super::names::name_of;
use super::{Options, time};
use crate::report::{Culprit, Mostly, Report, Share, Stall};
use crate::text::names::time_of_day;
use crate::text::{Label, Msg, OfStalls, text};
use crate::units;

/// Rows where not everything is shown.
const SHOWN: usize = 5;

const COLUMNS: [Column; 6] = [
    Column::words(Label::At, 0),
    Column::numbers(Label::WorstSync, 0),
    Column::numbers(Label::Lasted, 2),
    Column::numbers(Label::LongSyncs, 3),
    Column::words(Label::Victim, 1),
    Column::words(Label::Behind, 0),
];

/// The section; `None` when there was none, or nobody looked. In full it says that there was none.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    let judged = report.stalls.as_ref()?.iter().filter(|one| one.mostly.is_some());
    let all: Vec<&Stall> = judged.collect();
    let Some(first) = all.first() else {
        let none = Block::said(text(options.lang, &Msg::OfStalls(OfStalls::NoStalls)));
        return options.full.then(|| section_of(vec![none]));
    };
    let (limit, count) = (time(first.limit_ns), all.len() as u64);
    let head = OfStalls::Stalls { count, limit: &limit, source: first.limit_source };
    let mut blocks = vec![Block::said(text(options.lang, &Msg::OfStalls(head)))];
    let shown = shown(&all, options);
    let left_out = all.len() - shown.len();
    let rows = shown.into_iter().map(|one| row(report, one, options)).collect();
    blocks.push(Block::Table(Table { columns: COLUMNS.to_vec(), rows }));
    if left_out > 0 {
        let more = units::count(left_out as u64);
        let more = Msg::OfStalls(OfStalls::MoreStalls(&more));
        blocks.push(Block::said(text(options.lang, &more)));
    }
    Some(section_of(blocks))
}

const fn section_of(blocks: Vec<Block>) -> Section {
    Section::new(SectionId::Stalls, Label::StallsTitle, blocks)
}

/// Those with the longest syncs, in the order of time.
fn shown<'a>(all: &[&'a Stall], options: Options) -> Vec<&'a Stall> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| Reverse(all[*at].worst.duration_ns));
    order.truncate(if options.full { all.len() } else { SHOWN });
    order.sort_unstable();
    order.into_iter().map(|at| all[at]).collect()
}

fn row(report: &Report, stall: &Stall, options: Options) -> Row {
    let at = if options.full { stall.start.clone() } else { time_of_day(&stall.start) };
    let waits = format!("{} {}", name_of(report, &stall.victim), stall.file_class.name());
    Row::plain(vec![
        Cell::Words(at),
        Cell::Time(stall.worst.duration_ns),
        Cell::Time(stall.duration_ns),
        Cell::Count(stall.syncs),
        Cell::Name(waits),
        behind(report, stall, options),
    ])
}

/// Who caused it, else what.
fn behind(report: &Report, stall: &Stall, options: Options) -> Cell {
    if !stall.culprits.is_empty() {
        let all = stall.culprits.iter().map(|one| culprit(report, one, options));
        return Cell::Name(all.collect::<Vec<_>>().join(", "));
    }
    Cell::Label(what(stall.mostly))
}

/// What makes most of a stall that has no culprit.
pub(super) const fn what(mostly: Option<Mostly>) -> Label {
    match mostly {
        Some(Mostly::Others) => Label::SeveralCauses,
        Some(Mostly::Disk) => Label::DiskItself,
        Some(Mostly::Cpu) => Label::NoCpu,
        Some(Mostly::Unknown) | None => Label::CauseUnknown,
    }
}

fn culprit(report: &Report, one: &Culprit, options: Options) -> String {
    let name = name_of(report, &one.actor);
    let share = units::share(one.share.millionths(), Share::WHOLE).unwrap_or_default();
    let runs = if one.runs > 1 { units::count(one.runs) } else { String::new() };
    let msg = OfStalls::CulpritShare { name: &name, runs: &runs, share: &share };
    text(options.lang, &Msg::OfStalls(msg))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{LongestSync, judged_sample};
    use crate::view::tests::in_text;

    fn stall(second: u64, ms: u64, mostly: Mostly, culprits: Vec<Culprit>) -> Stall {
        let start = format!("2026-03-01T13:00:{second:02}.345+01:00");
        Stall {
            victim: "4711@98765000000".into(),
            start: start.clone(),
            duration_ns: ms * 1_000_000,
            limit_ns: 100_000_000,
            syncs: 1,
            worst: LongestSync { start, duration_ns: ms * 1_000_000 },
            mostly: Some(mostly),
            culprits,
            ..Stall::default()
        }
    }

    fn said(stalls: Vec<Stall>, options: Options) -> String {
        let mut report = judged_sample::judged();
        report.stalls = Some(stalls);
        in_text(section(&report, options), 100)
    }

    fn backup(runs: u64) -> Vec<Culprit> {
        vec![Culprit { actor: "5120@4321000000000".into(), runs, share: Share::rounded(0.97) }]
    }

    #[test]
    fn a_stall_is_told_in_a_row() {
        let all = vec![
            stall(7, 131, Mostly::Others, backup(1)),
            stall(9, 1_129, Mostly::Others, backup(13)),
            stall(12, 104, Mostly::Unknown, vec![]),
        ];
        insta::assert_snapshot!(said(all, Options::default()), @"
        STALLS
        3 stalls with a sync of 100 ms or longer (etcd's default heartbeat interval):
        AT         WORST  LASTED   LONG  VICTIM           BEHIND
                    SYNC          SYNCS
        13:00:07  131 ms  131 ms      1  etcd 4711 other  backup etcdctl 5120 97.0 %
        13:00:09  1.13 s  1.13 s      1  etcd 4711 other  backup etcdctl 5120 (13 runs) 97.0 %
        13:00:12  104 ms  104 ms      1  etcd 4711 other  not known
        ");
    }

    /// Property: at most five rows, those with the longest syncs in the order of time; in full all of them.
    #[test]
    fn the_longest_five_are_shown() {
        let all: Vec<Stall> =
            (0..8).map(|at| stall(at, 200 - at * 7 % 40, Mostly::Disk, vec![])).collect();
        let short = said(all.clone(), Options::default());
        assert_eq!(short.matches("the disk itself").count(), SHOWN, "{short}");
        assert!(short.contains("and 3 shorter ones"), "{short}");
        let full = said(all, Options { full: true, ..Options::default() });
        assert_eq!(full.matches("the disk itself").count(), 8, "{full}");
    }

    /// Property: none is said in full only, and of a report that did not look nothing.
    #[test]
    fn none_is_said_in_full() {
        let full = Options { full: true, ..Options::default() };
        assert!(said(vec![], full).contains("No sync took"));
        assert_eq!(said(vec![], Options::default()), "");
        let report = judged_sample::judged();
        assert!(report.stalls.is_none() && section(&report, full).is_none());
    }
}
