//! What an interval looks like.

use insta::assert_snapshot;

use super::{rendered, sample, width};
use crate::render::text::interval;

#[test]
fn at_80_columns() {
    assert_snapshot!(rendered(interval, &sample::report(), width(80)), @"
2026-03-01T13:00:30.000+01:00 · 30.0 s · cp-1
IO held up some task 41.2 % and all tasks 38.9 % of the time
vda: 167 IOPS, 12.9 MiB/s · busy 93.0 % · depth 6.4 · 59 flushes/s
ACTOR                     CLASS          OP     IOPS   BYTES/s      d2c      q2c
                                                                    p99      p99
etcd 4711                 wal            write    59   464 KiB  25.2 ms  37.7 ms
etcd 4711                 wal            flush    57       0 B  15.7 ms  15.7 ms
etcd 4711                 db             write    14   224 KiB  35.7 ms  75.5 ms
etcd 4711                 db             read     11  1.33 MiB  14.7 ms  19.9 ms
backup etcdctl 5120       backup-output  write    22  10.7 MiB   117 ms   403 ms
kube-apiserver 3980       audit-log      write   3.2   205 KiB  52.9 ms   136 ms
kernel kworker/u8:2 219   other          write   1.1  13.2 KiB  5.49 ms  13.3 ms
backup etcdctl 5120       backup-output  flush  <0.1       0 B  39.6 ms  39.6 ms
unattributed…_attach:vda  other          write   0.2  1.87 KiB  4.66 ms        -
ACTOR      CLASS  WAITED IN  COUNT      p50      p99      max
etcd 4711  wal    fdatasync  1,710  6.29 ms  58.7 ms  79.3 ms
etcd 4711  db     fdatasync    290  15.2 ms   159 ms   184 ms
12 of 7,010 events lost (ring_full 12).
");
}

#[test]
fn at_120_columns() {
    assert_snapshot!(rendered(interval, &sample::report(), width(120)), @"
2026-03-01T13:00:30.000+01:00 · 30.0 s · cp-1
IO held up some task 41.2 % and all tasks 38.9 % of the time
vda: 167 IOPS, 12.9 MiB/s · busy 93.0 % · depth 6.4 · 59 flushes/s
ACTOR                             CLASS          DEV  OP     IOPS   BYTES/s      q2d      d2c      q2c      q2c      q2c
                                                                                 p99      p99      p50      p99      max
etcd 4711                         wal            vda  write    59   464 KiB  12.6 ms  25.2 ms  4.19 ms  37.7 ms  52.2 ms
etcd 4711                         wal            vda  flush    57       0 B   279 µs  15.7 ms  1.77 ms  15.7 ms  21.7 ms
etcd 4711                         db             vda  write    14   224 KiB  39.8 ms  35.7 ms  7.08 ms  75.5 ms  86.5 ms
etcd 4711                         db             vda  read     11  1.33 MiB  4.98 ms  14.7 ms  1.84 ms  19.9 ms  22.8 ms
backup etcdctl 5120               backup-output  vda  write    22  10.7 MiB   285 ms   117 ms  39.8 ms   403 ms   488 ms
kube-apiserver 3980               audit-log      vda  write   3.2   205 KiB  83.4 ms  52.9 ms  14.2 ms   136 ms   136 ms
kernel kworker/u8:2 219           other          vda  write   1.1  13.2 KiB  7.85 ms  5.49 ms  11.5 ms  13.3 ms  13.3 ms
backup etcdctl 5120               backup-output  vda  flush  <0.1       0 B  25.6 µs  39.6 ms  39.6 ms  39.6 ms  39.6 ms
unattributed:in_…t_at_attach:vda  other          vda  write   0.2  1.87 KiB        -  4.66 ms        -        -        -
ACTOR      CLASS  WAITED IN  COUNT      p50      p99      max
etcd 4711  wal    fdatasync  1,710  6.29 ms  58.7 ms  79.3 ms
etcd 4711  db     fdatasync    290  15.2 ms   159 ms   184 ms
12 of 7,010 events lost (ring_full 12).
");
}
