//! A hand-made report for tests: etcd beside a snapshot, an apiserver and a kernel thread, for 30 s.

use std::collections::BTreeMap;

use super::{
    Actor, Attached, Attribution, BpfCost, CgroupVersion, Coverage, Depth, Device, DeviceOp,
    Filesystem, HookKind, Host, InFlight, Io, Lat, Note, Part, Pod, PsiIo, Report, Target, Tool,
    Wait, Window, WorstWait, rfc3339,
};
use crate::hist::Dist;
use crate::ids::{Call, FileClass, Method, Op, Role};
use crate::plan::GapReason;

/// The report.
pub(crate) fn report() -> Report {
    let window =
        Window::new(1_772_366_400_000_000_000, 1_772_366_430_000_000_000, 3_600, 30_000_000_000);
    let tool = Tool { version: "0.1.0".to_owned(), bpf_object_sha256: None };
    let mut report = Report::new(tool, host(), window);
    report.targets =
        vec![Target { selector: "auto".into(), actors: vec!["4711@98765000000".into()] }];
    report.actors = vec![etcd(), etcdctl(), apiserver(), kworker(), unattributed()];
    report.devices = vec![device(&report.actors)];
    report.coverage = coverage(&report);
    report
}

/// A distribution of `count` values: most between `base_ns` and twice that, one in sixty ten times
/// slower. The n-th value is proportional to `base_ns`, so q2d and d2c add up to q2c.
pub(crate) fn lat(count: u64, base_ns: u64) -> Lat {
    let mut dist = Dist::new();
    let mut state: u64 = 7;
    for index in 0..count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value_ns = base_ns + base_ns / 1_000 * ((state >> 33) % 1_000);
        dist.record(if index % 60 == 59 { value_ns * 10 } else { value_ns });
    }
    Lat::from(&dist)
}

fn host() -> Host {
    Host {
        hostname: Some("cp-1".into()),
        kernel: Some("6.12.48-amd64".into()),
        machine: Some("x86_64".into()),
        cpus: Some(4),
        cgroup_version: Some(CgroupVersion::V2),
        psi_io: Some(PsiIo {
            some_avg10: Some(41.2),
            full_avg10: Some(38.9),
            some_total_us: Some(912_345_678),
            full_total_us: Some(811_111_111),
            some_delta_us: Some(12_345_678),
            full_delta_us: Some(11_670_000),
        }),
    }
}

/// IO of one kind on `vda`: `each` bytes per request, times about `q2d_ns` and `d2c_ns`.
pub(crate) fn io(
    (op, file_class, method): (Op, FileClass, Method),
    count: u64,
    each: u64,
    (q2d_ns, d2c_ns): (u64, u64),
) -> Io {
    Io {
        device: "vda".into(),
        op,
        file_class,
        method,
        count,
        bytes: count * each,
        q2d: Some(lat(count, q2d_ns)),
        d2c: Some(lat(count, d2c_ns)),
        q2c: Some(lat(count, q2d_ns + d2c_ns)),
    }
}

fn etcd() -> Actor {
    let argv = [
        "etcd",
        "--name=cp-1",
        "--data-dir=/var/lib/etcd",
        "--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.11:2379",
        "--listen-peer-urls=https://10.0.0.11:2380",
        "--snapshot-count=10000",
    ];
    Actor {
        id: "4711@98765000000".into(),
        pid: Some(4711),
        start_ns: Some(98_765_000_000),
        comm: Some("etcd".into()),
        exe: Some("/usr/local/bin/etcd".into()),
        argv: Some(argv.map(str::to_owned).to_vec()),
        role: Role::Etcd,
        cgroup: Some("/kubepods.slice/kubepods-burstable.slice/etcd.scope".into()),
        pod: Some(Pod {
            namespace: Some("kube-system".into()),
            name: Some("etcd-cp-1".into()),
            container: Some("etcd".into()),
        }),
        io: vec![
            io((Op::Write, FileClass::Wal, Method::Direct), 1_710, 8_192, (900_000, 1_800_000)),
            io((Op::Flush, FileClass::Wal, Method::Direct), 1_710, 0, (20_000, 1_100_000)),
            io((Op::Write, FileClass::Db, Method::Direct), 420, 16_384, (2_400_000, 2_100_000)),
            io((Op::Read, FileClass::Db, Method::Direct), 320, 131_072, (300_000, 900_000)),
            io((Op::Write, FileClass::Wal, Method::Journal), 57, 4_096, (600_000, 1_900_000)),
        ],
        waits: vec![
            wait(Call::Fdatasync, FileClass::Wal, "/var/lib/etcd/member/wal", 1_710, 4_100_000),
            wait(Call::Fdatasync, FileClass::Db, "/var/lib/etcd/member/snap/db", 290, 9_700_000),
        ],
        worst: Some(worst(
            "/var/lib/etcd/member/wal/0000000000000001-0000000000000b40.wal",
            79_300_000,
        )),
        ..Actor::default()
    }
}

pub(crate) fn wait(
    call: Call,
    file_class: FileClass,
    path: &str,
    count: u64,
    base_ns: u64,
) -> Wait {
    let latency = lat(count, base_ns);
    let anatomy = Some(anatomy(latency.sum_ns));
    Wait { call, file_class, path: Some(path.into()), latency, anatomy }
}

/// Parts of a time: mostly the device's, some of them small.
pub(crate) fn anatomy(whole_ns: u64) -> BTreeMap<Part, u64> {
    let thousandths = [
        (Part::Flush, 223),
        (Part::Queue, 87),
        (Part::JournalLog, 61),
        (Part::Runnable, 12),
        (Part::Cpu, 4),
        (Part::Lock, 3),
    ];
    let mut parts: BTreeMap<Part, u64> =
        thousandths.map(|(part, share)| (part, whole_ns / 1_000 * share)).into();
    parts.insert(Part::Device, whole_ns - parts.values().sum::<u64>());
    parts
}

/// Single waits of about this length.
pub(crate) fn worst(path: &str, base_ns: u64) -> Vec<WorstWait> {
    let at = |number: u64| WorstWait {
        call: Call::Fdatasync,
        file_class: FileClass::Wal,
        path: Some(path.into()),
        start: rfc3339(
            1_772_366_412_345_000_000 - 1_234_000_000 * i64::try_from(number).unwrap(),
            3_600,
        ),
        duration_ns: base_ns - base_ns / 30 * number,
        anatomy: anatomy(base_ns - base_ns / 30 * number),
    };
    (0..3).map(at).collect()
}

fn etcdctl() -> Actor {
    let argv = [
        "etcdctl",
        "--endpoints=https://127.0.0.1:2379",
        "snapshot",
        "save",
        "/var/backups/etcd/hourly.db",
    ];
    Actor {
        id: "5120@4321000000000".into(),
        pid: Some(5120),
        start_ns: Some(4_321_000_000_000),
        comm: Some("etcdctl".into()),
        exe: Some("/usr/local/bin/etcdctl".into()),
        argv: Some(argv.map(str::to_owned).to_vec()),
        role: Role::Backup,
        cgroup: Some("/system.slice/etcd-backup.service".into()),
        unit: Some("etcd-backup.service".into()),
        exited: true,
        io: vec![
            io(
                (Op::Write, FileClass::BackupOutput, Method::Writeback),
                640,
                524_288,
                (18_000_000, 7_400_000),
            ),
            io(
                (Op::Write, FileClass::BackupOutput, Method::Journal),
                12,
                4_096,
                (700_000, 2_000_000),
            ),
            io((Op::Flush, FileClass::BackupOutput, Method::Direct), 1, 0, (20_000, 31_000_000)),
        ],
        ..Actor::default()
    }
}

fn apiserver() -> Actor {
    Actor {
        id: "3980@97000000000".into(),
        pid: Some(3980),
        start_ns: Some(97_000_000_000),
        comm: Some("kube-apiserver".into()),
        exe: Some("/usr/local/bin/kube-apiserver".into()),
        argv: Some(vec![
            "kube-apiserver".into(),
            "--audit-log-path=/var/log/audit/audit.log".into(),
        ]),
        role: Role::Apiserver,
        cgroup: Some("/kubepods.slice/kubepods-burstable.slice/apiserver.scope".into()),
        io: vec![io(
            (Op::Write, FileClass::AuditLog, Method::Writeback),
            96,
            65_536,
            (5_200_000, 3_300_000),
        )],
        ..Actor::default()
    }
}

fn kworker() -> Actor {
    Actor {
        id: "219@1200000000".into(),
        pid: Some(219),
        start_ns: Some(1_200_000_000),
        comm: Some("kworker/u8:2".into()),
        role: Role::Kernel,
        io: vec![io(
            (Op::Write, FileClass::Other, Method::OwnerCgroup),
            33,
            12_288,
            (4_000_000, 2_800_000),
        )],
        ..Actor::default()
    }
}

fn unattributed() -> Actor {
    Actor {
        id: "unattributed:in_flight_at_attach:vda".into(),
        role: Role::Unattributed,
        io: vec![Io {
            q2d: None,
            q2c: None,
            ..io((Op::Write, FileClass::Other, Method::Unattributed), 7, 8_192, (0, 2_500_000))
        }],
        ..Actor::default()
    }
}

pub(crate) fn device(actors: &[Actor]) -> Device {
    let rows: Vec<&Io> = actors.iter().flat_map(|actor| &actor.io).collect();
    let ops: Vec<DeviceOp> = Op::ALL.iter().filter_map(|op| device_op(*op, &rows)).collect();
    Device {
        name: "vda".into(),
        major: 254,
        minor: 0,
        scheduler: Some("mq-deadline".into()),
        rotational: Some(false),
        filesystems: Some(vec![Filesystem {
            mount_point: "/".into(),
            fstype: "ext4".into(),
            options: Some("rw,relatime".into()),
        }]),
        ios: ops.iter().map(|op| op.count).sum(),
        bytes: ops.iter().map(|op| op.bytes).sum(),
        flush_commands: Some(1_768),
        busy_ns: Some(27_900_000_000),
        merges: Some(1_204),
        request_merges: Some(31),
        requeues: Some(0),
        in_flight: Some(InFlight { start: 7, end: 3 }),
        q2d: Lat::merged(rows.iter().filter_map(|row| row.q2d.as_ref())),
        d2c: Lat::merged(rows.iter().filter_map(|row| row.d2c.as_ref())),
        q2c: Lat::merged(rows.iter().filter_map(|row| row.q2c.as_ref())),
        depth: Some(Depth { mean: 6.4, max: Some(64) }),
        ops,
    }
}

fn device_op(op: Op, rows: &[&Io]) -> Option<DeviceOp> {
    let of_op = || rows.iter().filter(|row| row.op == op);
    of_op().next()?;
    Some(DeviceOp {
        op,
        count: of_op().map(|row| row.count).sum(),
        bytes: of_op().map(|row| row.bytes).sum(),
        q2d: Lat::merged(of_op().filter_map(|row| row.q2d.as_ref())),
        d2c: Lat::merged(of_op().filter_map(|row| row.d2c.as_ref())),
        q2c: Lat::merged(of_op().filter_map(|row| row.q2c.as_ref())),
    })
}

pub(crate) fn coverage(report: &Report) -> Coverage {
    let mut attribution = Attribution::default();
    for row in report.actors.iter().flat_map(|actor| &actor.io) {
        attribution.add(row.method, row.bytes);
    }
    let programs = [("on_block_rq_complete", 5_006), ("on_block_rq_issue", 5_006)];
    Coverage {
        events_seen: 7_010,
        events_kept: 6_998,
        lost: BTreeMap::from([("ring_full".into(), 12)]),
        io_bytes: attribution.total(),
        attribution,
        bpf: Some(
            programs
                .map(|(name, runs)| (name.into(), BpfCost { run_cnt: runs, run_ns: runs * 143 }))
                .into(),
        ),
        map_bytes: Some(6_815_744),
        self_check: Vec::new(),
        blame: None,
        attached: vec![
            attached("block_rq_complete", HookKind::TpBtf, None),
            attached("xfs_file_fsync", HookKind::Tracepoint, Some("xfs is not loaded")),
        ],
        notes: vec![Note::Recorded(
            "One member was watched; the others were not looked at.".into(),
        )],
    }
}

fn attached(hook: &str, kind: HookKind, reason: Option<&str>) -> Attached {
    let reason = reason.map(|words| GapReason::Recorded(words.to_owned()));
    Attached {
        program: format!("on_{hook}"),
        hook: hook.into(),
        kind,
        attached: reason.is_none(),
        reason,
    }
}
