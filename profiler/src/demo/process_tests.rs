//! Workloads as processes: results, failures, signals, and no process left behind.

use std::time::Instant;

use super::*;

fn shell(script: &str) -> DemoChild {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    DemoChild::start(command, "test workload").unwrap()
}

/// The line on stdout is the result.
#[test]
fn result_is_read() {
    let value: Vec<u32> = shell("echo '[1, 2]'").finish().unwrap();
    assert_eq!(value, [1, 2]);
}

/// A failure and an unreadable result are told apart, each with the workload's name.
#[test]
fn failures_are_told_apart() {
    let error = shell("exit 3").finish::<u32>().unwrap_err();
    assert!(matches!(error, DemoError::Failed { .. }));
    assert!(error.to_string().contains("test workload failed (exit status: 3)"), "{error}");
    let error = shell("echo hello").finish::<u32>().unwrap_err();
    assert!(error.to_string().contains("hello"), "{error}");
}

/// Asked to stop, a workload still leaves its result; asked twice, nothing breaks.
#[test]
fn stop_lets_it_finish() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready");
    let wait = "while :; do sleep 0.01; done";
    let mut child = shell(&format!("trap 'echo 7; exit' TERM; : > {}; {wait}", ready.display()));
    while !ready.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.stop().unwrap();
    child.stop().unwrap();
    assert_eq!(child.finish::<u32>().unwrap(), 7);
}

/// A dropped workload is gone when the drop returns.
#[test]
fn drop_ends_the_process() {
    let started = Instant::now();
    let child = shell("exec sleep 60");
    let proc = format!("/proc/{}", child.id());
    assert!(fs::exists(&proc).unwrap());
    drop(child);
    assert!(!fs::exists(&proc).unwrap());
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// Seconds survive the way through the command line.
#[test]
fn seconds_as_arguments() {
    assert_eq!(seconds(Duration::from_secs(20)), "20");
    assert_eq!(seconds(Duration::from_millis(1500)), "1.5");
}

/// A workload whose demo is another process than it was told refuses to run.
#[test]
fn a_wrong_parent_is_refused() {
    let nobody = i32::MAX.to_string();
    let error = die_with(&nobody).unwrap_err().to_string();
    // The setting belongs to this thread, which other tests may use next.
    set_parent_process_death_signal(None).unwrap();
    assert!(error.contains("is gone"), "{error}");
    assert!(die_with("abc").is_err());
}
