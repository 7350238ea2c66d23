//! From what was seen to what is said, on laptops' worth of hosts.

use super::*;
use crate::cgroup::CgroupPaths;
use crate::facts::{DeviceFacts, FsFacts, HostFacts, OpenFile, ProcessFacts, ProcessKey};
use crate::ids::{Dev, FileClass, Role};
use crate::plan::{Gap, GapReason, Hook, Loses, NoFormats, Plan, PlanError, Planned, SyncFs};
use crate::report::Severity;
use crate::text::Lang;
use crate::text::doctor::trouble;
use crate::text::notes::reason;
use iocontend_wire::config::{ABSENT, Config};

const SYNC_HOOK: Hook = Hook::Classic("ext4", "ext4_sync_file_enter");
const ALL_CAPABILITIES: u64 = u64::MAX;

fn dev(minor: u32) -> Dev {
    Dev { major: 8, minor }
}

fn fs(minor: u32, fstype: &str, mount_point: &str, options: &str) -> FsFacts {
    FsFacts {
        dev: dev(minor),
        fstype: fstype.to_owned(),
        mount_point: mount_point.to_owned(),
        options: options.to_owned(),
        source: "/dev/x".to_owned(),
    }
}

fn device(name: &str, minor: u32, slaves: &[&str], filesystems: &[FsFacts]) -> DeviceFacts {
    DeviceFacts {
        dev: dev(minor),
        name: name.to_owned(),
        dm_name: None,
        scheduler: Some("none".to_owned()),
        schedulers: Vec::new(),
        rotational: None,
        write_cache: None,
        fua: None,
        nr_requests: None,
        size_bytes: Some(1 << 30),
        wbt_lat_usec: None,
        partitions: Vec::new(),
        holders: Vec::new(),
        path_of: None,
        slaves: slaves.iter().map(|&name| name.to_owned()).collect(),
        filesystems: filesystems.to_vec(),
    }
}

fn plan() -> Plan {
    let everything = Loses::Everything;
    let issue =
        Planned { program: "rq_issue", hook: Hook::Btf("block_rq_issue"), loses: everything };
    let sync = Planned {
        program: "ext4_sync_enter",
        hook: SYNC_HOOK,
        loses: Loses::SyncWaits { filesystem: SyncFs::Ext4 },
    };
    let config = Config { has_io_start: 1, dio_end_count: 3, bio_blkg: 72, ..Config::absent() };
    Plan {
        programs: vec![issue, sync],
        gaps: Vec::new(),
        config,
        shards: 2,
        rings: 2,
        symbols_hidden: false,
    }
}

/// All that was planned, attached, but for one that the kernel refused.
fn tried(plan: &Plan, refused: Option<&str>) -> Trial {
    let why = |program| (Some(program) == refused).then(|| "EINVAL".to_owned());
    let hooks = plan.programs.iter().map(|p| (p.program, p.hook, why(p.program))).collect();
    Trial::Tried { hooks, map_bytes: 13 << 20 }
}

/// A host on which everything is as it should be, seen by root.
fn good() -> Seen {
    let root = fs(0, "ext4", "/", "rw");
    Seen {
        host: HostFacts {
            cgroup_version: Some(crate::facts::CgroupVersion::V2),
            psi_io: Some(crate::facts::Psi::default()),
            devices: vec![device("sda", 0, &[], &[root])],
            ..HostFacts::default()
        },
        asker: Asker {
            capabilities: Some(ALL_CAPABILITIES),
            host_pids: Some(true),
            ..Asker::default()
        },
        tracefs_mounts: vec!["/sys/kernel/tracing".to_owned()],
        tracefs_read: Some(Ok("/sys/kernel/tracing".to_owned())),
        trial: tried(&plan(), None),
        plan: Some(Ok(plan())),
        cgroups: CgroupsSeen { v2_controllers: vec!["io".to_owned()], ..CgroupsSeen::default() },
        data: vec![data(1, Role::Etcd, FileClass::Wal, "/var/lib/etcd/member/wal", Some(dev(0)))],
        ..Seen::default()
    }
}

fn data(pid: u32, role: Role, file_class: FileClass, path: &str, fs: Option<Dev>) -> DataSeen {
    let comm = role.name().to_owned();
    DataSeen { pid, comm, unit: None, role, file_class, path: path.to_owned(), fs }
}

fn judged(change: impl FnOnce(&mut Seen)) -> Doctor {
    let mut seen = good();
    change(&mut seen);
    examine(&seen, Tool::default())
}

fn ids(doctor: &Doctor) -> Vec<&str> {
    doctor.problems.iter().map(|problem| problem.trouble.id()).collect()
}

/// Property: nothing is said of a host on which nothing is wrong.
#[test]
fn a_good_host_has_no_problems() {
    let doctor = judged(|_| ());
    assert_eq!(ids(&doctor), [""; 0]);
    assert_eq!((doctor.ability, doctor.ability_as_root), (Ability::Full, None));
    assert!(doctor.hooks.tried && doctor.hooks.hooks.iter().all(|h| h.state == State::Attaches));
    assert_eq!(doctor.maps.actual_bytes, Some(13 << 20));
}

/// Property: each thing that is wrong has its name, and says whether all, a part or nothing is lost.
#[test]
fn each_problem_has_its_name_and_its_weight() {
    type Change = fn(&mut Seen);
    let cases: &[(&str, Ability, Change)] = &[
        ("no-btf", Ability::None, |s| s.btf.error = Some("ENOENT".to_owned())),
        ("unsupported-kernel", Ability::None, |s| s.plan = Some(Err(PlanError::NoTracepoint("x")))),
        ("load-failed", Ability::None, |s| s.trial = Trial::Failed("EPERM".to_owned())),
        ("hook-missing", Ability::None, |s| s.trial = tried(&plan(), Some("rq_issue"))),
        ("hook-missing", Ability::Partial, |s| s.trial = tried(&plan(), Some("ext4_sync_enter"))),
        ("foreign-pid-namespace", Ability::Partial, |s| s.asker.host_pids = Some(false)),
        ("missing-capability", Ability::Partial, |s| {
            s.asker.capabilities = Some(1 << 38 | 1 << 39 | 1 << 2);
        }),
        ("symbols-hidden", Ability::Partial, |s| {
            let plan = s.plan.as_mut().unwrap().as_mut().unwrap();
            (plan.config.dio_end_count, plan.symbols_hidden) = (0, true);
        }),
        ("few-descriptors", Ability::None, |s| s.trial = Trial::FewDescriptors(64)),
        ("iostats-off", Ability::Partial, |s| {
            let (name, iostats) = ("sda".to_owned(), Some(false));
            s.disks = vec![DiskSeen { name, iostats, ..DiskSeen::default() }];
        }),
        ("no-psi", Ability::Full, |s| s.host.psi_io = None),
        ("cgroup-v1", Ability::Full, |s| {
            s.cgroups =
                CgroupsSeen { v1_controllers: vec!["blkio".to_owned()], ..CgroupsSeen::default() };
        }),
        ("no-io-controller", Ability::Full, |s| s.cgroups = CgroupsSeen::default()),
        ("no-etcd", Ability::Full, |s| s.data.clear()),
        ("disk-unknown", Ability::Full, |s| s.data[0].fs = None),
        ("syscall-hooks", Ability::Full, |s| {
            let exit = Planned {
                program: "sync_syscall_exit",
                hook: Hook::Classic("syscalls", "sys_exit_fsync"),
                loses: Loses::SyncWaits { filesystem: SyncFs::Xfs },
            };
            let mut plan = plan();
            plan.programs.push(exit);
            s.trial = tried(&plan, None);
            s.plan = Some(Ok(plan));
        }),
    ];
    for (id, ability, change) in cases {
        let doctor = judged(change);
        assert_eq!((ids(&doctor), doctor.ability), (vec![*id], *ability), "{id}");
        let problem = &doctor.problems[0];
        let explained = trouble(Lang::En, &problem.trouble);
        assert!(explained.what.len() > 10, "{explained:?}");
        let is_critical = problem.severity == Severity::Critical;
        assert_eq!(is_critical, *ability == Ability::None, "{problem:?}");
        // What can be done about it is said, but for facts that are as they are.
        let is_fact = matches!(*id, "cgroup-v1" | "no-io-controller" | "disk-unknown");
        assert_eq!(explained.hint.is_none(), is_fact, "{explained:?}");
    }
}

/// Property: without tracefs the lost waits are said once, not hook by hook; where it is only hidden, nobody claims
/// that the kernel lacks a tracepoint.
#[test]
fn tracefs_that_is_missing_is_not_tracefs_that_is_hidden() {
    let mut without = plan();
    let gap = without.programs.pop().unwrap();
    let Planned { program, hook, loses } = gap;
    let look = |why: NoFormats, mounts: &[&str], on_host: &[&str]| {
        let mut without = without.clone();
        without.gaps.push(Gap { program, hook, reason: GapReason::NoTracefs { why }, loses });
        judged(|seen| {
            seen.tracefs_read = Some(Err(why));
            seen.tracefs_mounts = mounts.iter().map(|&at| at.to_owned()).collect();
            seen.tracefs_on_host = on_host.iter().map(|&at| at.to_owned()).collect();
            seen.trial = tried(&without, None);
            seen.plan = Some(Ok(without.clone()));
        })
    };
    let missing = look(NoFormats::NotMounted, &[], &[]);
    assert_eq!(ids(&missing), ["no-tracefs"]);
    assert_eq!(missing.hooks.hooks[1].state, State::Missing);
    // Nobody is sent to look for rights who lacks a mount.
    for (own, on_host) in [(&[][..], &["/sys/kernel/tracing"][..]), (&["/odd"], &[])] {
        let elsewhere = look(NoFormats::NotMounted, own, on_host);
        assert_eq!(ids(&elsewhere), ["no-tracefs"]);
        let problem = &elsewhere.problems[0];
        let at = own.iter().chain(on_host).next().unwrap();
        let explained = trouble(Lang::En, &problem.trouble);
        assert!(explained.what.contains(at), "{explained:?}");
        assert!(explained.hint.as_ref().unwrap().starts_with("mount "), "{explained:?}");
    }
    let hidden = look(NoFormats::NotPermitted, &["/sys/kernel/tracing"], &[]);
    assert_eq!(ids(&hidden), ["tracefs-unreadable"]);
    assert_eq!(hidden.hooks.hooks[1].state, State::Unknown);
}

/// Property: what hidden symbols cost is said with its cause, and no hook is said to be missing from the kernel.
#[test]
fn hidden_symbols_are_no_missing_tracepoints() {
    let doctor = judged(|seen| {
        let mut plan = plan();
        let Planned { program, hook, loses } = plan.programs.pop().unwrap();
        plan.gaps.push(Gap { program, hook, reason: GapReason::SymbolsHidden, loses });
        (plan.config.dio_end_count, plan.symbols_hidden) = (0, true);
        seen.trial = tried(&plan, None);
        seen.plan = Some(Ok(plan));
    });
    assert_eq!(ids(&doctor), ["symbols-hidden"]);
    let hook = &doctor.hooks.hooks[1];
    assert_eq!(hook.state, State::Unknown);
    assert_eq!(hook.reason, Some(GapReason::SymbolsHidden));
    assert!(reason(Lang::En, &GapReason::SymbolsHidden).contains("CAP_SYSLOG"));
}

/// Property: without rights nothing is said to work or to be missing that was not tried, and what root could do is
/// told apart.
#[test]
fn without_rights_hooks_are_a_plan_and_root_is_told_apart() {
    let doctor = judged(|seen| {
        seen.asker = Asker { uid: 1000, capabilities: Some(0), ..Asker::default() };
        seen.tracefs_read = Some(Err(NoFormats::NotPermitted));
        seen.trial = Trial::NotTried;
    });
    assert_eq!((doctor.ability, doctor.ability_as_root), (Ability::None, Some(Ability::Full)));
    assert_eq!(ids(&doctor), ["not-permitted", "tracefs-unreadable"]);
    assert!(!doctor.hooks.tried);
    assert_eq!(doctor.hooks.not_tried_because, Some(NotTried::NotPermitted));
    assert!(doctor.hooks.hooks.iter().all(|hook| hook.state == State::Planned));
    assert!(doctor.privileges.capabilities.iter().all(|capability| !capability.present));
    // CAP_SYS_ADMIN and CAP_DAC_OVERRIDE include three of them.
    let asker = Asker { capabilities: Some(1 << 21 | 1 << 1), ..Asker::default() };
    assert_eq!(privileges::missing(&privileges::of(&asker)), ["CAP_SYS_PTRACE", "CAP_SYSLOG"]);
    assert!(may_load(None) && may_load(Some(1 << 38 | 1 << 39)) && !may_load(Some(1 << 39)));
}

/// Property: a kernel before 6.5 is said to be one, and that is no problem.
#[test]
fn no_io_start_is_said_and_no_problem() {
    let doctor = judged(|seen| {
        let plan = seen.plan.as_mut().unwrap().as_mut().unwrap();
        (plan.config.has_io_start, plan.config.bio_blkg) = (0, ABSENT);
    });
    assert_eq!((ids(&doctor).len(), doctor.ability), (0, Ability::Full));
    assert_eq!(doctor.quirks, [Quirk::NoIoStart, Quirk::NoOwnerCgroup]);
}

/// Property: whoever has a role and keeps data on the disk that lies below etcd's is named, through device-mapper and
/// loop devices too; who is on another disk is not.
#[test]
fn who_shares_the_disk_below_etcd_is_named() {
    let doctor = judged(|seen| {
        // sda carries dm-0; loop0 lies on a file of dm-0's file system; sdb is another disk.
        let (etcd, image, logs) = (
            fs(16, "ext4", "/etcd", "rw"),
            fs(32, "xfs", "/image", "rw"),
            fs(48, "ext4", "/logs", "rw"),
        );
        let mut sda = device("sda", 0, &[], std::slice::from_ref(&etcd));
        sda.holders = vec!["dm-0".to_owned()];
        seen.host.devices = vec![
            device("dm-0", 16, &["sda"], &[etcd]),
            device("loop0", 32, &[], &[image]),
            sda,
            device("sdb", 48, &[], &[logs]),
            device("sdc", 64, &[], &[]),
        ];
        let loop_file = Some("/etcd/disk.img".to_owned());
        seen.disks = vec![DiskSeen {
            name: "loop0".to_owned(),
            loop_file,
            loop_fs: Some(dev(16)),
            iostats: None,
        }];
        seen.data = vec![
            data(1, Role::Etcd, FileClass::Wal, "/etcd/member/wal", Some(dev(16))),
            data(2, Role::Apiserver, FileClass::AuditLog, "/image/audit.log", Some(dev(32))),
            data(3, Role::Backup, FileClass::BackupOutput, "/etcd/b.db.part", Some(dev(16))),
            data(4, Role::Logging, FileClass::Other, "/logs/x", Some(dev(48))),
            data(5, Role::Kubelet, FileClass::Other, "/tmp/x", None),
        ];
    });
    let names: Vec<&str> = doctor.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["dm-0", "loop0", "sda", "sdb"]);
    assert_eq!(doctor.disks[1].bottom, ["sda"]);
    let disks: Vec<Vec<String>> = doctor.data.iter().map(|data| data.disks.clone()).collect();
    assert_eq!(disks, [vec!["sda"], vec!["sda"], vec!["sda"], vec!["sdb"], vec![]]);
    assert_eq!(doctor.data[1].mount_point.as_deref(), Some("/image"));
    assert_eq!(ids(&doctor), ["shared-disk"]);
    let Trouble::SharedDisk { device, others, more: 0, same_filesystem: true, .. } =
        &doctor.problems[0].trouble
    else {
        panic!("{:?}", doctor.problems)
    };
    let others: Vec<_> = others.iter().map(|one| (one.role, one.pid)).collect();
    assert_eq!(device, "sda");
    assert_eq!(others, [(Role::Apiserver, 2), (Role::Backup, 3)]);
}

/// Property: a journal is what the kernel says it is, and unknown where it says nothing.
#[test]
fn a_journal_is_known_or_said_to_be_unknown() {
    use JournalKind::{External, Internal, LogTree, None as NoJournal, Unknown};
    let ext4 = |thread: Option<&str>, internal_journal| FsSeen {
        dev: Some(dev(1)),
        device: Some("nvme0n1p1".to_owned()),
        journal_thread: thread.map(str::to_owned),
        internal_journal,
        all_options: vec!["rw".to_owned(), "data=ordered".to_owned()],
    };
    for (fstype, options, more, kind, on, mode) in [
        ("ext4", "rw", Some(ext4(Some("jbd2/nvme0n1p1-8"), true)), Internal, None, Some("ordered")),
        // Cut to 15 bytes by old kernels.
        ("ext4", "rw", Some(ext4(Some("jbd2/nvme0n1p1-"), false)), Internal, None, Some("ordered")),
        (
            "ext4",
            "rw",
            Some(ext4(Some("jbd2/sdb1"), false)),
            External,
            Some("sdb1"),
            Some("ordered"),
        ),
        ("ext4", "rw", Some(ext4(Some(""), false)), NoJournal, None, None),
        ("ext4", "rw", Some(ext4(None, true)), Internal, None, Some("ordered")),
        ("ext4", "rw,data=journal", None, Unknown, None, Some("journal")),
        ("xfs", "rw,logbufs=8,logdev=/dev/sdc1", None, External, Some("/dev/sdc1"), None),
        ("xfs", "rw", None, Internal, None, None),
        ("btrfs", "rw", None, LogTree, None, None),
        ("vfat", "rw", None, NoJournal, None, None),
        ("zfs", "rw", None, Unknown, None, None),
    ] {
        let doctor = judged(|seen| {
            let root = fs(1, fstype, "/", options);
            seen.host.devices = vec![device("nvme0n1p1", 1, &[], &[root])];
            seen.filesystems = more.clone().into_iter().collect();
        });
        let journal = &doctor.disks[0].filesystems[0].journal;
        let found = (journal.kind, journal.device.as_deref(), journal.data_mode.as_deref());
        assert_eq!(found, (kind, on, mode), "{fstype} {more:?}");
    }
}

/// Property: a process's places are its folders by flags, then its files by class and disk, a few of them; one
/// without a role has none.
#[test]
fn data_is_where_flags_and_open_files_say() {
    let process = |argv: &[&str], files: &[(&str, u32)]| {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 1 }, "x");
        facts.exe = Some(format!("/usr/bin/{}", argv[0]));
        facts.argv = argv.iter().map(|&arg| arg.to_owned()).collect();
        facts.cgroup = CgroupPaths::default();
        let open = |(fd, (path, minor)): (u32, &(&str, u32))| OpenFile {
            fd,
            path: (*path).to_owned(),
            dev: dev(*minor),
            ino: u64::from(fd),
            writable: true,
            flags: None,
        };
        facts.open_files = (3..).zip(files).map(open).collect();
        facts
    };
    let found = |process: &ProcessFacts| {
        let (role, places) = places(process)?;
        let places: Vec<_> = places.into_iter().map(|p| (p.file_class, p.path)).collect();
        Some((role, places))
    };
    let etcd = process(
        &["etcd", "--data-dir=/d", "--wal-dir=/w"],
        &[("/w/0000000000000000-0000000000000000.wal", 0), ("/other", 0)],
    );
    let expected =
        vec![(FileClass::Wal, "/w".to_owned()), (FileClass::Db, "/d/member/snap".to_owned())];
    assert_eq!(found(&etcd), Some((Role::Etcd, expected)));
    let api = process(
        &["kube-apiserver", "--etcd-servers=x", "--audit-log-path=/var/log/audit.log"],
        &[("/var/log/audit.log", 1), ("/a", 1), ("/b", 1), ("/c", 2), ("/d", 3), ("/e", 4)],
    );
    let (role, places) = found(&api).unwrap();
    let paths: Vec<&str> = places.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!((role, paths), (Role::Apiserver, vec!["/var/log/audit.log", "/a", "/c", "/d"]));
    assert_eq!(found(&process(&["vim", "/x"], &[("/x", 1)])), None);
}

/// Property: the document reads back as it was written.
#[test]
fn the_document_survives_being_written() {
    let doctor = judged(|seen| seen.host.psi_io = None);
    let mut text = Vec::new();
    crate::render::json::doctor(&doctor, &mut text).unwrap();
    assert_eq!(serde_json::from_slice::<Doctor>(&text).unwrap(), doctor);
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(document["schema"], "iocontend.doctor/1");
}

/// Property: the memory that is planned grows with copies and rings, and stays within the promise.
#[test]
fn planned_memory_follows_the_plan() {
    let small = planned_map_bytes(&plan(), 4 << 20);
    let large = planned_map_bytes(&Plan { shards: 16, rings: 64, ..plan() }, 4 << 20);
    assert!(small < large && large < 64 << 20, "{small} {large}");
}

fn as_text(doctor: &Doctor, unicode: bool) -> String {
    let style = crate::style::Style { width: 100, unicode, ..crate::style::Style::default() };
    let mut out = Vec::new();
    crate::render::text::doctor(doctor, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Property: problems stand first, the worst on top, each with what to do; the whole is about a screen, no line is
/// wider than the terminal, and no name can steer it.
#[test]
fn text_is_one_screen_with_problems_first() {
    let doctor = judged(|seen| {
        seen.host.psi_io = None;
        seen.asker.host_pids = Some(false);
        seen.btf.error = Some("No such file".to_owned());
        seen.data.push(data(2, Role::Apiserver, FileClass::AuditLog, "/a\x1b[31m/b", Some(dev(0))));
    });
    let text = as_text(&doctor, true);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    let order = [
        "nothing",
        "PROBLEMS",
        "critical",
        "do: use a kernel",
        "warning",
        "\ninfo",
        "WHAT THIS",
        "DEVICES",
        "WHO KEEPS",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{text}");
    assert!(
        text.lines().count() <= 45 && text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert!(!text.contains('\x1b') && text.contains("\\u{1b}"), "{text}");
    assert!(as_text(&doctor, false).is_ascii());
    assert!(as_text(&judged(|_| ()), true).contains("None found."));
}

/// Property: a node with hundreds of runtimes on etcd's disk still fits a screen; the document has them all.
#[test]
fn many_processes_do_not_flood_the_screen() {
    let doctor = judged(|seen| {
        let shim = |pid| data(pid, Role::Runtime, FileClass::Other, "/run/x", Some(dev(0)));
        seen.data.extend((10..210).map(shim));
    });
    let Trouble::SharedDisk { others, more, .. } = &doctor.problems[0].trouble else {
        panic!("{:?}", doctor.problems)
    };
    assert_eq!((others.len(), others[3].pid, *more), (4, 13, 196));
    let text = as_text(&doctor, true);
    assert!(text.lines().count() <= 45 && text.contains("and 185 more"), "{text}");
    assert_eq!(doctor.data.len(), 201);
}

/// Property: each way of attribution stands there with what its hook, or what leads to it, says.
#[test]
fn ways_of_attribution_follow_their_hooks() {
    let with = |seen: &mut Seen, gap: &[(&'static str, GapReason)]| {
        let mut plan = plan();
        let hook = Hook::Btf("writeback_dirty_folio");
        let loses = Loses::Writers;
        plan.programs.push(Planned { program: "dirty_folio", hook, loses });
        plan.gaps = gap
            .iter()
            .map(|(program, reason)| Gap { program, hook, reason: reason.clone(), loses })
            .collect();
        seen.trial = tried(&plan, None);
        seen.plan = Some(Ok(plan));
    };
    let doctor = judged(|seen| {
        with(
            seen,
            &[
                ("handle_stats", GapReason::NotNeeded),
                ("loop", GapReason::NotNeeded),
                ("stack_queue", GapReason::no_field("x")),
            ],
        );
    });
    let of = |doctor: &Doctor, name: &str| {
        doctor.attributions.iter().find(|one| one.way.name() == name).map(|one| one.support)
    };
    assert_eq!(of(&doctor, "direct"), Some(Support::Yes));
    assert_eq!(of(&doctor, "writeback"), Some(Support::Yes));
    assert_eq!(of(&doctor, "journal_ext4"), Some(Support::NotNeeded));
    assert_eq!(of(&doctor, "loop"), Some(Support::NotNeeded));
    assert_eq!(of(&doctor, "dm_crypt"), Some(Support::No));
    assert_eq!(of(&doctor, "limited_direct"), Some(Support::No), "no member leads to the waiter");
    let refused = judged(|seen| {
        with(seen, &[]);
        let Some(Ok(plan)) = &seen.plan else { unreachable!() };
        seen.trial = tried(plan, Some("dirty_folio"));
    });
    assert_eq!(of(&refused, "writeback"), Some(Support::No));
    assert_eq!(refused.attributions.len(), 10);
}
