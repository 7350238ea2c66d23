//! What a ticket looks like, that it says what JSON says, and that nothing in it can do anything.

use insta::assert_snapshot;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::document;
use crate::render::{Style, json, text, units};
use crate::report::{Actor, Note, Report, check_consistency, judged_sample, sample};

fn rendered(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    document(report, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parser(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a ticket is long")]
fn a_ticket() {
    assert_snapshot!(rendered(&judged_sample::judged(), Style::default()), @r"
    # iocontend on cp-1: contended disk

    **etcd 4711 on vda: contended disk**

    - **time**: 2026-03-01 13:00:00 to 13:00:30, 30.0 s, cp-1
    - **waits**: db sync p99 159 ms (limit 25.0 ms), worst 184 ms
    - wal sync p99 58.7 ms (limit 10.0 ms), worst 79.3 ms
    - **why**: neighbours cause 56 % of the waits above their limit
    - beside etcdctl: mean 16.4 ms, p99 134 ms; without 3.69 ms and 33.6 ms

    ## Causes

    | WHO CAUSED THE WAIT | WAIT | SHARE | HOW | SEEN |
    | --- | ---: | ---: | --- | --- |
    | backup etcdctl 5120 | 8.65 s | 51 % | queue, journal | 320 MiB |
    | own IO and the disk | 6.67 s | 39 % | device, flush |  |
    | unexplained | 880 ms | 5 % |  |  |
    | kube-apiserver 3980 | 880 ms | 5 % | queue | 6.00 MiB |

    ## What to do first

    - **not seen**: 12 of 7,010 events (lost) · 3 patterns (too little to say) · below vda, other members, the network, logs
    - **do**: no setting here is known to help: move one of them to another disk

    ## Verdict

    - **verdict**: contended disk: others cause 55.8 % of the waits that are too long: the backup `etcdctl .. snapshot save /var/backups/etcd/hourly.db` (pid 5120) started by cron (db sync of etcd (pid 4711): p99 159 ms, max 184 ms, limit 25.0 ms).
    - Of the waits that are too long, others are charged with 55.8 %, IO that nobody could be named for with 0 %, the disk itself with 39.0 %, the CPU or a lack of it with 0 %; 5.2 % is not explained.
    - wal sync of etcd (pid 4711): p99 58.7 ms, max 79.3 ms, limit 10.0 ms

    ## Findings

    - **critical**: the backup `etcdctl .. snapshot save /var/backups/etcd/hourly.db` (pid 5120) started by cron makes etcd (pid 4711) wait for vda: 54.5 % of the time in its wal syncs (p99 58.7 ms, limit 10.0 ms). While it is at work a sync takes 16.4 ms on average, else 3.69 ms.
      - (`snapshot-contention`, confidence 88 %)
      - Whether it comes again, and what starts it then, is not known.
      - 12 of 7,010 events were lost.
      - numbers: `alone_count 1200`, `alone_mean_ns 3689000`, `alone_p99_ns 33554431`, `charged_ns 6661882165`, `count 1710`, `file_class wal`, `limit_ns 10000000`, `max_ns 79335000`, `mean_ns 7148326`, `p99_ns 58720255`, `path /var/lib/etcd/member/wal`, `share 0.545`, `shared_count 800`, `shared_mean_ns 16436699`, `shared_p99_ns 134217727`, `sum_ns 12223637500`, `wait sync`

    ## Who caused the wait

    | CULPRIT | VICTIM | WAITED IN | DEV | WAITED | SHARE | HOW |
    | --- | --- | --- | --- | ---: | ---: | --- |
    | backup etcdctl 5120 | etcd 4711 | wal fdatasync | vda | 6.66 s | 54.5 % | queue 38.5 %, journal 16.0 % |
    | self | etcd 4711 | wal fdatasync | vda | 3.80 s | 31.1 % | device 23.0 %, flush 8.1 % |
    | self | etcd 4711 | db fdatasync | vda | 2.86 s | 59.0 % | device |
    | backup etcdctl 5120 | etcd 4711 | db fdatasync | vda | 1.99 s | 41.0 % | queue |
    | unexplained | etcd 4711 | wal fdatasync | vda | 880 ms | 7.2 % | unexplained |
    | kube-apiserver 3980 | etcd 4711 | wal fdatasync | vda | 880 ms | 7.2 % | queue |
    | total |  |  |  | 17.1 s |  |  |

    ## Latency without and with each culprit

    | CULPRIT | VICTIM | WAITED IN | without count | without mean | without p99 | with count | with mean | with p99 |
    | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | backup etcdctl 5120 | etcd 4711 | fdatasync | 1,200 | 3.69 ms | 33.6 ms | 800 | 16.4 ms | 134 ms |

    <details>
    <summary>Longest syncs of the targets</summary>

    **etcd 4711, at 2026-03-01T13:00:12.345+01:00, fdatasync of wal (`/var/lib/etcd/member/wal/0000000000000001-0000000000000b40.wal`): 79.3 ms**

    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %

    **etcd 4711, at 2026-03-01T13:00:11.111+01:00, fdatasync of wal (`/var/lib/etcd/member/wal/0000000000000001-0000000000000b40.wal`): 76.7 ms**

    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %

    **etcd 4711, at 2026-03-01T13:00:09.877+01:00, fdatasync of wal (`/var/lib/etcd/member/wal/0000000000000001-0000000000000b40.wal`): 74.0 ms**

    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %

    </details>

    <details>
    <summary>Window and host</summary>

    - **window**: 2026-03-01T13:00:00.000+01:00 to 2026-03-01T13:00:30.000+01:00, 30.0 s
    - **host**: cp-1 · 6.12.48-amd64 · x86\_64 · 4 CPUs · cgroup v2
    - **pressure**: IO held up some task 41.2 % and all tasks 38.9 % of the time
    - **targets**: auto: etcd 4711
    - **written by**: iocontend 0.1.0

    </details>

    <details>
    <summary>Devices</summary>

    | DEV | SCHED | ROTATES | FILE SYSTEMS | REQUESTS | BYTES | FLUSHES | BUSY | DEPTH | q2d p99 | d2c p99 | q2c p99 | q2c max |
    | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    | vda | mq-deadline | no | ext4 / | 5,006 | 387 MiB | 1,768 | 93.0 % | 6.4 | 35.7 ms | 21.0 ms | 50.3 ms | 488 ms |

    - vda: ext4 on `/`, `rw,relatime`

    </details>

    <details>
    <summary>Waits of the targets</summary>

    **etcd 4711, fdatasync of wal (`/var/lib/etcd/member/wal`): 1,710 times**

    mean 7.15 ms, p50 6.29 ms, p99 58.7 ms, max 79.3 ms

    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %

    | UP TO |  | COUNT | SO FAR |
    | ---: | --- | ---: | ---: |
    | 4.19 ms | ▍ | 36 | 2.1 % |
    | 8.39 ms | ████████████████████ | 1,646 | 98.4 % |
    | 16.8 ms |  | 0 | 98.4 % |
    | 33.6 ms |  | 0 | 98.4 % |
    | 67.1 ms | ▏ | 15 | 99.2 % |
    | 134 ms | ▏ | 13 | 100 % |

    **etcd 4711, fdatasync of db (`/var/lib/etcd/member/snap/db`): 290 times**

    mean 16.7 ms, p50 15.2 ms, p99 159 ms, max 184 ms

    breakdown: device 61.0 %, flush 22.3 %, queue 8.7 %, journal log 6.1 %, runnable 1.2 %, rest 0.7 %

    | UP TO |  | COUNT | SO FAR |
    | ---: | --- | ---: | ---: |
    | 16.8 ms | ████████████████████ | 203 | 70.0 % |
    | 33.6 ms | ████████▏ | 83 | 98.6 % |
    | 67.1 ms |  | 0 | 98.6 % |
    | 134 ms |  | 0 | 98.6 % |
    | 268 ms | ▍ | 4 | 100 % |

    </details>

    <details>
    <summary>IO by actor (longest device time first)</summary>

    | ACTOR | CLASS | DEV | OP | METHOD | REQUESTS | BYTES | DEV TIME | q2d p99 | d2c p99 | q2c p50 | q2c p99 | q2c max |
    | --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    | etcd 4711 | wal | vda | write | direct+journal | 1,767 | 13.6 MiB | 5.54 s | 12.6 ms | 25.2 ms | 4.19 ms | 37.7 ms | 52.2 ms |
    | etcd 4711 | wal | vda | flush | direct | 1,710 | 0 B | 3.28 s | 279 µs | 15.7 ms | 1.77 ms | 15.7 ms | 21.7 ms |
    | etcd 4711 | db | vda | write | direct | 420 | 6.56 MiB | 1.56 s | 39.8 ms | 35.7 ms | 7.08 ms | 75.5 ms | 86.5 ms |
    | etcd 4711 | db | vda | read | direct | 320 | 40.0 MiB | 505 ms | 4.98 ms | 14.7 ms | 1.84 ms | 19.9 ms | 22.8 ms |
    | backup etcdctl 5120 | backup-output | vda | write | writeback+journal | 652 | 320 MiB | 8.29 s | 285 ms | 117 ms | 39.8 ms | 403 ms | 488 ms |
    | kube-apiserver 3980 | audit-log | vda | write | writeback | 96 | 6.00 MiB | 541 ms | 83.4 ms | 52.9 ms | 14.2 ms | 136 ms | 136 ms |
    | kernel kworker/u8:2 219 | other | vda | write | owner\_cgroup | 33 | 396 KiB | 148 ms | 7.85 ms | 5.49 ms | 11.5 ms | 13.3 ms | 13.3 ms |
    | backup etcdctl 5120 | backup-output | vda | flush | direct | 1 | 0 B | 39.6 ms | 25.6 µs | 39.6 ms | 39.6 ms | 39.6 ms | 39.6 ms |
    | unattributed:in\_flight\_at\_attach:vda | other | vda | write | unattributed | 7 | 56.0 KiB | 26.4 ms | - | 4.66 ms | - | - | - |
    | total |  |  |  |  | 5,006 | 387 MiB |  |  |  |  |  |  |

    </details>

    <details>
    <summary>Who they are</summary>

    - etcd 4711 · `kube-system/etcd-cp-1/etcd`
      - `etcd --name=cp-1 --data-dir=/var/lib/etcd --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.11:2379 --listen-peer-urls=https://10.0.0.11:2380 --snapshot-count=10000`
    - backup etcdctl 5120 · `etcd-backup.service` · started by cron · exited
      - `etcdctl --endpoints=https://127.0.0.1:2379 snapshot save /var/backups/etcd/hourly.db`
    - kube-apiserver 3980 · `/kubepods.slice/kubepods-burstable.slice/apiserver.scope`
      - `kube-apiserver --audit-log-path=/var/log/audit/audit.log`
    - kernel kworker/u8:2 219
      - kernel thread

    </details>

    ## Coverage

    **12 of 7,010 events lost (ring\_full 12).**

    - 387 MiB attributed: direct 15.5 %, writeback 84.3 %, journal 0.1 %, owner\_cgroup 0.1 %, unattributed &lt;0.1 %.
    - Not answered: pre-fsync-stall, db-page-faults. Waits in write(2) and in page faults were not watched.
    - Not answered: stalls. Single seconds were not looked at.
    - The kernel side ran 1.43 ms in all, 286 ns per request.
    - Its maps hold 6.50 MiB.

    ## Notes

    - on\_xfs\_file\_fsync is not attached to xfs\_file\_fsync: xfs is not loaded.
    - One member was watched; the others were not looked at.
    - Logs of etcd, of the API server and of backups are not read, nor are metrics beyond the second source.
    - Other members, the network between them, and who leads are not looked at.
    - Below the block device nothing is seen: firmware, a hypervisor, a neighbour on the same storage.
    - Pressure is that of the whole host's IO; that of single cgroups, of memory and of the CPU is not read.
    ");
}

/// Number of cells in each row of each table.
fn widths(markdown: &str) -> Vec<Vec<usize>> {
    let mut tables: Vec<Vec<usize>> = Vec::new();
    for event in parser(markdown) {
        match event {
            Event::Start(Tag::Table(columns)) => tables.push(vec![columns.len()]),
            Event::Start(Tag::TableRow) => tables.last_mut().unwrap().push(0),
            Event::Start(Tag::TableCell) => {
                let rows = tables.last_mut().unwrap();
                // Cells of the head are counted by the table.
                if rows.len() > 1 {
                    *rows.last_mut().unwrap() += 1;
                }
            }
            _ => {}
        }
    }
    tables
}

/// Property: names from outside, wherever they come from, neither break a table nor bring markup, HTML, links or
/// mentions.
#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let evils = [
        "a|b",
        "<img src=x onerror=alert(1)>",
        "![x](http://evil/x)",
        "x\n\n# head\n\n| a | b |\n",
        "`|`",
        "@admin",
        "``` <b> ",
    ];
    for evil in evils {
        let mut report = judged_sample::blamed();
        for actor in &mut report.actors {
            (actor.comm, actor.unit) = (Some(evil.into()), Some(evil.into()));
            actor.pod = None;
            actor.argv = Some(vec![evil.into(), evil.into()]);
            if let Some(starter) = &mut actor.started_by {
                starter.name = evil.into();
            }
            for wait in &mut actor.waits {
                wait.path = Some(evil.into());
            }
            for wait in actor.worst.iter_mut().flatten() {
                wait.path = Some(evil.into());
            }
        }
        report.host.hostname = Some(evil.into());
        report.targets[0].selector = evil.into();
        report.coverage.notes = vec![Note::Recorded(evil.into())];
        let fs = &mut report.devices[0].filesystems.as_mut().unwrap()[0];
        (fs.mount_point, fs.options) = (evil.into(), Some(evil.into()));
        crate::findings::judge(&mut report);
        let ticket = rendered(&report, Style::default());
        for event in parser(&ticket) {
            let does_something = match &event {
                Event::Html(html) => !is_fold(html),
                Event::InlineHtml(_) | Event::Start(Tag::Link { .. } | Tag::Image { .. }) => true,
                _ => false,
            };
            assert!(!does_something, "{evil}: {event:?}");
            if let Event::Text(words) = event {
                assert!(!words.contains("@admin"), "{words}");
            }
        }
        for table in widths(&ticket) {
            assert!(table.iter().all(|cells| *cells == table[0]), "{evil}: {table:?}\n{ticket}");
        }
        assert_eq!(heads(&ticket), heads(&rendered(&judged_sample::judged(), Style::default())));
    }
}

/// Whether a line of HTML only folds a section away, under a title of ours.
fn is_fold(html: &str) -> bool {
    let title =
        html.trim_end().strip_prefix("<summary>").and_then(|of| of.strip_suffix("</summary>"));
    matches!(html.trim_end(), "<details>" | "</details>")
        || title
            .is_some_and(|title| title.chars().all(|c| c.is_alphanumeric() || " ()".contains(c)))
}

/// Property: a ticket says impact, stalls, causes and what to do first, in this order; long tables are folded, and what was lost or not
/// looked at is not. Each fold is closed.
#[test]
fn a_ticket_begins_with_what_matters() {
    let ticket = rendered(&judged_sample::judged(), Style::default());
    let at = |what: &str| ticket.find(what).unwrap_or_else(|| panic!("{what}: {ticket}"));
    let order = [
        "**waits**",
        "## Causes",
        "## What to do first",
        "## Findings",
        "<details>",
        "## Coverage",
    ];
    let places: Vec<usize> = order.iter().map(|what| at(what)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(ticket.matches("<details>").count(), ticket.matches("</details>").count());
    assert!(ticket.rfind("</details>") < ticket.find("## Coverage"), "{ticket}");
    assert!(!ticket.contains("--full shows"), "{ticket}");
}

fn heads(markdown: &str) -> usize {
    parser(markdown).filter(|event| matches!(event, Event::Start(Tag::Heading { .. }))).count()
}

/// Property: the ticket, the text and the JSON document have the same totals of IO and of blame.
#[test]
fn all_renderers_show_the_same_totals() {
    let mut crowded = judged_sample::judged();
    for pid in 0..100 {
        let actor = Actor { id: format!("{pid}@1"), pid: Some(pid), ..crowded.actors[2].clone() };
        crowded.devices[0].ios += actor.io[0].count;
        crowded.devices[0].bytes += actor.io[0].bytes;
        crowded.actors.push(actor);
    }
    for report in [judged_sample::judged(), crowded] {
        let mut bytes = Vec::new();
        json::document(&report, &mut bytes).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let sum = |rows: Vec<&serde_json::Value>, field: &str| -> u64 {
            rows.iter().map(|row| row[field].as_u64().unwrap()).sum()
        };
        let actors = json["actors"].as_array().unwrap();
        let io: Vec<_> = actors.iter().flat_map(|one| one["io"].as_array().unwrap()).collect();
        let requests = units::count(sum(io.clone(), "count"));
        let io_bytes = units::bytes(sum(io, "bytes"));
        let blamed = sum(json["blame"].as_array().unwrap().iter().collect(), "wait_ns");
        let blamed = units::duration(blamed, &Style::default());

        let ticket = rendered(&report, Style::default());
        // Of a table with all rows the last one, else a line below.
        let is_total = |line: &&str| line.starts_with("| total |") || line.starts_with("total: ");
        let totals: Vec<&str> = ticket.lines().filter(is_total).collect();
        assert!(totals[0].contains(&format!("| {blamed} |")), "{totals:?}");
        assert!(totals[1].contains(&format!(" {requests} ")), "{totals:?}");
        assert!(totals[1].contains(&format!(" {io_bytes}")), "{totals:?}");

        let mut words = Vec::new();
        text::summary(&report, &Style { width: 120, ..Style::default() }, &mut words).unwrap();
        let words = String::from_utf8(words).unwrap();
        let totals: Vec<&str> = words.lines().filter(|line| line.starts_with("total")).collect();
        assert!(totals[0].ends_with(&format!(" {blamed}")), "{totals:?}");
        assert!(totals[1].contains(&requests) && totals[1].contains(&io_bytes), "{totals:?}");
    }
}

/// The made-up blame keeps the rules of real blame.
#[test]
fn the_sums_of_the_judged_sample_agree() {
    assert_eq!(check_consistency(&judged_sample::judged()), Vec::<String>::new());
}

/// What was not judged is not shown as judged.
#[test]
fn without_verdict_there_is_none() {
    let ticket = rendered(&sample::report(), Style { unicode: false, ..Style::default() });
    assert!(ticket.is_ascii() && ticket.starts_with("# iocontend on cp-1\n"), "{ticket}");
    assert!(!ticket.contains("## Findings") && ticket.contains("## Notes"));
}
