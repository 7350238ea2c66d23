//! Properties of the document: it survives JSON, absent stays absent, and wrong sums are found.

use super::{
    Culprit, Mostly, OTHERS, Report, SCHEMA, Share, Stall, Timeline, TimelineCause,
    check_consistency, judged_sample, sample,
};
use crate::etcd_heartbeat::HeartbeatSource;
use crate::ids::FileClass;
use crate::render::json::{self, ReadError};

fn written(report: &Report) -> serde_json::Value {
    let mut out = Vec::new();
    json::document(report, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_report_survives_json() {
    for report in [sample::report(), judged_sample::judged()] {
        let json = written(&report);
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    }
}

/// Property: sentences of a document are not read; what is read are codes and numbers.
#[test]
fn sentences_are_not_read() {
    let report = judged_sample::judged();
    let mut json = written(&report);
    json["verdict"]["summary"] = "nothing".into();
    json["verdict"]["because"] = serde_json::json!(["nothing"]);
    json["findings"][0]["summary"] = "nothing".into();
    json["findings"][0]["caveats"] = serde_json::json!([]);
    json["coverage"]["notes"] = serde_json::json!([]);
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

/// Property: a document of a version without codes, or with others, is read: what cannot be known is said to be unknown.
#[test]
fn documents_of_other_versions_are_read() {
    let mut json = written(&judged_sample::judged());
    for (object, code) in [("verdict", "summary_code"), ("verdict", "because_codes")] {
        json[object].as_object_mut().unwrap().remove(code);
    }
    json["findings"][0]["caveat_codes"] = serde_json::json!([{"code": "later", "with": 1}]);
    json["findings"][0]["id"] = "later".into();
    json["findings"][0]["evidence"] = serde_json::json!({"later_ns": 1});
    let read = serde_json::from_value::<Report>(json).unwrap();
    let (verdict, found) = (read.verdict.unwrap(), &read.findings.unwrap()[0]);
    assert!(matches!(verdict.conclusion, super::Conclusion::Newer(_)), "{verdict:?}");
    assert_eq!((found.id.name(), &found.evidence), ("later", &None));
    assert!(matches!(&found.caveats[..], [super::Caveat::Newer(newer)] if newer.code == "later"));
}

#[test]
fn a_reader_skips_fields_it_does_not_know() {
    let mut json = written(&sample::report());
    json["added_later"] = 1.into();
    json["devices"][0]["added_later"] = 1.into();
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), sample::report());
}

#[test]
fn what_is_not_known_is_absent() {
    let json = written(&sample::report());
    assert!(!json.to_string().contains("null"));
    assert!(json.get("blame").is_none() && json.get("findings").is_none());
    let unattributed = &json["actors"][4];
    assert!(unattributed.get("pid").is_none() && unattributed["io"][0].get("q2d").is_none());
}

#[test]
fn the_sums_of_the_sample_agree() {
    assert_eq!(check_consistency(&sample::report()), Vec::<String>::new());
}

#[test]
fn every_wrong_sum_is_found() {
    let tampered: [fn(&mut Report); 10] = [
        |report| report.devices[0].ios += 1,
        |report| report.devices[0].ops[1].bytes += 1,
        |report| report.actors[0].io[0].count -= 1,
        |report| report.actors[1].io[0].device = "vdb".into(),
        |report| report.coverage.events_kept += 1,
        |report| report.coverage.io_bytes += 1,
        |report| report.actors.truncate(4),
        |report| report.actors[0].waits[0].latency.count += 1,
        |report| report.actors[0].waits[1].latency.sum_ns += 1,
        |report| report.actors[0].worst.as_mut().unwrap()[2].duration_ns -= 1,
    ];
    for (index, tamper) in tampered.iter().enumerate() {
        let mut report = sample::report();
        tamper(&mut report);
        assert!(!check_consistency(&report).is_empty(), "case {index}");
    }
}

/// Property: seconds and stalls survive being written, and lists of other lengths are found.
#[test]
fn seconds_and_stalls_are_read_back() {
    let mut report = sample::report();
    report.timeline = Some(vec![Timeline {
        victim: report.actors[0].id.clone(),
        file_class: FileClass::Wal,
        from: report.window.start.clone(),
        step_ns: 1_000_000_000,
        count: vec![57, 0, 1],
        sum_ns: vec![171_000_000, 0, 131_000_000],
        mean_ns: vec![3_000_000, 0, 131_000_000],
        max_ns: vec![9_000_000, 131_000_000, 131_000_000],
        lost: vec![2],
        causes: vec![TimelineCause {
            culprit: OTHERS.to_owned(),
            mechanism: None,
            first: 1,
            wait_ns: vec![100_000_000, 31_000_000],
        }],
    }]);
    let actor = report.actors[1].id.clone();
    report.stalls = Some(vec![Stall {
        victim: report.actors[0].id.clone(),
        limit_source: HeartbeatSource::Environment,
        mostly: Some(Mostly::Others),
        culprits: vec![Culprit { actor, runs: 2, share: Share::rounded(0.97) }],
        ..Stall::default()
    }]);
    let json = written(&report);
    assert_eq!(Report::from_json(json.to_string().as_bytes()).unwrap(), report);
    assert_eq!(json["stalls"][0]["limit_source"], "environment");
    assert_eq!(check_consistency(&report), Vec::<String>::new());
    let tampered: [fn(&mut Timeline); 3] =
        [|line| line.lost.push(3), |line| line.causes[0].first = 2, |line| line.max_ns.truncate(2)];
    for tamper in tampered {
        let mut report = report.clone();
        tamper(&mut report.timeline.as_mut().unwrap()[0]);
        assert_eq!(check_consistency(&report).len(), 1);
    }
}

/// Property: nobody is called `exe` of whom more is known.
#[test]
fn a_program_that_started_itself_has_its_own_name() {
    let named = |comm: Option<&str>, argv: &[&str], exe: Option<&str>| {
        let mut actor = sample::report().actors.remove(0);
        actor.comm = comm.map(str::to_owned);
        actor.argv = Some(argv.iter().map(|&word| word.to_owned()).collect());
        actor.exe = exe.map(str::to_owned);
        actor.program().map(str::to_owned)
    };
    assert_eq!(named(Some("etcd"), &["/usr/bin/x"], None).as_deref(), Some("etcd"));
    assert_eq!(named(Some("exe"), &["/usr/bin/runc", "init"], None).as_deref(), Some("runc"));
    let itself = &["/proc/self/exe", "copy"];
    assert_eq!(
        named(Some("exe"), itself, Some("/usr/bin/iocontend")).as_deref(),
        Some("iocontend")
    );
    assert_eq!(named(Some("exe"), &[], None).as_deref(), Some("exe"));
    assert_eq!(named(None, &[], None), None);
}

#[test]
fn only_a_report_of_this_shape_is_read() {
    let mut json = written(&sample::report());
    let read = |json: &serde_json::Value| Report::from_json(json.to_string().as_bytes());
    assert_eq!(read(&json).unwrap(), sample::report());
    json["schema"] = "iocontend.report/1".into();
    assert!(matches!(read(&json), Err(ReadError::WrongSchema { found: Some(_) })));
    assert!(matches!(Report::from_json(b"{}"), Err(ReadError::WrongSchema { found: None })));
    assert!(matches!(Report::from_json(b"{\"schema\": "), Err(ReadError::Malformed(_))));
}
