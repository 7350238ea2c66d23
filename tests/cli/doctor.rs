//! `iocontend doctor` without rights: what it can tell is told, what it cannot is said to be unknown.

use std::fs;

use iocontend_core::doctor::{Ability, Doctor, State};
use iocontend_tests::schema::violations;
use serde_json::Value;

use super::binary::{Public, run};

fn document(text: &str) -> Doctor {
    let schema: Value = serde_json::from_str(&run(&["schema", "doctor"]).ended(0).stdout).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(violations(&schema, &value), Vec::<String>::new());
    serde_json::from_value(value).unwrap()
}

/// Property: nothing works without rights, so the exit code is 3; the document is there all the same, fits its schema,
/// claims no hook to attach, and says what root could do.
#[test]
fn without_rights_there_is_a_plan_and_exit_code_3() {
    let public = Public::new();
    let end = public.run(&["doctor", "-o", "json"]).ended(3);
    assert_eq!(end.stderr.lines().count(), 1, "{}", end.stderr);
    let doctor = document(&end.stdout);
    assert_eq!(doctor.ability, Ability::None);
    assert!(doctor.ability_as_root.is_some());
    assert_eq!(doctor.problems[0].trouble.id(), "not-permitted");
    assert!(!doctor.hooks.tried && doctor.hooks.not_tried_because.is_some());
    assert!(doctor.hooks.hooks.iter().all(|hook| hook.state != State::Attaches));
    assert!(doctor.privileges.capabilities.iter().any(|one| one.name == "CAP_BPF" && !one.present));
    if fs::metadata("/sys/kernel/btf/vmlinux").is_ok() {
        let planned = |hook: &str| {
            doctor.hooks.hooks.iter().any(|one| one.hook == hook && one.state == State::Planned)
        };
        assert!(planned("block_rq_complete") && planned("block_rq_issue"), "{:?}", doctor.hooks);
        assert!(doctor.maps.planned_bytes.is_some());
    }
    assert_eq!(doctor.maps.actual_bytes, None);
}

/// Property: the text has the problems before everything else, and says what to do.
#[test]
fn text_has_the_problems_first() {
    let end = Public::new().run(&["doctor"]).ended(3);
    let problems = end.stdout.find("PROBLEMS").unwrap();
    assert!(problems < end.stdout.find("WHAT THIS HOST OFFERS").unwrap(), "{}", end.stdout);
    assert!(end.stdout.contains("not tried: needs root"), "{}", end.stdout);
    assert!(end.stdout.contains("do: run it as root"), "{}", end.stdout);
    assert!(end.stdout.lines().count() < 60, "{}", end.stdout);
}

/// Property: each document has its own schema.
#[test]
fn schemas_are_told_apart() {
    let of = |args: &[&str]| run(args).ended(0).stdout;
    assert_eq!(of(&["schema"]), of(&["schema", "report"]));
    assert_ne!(of(&["schema"]), of(&["schema", "doctor"]));
    run(&["schema", "other"]).ended(2);
}
