//! Without rights: exit code 3, with what was found and what to do. Usage is decided before permission, permission
//! before the target.

use std::path::Path;

use iocontend_core::doctor::Doctor;
use iocontend_tests::readme::capabilities;

use super::binary::Public;

#[test]
fn without_rights_it_says_who_lacks_what_and_what_to_do() {
    let public = Public::new();
    for args in [
        &[][..],
        &["watch", "--pid-of", "etcd"],
        &["watch", "etcd"],
        &["watch"],
        &["demo"],
        &["watch", "--json"],
    ] {
        let end = public.run(args).ended(3);
        assert_eq!(end.stdout, "", "{args:?}");
        let lines: Vec<&str> = end.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{args:?}: what, and what to do: {}", end.stderr);
        assert!(lines[0].starts_with("iocontend: not permitted to load BPF programs: uid "));
        assert!(lines[0].contains("CAP_BPF") && lines[0].contains("CAP_PERFMON"), "{}", lines[0]);
        assert!(lines[1].contains("run it as root"), "{}", lines[1]);
    }
}

/// What the README says is needed is what the refusal says and what the doctor looks for.
#[test]
fn one_list_of_capabilities() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let claimed = capabilities(&readme);
    assert!(!claimed.is_empty());
    let public = Public::new();
    let said = public.run(&["watch"]).ended(3).stderr;
    let hint = said.lines().nth(1).unwrap();
    let words = hint.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    assert_eq!(words.filter(|word| word.starts_with("CAP_")).collect::<Vec<_>>(), claimed);
    let doctor: Doctor =
        serde_json::from_str(&public.run(&["doctor", "-o", "json"]).ended(3).stdout).unwrap();
    let names = doctor.privileges.capabilities.iter().map(|one| one.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), claimed);
}

#[test]
fn usage_comes_first_then_permission_then_the_target() {
    let public = Public::new();
    public.run(&["watch", "--pid", "0"]).ended(2);
    public.run(&["demo", "--duration", "never"]).ended(2);
    public.run(&["watch", "--pid-of", "no-such-process-name"]).ended(3);
    public.run(&["watch", "--pid", "4194303"]).ended(3);
}

/// What needs no rights works without them. The demo has written nothing when it is refused.
#[test]
fn what_needs_no_rights_works_without() {
    let public = Public::new();
    for args in [
        &["schema"][..],
        &["schema", "doctor"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        assert!(!public.run(args).ended(0).stdout.is_empty(), "{args:?}");
    }
}
