//! `iocontend doctor` on other kernels and file systems.

use iocontend_core::doctor::{Ability, Cache, HookGroup, JournalKind, Quirk, State};
use iocontend_tests::process::run;
use iocontend_tests::watch::Watch;

use crate::doctor::{
    attached, doctor, loop_devices_on_disks_only, loops_on_disks, who_shares_is_named,
};

// Property: everything attaches that watch attaches; a kernel without block_io_start is said to be one, and that is
// no problem.
#[test]
#[ignore = "needs the VM"]
fn vm_doctor_says_what_attaches_and_what_serves_instead() {
    let doctor = doctor().unwrap();
    let report = Watch::start(&["--pid", "1"]).unwrap().finish().unwrap();
    let [of_doctor, of_watch] = attached(&doctor, &report);
    assert_eq!(of_doctor, of_watch);
    let has_io_start = of_doctor.iter().any(|(_, hook)| hook == "block_io_start");
    assert_ne!(has_io_start, of_doctor.iter().any(|(_, hook)| hook == "block_rq_insert"));
    let said = doctor.quirks.contains(&Quirk::NoIoStart);
    println!("block_io_start: {has_io_start}, quirks {:?}", doctor.quirks);
    assert_eq!(said, !has_io_start, "{:?}", doctor.quirks);
    assert_eq!(doctor.ability, Ability::Full, "{:?}", doctor.problems);
    assert!(!doctor.hooks.hooks.iter().any(|hook| hook.state == State::Missing));
    let syscalls = doctor.costs.iter().find(|cost| cost.hooks == HookGroup::Syscalls).unwrap();
    assert_eq!(syscalls.used, super::file_system() != "ext4");
}

// Property: the disk, its file system and its journal are what this machine was given.
#[test]
#[ignore = "needs the VM"]
fn vm_doctor_knows_the_disk_and_its_journal() {
    let doctor = doctor().unwrap();
    let disk = doctor.disks.iter().find(|disk| disk.name == super::disk()).unwrap();
    let point = super::mount_point().display().to_string();
    let fs = disk.filesystems.iter().find(|fs| fs.mount_point == point).unwrap();
    assert_eq!(fs.fstype, super::file_system());
    let expected = match fs.fstype.as_str() {
        "btrfs" => (JournalKind::LogTree, None),
        "xfs" => (JournalKind::Internal, None),
        _ => (JournalKind::Internal, Some("ordered")),
    };
    assert_eq!((fs.journal.kind, fs.journal.data_mode.as_deref()), expected, "{fs:?}");
    assert_eq!(disk.write_cache, Some(Cache::WriteBack));
    assert_eq!(disk.iostats, Some(true));
    assert!(doctor.cgroups.v2_controllers.iter().any(|one| one == "io"), "{:?}", doctor.cgroups);
    assert_eq!(doctor.cgroups.io_version, Some(2));
}

// Property: who shares etcd's disk is named, on every file system.
#[test]
#[ignore = "needs the VM"]
fn vm_doctor_names_who_shares_etcds_disk() {
    who_shares_is_named(super::folder().path()).unwrap();
}

// Property: a loop device is looked at where its file is on a disk and nowhere else, which a host with loop devices of its own
// does not show.
#[test]
#[ignore = "needs the VM"]
fn vm_doctor_looks_at_loop_devices_on_disks_only() {
    run("modprobe", &["loop"]).unwrap();
    assert_eq!(loops_on_disks().unwrap(), Vec::<String>::new());
    loop_devices_on_disks_only(super::folder().path(), &[]).unwrap();
}
