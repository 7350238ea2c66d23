//! What is printed to be run does what it says, whatever a process calls itself.

use proptest::prelude::*;

use super::*;
use crate::advice::forms::argv;
use crate::change::Change;
use crate::render::forms::{kubernetes, shell, systemd};
use crate::safe::is_printable;

fn report_with(world: &World) -> Report {
    let mut report = world.report();
    report.advice = Some(world.advice_on(&report));
    report
}

/// The lines of a script that a shell runs.
fn commands(script: &str) -> Vec<Vec<String>> {
    let lines = script.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| shlex::split(line).unwrap()).collect()
}

/// Property: a name full of a shell's signs gets into no command, and out of no comment.
#[test]
fn a_hostile_name_stays_in_a_comment() {
    let mut world = World::reader();
    let evil = "$(reboot)\n`reboot`;'\"\n#x".to_owned();
    world.culprit.comm = Some(evil.clone());
    world.culprit.argv = Some(vec![evil.clone(), evil]);
    let report = report_with(&world);
    for text in [shell(&report), systemd(&report), kubernetes(&report)] {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(!line.contains("reboot"), "{line}");
        }
    }
}

/// Property: no form addresses a unit of another manager than the host's as the host's of that name: units of a user's
/// systemd and of a container's get the file of their own cgroup.
#[test]
fn units_of_other_managers_are_not_addressed_by_name() {
    for cgroup in [
        "/user.slice/user-1000.slice/user@1000.service/app.slice/etcd.service",
        "/machine.slice/machine-db.scope/payload/system.slice/etcd.service",
        "/system.slice/etcd.service/system.slice/etcd.service",
        "/docker/0123456789abcdef/system.slice/etcd.service",
        "/lxc.payload.etcd.service",
    ] {
        let report = report_with(&World { cgroup, ..World::reader() });
        for text in [shell(&report), systemd(&report)] {
            assert!(!text.contains("systemctl"), "{cgroup}: {text}");
        }
        let file = format!("/sys/fs/cgroup{cgroup}/io.max");
        assert!(shell(&report).contains(&file), "{cgroup}: {}", shell(&report));
        // Where there is no such file, nobody else's is set instead.
        let report = report_with(&World { cgroup, files: Vec::new(), ..World::reader() });
        assert!(!shell(&report).contains("etcd.service"), "{cgroup}: {}", shell(&report));
    }
}

/// Property: a name that hides characters, or leads elsewhere, is in no command of any form, nor in a change for `apply`; that
/// nothing is made of it is said.
#[test]
fn a_name_that_is_not_plain_gets_into_no_command() {
    let run = |script: &str| {
        let lines: Vec<&str> = script.lines().filter(|line| !line.starts_with('#')).collect();
        lines.into_iter().filter(|line| *line != "set -eu").collect::<String>()
    };
    for cgroup in [
        "/jobs/a\u{1b}[2K\rb",
        "/jobs/a\u{202e}b",
        "/jobs/a\u{2028}reboot",
        "/jobs/a\u{115f}b",
        "/system.slice/a\u{1b}[2Kb.service",
        "/system.slice/\u{2800}.service",
        "/../../../etc/cron.d",
        "/jobs/../../../../etc/cron.d/etcd.service",
    ] {
        for world in [World::reader(), World::buffered_writer()] {
            let report = report_with(&World { cgroup, ..world });
            let text = shell(&report) + &systemd(&report) + &kubernetes(&report);
            let hides = |c: char| c != '\n' && !is_printable(&c.to_string());
            assert!(!text.contains(hides), "{text:?}");
            let commands = run(&text);
            for word in ["jobs", "service", "cron", "reboot"] {
                assert!(!commands.contains(word), "{cgroup:?}: {commands}");
            }
            let advice = report.advice.as_ref().unwrap();
            assert!(advice.iter().flat_map(|one| &one.changes).all(Change::is_plain), "{advice:?}");
            let is_told = |one: &Advice| matches!(one.reason, Why::CgroupNotPlain { .. });
            assert!(advice.iter().any(is_told), "{advice:?}");
        }
    }
}

/// Property: where a capture says that cgroups are mounted elsewhere, no script writes there.
#[test]
fn a_script_writes_into_settings_only() {
    for mount in ["/etc/cron.d", "/sys/fs/cgroup/../../../etc", "/sys/fs/cgroupx", "etc"] {
        let change =
            Change::Cgroup { cgroup: "/x".into(), file: "memory.high".into(), value: "5".into() };
        let mut report = World::reader().report();
        let one = World::reader().advice().remove(0);
        let argv = vec![argv::apply(&change, Some(mount))];
        report.advice = Some(vec![Advice { apply: argv, undo: Vec::new(), ..one }]);
        let script = shell(&report);
        assert_eq!(commands(&script).len(), 1, "{script}");
        assert!(script.contains("no command: a name in it"), "{script}");
    }
}

proptest! {
    /// Property: whatever a cgroup is called and whatever is written, a script's command reads back as that value, sent
    /// to that file; or there is none, where the name is not plain.
    #[test]
    fn a_script_reads_back_as_its_arguments(name in "[^\u{0}/\n]{1,40}", value in "[^\u{0}\n]{0,20}") {
        let value = value.as_str();
        let change = Change::Cgroup { cgroup: format!("/x/{name}"), file: "memory.high".into(), value: value.into() };
        let mut report = World::reader().report();
        let one = World::reader().advice().remove(0);
        let argv = vec![argv::apply(&change, None)];
        report.advice = Some(vec![Advice { apply: argv.clone(), ..one }]);
        let script = shell(&report);
        let file = format!("/sys/fs/cgroup/x/{name}/memory.high");
        let all = commands(&script);
        prop_assert_eq!(all.len(), if change.is_plain() { 2 } else { 1 }, "{}", script);
        prop_assert!(script.chars().all(|c| c == '\n' || is_printable(&c.to_string())), "{:?}", script);
        let Some(read) = all.get(1) else { return Ok(()) };
        let words: Vec<&str> = read.iter().map(String::as_str).collect();
        match words[..] {
            // Without anything that it would take for an option or an escape.
            ["echo", said, ">", to] => {
                prop_assert_eq!((said, to), (value, file.as_str()), "{}", script);
                prop_assert!(!said.contains(['-', '\\']), "{}", script);
            }
            ["printf", "%s\\n", said, ">", to] => {
                prop_assert_eq!((said, to), (value, file.as_str()), "{}", script);
            }
            _ => prop_assert!(false, "{script}"),
        }
    }
}

/// Property: the best action is run by the script, the others are there to be read; each can be taken back to what was set before.
#[test]
fn a_script_runs_the_best_action_and_shows_the_rest() {
    let report = report_with(&World::reader());
    let script = shell(&report);
    let run = commands(&script);
    assert_eq!(run[0], ["set", "-eu"]);
    assert_eq!(
        run[1],
        [
            "systemctl",
            "set-property",
            "--runtime",
            "--",
            "backup.service",
            "IOReadBandwidthMax=/dev/vda 4980736"
        ]
    );
    assert_eq!(run.len(), 2);
    assert!(script.contains("'IOReadBandwidthMax=/dev/vda infinity'"), "{script}");
}

/// Property: what is set before is what an undo writes; without that, no limit.
#[test]
fn an_undo_writes_what_was_there() {
    let change = |file: &str, value: &str| Change::CgroupDevice {
        cgroup: "/a b".into(),
        file: file.into(),
        device: DISK,
        value: value.into(),
    };
    let written = |argv: Vec<String>| argv[4..].to_vec();
    let ceiling = change("io.max", "rbps=1000");
    let prior = "8:0 rbps=5 wbps=max\n254:0 rbps=77 wbps=max riops=max wiops=max";
    let path = "/sys/fs/cgroup/a b/io.max";
    assert_eq!(written(argv::apply(&ceiling, None)), ["254:0 rbps=1000", path]);
    assert_eq!(written(argv::undo(&ceiling, Some(prior), None)), ["254:0 rbps=77", path]);
    assert_eq!(written(argv::undo(&ceiling, Some(""), None)), ["254:0 rbps=max", path]);
    let goal = change("io.latency", "target=900");
    assert_eq!(written(argv::undo(&goal, None, Some("/c")))[0], "254:0 target=0");
    let set = |file: &str, value: &str, prior| {
        let (cgroup, file, value) = ("/x".to_owned(), file.to_owned(), value.to_owned());
        written(argv::undo(&Change::Cgroup { cgroup, file, value }, prior, None)).remove(0)
    };
    assert_eq!(set("memory.high", "5", None), "max");
    assert_eq!(set("memory.high", "5", Some("9")), "9");
    assert_eq!(set("io.weight", "default 10", Some("default 50\n8:0 70")), "default 50");
    assert_eq!(set("io.prio.class", "idle", None), "no-change");
    let limit = World::buffered_writer().recommends("dirty-limit");
    let undo: Vec<&str> = limit.undo.iter().map(|argv| argv[2].as_str()).collect();
    assert_eq!(undo, ["vm.dirty_ratio=20", "vm.dirty_background_ratio=10"]);
}

/// Property: units are named as systemd names them, and kept over restarts by a drop-in; what is no unit's own cgroup is not given to
/// systemd.
#[test]
fn systemd_is_told_units_and_only_those() {
    let odd = r"/system.slice/backup-mnt\x2ddata@1.service";
    let text = systemd(&report_with(&World { cgroup: odd, ..World::reader() }));
    let run = commands(&text);
    assert_eq!(run[0][4], r"backup-mnt\x2ddata@1.service");
    assert!(text.contains("/etc/systemd/system/backup-mnt\\x2ddata@1.service.d/50-iocontend.conf"));
    assert!(text.contains("#   [Service]\n#   IOReadBandwidthMax=/dev/vda 4980736\n"), "{text}");
    for cgroup in ["/jobs/5", "/system.slice/docker.service/abc"] {
        let text = systemd(&report_with(&World { cgroup, ..World::reader() }));
        assert!(commands(&text).is_empty(), "{text}");
        assert!(text.contains("nothing is recommended that can be written in this form"));
    }
}

/// Property: a pod gets a class and an annotation; what Kubernetes cannot do is said.
#[test]
fn a_pod_gets_a_class_of_its_runtime() {
    let pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_1111_2222_333344445555.slice/\
               cri-containerd-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";
    let text = kubernetes(&report_with(&World { cgroup: pod, ..World::reader() }));
    for line in [
        "  iocontend-held:",
        "        - \"/dev/vda\"",
        "      ThrottleReadBps: \"4980736\"",
        "    blockio.resources.beta.kubernetes.io/pod: iocontend-held",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
    assert!(text.contains("Kubernetes has no limit for IO of its own"));
    let writer = kubernetes(&report_with(&World { cgroup: pod, ..World::buffered_writer() }));
    assert!(writer.contains("memory.high cannot be set in a pod's specification"), "{writer}");
    assert!(kubernetes(&report_with(&World::reader())).contains("the culprit is no pod"));
}
