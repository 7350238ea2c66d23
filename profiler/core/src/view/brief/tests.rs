//! What the short summary says, and that it fits.

use std::io;

use crate::ids::FileClass;
use crate::render::safe::columns;
use crate::render::{Style, text};
use crate::report::{
    LongestSync, Mechanism, Report, SELF, Stall, StallCause, judged_sample, sample,
};

type Writer = fn(&Report, &Style, &mut dyn io::Write) -> io::Result<()>;

fn written(writer: Writer, report: &Report, width: usize) -> String {
    let mut out = Vec::new();
    writer(report, &Style { width, ..Style::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

// Property: the answer is a screen: state, why, who, what was not seen, what to do.
#[test]
fn the_answer_is_a_screen() {
    insta::assert_snapshot!(written(text::brief, &judged_sample::judged(), 80), @"
etcd 4711 on vda: contended disk
time   2026-03-01 13:00:00 to 13:00:30, 30.0 s, cp-1
waits  db sync p99 159 ms (limit 25.0 ms), worst 184 ms
       wal sync p99 58.7 ms (limit 10.0 ms), worst 79.3 ms
why    neighbours cause 56 % of the waits above their limit
       beside etcdctl: mean 16.4 ms, p99 134 ms; without 3.69 ms and 33.6 ms

WHO CAUSED THE WAIT    WAIT  SHARE  HOW             SEEN
backup etcdctl 5120  8.65 s   51 %  queue, journal  320 MiB
own IO and the disk  6.67 s   39 %  device, flush
unexplained          880 ms    5 %
kube-apiserver 3980  880 ms    5 %  queue           6.00 MiB

not seen  12 of 7,010 events (lost) · 3 patterns (too little to say) · below
          vda, other members, the network, logs
do        no setting here is known to help: move one of them to another disk
more      --full shows all tables, -o json all numbers
");
}

// Property: an interval is a line for each victim.
#[test]
fn an_interval_is_a_line() {
    insta::assert_snapshot!(written(text::brief_interval, &judged_sample::judged(), 80), @"
13:00:30 etcd 4711 contended disk: p99 159 ms, worst 184 ms; etcdctl 8.65 s
12 of 7,010 events lost (ring_full 12).
");
}

// Property: nothing is wider than the terminal, and at 80 columns nothing is longer than a screen, also of reports without an answer.
#[test]
fn it_fits() {
    for report in [judged_sample::judged(), judged_sample::blamed(), sample::report()] {
        for writer in [text::brief as Writer, text::brief_interval] {
            for width in 60..=200 {
                for line in written(writer, &report, width).lines() {
                    assert!(columns(line) <= width, "{width}: {line}");
                }
            }
            assert!(written(writer, &report, 80).lines().count() <= 24);
        }
    }
}

// Property: stalls are told in a line with how many there were, the longest, when, and by whom; without a culprit by what, and never
// where there was none.
#[test]
fn stalls_are_a_line() {
    let stall = |second: u64, ms: u64, culprit: &str, mechanism| Stall {
        victim: "4711@98765000000".into(),
        file_class: FileClass::Wal,
        limit_ns: 100_000_000,
        wait_ns: ms * 1_000_000,
        worst: LongestSync {
            start: format!("2026-03-01T13:00:{second:02}.345+01:00"),
            duration_ns: ms * 1_000_000,
        },
        causes: vec![StallCause {
            culprit: culprit.into(),
            mechanism: Some(mechanism),
            device: None,
            wait_ns: ms * 1_000_000,
        }],
        ..Stall::default()
    };
    let said = |stalls: Vec<Stall>| {
        let mut report = judged_sample::judged();
        report.stalls = Some(stalls);
        let lines = written(text::brief, &report, 80);
        let line = lines.lines().find(|line| line.starts_with("stalls"));
        line.map(str::to_owned)
    };
    let others = stall(7, 1_200, "5120@4321000000000", Mechanism::Queue);
    let own = stall(9, 131, SELF, Mechanism::Device);
    assert_eq!(
        said(vec![others, own.clone()]).unwrap(),
        "stalls  2 of 100 ms or longer, worst 1.20 s at 13:00:07: backup etcdctl 5120"
    );
    let by_itself = "stalls  1 of 100 ms or longer, worst 131 ms at 13:00:09: the disk itself";
    assert_eq!(said(vec![own]).unwrap(), by_itself);
    assert_eq!(said(vec![]), None);
}
