//! Crashes, other people's writes and vanishing settings in any order: what was ours is taken back, nothing else is touched.

use proptest::prelude::*;

use super::*;
use crate::facts::ProcessKey;
use crate::ids::Dev;

fn io_max(value: &str) -> Change {
    let device = Dev { major: 8, minor: 0 };
    Change::CgroupDevice {
        cgroup: "/a".to_owned(),
        file: "io.max".to_owned(),
        device,
        value: value.to_owned(),
    }
}

fn values(parts: &[(&str, &str)]) -> Values {
    parts.iter().map(|(part, value)| ((*part).to_owned(), (*value).to_owned())).collect()
}

fn lease(items: Vec<Item>) -> Lease {
    Lease {
        schema: SCHEMA.to_owned(),
        id: "1".to_owned(),
        tool_version: "0".to_owned(),
        advice: None,
        created: String::new(),
        expires: String::new(),
        boot_id: "boot".to_owned(),
        expires_boottime_ns: 100,
        left: false,
        items,
    }
}

#[test]
fn what_is_due_follows_from_boot_process_and_time() {
    let mut lease = lease(Vec::new());
    let clock = |boot: &str, boottime_ns| Clock { boot_id: boot.to_owned(), boottime_ns };
    assert_eq!(lease.due(&clock("boot", 99), true), Due::Running);
    assert_eq!(lease.due(&clock("boot", 99), false), Due::Interrupted);
    assert_eq!(lease.due(&clock("boot", 100), true), Due::Expired);
    assert_eq!(lease.due(&clock("later", 1), false), Due::Restarted);
    lease.left = true;
    assert_eq!(lease.due(&clock("boot", 99), false), Due::Running);
    assert_eq!(lease.due(&clock("boot", 101), false), Due::Expired);
}

#[test]
fn a_limit_that_is_there_already_is_no_change() {
    let now = values(&[("rbps", "max"), ("wbps", "5"), ("riops", "max"), ("wiops", "max")]);
    assert_eq!(Item::plan(io_max("wbps=5"), &now), Ok(None));
    let item = Item::plan(io_max("wbps=6 rbps=max"), &now).unwrap().unwrap();
    assert_eq!(item.cells.len(), 1);
    assert_eq!(item.cells[0].prior, "5");
    assert!(Item::plan(io_max("wbps=fast"), &now).is_err());
    assert!(Item::plan(io_max("cpu=1"), &now).is_err());
}

#[test]
fn another_key_of_the_same_line_is_left_alone() {
    let before = values(&[("rbps", "max"), ("wbps", "max"), ("riops", "max"), ("wiops", "max")]);
    let mut item = Item::plan(io_max("wbps=5"), &before).unwrap().unwrap();
    let now = values(&[("rbps", "7"), ("wbps", "5"), ("riops", "max"), ("wiops", "max")]);
    item.look(Goal::Apply, &Reading::Values(now.clone()));
    assert_eq!(item.look(Goal::Undo, &Reading::Values(now)), values(&[("wbps", "max")]));
}

// Property: what was applied and does not hold is named with what holds instead, the rest is not: other keys, values that were never
// applied, threads that ended.
#[test]
fn a_value_that_does_not_hold_any_more_has_lapsed() {
    let before = values(&[("rbps", "max"), ("wbps", "9"), ("riops", "max"), ("wiops", "max")]);
    let mut item = Item::plan(io_max("wbps=5 rbps=6"), &before).unwrap().unwrap();
    assert_eq!(item.lapses(&Reading::Values(before.clone())), []);
    let ours = values(&[("rbps", "6"), ("wbps", "5"), ("riops", "max"), ("wiops", "max")]);
    item.look(Goal::Apply, &Reading::Values(ours.clone()));
    assert_eq!(item.lapses(&Reading::Values(ours.clone())), []);
    let lapse = |part: &str, wanted: &str, now: Option<&str>| Lapse {
        change: item.change.clone(),
        part: part.to_owned(),
        wanted: wanted.to_owned(),
        now: now.map(str::to_owned),
    };
    let theirs = values(&[("rbps", "6"), ("wbps", "9"), ("riops", "1"), ("wiops", "max")]);
    assert_eq!(item.lapses(&Reading::Values(theirs)), [lapse("wbps", "5", Some("9"))]);
    let gone = [lapse("rbps", "6", None), lapse("wbps", "5", None)];
    assert_eq!(item.lapses(&Reading::Gone), gone);
    let process = ProcessKey { pid: 7, start_ticks: 1 };
    let change = Change::IoPriority { process, class: 3, level: 7 };
    let idle = (3 << 13 | 7).to_string();
    let mut item = Item::plan(change, &values(&[("7@1", "0"), ("8@1", "0")])).unwrap().unwrap();
    item.look(Goal::Apply, &Reading::Values(values(&[("7@1", &idle), ("8@1", &idle)])));
    assert_eq!(item.lapses(&Reading::Values(values(&[("7@1", &idle)]))), []);
    let lapsed = item.lapses(&Reading::Values(values(&[("7@1", "0"), ("8@1", &idle)])));
    assert!(matches!(&lapsed[..], [one] if one.part == "7@1" && one.now.as_deref() == Some("0")));
}

#[test]
fn both_of_a_pair_are_one_setting() {
    let sysctl = |name: &str| Change::Sysctl { name: name.to_owned(), value: "1".to_owned() };
    assert_eq!(setting(&sysctl("vm/dirty_bytes")), setting(&sysctl("vm/dirty_ratio")));
    assert_ne!(setting(&sysctl("vm/dirty_bytes")), setting(&sysctl("vm/dirty_background_bytes")));
}

#[test]
fn what_a_scheduler_resets_is_restored_after_it() {
    let change = Change::Queue {
        device: "vda".to_owned(),
        file: "scheduler".to_owned(),
        value: "bfq".to_owned(),
    };
    let before = values(&[("", "none"), ("nr_requests", "100")]);
    let mut item = Item::plan(change, &before).unwrap().unwrap();
    let now = |scheduler, requests| {
        Reading::Values(values(&[("", scheduler), ("nr_requests", requests)]))
    };
    assert_eq!(item.look(Goal::Apply, &now("none", "100")), values(&[("", "bfq")]));
    assert!(item.look(Goal::Apply, &now("bfq", "64")).is_empty());
    assert_eq!(item.look(Goal::Undo, &now("bfq", "64")), values(&[("", "none")]));
    assert_eq!(item.look(Goal::Undo, &now("none", "256")), values(&[("nr_requests", "100")]));
    assert!(item.look(Goal::Undo, &now("none", "100")).is_empty());
    assert!(lease(vec![item]).is_undone());
}

// A scheduler's own settings are gone while another one is there.
#[test]
fn what_goes_with_a_scheduler_is_restored_with_it() {
    let change = Change::Queue {
        device: "vda".to_owned(),
        file: "scheduler".to_owned(),
        value: "none".to_owned(),
    };
    let with = |batch| values(&[("", "mq-deadline"), ("iosched/fifo_batch", batch)]);
    let without = Reading::Values(values(&[("", "none")]));
    let mut item = Item::plan(change, &with("7")).unwrap().unwrap();
    assert_eq!(item.look(Goal::Apply, &Reading::Values(with("7"))), values(&[("", "none")]));
    assert!(item.look(Goal::Apply, &without).is_empty());
    assert_eq!(item.look(Goal::Undo, &without), values(&[("", "mq-deadline")]));
    let writes = item.look(Goal::Undo, &Reading::Values(with("16")));
    assert_eq!(writes, values(&[("iosched/fifo_batch", "7")]));
    assert!(item.look(Goal::Undo, &Reading::Values(with("7"))).is_empty());
    assert!(lease(vec![item]).is_undone());
}

#[test]
fn threads_that_started_since_are_taken_back_and_ended_ones_are_gone() {
    let process = ProcessKey { pid: 7, start_ticks: 1 };
    let change = Change::IoPriority { process, class: 3, level: 7 };
    let idle = (3 << 13 | 7).to_string();
    let mut item = Item::plan(change, &values(&[("7@1", "0"), ("8@1", "0")])).unwrap().unwrap();
    let now = values(&[("7@1", &idle), ("9@5", &idle), ("10@5", "16384")]);
    let writes = item.look(Goal::Undo, &Reading::Values(now));
    assert_eq!(writes, values(&[("7@1", "0"), ("9@5", "0")]));
    let now = values(&[("7@1", "0"), ("9@5", "0"), ("10@5", "16384")]);
    assert!(item.look(Goal::Undo, &Reading::Values(now)).is_empty());
    assert!(lease(vec![item]).is_undone());
}

#[test]
fn a_lease_reads_back_and_what_is_new_in_it_is_no_error() {
    let before = values(&[("rbps", "max"), ("wbps", "max"), ("riops", "max"), ("wiops", "max")]);
    let item = Item::plan(io_max("wbps=5"), &before).unwrap().unwrap();
    let lease = lease(vec![item]);
    let mut json = serde_json::to_value(&lease).unwrap();
    assert_eq!(serde_json::from_value::<Lease>(json.clone()).unwrap(), lease);
    json["later"] = 1.into();
    assert_eq!(serde_json::from_value::<Lease>(json).unwrap(), lease);
}

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// One look, and the writes it asks for.
    Step,
    /// The lease is stored.
    Store,
    /// The process is killed; the next one has what was stored.
    Crash,
    /// Somebody else writes a part: a value that is neither.
    Foreign(usize),
    /// From now on it is taken back.
    Undo,
    /// The cgroup goes.
    Vanish,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Step),
        4 => Just(Event::Store),
        3 => Just(Event::Crash),
        2 => (0_usize..4).prop_map(Event::Foreign),
        2 => Just(Event::Undo),
        1 => Just(Event::Vanish),
    ]
}

/// The host: the four keys of a line, or nothing once the cgroup is gone.
struct Host(Option<Values>);

impl Host {
    fn read(&self) -> Reading {
        self.0.clone().map_or(Reading::Gone, Reading::Values)
    }

    /// Writes as the edge does, and fails the test where something is lost.
    fn write(&mut self, writes: &Values, item: &Item) {
        let Some(values) = &mut self.0 else { return };
        for (part, value) in writes {
            let cell = item.cells.iter().find(|cell| cell.part == *part).unwrap();
            let known = [Some(&cell.prior), cell.wanted.as_ref()];
            assert!(known.contains(&values.get(part)), "{part} = {values:?} was overwritten");
            values.insert(part.clone(), value.clone());
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_values_are_the_prior_ones_or_reported(
        events in prop::collection::vec(event(), 0..40),
        priors in prop::collection::vec(0_u8..2, 4),
    ) {
        let keys = ["rbps", "wbps", "riops", "wiops"];
        let prior = |at: usize| if priors[at] == 0 { "max" } else { "1000" };
        let before: Values = keys.iter().enumerate()
            .map(|(at, key)| ((*key).to_owned(), prior(at).to_owned())).collect();
        let mut host = Host(Some(before.clone()));
        let mut item = Item::plan(io_max("rbps=5 wbps=6 riops=7"), &before).unwrap().unwrap();
        let mut stored = item.clone();
        let mut goal = Goal::Apply;
        for event in events {
            match event {
                Event::Step => {
                    let writes = item.look(goal, &host.read());
                    host.write(&writes, &item);
                }
                Event::Store => stored = item.clone(),
                Event::Crash => (item, goal) = (stored.clone(), Goal::Undo),
                Event::Foreign(at) => {
                    if let Some(values) = &mut host.0 {
                        values.insert(keys[at].to_owned(), "foreign".to_owned());
                    }
                }
                Event::Undo => goal = Goal::Undo,
                Event::Vanish => host.0 = None,
            }
        }
        // The next run takes back what it finds stored.
        item = stored;
        let writes = item.look(Goal::Undo, &host.read());
        host.write(&writes, &item);
        prop_assert!(item.look(Goal::Undo, &host.read()).is_empty());
        let Some(values) = host.0 else {
            prop_assert!(lease(vec![item]).is_undone());
            return Ok(());
        };
        for (key, value) in &values {
            let cell = item.cells.iter().find(|cell| cell.part == *key);
            if value == "foreign" {
                prop_assert!(cell.is_none_or(|cell| {
                    // Undone before somebody else wrote it: no longer ours.
                    cell.state == State::Undone || cell.found.as_deref() == Some("foreign")
                }), "{cell:?}");
            } else {
                prop_assert_eq!(value, &before[key]);
            }
        }
    }
}
