//! What is printed: a schema that fits the reports, and what happens when nobody reads.

use std::fs::OpenOptions;
use std::process::Stdio;

use iocontend_core::hist::Dist;
use iocontend_core::ids::{Call, FileClass, Method, Op, Role};
use iocontend_core::report::{
    Actor, Attribution, Coverage, Device, DeviceOp, Host, Io, Lat, Report, Target, Tool, Wait,
    Window, check_consistency,
};
use iocontend_tests::schema::violations;
use serde_json::Value;

use super::binary::{command, run};

/// A small report with every part that watching fills.
fn sample() -> Report {
    let mut dist = Dist::new();
    for ns in [90_000, 1_200_000] {
        dist.record(ns);
    }
    let lat = Some(Lat::from(&dist));
    let tool = Tool { version: "0.1.0".to_owned(), bpf_object_sha256: None };
    let window = Window::new(1_772_366_400_000_000_000, 1_772_366_430_000_000_000, 3_600, 30);
    let mut report = Report::new(tool, Host::default(), window);
    report.targets = vec![Target { selector: "auto".to_owned(), actors: vec!["7@12".to_owned()] }];
    let op =
        DeviceOp { op: Op::Write, count: 2, bytes: 8192, q2d: None, d2c: None, q2c: lat.clone() };
    report.devices = vec![Device {
        name: "vda".to_owned(),
        ios: 2,
        bytes: 8192,
        q2c: lat.clone(),
        ops: vec![op],
        ..Device::default()
    }];
    let io = Io {
        device: "vda".to_owned(),
        op: Op::Write,
        file_class: FileClass::Wal,
        method: Method::Direct,
        count: 2,
        bytes: 8192,
        q2d: None,
        d2c: None,
        q2c: lat,
    };
    let wait = Wait {
        call: Call::Fdatasync,
        file_class: FileClass::Wal,
        path: Some("/var/lib/etcd/member/wal/0.wal".to_owned()),
        latency: Lat::from(&dist),
        anatomy: None,
    };
    let id = "7@12".to_owned();
    let (pid, role) = (Some(7), Role::Etcd);
    let actor = Actor { id, pid, role, io: vec![io], waits: vec![wait], ..Actor::default() };
    report.actors = vec![actor];
    let attribution = Attribution { direct: 8192, ..Attribution::default() };
    report.coverage =
        Coverage { events_seen: 3, events_kept: 3, io_bytes: 8192, attribution, ..report.coverage };
    report
}

fn schema() -> Value {
    serde_json::from_str(&run(&["schema"]).ended(0).stdout).unwrap()
}

/// The printed schema accepts what the library writes, and is not one that accepts anything.
#[test]
fn the_schema_accepts_a_report_and_not_just_anything() {
    let schema = schema();
    let report = sample();
    assert!(check_consistency(&report).is_empty());
    let mut document = serde_json::to_value(&report).unwrap();
    assert_eq!(violations(&schema, &document), Vec::<String>::new());
    document["something_new"] = 1.into();
    assert_eq!(violations(&schema, &document), Vec::<String>::new(), "unknown fields are allowed");
    document["actors"][0]["io"][0]["op"] = "erase".into();
    document["coverage"]["events_seen"] = "many".into();
    assert_eq!(violations(&schema, &document).len(), 2);
    assert!(!violations(&schema, &serde_json::json!({})).is_empty());
}

/// Nobody reads: that is the end, and no error.
#[test]
fn a_closed_stdout_is_no_error() {
    for args in [&["schema"][..], &["man"], &["completions", "zsh"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

/// A full disk is one.
#[test]
fn a_full_disk_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(&["schema"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write to stdout"), "{stderr}");
}
