//! Lines as 6.1, 6.12 and 6.18 print them.

use super::*;

const DEV: Dev = Dev { major: 259, minor: 0 };

fn part(values: &Values, name: &str) -> String {
    values[name].clone()
}

#[test]
fn a_limit_is_read_with_all_keys_and_without_a_line() {
    let text =
        "8:16 rbps=1 wbps=2 riops=max wiops=max\n259:0 rbps=max wbps=1048576 riops=max wiops=max\n";
    let values = read_device("io.max", DEV, text).unwrap();
    assert_eq!((part(&values, "wbps"), part(&values, "rbps")), ("1048576".into(), "max".into()));
    for none in ["", "8:16 rbps=1 wbps=2 riops=max wiops=max\n", "259:01 rbps=3\n"] {
        let values = read_device("io.max", DEV, none).unwrap();
        assert_eq!(values.len(), 4);
        assert!(values.values().all(|value| value == "max"));
    }
    assert_eq!(read_device("io.max", DEV, "259:0 speed=1"), Err(NotUnderstood));
}

#[test]
fn a_line_that_was_not_there_is_undone_by_its_defaults() {
    let parts: Values = [("wbps".to_owned(), "max".to_owned())].into();
    assert_eq!(device_line(DEV, &parts), "259:0 wbps=max");
    let weight = read_device("io.weight", DEV, "default 100\n8:16 50\n").unwrap();
    assert_eq!(device_line(DEV, &weight), "259:0 default");
    let latency = read_device("io.latency", DEV, "").unwrap();
    assert_eq!(device_line(DEV, &latency), "259:0 target=0");
}

#[test]
fn single_values_have_one_form() {
    assert_eq!(read_cgroup("io.weight", "default 100\n8:16 50\n").as_deref(), Ok("100"));
    assert_eq!(read_cgroup("memory.high", "max\n").as_deref(), Ok("max"));
    assert_eq!(read_cgroup("memory.high", "16M").as_deref(), Ok("16777216"));
    assert_eq!(read_cgroup("memory.high", "1000000").as_deref(), Ok("999424"));
    assert_eq!(read_cgroup("io.prio.class", "no-change\n").as_deref(), Ok("no-change"));
    assert_eq!(read_queue("scheduler", "[none] mq-deadline \n").as_deref(), Ok("none"));
    assert_eq!(read_queue("scheduler", "none\n").as_deref(), Ok("none"));
    assert!(read_queue("scheduler", "none bfq\n").is_err());
    assert!(is_beside_scheduler("nr_requests") && is_beside_scheduler("iosched/fifo_batch"));
    for other in ["scheduler", "", "iosched", "iosched/", "iosched/../scheduler", "ioschedx/a"] {
        assert!(!is_beside_scheduler(other), "{other}");
    }
    assert_eq!(read_queue("wbt_lat_usec", "75000\n").as_deref(), Ok("75000"));
    for bad in ["", "-1", "1 2", "99999999999999999999"] {
        assert!(read_queue("wbt_lat_usec", bad).is_err(), "{bad}");
    }
}

#[test]
fn a_pair_is_restored_through_the_one_that_counted() {
    let pair = pair_of("vm/dirty_bytes").unwrap();
    let before = read_pair("0\n", "20\n").unwrap();
    assert_eq!(write_pair(pair, &before), Some(("vm/dirty_ratio", "20")));
    let limited = read_pair("8388608\n", "0\n").unwrap();
    assert_eq!(write_pair(pair, &limited), Some(("vm/dirty_bytes", "8388608")));
}

#[test]
fn only_listed_files_may_be_written() {
    let cgroup = |file: &str| Change::Cgroup {
        cgroup: "/a".to_owned(),
        file: file.to_owned(),
        value: "1".to_owned(),
    };
    assert!(is_allowed(&cgroup("memory.high")));
    for file in ["cgroup.kill", "cgroup.procs", "memory.max", "../memory.high", ""] {
        assert!(!is_allowed(&cgroup(file)), "{file}");
    }
    let sysctl = |name: &str| Change::Sysctl { name: name.to_owned(), value: "1".to_owned() };
    assert!(is_allowed(&sysctl("vm/dirty_bytes")));
    for name in ["kernel/core_pattern", "vm/../kernel/core_pattern", "vm.dirty_bytes"] {
        assert!(!is_allowed(&sysctl(name)), "{name}");
    }
    let process = crate::facts::ProcessKey { pid: 1, start_ticks: 0 };
    assert!(!is_allowed(&Change::IoPriority { process, class: 1, level: 0 }));
}

// Property: what the kernel makes of a number is known before it is written.
#[test]
fn known_roundings_are_planned() {
    let change = |file: &str, value: &str| Change::Queue {
        device: "vda".to_owned(),
        file: file.to_owned(),
        value: value.to_owned(),
    };
    for (file, value, made) in
        [("read_ahead_kb", "130", "128"), ("nr_requests", "1", "4"), ("nr_requests", "5", "5")]
    {
        let parts = wanted(&change(file, value), &Values::new()).unwrap();
        assert_eq!(parts, [(String::new(), Some(made.to_owned()))], "{file}");
    }
}
