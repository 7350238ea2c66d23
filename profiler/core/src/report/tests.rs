//! Properties of the document: it survives JSON, absent stays absent, and wrong sums are found.

use super::{ReadError, Report, SCHEMA, check_consistency, sample};

#[test]
fn a_report_survives_json() {
    let report = sample::report();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    assert_eq!(report.schema, SCHEMA);
}

#[test]
fn a_reader_skips_fields_it_does_not_know() {
    let mut json = serde_json::to_value(sample::report()).unwrap();
    json["added_later"] = 1.into();
    json["devices"][0]["added_later"] = 1.into();
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), sample::report());
}

#[test]
fn what_is_not_known_is_absent() {
    let json = serde_json::to_value(sample::report()).unwrap();
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

#[test]
fn only_a_report_of_this_shape_is_read() {
    let mut json = serde_json::to_value(sample::report()).unwrap();
    let read = |json: &serde_json::Value| Report::from_json(json.to_string().as_bytes());
    assert_eq!(read(&json).unwrap(), sample::report());
    json["schema"] = "iocontend.report/2".into();
    assert!(matches!(read(&json), Err(ReadError::WrongSchema { found: Some(_) })));
    assert!(matches!(Report::from_json(b"{}"), Err(ReadError::WrongSchema { found: None })));
    assert!(matches!(Report::from_json(b"{\"schema\": "), Err(ReadError::Malformed(_))));
}
