//! An apiserver's audit log: the writer of the disk that nobody thinks of.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use iocontend_core::ids::{Call, FileClass, Method, Op, Role};
use iocontend_core::report::{Actor, Report};
use iocontend_tests::process::run;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::{Watch, actor_as, bytes, waits, writes};
use iocontend_tests::writer::Writer;

const WRITER: &str = env!("CARGO_BIN_EXE_writer");

/// A process that looks like an apiserver and has its audit log open.
fn apiserver(folder: &std::path::Path, flags: &str) -> Writer {
    let program = Writer::copy_as(WRITER.as_ref(), folder, "kube-apiserver").unwrap();
    let log = folder.join("audit.log");
    let args = [
        "--etcd-servers=http://127.0.0.1:1".to_owned(),
        format!("--audit-log-path={}", log.display()),
    ];
    let mut apiserver = Writer::start(&program, &args).unwrap();
    apiserver.order(&format!("open {} append {flags}", log.display())).unwrap();
    apiserver
}

fn watch(apiserver: &Writer) -> Watch {
    Watch::start(&["--pid", &apiserver.pid().to_string()]).unwrap()
}

fn found<'a>(report: &'a Report, apiserver: &Writer) -> &'a Actor {
    actor_as(report, apiserver.pid(), Role::Apiserver).unwrap()
}

// Property: every synchronous append to the audit log is one wait of the apiserver with the class audit-log, and so
// are the bytes that it wrote.
#[test]
#[ignore = "needs root"]
fn synchronous_appends_to_the_audit_log() {
    let folder = super::folder();
    let mut apiserver = apiserver(folder.path(), "dsync");
    let on_init = BlockTrace::on_init_below(folder.path()).unwrap();
    let watch = watch(&apiserver);
    apiserver.order("write 8192 50").unwrap();
    let report = watch.finish().unwrap();
    let unseen = on_init.out_of_sight(&report).unwrap().write_bytes;

    let found = found(&report, &apiserver);
    assert_eq!(waits(found, Call::OdsyncWrite, Some(FileClass::AuditLog)), 50, "{:?}", found.waits);
    assert_eq!(waits(found, Call::OdsyncWrite, None), 50);
    let written = bytes(found, Op::Write, Some(FileClass::AuditLog));
    println!("audit log, O_DSYNC: {written} of {} bytes, {unseen} unseen", 50 * 8192);
    assert!(written + unseen >= 50 * 8192, "{}", writes(&report));
}

// Property: an audit log opened before the watch and never synced is written back by a kernel thread under the
// apiserver's name, with the class audit-log and the method writeback.
#[test]
#[ignore = "needs root"]
fn written_back_appends_to_the_audit_log() {
    const SIZE: u64 = 8 << 20;
    let folder = super::folder();
    let mut apiserver = apiserver(folder.path(), "");
    let on_init = BlockTrace::on_init_below(folder.path()).unwrap();
    let watch = watch(&apiserver);
    apiserver.order("write 65536 128").unwrap();
    // Of a whole file system: unlike fsync, this asks the kernel's flusher thread to write.
    run("sync", &["--file-system", &folder.path().display().to_string()]).unwrap();
    let report = watch.finish().unwrap();

    let unseen = on_init.out_of_sight(&report).unwrap().write_bytes;
    let found = found(&report, &apiserver);
    let rows = found
        .io
        .iter()
        .filter(|row| row.method == Method::Writeback && row.file_class == FileClass::AuditLog);
    let written: u64 = rows.map(|row| row.bytes).sum();
    println!("audit log, written back: {written} of {SIZE} bytes, {unseen} unseen");
    assert!(written + unseen >= SIZE / 100 * 95, "{}", writes(&report));
}
