//! Every refusal on a host that deserves it, and the same action on one that does not.

use super::*;
use crate::report::{Action, Risk, Verify};

fn is_behind(why: &Why) -> bool {
    matches!(why, Why::BehindScheduler { .. })
}

/// The file that a recommended weight is written to.
fn weight_file(world: &World) -> String {
    match world.recommends("io-weight").action {
        Action::IoWeight { file, .. } => file,
        other => panic!("{other:?}"),
    }
}

/// Property: ionice is refused where the scheduler ignores priorities, where the wait arises behind it, and where priorities may
/// starve; it is recommended where the scheduler goes by them and the wait is in its queue.
#[test]
fn ionice_needs_a_scheduler_that_chooses() {
    for scheduler in ["none", "kyber"] {
        let world = World { scheduler, mechanism: Mechanism::Queue, ..World::reader() };
        let name = scheduler;
        world.refuses(
            "ionice",
            |why| matches!(why, Why::NoPriorities { scheduler, .. } if scheduler == name),
        );
    }
    for scheduler in ["bfq", "mq-deadline"] {
        World { scheduler, ..World::reader() }.refuses("ionice", is_behind);
        let world = World { scheduler, mechanism: Mechanism::Queue, ..World::reader() };
        let advice = world.recommends("ionice");
        assert_eq!(advice.apply[0].last().unwrap(), "20", "the culprit's pid");
        assert_eq!(advice.changes.len(), 1);
    }
    let old = World {
        scheduler: "mq-deadline",
        has_aging: false,
        mechanism: Mechanism::Queue,
        ..World::reader()
    };
    old.refuses("ionice", |why| matches!(why, Why::OldDeadline { .. }));
}

/// Property: `ionice etcdctl` is refused with any scheduler, since neither etcd's reads nor writeback are etcdctl's; another writer through
/// the page cache for writeback alone; a program that submits itself is not.
#[test]
fn ionice_of_a_client_reaches_nobody() {
    for scheduler in ["none", "bfq"] {
        let world = World { scheduler, mechanism: Mechanism::Queue, ..World::snapshot() };
        world.refuses("ionice", |why| matches!(why, Why::ClientOnly { .. }));
    }
    let other = World { scheduler: "bfq", mechanism: Mechanism::Queue, ..World::buffered_writer() };
    other.refuses("ionice", |why| matches!(why, Why::WrittenByOthers { .. }));
    World { scheduler: "bfq", mechanism: Mechanism::Queue, ..World::direct_writer() }
        .recommends("ionice");
}

/// Property: a weight is refused without iocost and BFQ, and recommended with iocost, and with BFQ where the wait is in its queue.
#[test]
fn weights_need_iocost_or_bfq() {
    World::reader().refuses("io-weight", |why| matches!(why, Why::NoWeights { .. }));
    let with_iocost = World { iocost: true, ..World::reader() };
    assert_eq!(weight_file(&with_iocost), "io.weight");
    let files = vec!["io.bfq.weight", "io.max"];
    let bfq = World { scheduler: "bfq", files, ..World::reader() };
    bfq.refuses("io-weight", is_behind);
    let queued = World { mechanism: Mechanism::Queue, ..bfq };
    assert_eq!(weight_file(&queued), "io.bfq.weight");
}

/// Property: a ceiling for a writer through the page cache is refused where its pages cannot be charged to it; where they may be, it is
/// recommended without a number and after what has one, and the risk says what may be in the way.
#[test]
fn a_ceiling_for_pages_needs_somebody_who_is_charged() {
    let world = World::buffered_writer();
    let mut controls = world.controls();
    let io_max = |controls: &ControlFacts| {
        let devices = [world.disk()];
        let facts = Facts { devices: &devices, controls: Some(controls), written: world.written() };
        let all = advise(&world.report(), &facts);
        all.into_iter().find(|one| one.id.name() == "io-max").unwrap()
    };
    controls.cgroups[0].controllers.retain(|one| one != "memory");
    let refused = io_max(&controls);
    assert_eq!(refused.verdict, Verdict::Refused);
    assert!(matches!(refused.reason, Why::WritebackElsewhere { .. }), "{:?}", refused.reason);

    let same_journal = world.recommends("io-max");
    assert_eq!(same_journal.effect, None);
    let risks = same_journal.risks;
    assert!(
        risks.contains(&Risk::PagesOfOthers) && risks.contains(&Risk::CommitWaits),
        "{risks:?}"
    );
    let recommended: Vec<_> =
        world.advice().into_iter().filter(|one| one.verdict == Verdict::Recommended).collect();
    let place = |id: &str| recommended.iter().position(|one| one.id.name() == id).unwrap();
    assert!(place("memory-high") < place("io-max") && place("io-max") < place("move-wal"));

    let apart = World {
        writes: Some((OTHER_FS, false)),
        mechanism: Mechanism::Device,
        ..World::buffered_writer()
    };
    let risks = apart.recommends("io-max").risks;
    assert!(
        risks.contains(&Risk::PagesOfOthers) && !risks.contains(&Risk::CommitWaits),
        "{risks:?}"
    );
    let direct = World::direct_writer().recommends("io-max");
    assert!(direct.effect.is_some() && !direct.risks.contains(&Risk::PagesOfOthers));
    World::reader().recommends("io-max");
}

/// Property: on version 1 (also beside the unified hierarchy) writeback cannot be limited, and the reason is that; on version 2 it is
/// another one, and memory.high does what io.max cannot.
#[test]
fn version_1_cannot_limit_writeback() {
    for version in [CgroupVersion::V1, CgroupVersion::Hybrid] {
        let world = World { version, files: Vec::new(), ..World::buffered_writer() };
        world.refuses("io-max", |why| matches!(why, Why::V1Writeback { .. }));
        world.refuses(
            "memory-high",
            |why| matches!(why, Why::NoController { controller } if controller == "memory"),
        );
        assert!(world.recommends("dirty-limit").apply.len() == 2, "works everywhere");
        let reader = World { version, files: Vec::new(), ..World::reader() };
        reader.refuses("io-max", |why| *why == Why::V1Io);
    }
    let v2 = World::buffered_writer();
    assert!(!matches!(v2.says("io-max").unwrap().1, Why::V1Io | Why::V1Writeback { .. }));
    v2.recommends("memory-high");
}

/// Property: the pipe through pv is refused by name for etcdctl; a program with an option of its own is told that.
#[test]
fn a_snapshot_cannot_go_through_a_pipe() {
    World::snapshot().refuses("pace", |why| *why == Why::PipeRenames);
    let mut rsync = World::reader();
    rsync.culprit.argv = Some(vec!["rsync".into(), "-a".into(), "/x".into(), "host:/y".into()]);
    rsync.culprit.comm = Some("rsync".into());
    let advice = rsync.recommends("pace");
    let Action::PaceByOption { option, .. } = &advice.action else { panic!("{:?}", advice.action) };
    assert_eq!(option, "--bwlimit=4882");
    rsync.culprit.argv.as_mut().unwrap().push("--bwlimit=100".into());
    assert_eq!(rsync.says("pace"), None, "it is slowed down already");
}

/// Property: a snapshot from a follower is advised only together with the question how fresh it is, and refused where there is no
/// follower; of a program that reads no member it is not spoken.
#[test]
fn a_follower_is_asked_how_fresh_it_is() {
    let advice = World::snapshot().recommends("follower");
    assert_eq!(advice.risks, [Risk::Stale]);
    assert_eq!(advice.verify, Some(Verify::FollowerFresh));
    let mut single = World::snapshot();
    single.victim.argv = Some(vec!["etcd".into(), "--initial-cluster=a=http://x".into()]);
    single.refuses("follower", |why| *why == Why::SingleMember);
    assert_eq!(World::buffered_writer().says("follower"), None);
}

/// Property: a culprit in the victim's own cgroup, in the root cgroup, in that of what starts all jobs or in one that is gone is not limited
/// there; each says which.
#[test]
fn a_place_that_cannot_be_limited_says_why() {
    let mut with_victim = World::reader();
    with_victim.victim.cgroup = Some(UNIT.into());
    with_victim.refuses("io-max", |why| matches!(why, Why::WithVictim { .. }));
    World { cgroup: "/", ..World::reader() }
        .refuses("io-max", |why| matches!(why, Why::RootCgroup { .. }));
    for cgroup in
        ["/system.slice/cron.service", "/system.slice/ssh.service", "/system.slice/kubelet.service"]
    {
        World { cgroup, ..World::reader() }.refuses(
            "io-max",
            |why| matches!(why, Why::InLauncher { unit, .. } if cgroup.ends_with(unit.as_str())),
        );
    }
    let gone = World { cgroup: "/jobs/5", ..World::reader() };
    let mut controls = gone.controls();
    controls.cgroups[0].exists = false;
    controls.cgroups[0].files.clear();
    let (report, devices) = (gone.report(), [gone.disk()]);
    let facts = Facts { devices: &devices, controls: Some(&controls), written: gone.written() };
    let all = advise(&report, &facts);
    let io_max = all.iter().find(|one| one.id.name() == "io-max").unwrap();
    assert!(matches!(io_max.reason, Why::CgroupGone { .. }), "{:?}", io_max.reason);
}

/// Property: where a parent does not pass the controller on, systemd is asked to, and no setting is promised that has no file yet; what
/// systemd does not manage is refused.
#[test]
fn systemd_passes_controllers_on_and_others_are_told() {
    let at = |cgroup| {
        let world = World { cgroup, files: Vec::new(), ..World::reader() };
        let mut controls = world.controls();
        controls.cgroups[0].controllers.clear();
        controls.cgroups[0].io_ends_at = Some("/jobs".into());
        let (report, devices) = (world.report(), [world.disk()]);
        let facts =
            Facts { devices: &devices, controls: Some(&controls), written: world.written() };
        advise(&report, &facts).into_iter().find(|one| one.id.name() == "io-max").unwrap()
    };
    let unit = at(UNIT);
    assert_eq!((unit.verdict, unit.changes.len()), (Verdict::Recommended, 0));
    assert_eq!(unit.apply[0][..2], ["systemctl", "set-property"]);
    let other = at("/jobs/5");
    assert_eq!(other.verdict, Verdict::Refused);
    assert_eq!(other.reason, Why::NotPassedOn { parent: "/jobs".into() });
}

/// Property: a culprit below the ceiling is not limited; one that has the idle class is not given it again; a limit of dirty pages that is
/// low is not lowered.
#[test]
fn what_is_so_already_is_refused() {
    let mut slow = World::reader();
    slow.culprit.io[0].bytes /= 10;
    let mut report = slow.report();
    report.devices[0].bytes *= 10;
    let all = slow.advice_on(&report);
    let io_max = all.iter().find(|one| one.id.name() == "io-max").unwrap();
    assert!(matches!(io_max.reason, Why::BelowCeiling { .. }), "{:?}", io_max.reason);

    let idle = World { scheduler: "bfq", mechanism: Mechanism::Queue, ..World::reader() };
    let mut controls = idle.controls();
    controls.processes[0].io_priorities = vec![IoPriority { class: 3, level: 0 }];
    let (report, devices) = (idle.report(), [idle.disk()]);
    let facts = Facts { devices: &devices, controls: Some(&controls), written: idle.written() };
    let all = advise(&report, &facts);
    let ionice = all.iter().find(|one| one.id.name() == "ionice").unwrap();
    assert!(matches!(ionice.reason, Why::AlreadyIdle { .. }), "{:?}", ionice.reason);

    let low = DirtyLimits { bytes: Some(1 << 20), ..DirtyLimits::default() };
    World { dirty: low, ..World::buffered_writer() }
        .refuses("dirty-limit", |why| *why == Why::LimitIsLow { bytes: 1 << 20 });
    World::buffered_writer().recommends("dirty-limit");
}

/// Property: what is expected to change too little is refused with both numbers, by every action that has a number, and the same action
/// on a host where it changes much is not.
#[test]
fn what_helps_too_little_is_refused_with_numbers() {
    // Alone it waits nearly as long.
    let little =
        |world: World| World { alone: (400, 15_000_000), shared: (1_600, 16_000_000), ..world };
    for (id, world) in [
        ("io-max", World::reader as fn() -> World),
        ("memory-high", World::buffered_writer),
        ("dirty-limit", World::buffered_writer),
        ("direct-io", World::buffered_writer),
        ("pace", World::buffered_writer),
    ] {
        little(world()).refuses(id, |why| {
            matches!(why, Why::NotWorth { before_ns, after_ns, .. } if *after_ns * 10 > *before_ns * 8)
        });
        if id != "pace" {
            world().recommends(id);
        }
    }
    let mut rsync = World::reader();
    rsync.culprit.argv = Some(vec!["rsync".into(), "/x".into()]);
    rsync.recommends("pace");
}
