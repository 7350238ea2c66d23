//! Nothing that a process can put into its names makes the rules panic or disagree with themselves.

use proptest::prelude::*;

use crate::cgroup::CgroupPaths;
use crate::etcd_paths::{audit_log_path, etcd_paths};
use crate::facts::ProcessFacts;
use crate::file_class::Classifier;
use crate::ids::Role;
use crate::role::role_of;
use crate::test_facts::process;

/// Words near those that the rules look for, in odd neighbourhoods.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "etcd",
        "k3s",
        "server",
        "snapshot",
        "save",
        "sh",
        "-c",
        "busybox",
        "tar",
        "cp",
        "-t",
        "dd",
        "of=",
        "--data-dir",
        "--data-dir=",
        "-",
        "--",
        "",
        " ",
        "/",
        "member/snap/db",
        ".part",
        "/member/wal/.wal",
        " (deleted)",
        "kubepods-pod",
        "pod",
        "audit.log",
        "env",
        "A=1",
        "'",
        "\\",
        "\"",
        "--kube-apiserver-arg",
        "audit-log-path=",
        "é",
        "\u{fffd}",
        ".service",
        "user@.service",
    ]);
    prop::collection::vec(
        prop_oneof![3 => known.prop_map(str::to_owned), 1 => any::<String>()],
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

fn facts() -> impl Strategy<Value = ProcessFacts> {
    let words = || prop::collection::vec(word(), 0..6);
    (prop::option::of(word()), words(), words(), words(), word()).prop_map(
        |(exe, argv, read, written, cgroup)| {
            fn refs(words: &[String]) -> Vec<&str> {
                words.iter().map(String::as_str).collect()
            }
            process(exe.as_deref(), &refs(&argv))
                .reading(&refs(&read))
                .writing(&refs(&written))
                .in_cgroup(&cgroup)
        },
    )
}

proptest! {
    #[test]
    fn any_process_gets_a_role_and_any_path_a_class(facts in facts(), path in word()) {
        let verdict = role_of(&facts);
        prop_assert_eq!(verdict.role == Role::Other, verdict.reasons.is_empty());
        let _ = (etcd_paths(&facts), audit_log_path(&facts), facts.unit(), facts.pod());
        for role in [Role::Etcd, Role::Backup, Role::Apiserver, Role::Other] {
            let class = Classifier::new(&facts, role, true).classify(&path);
            let deleted = Classifier::new(&facts, role, true).classify(&format!("{path} (deleted)"));
            // A file keeps its class when it is removed, unless the open file tells more.
            if role != Role::Backup && !path.ends_with(" (deleted)") {
                prop_assert_eq!(class, deleted);
            }
        }
    }

    #[test]
    fn any_cgroup_text_is_read(text in any::<String>()) {
        let paths = CgroupPaths::parse(&text);
        let _ = (paths.best(), paths.unit(), paths.pod(), paths.container_id());
    }
}
