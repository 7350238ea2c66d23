//! A disk behind NVMe multipath: requests go to a path that has no node, limits are set on the head above it.

use iocontend_core::change::Change;
use iocontend_core::report::{Action, AdviceId};

use super::advise::Contention;

// Property: the path has its name and its file system, and a limit that is advised is one that the kernel takes, on the head.
#[test]
#[ignore = "needs the VM, with a disk behind multipath: cargo xtask ci --full"]
fn vm_over_paths_limits_are_advised_on_the_head() {
    let head = super::disk();
    let (subsystem, namespace) = head.strip_prefix("nvme").unwrap().split_once('n').unwrap();
    let is_path = |name: &str| {
        let rest = name.strip_prefix(&format!("nvme{subsystem}c"));
        rest.is_some_and(|rest| rest.ends_with(&format!("n{namespace}")))
    };
    let contention = Contention::begin("over-paths");
    let report = contention.advised();
    let names: Vec<&str> = report.devices.iter().map(|disk| disk.name.as_str()).collect();
    assert!(names.iter().all(|name| !name.contains(':')), "{names:?}");
    let path = report.devices.iter().find(|disk| is_path(&disk.name));
    let path = path.unwrap_or_else(|| panic!("no path of {head} among {names:?}"));
    assert!(path.ios > 0 && path.scheduler.is_some(), "{path:?}");
    let mounted = super::mount_point().display().to_string();
    assert!(path.filesystems.iter().flatten().any(|fs| fs.mount_point == mounted), "{path:?}");

    let number = std::fs::read_to_string(format!("/sys/block/{head}/dev")).unwrap();
    let limits = report.advice.iter().flatten().filter(|one| one.id == AdviceId::IoMax);
    let limits: Vec<_> = limits.collect();
    assert!(!limits.is_empty(), "{:?}", report.advice);
    for limit in limits {
        // On a disk that is slow without the reader, too, a limit is not worth it; what it would be set on is said all the same.
        let Action::IoMax { device, .. } = &limit.action else { panic!("{:?}", limit.action) };
        assert_eq!(*device, head);
        for change in &limit.changes {
            let Change::CgroupDevice { device, .. } = change else { panic!("{change:?}") };
            assert_eq!(device.to_string(), number.trim());
        }
    }
    // What advice takes for granted of the kernel.
    let limit = |number: &str| contention.group.set("io.max", &format!("{number} rbps=4194304"));
    limit(number.trim()).unwrap();
    assert!(limit(&format!("{}:{}", path.major, path.minor)).is_err(), "a path takes a limit");
}
