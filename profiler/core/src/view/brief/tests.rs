//! What the short summary says, and that it fits.

use std::io;

use crate::render::safe::columns;
use crate::render::{Style, text};
use crate::report::{Report, judged_sample, sample};

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

not seen  12 of 7,010 events (lost) · 2 patterns (too little to say) · below
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
