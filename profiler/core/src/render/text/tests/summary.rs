//! What the summary looks like.

use insta::assert_snapshot;

use super::{judged_sample, rendered, sample, width};
use crate::render::text::summary;

/// What stands before the details.
fn answer(columns: usize) -> String {
    let text = rendered(summary, &judged_sample::judged(), width(columns));
    text.split_once("\nwindow ").unwrap().0.to_owned()
}

#[test]
fn the_answer_comes_first_at_80_columns() {
    assert_snapshot!(answer(80), @"
    verdict  contended disk: others cause 55.8 % of the waits that are too long: the
             backup `etcdctl .. snapshot save /var/backups/etcd/hourly.db` (pid
             5120) started by cron (db sync of etcd (pid 4711): p99 159 ms, max 184
             ms, limit 25.0 ms).

    FINDINGS
    critical  the backup `etcdctl .. snapshot save /var/backups/etcd/hourly.db` (pid
              5120) started by cron makes etcd (pid 4711) wait for vda: 54.5 % of
              the time in its wal syncs (p99 58.7 ms, limit 10.0 ms). While it is at
              work a sync takes 16.4 ms on average, else 3.69 ms.
              (snapshot-contention, confidence 88 %) Whether it comes again, and
              what starts it then, is not known. 12 of 7,010 events were lost.

    WHO CAUSED THE WAIT
    CULPRIT              WAITED IN      WAITED   SHARE  HOW
    backup etcdctl 5120  wal fdatasync  6.66 s  54.5 %  queue 38.5 %, journal 16.0 %
    self                 wal fdatasync  3.80 s  31.1 %  device 23.0 %, flush 8.1 %
    self                 db fdatasync   2.86 s  59.0 %  device
    backup etcdctl 5120  db fdatasync   1.99 s  41.0 %  queue
    unexplained          wal fdatasync  880 ms   7.2 %  unexplained
    kube-apiserver 3980  wal fdatasync  880 ms   7.2 %  queue
    total                               17.1 s

    LATENCY WITHOUT AND WITH EACH CULPRIT
    CULPRIT              without  without  without   with     with    with
                           count     mean      p99  count     mean     p99
    backup etcdctl 5120    1,200  3.69 ms  33.6 ms    800  16.4 ms  134 ms

    LONGEST SYNCS OF THE TARGETS
    etcd 4711, at 13:00:12.345, fdatasync of wal (/var/lib/e…00b40.wal): 79.3 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
    etcd 4711, at 13:00:11.111, fdatasync of wal (/var/lib/e…00b40.wal): 76.7 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
    etcd 4711, at 13:00:09.877, fdatasync of wal (/var/lib/e…00b40.wal): 74.0 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
    ");
}

#[test]
fn the_answer_comes_first_at_120_columns() {
    assert_snapshot!(answer(120), @"
    verdict  contended disk: others cause 55.8 % of the waits that are too long: the backup `etcdctl .. snapshot save
             /var/backups/etcd/hourly.db` (pid 5120) started by cron (db sync of etcd (pid 4711): p99 159 ms, max 184 ms,
             limit 25.0 ms).

    FINDINGS
    critical  the backup `etcdctl .. snapshot save /var/backups/etcd/hourly.db` (pid 5120) started by cron makes etcd (pid
              4711) wait for vda: 54.5 % of the time in its wal syncs (p99 58.7 ms, limit 10.0 ms). While it is at work a
              sync takes 16.4 ms on average, else 3.69 ms.
              (snapshot-contention, confidence 88 %) Whether it comes again, and what starts it then, is not known. 12 of
              7,010 events were lost.

    WHO CAUSED THE WAIT
    CULPRIT              VICTIM     WAITED IN      DEV  WAITED   SHARE  HOW
    backup etcdctl 5120  etcd 4711  wal fdatasync  vda  6.66 s  54.5 %  queue 38.5 %, journal 16.0 %
    self                 etcd 4711  wal fdatasync  vda  3.80 s  31.1 %  device 23.0 %, flush 8.1 %
    self                 etcd 4711  db fdatasync   vda  2.86 s  59.0 %  device
    backup etcdctl 5120  etcd 4711  db fdatasync   vda  1.99 s  41.0 %  queue
    unexplained          etcd 4711  wal fdatasync  vda  880 ms   7.2 %  unexplained
    kube-apiserver 3980  etcd 4711  wal fdatasync  vda  880 ms   7.2 %  queue
    total                                               17.1 s

    LATENCY WITHOUT AND WITH EACH CULPRIT
    CULPRIT              VICTIM     WAITED IN  without  without  without   with     with    with
                                                 count     mean      p99  count     mean     p99
    backup etcdctl 5120  etcd 4711  fdatasync    1,200  3.69 ms  33.6 ms    800  16.4 ms  134 ms

    LONGEST SYNCS OF THE TARGETS
    etcd 4711, at 13:00:12.345, fdatasync of wal (/var/lib/etcd/mem…000000000b40.wal): 79.3 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
    etcd 4711, at 13:00:11.111, fdatasync of wal (/var/lib/etcd/mem…000000000b40.wal): 76.7 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
    etcd 4711, at 13:00:09.877, fdatasync of wal (/var/lib/etcd/mem…000000000b40.wal): 74.0 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
    ");
}

#[test]
fn at_80_columns() {
    assert_snapshot!(rendered(summary, &sample::report(), width(80)), @"
    LONGEST SYNCS OF THE TARGETS
    etcd 4711, at 13:00:12.345, fdatasync of wal (/var/lib/e…00b40.wal): 79.3 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
    etcd 4711, at 13:00:11.111, fdatasync of wal (/var/lib/e…00b40.wal): 76.7 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
    etcd 4711, at 13:00:09.877, fdatasync of wal (/var/lib/e…00b40.wal): 74.0 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %

    window    2026-03-01T13:00:00.000+01:00 to 2026-03-01T13:00:30.000+01:00, 30.0 s
    host      cp-1 · 6.12.48-amd64 · x86_64 · 4 CPUs · cgroup v2
    pressure  IO held up some task 41.2 % and all tasks 38.9 % of the time
    targets   auto: etcd 4711

    DEVICES
    DEV  SCHED        REQUESTS    BYTES    BUSY      q2d      d2c      q2c
                                                     p99      p99      p99
    vda  mq-deadline     5,006  387 MiB  93.0 %  35.7 ms  21.0 ms  50.3 ms

    WAITS OF THE TARGETS
    etcd 4711, fdatasync of wal (/var/lib/etcd/member/wal): 1,710 times
    mean 7.15 ms, p50 6.29 ms, p99 58.7 ms, max 79.3 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
        UP TO                                            COUNT  SO FAR
      4.19 ms  ▊                                            36   2.1 %
      8.39 ms  ████████████████████████████████████████  1,646  98.4 %
      16.8 ms                                                0  98.4 %
      33.6 ms                                                0  98.4 %
      67.1 ms  ▎                                            15  99.2 %
       134 ms  ▎                                            13   100 %

    etcd 4711, fdatasync of db (/var/lib/etcd/member/snap/db): 290 times
    mean 16.7 ms, p50 15.2 ms, p99 159 ms, max 184 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable
    1.2 %, rest 0.7 %
        UP TO                                            COUNT  SO FAR
      16.8 ms  ████████████████████████████████████████    203  70.0 %
      33.6 ms  ████████████████▎                            83  98.6 %
      67.1 ms                                                0  98.6 %
       134 ms                                                0  98.6 %
       268 ms  ▊                                             4   100 %

    IO BY ACTOR (longest device time first)
    ACTOR                 CLASS          OP     REQUESTS     BYTES      DEV      q2c
                                                                       TIME      p99
    etcd 4711             wal            write     1,767  13.6 MiB   5.54 s  37.7 ms
    etcd 4711             wal            flush     1,710       0 B   3.28 s  15.7 ms
    etcd 4711             db             write       420  6.56 MiB   1.56 s  75.5 ms
    etcd 4711             db             read        320  40.0 MiB   505 ms  19.9 ms
    backup etcdctl 5120   backup-output  write       652   320 MiB   8.29 s   403 ms
    kube-apiserver 3980   audit-log      write        96  6.00 MiB   541 ms   136 ms
    kernel kwo…/u8:2 219  other          write        33   396 KiB   148 ms  13.3 ms
    backup etcdctl 5120   backup-output  flush         1       0 B  39.6 ms  39.6 ms
    unattribut…ttach:vda  other          write         7  56.0 KiB  26.4 ms        -
    total                                          5,006   387 MiB

    WHO THEY ARE
    etcd 4711 · kube-system/etcd-cp-1/etcd
      etcd --name=cp-1 --data-dir=/var/lib/et…/10.0.0.11:2380 --snapshot-count=10000
    backup etcdctl 5120 · etcd-backup.service · exited
      etcdctl --endpoints=https://127.0.0.1:2…pshot save /var/backups/etcd/hourly.db
    kube-apiserver 3980 · /kubepods.slice/kube…ice/apiserver.scope
      kube-apiserver --audit-log-path=/var/log/audit/audit.log
    kernel kworker/u8:2 219
      kernel thread

    COVERAGE
    12 of 7,010 events lost (ring_full 12).
    387 MiB attributed: direct 15.5 %, writeback 84.3 %, journal 0.1 %, owner_cgroup
    0.1 %, unattributed <0.1 %.
    The kernel side ran 1.43 ms in all, 286 ns per request.
    Its maps hold 6.50 MiB.

    NOTES
    on_xfs_file_fsync is not attached to xfs_file_fsync: xfs is not loaded.
    One member was watched; the others were not looked at.
    ");
}

#[test]
fn at_120_columns() {
    assert_snapshot!(rendered(summary, &sample::report(), width(120)), @"
    LONGEST SYNCS OF THE TARGETS
    etcd 4711, at 13:00:12.345, fdatasync of wal (/var/lib/etcd/mem…000000000b40.wal): 79.3 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
    etcd 4711, at 13:00:11.111, fdatasync of wal (/var/lib/etcd/mem…000000000b40.wal): 76.7 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
    etcd 4711, at 13:00:09.877, fdatasync of wal (/var/lib/etcd/mem…000000000b40.wal): 74.0 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %

    window    2026-03-01T13:00:00.000+01:00 to 2026-03-01T13:00:30.000+01:00, 30.0 s
    host      cp-1 · 6.12.48-amd64 · x86_64 · 4 CPUs · cgroup v2
    pressure  IO held up some task 41.2 % and all tasks 38.9 % of the time
    targets   auto: etcd 4711

    DEVICES
    DEV  SCHED        FILE SYSTEMS  REQUESTS    BYTES  FLUSHES    BUSY  DEPTH      q2d      d2c      q2c     q2c
                                                                                   p99      p99      p99     max
    vda  mq-deadline  ext4 /           5,006  387 MiB    1,768  93.0 %    6.4  35.7 ms  21.0 ms  50.3 ms  488 ms

    WAITS OF THE TARGETS
    etcd 4711, fdatasync of wal (/var/lib/etcd/member/wal): 1,710 times
    mean 7.15 ms, p50 6.29 ms, p99 58.7 ms, max 79.3 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
        UP TO                                            COUNT  SO FAR
      4.19 ms  ▊                                            36   2.1 %
      8.39 ms  ████████████████████████████████████████  1,646  98.4 %
      16.8 ms                                                0  98.4 %
      33.6 ms                                                0  98.4 %
      67.1 ms  ▎                                            15  99.2 %
       134 ms  ▎                                            13   100 %

    etcd 4711, fdatasync of db (/var/lib/etcd/member/snap/db): 290 times
    mean 16.7 ms, p50 15.2 ms, p99 159 ms, max 184 ms
    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %
        UP TO                                            COUNT  SO FAR
      16.8 ms  ████████████████████████████████████████    203  70.0 %
      33.6 ms  ████████████████▎                            83  98.6 %
      67.1 ms                                                0  98.6 %
       134 ms                                                0  98.6 %
       268 ms  ▊                                             4   100 %

    IO BY ACTOR (longest device time first)
    ACTOR                         CLASS          DEV  OP     REQUESTS     BYTES      DEV      q2d      d2c      q2c      q2c
                                                                                    TIME      p99      p99      p99      max
    etcd 4711                     wal            vda  write     1,767  13.6 MiB   5.54 s  12.6 ms  25.2 ms  37.7 ms  52.2 ms
    etcd 4711                     wal            vda  flush     1,710       0 B   3.28 s   279 µs  15.7 ms  15.7 ms  21.7 ms
    etcd 4711                     db             vda  write       420  6.56 MiB   1.56 s  39.8 ms  35.7 ms  75.5 ms  86.5 ms
    etcd 4711                     db             vda  read        320  40.0 MiB   505 ms  4.98 ms  14.7 ms  19.9 ms  22.8 ms
    backup etcdctl 5120           backup-output  vda  write       652   320 MiB   8.29 s   285 ms   117 ms   403 ms   488 ms
    kube-apiserver 3980           audit-log      vda  write        96  6.00 MiB   541 ms  83.4 ms  52.9 ms   136 ms   136 ms
    kernel kworker/u8:2 219       other          vda  write        33   396 KiB   148 ms  7.85 ms  5.49 ms  13.3 ms  13.3 ms
    backup etcdctl 5120           backup-output  vda  flush         1       0 B  39.6 ms  25.6 µs  39.6 ms  39.6 ms  39.6 ms
    unattributed:i…at_attach:vda  other          vda  write         7  56.0 KiB  26.4 ms        -  4.66 ms        -        -
    total                                                       5,006   387 MiB

    WHO THEY ARE
    etcd 4711 · kube-system/etcd-cp-1/etcd
      etcd --name=cp-1 --data-dir=/var/lib/etcd --listen-client-u…en-peer-urls=https://10.0.0.11:2380 --snapshot-count=10000
    backup etcdctl 5120 · etcd-backup.service · exited
      etcdctl --endpoints=https://127.0.0.1:2379 snapshot save /var/backups/etcd/hourly.db
    kube-apiserver 3980 · /kubepods.slice/kubepods-burstable.slice/apiserver.scope
      kube-apiserver --audit-log-path=/var/log/audit/audit.log
    kernel kworker/u8:2 219
      kernel thread

    COVERAGE
    12 of 7,010 events lost (ring_full 12).
    387 MiB attributed: direct 15.5 %, writeback 84.3 %, journal 0.1 %, owner_cgroup 0.1 %, unattributed <0.1 %.
    The kernel side ran 1.43 ms in all, 286 ns per request.
    Its maps hold 6.50 MiB.

    NOTES
    on_xfs_file_fsync is not attached to xfs_file_fsync: xfs is not loaded.
    One member was watched; the others were not looked at.
    ");
}
