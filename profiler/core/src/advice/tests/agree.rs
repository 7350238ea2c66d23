//! Verdict, findings and advice are views of one diagnosis.

use proptest::prelude::*;

use super::*;
use crate::findings::judge;
use crate::report::{LongestSync, Severity, Stall, StallCause, VictimState, check_agreement};

/// Programs that may be culprits, with their part and cgroup: two of them run twice.
const CULPRITS: [(&str, &str, Role, &str); 7] = [
    ("30@1", "etcdctl", Role::Backup, "/jobs"),
    ("31@1", "etcdctl", Role::Backup, "/jobs"),
    ("40@1", "dd", Role::Other, "/user"),
    ("41@1", "dd", Role::Other, "/user"),
    ("50@1", "kube-apiserver", Role::Apiserver, "/api"),
    ("60@1", "kworker", Role::Kernel, "/"),
    ("70@1", "tar", Role::Other, "/user"),
];

const CLASSES: [FileClass; 2] = [FileClass::Wal, FileClass::Db];

/// Class, charged to, mechanism and ns of a row.
type Charged = (usize, usize, usize, u64);

/// A report in which these are charged with waits of about so many ns, judged and advised.
fn told(waits: [u64; 2], charged: &[Charged]) -> Report {
    stalled(waits, charged, &[])
}

/// Who is charged: a culprit by number, the victim, or nobody.
fn name(culprit: usize) -> String {
    match CULPRITS.get(culprit) {
        Some((id, ..)) => (*id).into(),
        None if culprit == CULPRITS.len() => SELF.into(),
        None => UNEXPLAINED.into(),
    }
}

/// The same with a stall for each list of charges, on files of the class of the first of them.
fn stalled(waits: [u64; 2], charged: &[Charged], stalls: &[Vec<Charged>]) -> Report {
    let world = World::reader();
    let mut report = world.report();
    report.alone_vs_shared = None;
    report.actors.truncate(1);
    report.actors[0].waits.clear();
    for (class, ns) in CLASSES.into_iter().zip(waits) {
        let latency = lat(300, ns);
        let wait =
            Wait { call: Call::Fdatasync, file_class: class, path: None, latency, anatomy: None };
        report.actors[0].waits.push(wait);
    }
    for (id, comm, role, cgroup) in CULPRITS {
        let mut actor = process(id, role, &[comm]);
        actor.cgroup = Some(cgroup.into());
        actor.io = vec![io(Op::Write, Method::Writeback, 500, 200_000_000)];
        report.actors.push(actor);
    }
    let mechanisms = [
        Mechanism::Queue,
        Mechanism::Device,
        Mechanism::Journal,
        Mechanism::Cpu,
        Mechanism::Unexplained,
    ];
    let rows = charged.iter().map(|&(class, culprit, mechanism, wait_ns)| Blame {
        victim: VICTIM.into(),
        victim_class: CLASSES[class],
        victim_call: Call::Fdatasync,
        culprit: name(culprit),
        culprit_class: None,
        device: Some("vda".into()),
        mechanism: mechanisms[mechanism],
        wait_ns,
        share: 0.0,
    });
    report.blame = Some(rows.collect());
    let stall = |causes: &Vec<Charged>| {
        let wait_ns = causes.iter().map(|one| one.3).sum();
        let cause = |&(_, culprit, mechanism, wait_ns): &Charged| StallCause {
            culprit: name(culprit),
            mechanism: Some(mechanisms[mechanism]),
            device: Some("vda".into()),
            wait_ns,
        };
        Stall {
            victim: VICTIM.into(),
            file_class: CLASSES[causes.first().map_or(0, |one| one.0)],
            limit_ns: 100_000_000,
            wait_ns,
            worst: LongestSync { start: String::new(), duration_ns: wait_ns },
            causes: causes.iter().map(cause).collect(),
            ..Stall::default()
        }
    };
    report.stalls = Some(stalls.iter().map(stall).collect());
    report.advice = Some(world.advice_on(&report));
    judge(&mut report);
    report
}

/// The part of the victim's waits that no row explains.
fn unexplained(report: &Report) -> (u64, u64) {
    let rows = || report.blame.iter().flatten();
    let waited: u64 = report.actors[0].waits.iter().map(|wait| wait.latency.sum_ns).sum();
    let told: u64 = rows().map(|row| row.wait_ns).sum();
    let by_nobody = rows()
        .filter(|row| row.culprit == UNEXPLAINED && row.mechanism == Mechanism::Unexplained)
        .map(|row| row.wait_ns);
    let by_nobody: u64 = by_nobody.sum();
    (by_nobody + waited.saturating_sub(told), waited.max(told))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Property: whatever is charged to whom, advice acts on nobody whom no finding names, culprits stand in one order and by one name in
    /// verdict and findings, one figure has one value, and the limits are left alone only where the verdict is that it is not the
    /// disk, nothing found is a warning, and most of the waits is explained.
    #[test]
    fn any_report_agrees_with_itself(
        waits in (prop_oneof![1_u64..3_000_000, 1_u64..200_000_000], 1_u64..100_000_000),
        charged in prop::collection::vec((0_usize..2, 0_usize..9, 0_usize..5, 0_u64..20_000_000_000), 0..14),
        stalls in prop::collection::vec(
            prop::collection::vec((0_usize..2, 0_usize..9, 0_usize..5, 0_u64..200_000_000), 1..4), 0..3),
    ) {
        let report = stalled([waits.0, waits.1], &charged, &stalls);
        prop_assert_eq!(check_agreement(&report), Vec::<String>::new());
        let advice = report.advice.as_deref().unwrap();
        if advice.iter().any(|one| one.id.name() == "limits-unchanged") {
            let answer = report.verdict.as_ref().unwrap().answer;
            prop_assert!(matches!(answer, VictimState::Fine | VictimState::NotTheDisk), "{:?}", answer);
            prop_assert!(report.findings.iter().flatten().all(|one| one.severity < Severity::Warning));
            prop_assert!(stalls.is_empty());
            let (unexplained, whole) = unexplained(&report);
            prop_assert!(unexplained < whole.div_ceil(2), "{} of {}", unexplained, whole);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Property: who is charged alike stands in the order of names, so that the order of rows decides nothing.
    #[test]
    fn the_order_of_rows_decides_nothing(
        charged in prop::collection::vec((0_usize..2, 0_usize..9, 0_usize..5, 0_u64..4), 0..14),
    ) {
        let long = |one: &Charged| (one.0, one.1, one.2, one.3 * 3_000_000_000);
        let mut charged: Vec<Charged> = charged.iter().map(long).collect();
        let report = told([90_000_000, 60_000_000], &charged);
        charged.reverse();
        let again = told([90_000_000, 60_000_000], &charged);
        prop_assert_eq!(report.verdict, again.verdict);
        prop_assert_eq!(report.findings, again.findings);
        prop_assert_eq!(report.advice, again.advice);
    }
}

/// Two saves stall a victim that is fine on the whole: they are named, and there is advice about them.
#[test]
fn whoever_stalls_a_quiet_victim_can_be_dealt_with() {
    let own = [(0, 7, 1, 600_000_000), (1, 7, 1, 600_000_000), (0, 0, 0, 130_000_000)];
    let stalls = [vec![(0, 0, 0, 130_000_000)], vec![(0, 1, 0, 129_000_000)]];
    let report = stalled([2_000_000, 2_000_000], &own, &stalls);
    assert_eq!(check_agreement(&report), Vec::<String>::new());
    assert_eq!(report.verdict.unwrap().answer, VictimState::Contended);
    let culprits: Vec<&str> =
        report.advice.iter().flatten().filter_map(|one| one.culprit.as_deref()).collect();
    assert!(!culprits.is_empty() && culprits.iter().all(|id| *id == "30@1"), "{culprits:?}");
    let quiet = told([2_000_000, 2_000_000], &own);
    assert!(quiet.advice.iter().flatten().all(|one| one.culprit.is_none()));
}

/// Property: the check sees each of the disagreements that it is there for.
#[test]
fn disagreement_is_seen() {
    // Most to dd (two runs), some to the API server.
    let charged = [
        (0, 2, 0, 9_000_000_000),
        (0, 3, 0, 8_000_000_000),
        (0, 4, 0, 6_000_000_000),
        (0, 7, 1, 5_000_000_000),
        (1, 7, 1, 5_000_000_000),
    ];
    let report = told([90_000_000, 5_000_000], &charged);
    assert_eq!(check_agreement(&report), Vec::<String>::new());
    let finding = &report.findings.as_ref().unwrap()[0];
    let named: Vec<_> = finding.culprits.iter().map(|one| (one.actor.as_str(), one.runs)).collect();
    assert_eq!(named, [("40@1", 2), ("50@1", 1)]);
    let spoilt = |spoil: fn(&mut Report)| {
        let mut report = report.clone();
        spoil(&mut report);
        check_agreement(&report).len()
    };
    let all: [fn(&mut Report); 5] = [
        |report| report.advice.as_mut().unwrap()[0].culprit = Some("70@1".into()),
        |report| report.findings.as_mut().unwrap()[0].culprits.reverse(),
        |report| report.findings.as_mut().unwrap()[0].evidence.as_mut().unwrap().p99_ns += 1,
        |report| report.actors[0].waits[0].latency.p99_ns = Some(1),
        |report| {
            let fine = told([100_000, 100_000], &[(0, 7, 1, 30_000_000), (1, 7, 1, 30_000_000)]);
            let unchanged = fine.advice.unwrap().into_iter();
            report.advice.as_mut().unwrap().extend(unchanged);
        },
    ];
    for (at, spoil) in all.into_iter().enumerate() {
        assert!(spoilt(spoil) > 0, "{at}");
    }
}
