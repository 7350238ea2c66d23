//! `advise` on a live host: what a recording would know at its end is known here too.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use iocontend_core::change::Change;
use iocontend_core::report::{AdviceId, Report, Verdict, Why};
use iocontend_tests::binary;
use iocontend_tests::cgroup::Cgroup;
use iocontend_tests::process::until;

/// fio is a big program, and emulators are slow.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Ends with the test.
pub(super) struct Job(Child);

impl Job {
    pub(super) fn start(mut fio: Command, options: &[&str]) -> Self {
        let common =
            ["--name=job", "--size=32m", "--time_based", "--runtime=600", "--output=/dev/null"];
        Self(fio.args(common).args(options).stdin(Stdio::null()).spawn().unwrap())
    }
}

/// A direct reader in a cgroup beside somebody who syncs, both on the VM's disk.
pub(super) struct Contention {
    pub(super) group: Cgroup,
    pub(super) writer: Job,
    _reader: Job,
    _folder: tempfile::TempDir,
}

impl Contention {
    /// Both are at work.
    pub(super) fn begin(name: &str) -> Self {
        let folder = super::folder();
        let at = |name: &str| format!("--filename={}", folder.path().join(name).display());
        let group = Cgroup::new(name).unwrap();
        let read =
            ["--thread", "--rw=read", "--bs=1m", "--direct=1", "--ioengine=libaio", "--iodepth=8"];
        // fio would make it itself, for a time that nobody knows.
        std::fs::write(folder.path().join("read"), vec![1; 32 << 20]).unwrap();
        std::fs::File::open(folder.path().join("read")).unwrap().sync_all().unwrap();
        let reader = group.command("fio").unwrap();
        let reader = Job::start(reader, &[&read[..], &[at("read").as_str()]].concat());
        let write = [
            "--thread",
            "--rw=write",
            "--bs=4k",
            "--fdatasync=1",
            "--rate_iops=20",
            "--fallocate=none",
        ];
        let writer =
            Job::start(Command::new("fio"), &[&write[..], &[at("write").as_str()]].concat());
        until("both are at work", START_LIMIT, || {
            let written =
                std::fs::metadata(folder.path().join("write")).map_or(0, |file| file.len());
            Ok((group.io()?.0 > 0 && written > 0).then_some(()))
        })
        .unwrap();
        Self { group, writer, _reader: reader, _folder: folder }
    }

    /// What is advised after a while.
    pub(super) fn advised(&self) -> Report {
        let output = Command::new(binary::path().unwrap())
            .args(["advise", "--pid", &self.writer.0.id().to_string(), "--duration", "25s"])
            .args(["-o", "json"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

// Property: the cgroup of a culprit that was at work before is known, so that a limit can be advised there, though no interval
// was ever reported.
#[test]
#[ignore = "needs the VM"]
fn vm_advise_knows_the_cgroup_of_a_culprit_without_intervals() {
    let contention = Contention::begin("advise-reader");
    let report = contention.advised();
    let advice: Vec<_> = report.advice.iter().flatten().collect();
    let about_the_reader = advice.iter().filter(|one| one.culprit.is_some());
    assert!(about_the_reader.count() > 0, "nobody is blamed: {advice:?}");
    let unknown = advice.iter().find(|one| matches!(one.reason, Why::CgroupUnknown { .. }));
    assert!(unknown.is_none(), "{unknown:?}");
    // On a machine where the disk is slow without the reader, too, a limit is not worth it.
    let limits = advice.iter().filter(|one| one.id == AdviceId::IoMax);
    for limit in limits.filter(|one| one.verdict == Verdict::Recommended) {
        let [Change::CgroupDevice { cgroup, file, .. }] = &limit.changes[..] else {
            panic!("{:?}", limit.changes)
        };
        assert_eq!((cgroup.as_str(), file.as_str()), ("/advise-reader", "io.max"));
    }
}
