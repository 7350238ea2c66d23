//! `iocontend doctor` on the running kernel, beside what `watch` really attaches.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::doctor::{
    Ability, Data, Doctor, HookState, Keeper, Problem, State, Support, Trouble, Way,
};
use iocontend_core::ids::{FileClass, Role};
use iocontend_core::report::{Note, Report};
use iocontend_tests::binary;
use iocontend_tests::loopdev::{LoopDevice, Tmpfs};
use iocontend_tests::process::{run, until};
use iocontend_tests::readme::capabilities as readme_capabilities;
use iocontend_tests::watch::Watch;
use iocontend_tests::writer::Writer;

/// The helper program beside the tests.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// What maps may hold beyond the tables that are planned (`OTHER_MAPS` of the kernel side, and log messages).
const OTHER_MAPS: u64 = 4 << 20;
/// Programs are freed soon after nobody holds them; on a busy machine a grace period takes seconds.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// What the doctor says here, which must be that something works.
pub(crate) fn doctor() -> Result<Doctor> {
    let output = Command::new(binary::path()?).args(["doctor", "-o", "json"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(0), "{}: {said}", output.status);
    ensure!(said.is_empty(), "{said}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Program and hook of everything that is attached, by the doctor and by a watch.
pub(crate) fn attached(doctor: &Doctor, report: &Report) -> [Vec<(String, String)>; 2] {
    let of_doctor = doctor.hooks.hooks.iter().filter(|hook| hook.state == State::Attaches);
    let of_watch = report.coverage.attached.iter().filter(|hook| hook.attached);
    let mut both = [
        of_doctor.map(|hook| (hook.program.clone(), hook.hook.clone())).collect::<Vec<_>>(),
        of_watch.map(|hook| (hook.program.clone(), hook.hook.clone())).collect(),
    ];
    for list in &mut both {
        list.sort_unstable();
    }
    both
}

/// Ids of the programs that are loaded in this kernel. An id is not given twice.
fn loaded_programs() -> Result<BTreeSet<u64>> {
    let listed: serde_json::Value =
        serde_json::from_str(&run("bpftool", &["prog", "list", "-j"])?)?;
    Ok(listed.as_array().into_iter().flatten().filter_map(|one| one["id"].as_u64()).collect())
}

// Property: the doctor says of exactly those hooks that they attach that a watch has attached; its figure of memory
// is the kernel's, and the planned one is nearly all of it.
#[test]
#[ignore = "needs root and this kernel"]
fn what_the_doctor_says_attaches_is_what_watch_attaches() -> Result<()> {
    let doctor = doctor()?;
    assert!(doctor.hooks.tried, "{:?}", doctor.hooks);
    assert_ne!(doctor.ability, Ability::None);
    let report = Watch::start(&["--pid", "1"])?.finish()?;
    let [of_doctor, of_watch] = attached(&doctor, &report);
    assert_eq!(of_doctor, of_watch);
    assert!(!of_doctor.is_empty());
    let (planned, actual) = (doctor.maps.planned_bytes, doctor.maps.actual_bytes);
    let (planned, actual) = (planned.context("not planned")?, actual.context("not counted")?);
    assert_eq!(Some(actual), report.coverage.map_bytes);
    assert!(planned <= actual && actual <= planned + OTHER_MAPS, "{planned} {actual}");
    Ok(())
}

/// A program as nobody, with these capabilities and no others.
fn as_nobody(program: &Path, capabilities: &[&str]) -> Command {
    let names = capabilities.iter().map(|name| name.trim_start_matches("CAP_").to_lowercase());
    let set = names.fold("-all".to_owned(), |set, name| format!("{set},+{name}"));
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args([format!("--inh-caps={set}"), format!("--bounding-set={set}")])
        .arg(format!("--ambient-caps={set}"))
        .arg(program);
    command
}

/// The doctor's document as nobody, with these capabilities and no others.
fn doctor_with(program: &Path, capabilities: &[&str]) -> Result<Doctor> {
    let output = as_nobody(program, capabilities).args(["doctor", "-o", "json"]).output()?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The program where nobody may enter: the folder of the build is not.
fn for_nobody() -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in("/var/tmp")?;
    let program = folder.path().join("iocontend");
    std::fs::copy(binary::path()?, &program)?;
    Ok((folder, program))
}

// Property: whoever may not read other users' processes is told so as the watch begins, and by its report; others are not.
#[test]
#[ignore = "needs root and this kernel"]
fn a_watch_without_ptrace_says_what_it_cannot_read() -> Result<()> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))?;
    let all = readme_capabilities(&readme);
    let rest: Vec<&str> = all.iter().filter(|one| **one != "CAP_SYS_PTRACE").copied().collect();
    ensure!(rest.len() < all.len(), "{all:?}");
    let (_folder, program) = for_nobody()?;
    for (capabilities, is_told) in [(&all, false), (&rest, true)] {
        let args = ["watch", "-o", "json", "--duration", "1s", "--pid", "1"];
        let output = as_nobody(&program, capabilities).args(args).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let report = Report::from_json(&output.stdout).with_context(|| said.to_string())?;
        assert_eq!(said.contains("CAP_SYS_PTRACE"), is_told, "{said}");
        let notes = &report.coverage.notes;
        assert_eq!(notes.contains(&Note::ProcessesHidden), is_told, "{notes:?}");
    }
    Ok(())
}

// Property: with exactly the capabilities that the README names everything attaches and nothing is lost for want of a
// right; without any one of them something is, and it is never called a tracepoint that the kernel lacks.
#[test]
#[ignore = "needs root and this kernel"]
fn the_readmes_capabilities_are_enough_and_all_needed() -> Result<()> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))?;
    let capabilities = readme_capabilities(&readme);
    ensure!(capabilities.len() >= 4, "{capabilities:?}");
    let (_folder, program) = for_nobody()?;
    let of_rights = |doctor: &Doctor| -> Vec<String> {
        let ids = doctor.problems.iter().map(|problem| problem.trouble.id());
        let rights =
            ["not-permitted", "missing-capability", "tracefs-unreadable", "symbols-hidden"];
        ids.filter(|id| rights.contains(id)).map(str::to_owned).collect()
    };
    let whole = doctor_with(&program, &capabilities)?;
    assert_eq!((of_rights(&whole), whole.hooks.tried), (Vec::new(), true));
    for hook in &whole.hooks.hooks {
        assert!(matches!(hook.state, State::Attaches | State::NotNeeded), "{hook:?}");
    }
    for left_out in &capabilities {
        let rest: Vec<&str> = capabilities.iter().filter(|one| *one != left_out).copied().collect();
        let doctor = doctor_with(&program, &rest)?;
        assert!(!of_rights(&doctor).is_empty(), "{left_out} is not needed: {:?}", doctor.problems);
        let missing = |hook: &&HookState| matches!(hook.state, State::Missing | State::Refused);
        assert_eq!(doctor.hooks.hooks.iter().find(missing), None, "without {left_out}");
    }
    Ok(())
}

// Property: what the doctor loads leaves the kernel with it, and a watch that runs meanwhile does not notice.
#[test]
#[ignore = "needs root and this kernel"]
fn the_doctor_leaves_nothing_behind() -> Result<()> {
    let watch = Watch::start(&["--pid", "1"])?;
    let before = loaded_programs()?;
    doctor()?;
    let new: BTreeSet<u64> = loaded_programs()?.difference(&before).copied().collect();
    // Programs are freed after a grace period.
    until("the doctor's programs to leave the kernel", GONE_WITHIN, || {
        Ok(loaded_programs()?.is_disjoint(&new).then_some(()))
    })?;
    let report = watch.finish()?;
    assert!(report.coverage.attached.iter().any(|hook| hook.attached));
    Ok(())
}

/// A copy of the helper program that looks like another one.
fn pretend(folder: &Path, name: &str, args: &[String]) -> Result<Writer> {
    Writer::start(&Writer::copy_as(WRITER.as_ref(), folder, name)?, args)
}

/// What the doctor knows of a process, all of which lies on a disk.
fn places(doctor: &Doctor, pid: u32) -> Result<Vec<&Data>> {
    let found: Vec<&Data> = doctor.data.iter().filter(|data| data.pid == pid).collect();
    ensure!(!found.is_empty(), "process {pid} is not in {:?}", doctor.data);
    ensure!(found.iter().all(|data| !data.disks.is_empty()), "{found:?}");
    Ok(found)
}

/// An etcd and an apiserver that keep their data in a folder: both are named, on the same disk, and that is a problem.
pub(crate) fn who_shares_is_named(folder: &Path) -> Result<()> {
    let at = |name: &str| folder.join(name).display().to_string();
    std::fs::create_dir_all(folder.join("data/member/wal"))?;
    let etcd = pretend(folder, "etcd", &[format!("--data-dir={}", at("data"))])?;
    let flags = [
        "--etcd-servers=http://127.0.0.1:2379".to_owned(),
        format!("--audit-log-path={}", at("audit.log")),
    ];
    let api = pretend(folder, "kube-apiserver", &flags)?;
    let doctor = doctor()?;
    let (of_etcd, of_api) = (places(&doctor, etcd.pid())?, places(&doctor, api.pid())?);
    let classes: Vec<FileClass> = of_etcd.iter().map(|data| data.file_class).collect();
    assert_eq!(classes, [FileClass::Wal, FileClass::Db]);
    assert_eq!((of_etcd[0].role, of_api[0].role), (Role::Etcd, Role::Apiserver));
    assert_eq!(of_api[0].file_class, FileClass::AuditLog);
    assert_eq!(of_etcd[0].disks, of_api[0].disks);
    assert!(of_etcd[0].mount_point.is_some());
    let is_api = |one: &Keeper| (one.role, one.pid) == (Role::Apiserver, api.pid());
    let shared = |problem: &Problem| matches!(&problem.trouble, Trouble::SharedDisk { others, .. } if others.iter().any(is_api));
    assert!(doctor.problems.iter().any(shared), "{:?}", doctor.problems);
    Ok(())
}

/// Loop devices whose file is on a disk; those on btrfs are not told from memory.
pub(crate) fn loops_on_disks() -> Result<Vec<String>> {
    let listed = run("losetup", &["--list", "--noheadings", "--output", "BACK-MAJ:MIN,NAME"])?;
    let on_disk = |line: &&str| !line.trim_start().starts_with("0:");
    Ok(listed.lines().filter(on_disk).map(|line| line.trim().to_owned()).collect())
}

/// A loop device on a file in memory changes nothing, one on a file in this folder, which is on a disk, does.
pub(crate) fn loop_devices_on_disks_only(folder: &Path, of_others: &[String]) -> Result<()> {
    let of_loops = || -> Result<Support> {
        let all = doctor()?.attributions;
        let way = all.into_iter().find(|way| way.way == Way::Loop);
        Ok(way.context("the doctor says nothing of loop devices")?.support)
    };
    let without = if of_others.is_empty() { Support::NotNeeded } else { Support::Yes };
    let memory = Tmpfs::new(2 << 20)?;
    let _in_memory = LoopDevice::new(&memory.path().join("file"), 1 << 20)?;
    assert_eq!(of_loops()?, without, "{of_others:?}");
    let on_disk = LoopDevice::new(&folder.join("file"), 1 << 20)?;
    assert_eq!(of_loops()?, Support::Yes);
    drop(on_disk);
    assert_eq!(of_loops()?, without, "{of_others:?}");
    Ok(())
}

// Property: requests of loop devices are looked at where one has a file on a disk, and not where its file lies in memory, since that would
// be paid for by every request of every disk. Where somebody else has such a device the second half cannot be seen; in the VM it is.
#[test]
#[ignore = "needs root and this kernel"]
fn loop_devices_cost_nothing_where_none_is_on_a_disk() -> Result<()> {
    let beside = binary::path()?.parent().context("no folder")?.to_owned();
    let folder = tempfile::Builder::new().prefix("doctor-").tempdir_in(beside)?;
    loop_devices_on_disks_only(folder.path(), &loops_on_disks()?)
}

// Property: an etcd and an apiserver with data on one disk are found by their flags, and said to share it.
#[test]
#[ignore = "needs root and this kernel"]
fn who_shares_etcds_disk_is_named() -> Result<()> {
    // Beside the program: a temporary folder may lie in memory.
    let beside = binary::path()?.parent().context("no folder")?.to_owned();
    let folder = tempfile::Builder::new().prefix("doctor-").tempdir_in(beside)?;
    who_shares_is_named(folder.path())
}
