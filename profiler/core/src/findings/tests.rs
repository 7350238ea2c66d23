//! The verdict, and what holds for all rules together.

use iocontend_wire::programs;
use proptest::prelude::*;

use super::build::{APISERVER, ETCD, Scene};
use super::{RULES, judge};
use crate::ids::{Call, FileClass, Role};
use crate::plan::{GapReason, NoFormats, SyncFs};
use crate::report::{
    Answer, Conclusion, Filesystem, Mechanism, Part, Pattern, Reason, Report, Rule, Share,
    UNEXPLAINED, VictimState, sample,
};
use crate::text::Lang;
use crate::text::findings::summary;
use crate::text::names::Names;

fn waiting(ms: u64) -> Scene {
    Scene::new().syncs(FileClass::Wal, 1_000, ms)
}

#[test]
fn waits_that_are_mostly_others_are_contended() {
    let scene = waiting(20).backup().apiserver();
    let backup = scene.backup_id();
    let verdict = scene
        .blame(FileClass::Wal, &backup, None, Mechanism::Queue, 0.5)
        .blame(FileClass::Wal, APISERVER, None, Mechanism::Journal, 0.2)
        .rest(FileClass::Wal)
        .verdict();
    assert_eq!(verdict.answer, VictimState::Contended);
    let Conclusion::OthersCause { share, culprits, .. } = verdict.conclusion else {
        panic!("{:?}", verdict.conclusion)
    };
    assert_eq!((share, culprits), (Share::rounded(0.7), vec![backup, APISERVER.to_owned()]));
}

#[test]
fn waits_that_are_nobodys_are_a_slow_disk() {
    for (culprit, mechanism) in
        [("self", Mechanism::Device), (UNEXPLAINED, Mechanism::Device), ("self", Mechanism::Flush)]
    {
        let verdict = waiting(20).blame(FileClass::Wal, culprit, None, mechanism, 1.0).verdict();
        assert_eq!(verdict.answer, VictimState::SlowDisk, "{verdict:?}");
    }
}

/// Property: what a limit holds back is no slow disk, unless the disk takes the greater part of it; and others come before both.
#[test]
fn waits_for_a_limit_are_throttled() {
    let of = |throttle: f64, device: f64, others: f64| {
        let scene = waiting(20).apiserver();
        let scene = scene.blame(FileClass::Wal, "self", None, Mechanism::Throttle, throttle);
        let scene = scene.blame(FileClass::Wal, "self", None, Mechanism::Device, device);
        let scene = scene.blame(FileClass::Wal, APISERVER, None, Mechanism::Queue, others);
        scene.verdict().answer
    };
    assert_eq!(of(0.9, 0.1, 0.0), VictimState::Throttled);
    assert_eq!(of(0.5, 0.3, 0.2), VictimState::Throttled);
    assert_eq!(of(0.2, 0.8, 0.0), VictimState::SlowDisk);
    assert_eq!(of(0.4, 0.0, 0.6), VictimState::Contended);
}

/// A third of the blame, and without it the waits are fine: that is what to change. Without that proof the disk is.
#[test]
fn less_than_half_is_contended_only_where_its_absence_cures() {
    let scene = || {
        let scene = waiting(20).backup();
        let backup = scene.backup_id();
        scene.blame(FileClass::Wal, &backup, None, Mechanism::Queue, 0.35).rest(FileClass::Wal)
    };
    assert_eq!(scene().verdict().answer, VictimState::SlowDisk);
    let backup = scene().backup_id();
    let cured = scene().beside(&backup, (500, 4), (500, 30)).verdict();
    assert_eq!(cured.answer, VictimState::Contended);
    let not_cured = scene().beside(&backup, (500, 18), (500, 30)).verdict();
    assert_eq!(not_cured.answer, VictimState::SlowDisk);
}

/// In a long window a short backup does not move the percentile.
#[test]
fn a_short_backup_in_a_long_window_is_contended_at_times() {
    let scene = Scene::new().syncs(FileClass::Wal, 10_000, 3).backup();
    let backup = scene.backup_id();
    let verdict = scene
        .blame(FileClass::Wal, &backup, None, Mechanism::Queue, 0.4)
        .rest(FileClass::Wal)
        .beside(&backup, (9_000, 2), (500, 40))
        .verdict();
    assert_eq!(verdict.answer, VictimState::Contended);
    assert_eq!(verdict.conclusion, Conclusion::AtTimes { finding: 0 });
}

#[test]
fn fine_waits_are_fine_and_the_logs_were_not_read() {
    let verdict = waiting(2).verdict();
    assert_eq!(verdict.answer, VictimState::Fine);
    assert!(verdict.because.contains(&Reason::LogsNotRead), "{verdict:?}");
    let busy = Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, 40, Part::Runnable);
    assert_eq!(busy.verdict().answer, VictimState::CpuStarved);
}

/// Every way in which it cannot be told says what is missing.
#[test]
fn what_cannot_be_told_says_what_is_missing() {
    let whole = |scene: Scene, culprit, mechanism| {
        scene.blame(FileClass::Wal, culprit, None, mechanism, 1.0)
    };
    let nobodys = |report: &mut Report| {
        report.actors[1].role = Role::Unattributed;
    };
    let shares = |unnamed: f64, unexplained: f64| Reason::Shares {
        named: Share::rounded(0.0),
        unnamed: Share::rounded(unnamed),
        disk: Share::rounded(0.0),
        cpu: Share::rounded(0.0),
        unexplained: Share::rounded(unexplained),
    };
    let wal = Reason::NoBlame { file_class: Some(FileClass::Wal) };
    let lost = Reason::EventsLost { lost: 2_000, seen: 10_000 };
    let cases = [
        (waiting(20), Reason::NoBlame { file_class: None }),
        (waiting(20).with(|report| report.blame = Some(Vec::new())), wal),
        (Scene::new().syncs(FileClass::Wal, 7, 2), Reason::TooFewWaits { count: 7, needed: 30 }),
        (Scene::new(), Reason::NoWaits),
        (Scene::new().with(|report| report.targets.clear()), Reason::NoTarget),
        (whole(waiting(20).lossy(), "self", Mechanism::Device), lost),
        (whole(waiting(20), UNEXPLAINED, Mechanism::Unexplained), shares(0.0, 1.0)),
        (
            whole(waiting(20).apiserver().with(nobodys), APISERVER, Mechanism::Queue),
            shares(1.0, 0.0),
        ),
    ];
    for (scene, reason) in cases {
        let verdict = scene.verdict();
        assert_eq!(verdict.answer, VictimState::CannotTell, "{reason:?}: {verdict:?}");
        assert_eq!(verdict.conclusion, Conclusion::Missing { reason });
    }
}

/// Sleeps in syncs that nothing times are no syncs: neither short nor long ones are judged, no rule answers and nothing is found.
#[test]
fn syncs_that_are_not_timed_are_not_judged() {
    let exit = (programs::EXT4_SYNC_EXIT, "ext4:ext4_sync_file_exit");
    let not_timed = Reason::SyncsNotTimed {
        filesystem: SyncFs::Ext4,
        hook: exit.1.into(),
        why: Some(GapReason::NoTracefs { why: NoFormats::NotMounted }),
    };
    let own = |scene: Scene| {
        let class = FileClass::Wal;
        scene.blame(class, "self", None, Mechanism::Device, 1.0).on("ext4").missed(exit.0, exit.1)
    };
    for scene in [own(waiting(2)), own(waiting(20)), Scene::new().missed(exit.0, exit.1)] {
        let report = scene.judged();
        let verdict = report.verdict.unwrap();
        assert_eq!(verdict.answer, VictimState::CannotTell, "{verdict:?}");
        assert_eq!(verdict.conclusion, Conclusion::Missing { reason: not_timed.clone() });
        assert!(report.findings.unwrap().is_empty());
        // This one is about reads.
        let says_why = |rule: &Rule| {
            rule.id == Pattern::SnapshotReadBurst
                || (rule.answer, rule.reason.as_ref()) == (Answer::NotYet, Some(&not_timed))
        };
        let rules = report.rules.unwrap();
        assert!(rules.iter().all(says_why), "{rules:?}");
    }
    // What is mounted elsewhere lacks nothing.
    assert_eq!(own(waiting(2)).on("xfs").verdict().answer, VictimState::Fine);
    assert_eq!(own(waiting(20)).on("xfs").verdict().answer, VictimState::SlowDisk);
}

/// Where one class is timed and another is not, long waits of the first are judged, and that they are fine says nothing.
#[test]
fn what_is_timed_is_judged_beside_what_is_not() {
    let scene = |ms| {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, ms).syncs(FileClass::Db, 1_000, 2);
        let scene = scene.blame(FileClass::Wal, "self", None, Mechanism::Device, 1.0);
        let scene = scene.on("xfs").missed(programs::EXT4_SYNC_EXIT, "ext4:ext4_sync_file_exit");
        scene.with(|report| {
            let db = Filesystem {
                mount_point: "/var/lib/etcd/db".into(),
                fstype: "ext4".into(),
                options: None,
            };
            report.devices[0].filesystems.as_mut().unwrap().push(db);
        })
    };
    assert_eq!(scene(20).verdict().answer, VictimState::SlowDisk);
    let verdict = scene(2).verdict();
    assert_eq!(verdict.answer, VictimState::CannotTell, "{verdict:?}");
    let is_missing = |reason: &Reason| matches!(reason, Reason::SyncsNotTimed { .. });
    assert!(verdict.because.iter().any(is_missing));
}

/// A stalled disk completes little: few waits that fill the window suffice.
#[test]
fn few_waits_suffice_when_they_fill_the_window() {
    let scene = Scene::new().waits(Call::Fdatasync, FileClass::Wal, 8, 3_000, Part::Device);
    let verdict = scene.blame(FileClass::Wal, "self", None, Mechanism::Device, 1.0).verdict();
    assert_eq!(verdict.answer, VictimState::SlowDisk);
}

/// Every rule answers, in one order, and with a reason where it cannot say.
#[test]
fn every_rule_answers() {
    for mut report in [sample::report(), waiting(20).judged(), Scene::new().judged()] {
        judge(&mut report);
        let rules = report.rules.unwrap();
        let ids: Vec<Pattern> = rules.iter().map(|rule| rule.id.clone()).collect();
        assert_eq!(ids, RULES.map(|(id, _)| id));
        for rule in &rules {
            assert_eq!(rule.reason.is_some(), rule.answer == Answer::NotYet, "{rule:?}");
        }
    }
}

/// Judging twice is judging once: nothing that is judged depends on what was.
#[test]
fn judging_again_changes_nothing() {
    let once = waiting(20).judged();
    let mut twice = once.clone();
    judge(&mut twice);
    assert_eq!(once, twice);
}

/// Two victims are judged by themselves.
#[test]
fn each_victim_has_its_own_finding() {
    let scene = waiting(20).apiserver();
    let scene =
        scene.blame(FileClass::Wal, APISERVER, None, Mechanism::Queue, 0.6).rest(FileClass::Wal);
    let report = scene
        .with(|report| {
            let mut second = report.actors[0].clone();
            (second.id, second.pid) = ("9@9".into(), Some(9));
            report.actors.push(second);
            report.targets[0].actors.push("9@9".into());
            let rows = report.blame.as_mut().unwrap();
            let copies: Vec<_> = rows.clone();
            rows.extend(copies.into_iter().map(|mut row| {
                row.victim = "9@9".into();
                row
            }));
        })
        .judged();
    let subjects: Vec<&str> =
        report.findings.iter().flatten().map(|found| found.subject.as_str()).collect();
    assert_eq!(subjects, [ETCD, "9@9"]);
}

/// A name from outside cannot steer a sentence.
#[test]
fn a_hostile_command_line_is_made_safe() {
    let scene = waiting(20).other(77, Role::Other, &["/tmp/x\u{1b}[31m`", "\n\u{202e}"]);
    let report = scene
        .blame(FileClass::Wal, "77@77", None, Mechanism::Queue, 0.6)
        .rest(FileClass::Wal)
        .judged();
    let found = &report.findings.as_ref().unwrap()[0];
    assert_eq!(found.id, Pattern::ColocatedDisk);
    let summary = summary(&Names::of(&report, Lang::En), found);
    assert!(!summary.contains(['\u{1b}', '\n', '\u{202e}']), "{summary}");
    assert_eq!(summary.matches('`').count(), 2, "{summary}");
}

proptest! {
    /// Property: whatever blame says, confidence and shares stay from 0 to 1, the worst finding stands first, and
    /// nobody is accused who is not in the rows.
    #[test]
    fn any_blame_gives_a_sane_report(
        rows in prop::collection::vec((0_usize..5, 0_usize..7, 0_u64..30_000_000_000), 0..12),
        ms in 0_u64..300,
    ) {
        let culprits = ["self", UNEXPLAINED, APISERVER, "5120@7000", "not@there"];
        let mechanisms = [
            Mechanism::Queue, Mechanism::Device, Mechanism::Journal, Mechanism::Flush,
            Mechanism::Throttle, Mechanism::Cpu, Mechanism::Unexplained,
        ];
        let mut scene = waiting(ms.max(1)).apiserver().backup().db_reads(40 << 20);
        for (culprit, mechanism, ns) in rows {
            scene = scene
                .blame(FileClass::Wal, culprits[culprit], Some(FileClass::Db), mechanisms[mechanism], 0.1)
                .with(|report| report.blame.as_mut().unwrap().last_mut().unwrap().wait_ns = ns);
        }
        let report = scene.judged();
        let findings = report.findings.unwrap();
        for found in &findings {
            prop_assert!((0.0..=1.0).contains(&found.confidence), "{found:?}");
            let share = found.evidence.as_ref().unwrap().share.millionths();
            prop_assert!((0..=Share::WHOLE).contains(&share), "{found:?}");
            prop_assert!(
                found.culprits.iter().all(|one| culprits[2..].contains(&one.actor.as_str()))
            );
        }
        prop_assert!(findings.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
    }
}
