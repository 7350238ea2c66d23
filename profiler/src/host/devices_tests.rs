//! Devices of a fake tree and of this host.

use super::*;
use crate::host::fake::FakeHost;
use iocontend_core::ids::Dev;

fn host_with_a_partition_under_dm() -> FakeHost {
    let host = FakeHost::new();
    for (path, content) in [
        ("sda/dev", "8:0\n"),
        ("sda/size", "2097152\n"),
        ("sda/queue/scheduler", "none [mq-deadline] kyber\n"),
        ("sda/queue/rotational", "0\n"),
        ("sda/queue/write_cache", "write back\n"),
        ("sda/queue/fua", "1\n"),
        ("sda/queue/nr_requests", "256\n"),
        ("sda/queue/wbt_lat_usec", "75000\n"),
        ("sda/sda1/partition", "1\n"),
        ("sda/sda1/dev", "8:1\n"),
        ("sda/sda2/partition", "2\n"),
        ("sda/sda2/dev", "8:2\n"),
        ("sda/sda2/holders/dm-0", ""),
        ("dm-0/dev", "253:0\n"),
        ("dm-0/dm/name", "vg-root\n"),
        ("dm-0/slaves/sda2", ""),
        ("loop0/dev", "7:0\n"),
        ("loop0/size", "0\n"),
        ("broken/size", "1\n"),
    ] {
        host.write(&format!("sys/block/{path}"), content);
    }
    host.write(
        "proc/1/mountinfo",
        "1 0 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n\
         2 1 8:1 / /boot ro - vfat /dev/sda1 ro\n\
         3 1 0:40 /@ /data rw - btrfs /dev/loop0 rw\n\
         4 1 0:5 / /proc rw - proc proc rw\n",
    );
    host
}

#[test]
fn a_disk_shows_its_queue_its_parts_and_all_that_lies_on_it() {
    let devices = read_devices(&host_with_a_partition_under_dm().root).unwrap();
    let names: Vec<&str> = devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["dm-0", "loop0", "sda"]);
    let sda = &devices[2];
    assert_eq!(sda.dev, Dev { major: 8, minor: 0 });
    assert_eq!(sda.scheduler.as_deref(), Some("mq-deadline"));
    assert_eq!(sda.schedulers, ["none", "mq-deadline", "kyber"]);
    assert_eq!((sda.rotational, sda.fua), (Some(false), Some(true)));
    assert_eq!(sda.write_cache, Some(WriteCache::WriteBack));
    assert_eq!((sda.nr_requests, sda.wbt_lat_usec), (Some(256), Some(75_000)));
    assert_eq!(sda.size_bytes, Some(1 << 30));
    assert_eq!(sda.partitions.len(), 2);
    assert_eq!(sda.holders, ["dm-0"]);
    let mounted = |d: &DeviceFacts| -> Vec<String> {
        d.filesystems.iter().map(|f| f.mount_point.clone()).collect()
    };
    assert_eq!(mounted(sda), ["/boot", "/"]);
    assert_eq!(mounted(&devices[0]), ["/"]);
    assert_eq!(mounted(&devices[1]), ["/data"]);
    assert_eq!(devices[0].slaves, ["sda2"]);
    assert_eq!(devices[0].dm_name.as_deref(), Some("vg-root"));
}

#[test]
fn what_a_device_does_not_say_is_unknown_and_not_zero() {
    let devices = read_devices(&host_with_a_partition_under_dm().root).unwrap();
    let dm = &devices[0];
    assert_eq!((dm.rotational, dm.fua, dm.nr_requests), (None, None, None));
    assert_eq!((dm.size_bytes, dm.wbt_lat_usec, dm.write_cache), (None, None, None));
    assert_eq!(devices[1].size_bytes, Some(0));
    assert_eq!((&dm.scheduler, dm.schedulers.len()), (&None, 0));
    assert_eq!(parse_schedulers("none").0.as_deref(), Some("none"));
}

#[test]
fn holders_in_a_circle_come_to_an_end() {
    let host = FakeHost::new();
    for (a, b) in [("dm-0", "dm-1"), ("dm-1", "dm-0")] {
        host.write(&format!("sys/block/{a}/dev"), "253:0\n");
        host.write(&format!("sys/block/{a}/holders/{b}"), "");
    }
    assert_eq!(read_devices(&host.root).unwrap().len(), 2);
}

#[test]
fn counters_of_every_age_of_kernel_are_read() {
    let eleven = parse_block_stat(" 1 2 3 4 5 6 7 8 9 10 11\n").unwrap();
    assert_eq!((eleven.read_ios, eleven.queue_ms), (1, 11));
    assert_eq!((eleven.discard, eleven.flush), (None, None));
    let fifteen = parse_block_stat("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15").unwrap();
    assert_eq!(fifteen.discard, Some(DiscardStat { ios: 12, merges: 13, sectors: 14, ms: 15 }));
    assert_eq!(fifteen.flush, None);
    let seventeen = parse_block_stat("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18").unwrap();
    assert_eq!(seventeen.flush, Some(FlushStat { ios: 16, ms: 17 }));
    for text in ["", "1 2 3", "1 2 3 4 5 6 7 8 9 10 x", "-1 2 3 4 5 6 7 8 9 10 11"] {
        assert_eq!(parse_block_stat(text), None, "{text}");
    }
}

#[test]
fn counters_are_read_by_name_and_a_name_leads_nowhere_else() {
    let host = FakeHost::new();
    host.write("sys/class/block/sda1/stat", "1 2 3 4 5 6 7 8 9 10 11");
    host.write("sys/class/block/sdb/stat", "junk");
    host.write("sys/stat", "1 2 3 4 5 6 7 8 9 10 11");
    assert_eq!(read_block_stat(&host.root, "sda1").unwrap().unwrap().write_ios, 5);
    assert!(read_block_stat(&host.root, "sdb").is_err());
    for name in ["sdc", "", "..", "../..", "sda1/../sda1"] {
        assert_eq!(read_block_stat(&host.root, name).unwrap(), None, "{name}");
    }
}

#[test]
fn this_hosts_devices_have_counters() {
    let root = HostRoot::default();
    for device in read_devices(&root).unwrap() {
        assert!(read_block_stat(&root, &device.name).unwrap().is_some(), "{}", device.name);
    }
}
