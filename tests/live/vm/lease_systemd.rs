//! Leases beside a real systemd, which writes the same files: what it does to a limit of ours, and what is made of that.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use iocontend_core::change::Change;
use iocontend_tests::cgroup::Cgroup;
use iocontend_tests::lease::{Run, guardians, processes, send};
use iocontend_tests::process::{run, until};
use rustix::process::Signal;

use super::lease::{Host, device, io_max};

/// It starts in some five seconds under emulation.
const LIMIT: Duration = Duration::from_secs(120);
/// Where it is told of units.
const UNITS: &str = "/run/systemd/system";
/// Where it stores what is set at run time.
const SET: &str = "/run/systemd/system.control";
/// A unit with a limit of its own, in bytes, and one without any.
const LIMITED: &str = "limited.service";
const FREE: &str = "free.service";
const LIMIT_OF_ITS_OWN: u64 = 5_000_000;

/// As in a container: in a cgroup, with process ids and without a console.
const START: &str = "read -r go && mount -t proc proc /proc && umount -l /sys/fs/cgroup && \
    mount -t cgroup2 none /sys/fs/cgroup && mount --bind /dev/null /dev/console && \
    exec env container=lxc /lib/systemd/systemd --system --unit=units.target";

/// A running systemd with the two units, ended with its cgroup when dropped.
struct Systemd {
    /// Its cgroup's name. Each needs one: cgroups of units stay below it.
    name: &'static str,
    group: Cgroup,
    parent: Child,
    pid: String,
}

impl Systemd {
    fn start(name: &'static str) -> Self {
        let alone = "[Unit]\nDefaultDependencies=no\n";
        let sleeps = "[Service]\nExecStart=/bin/sleep 3600\nIOAccounting=yes\n";
        let limit = format!("IOWriteBandwidthMax=/dev/{} {LIMIT_OF_ITS_OWN}\n", super::disk());
        fs::create_dir_all(UNITS).unwrap();
        for (unit, text) in [
            (FREE, format!("{alone}{sleeps}")),
            (LIMITED, format!("{alone}{sleeps}{limit}")),
            ("units.target", format!("{alone}Wants={FREE} {LIMITED}\n")),
        ] {
            fs::write(PathBuf::from(UNITS).join(unit), text).unwrap();
        }
        let group = Cgroup::new(name).unwrap();
        let mut parent = group.command("unshare").unwrap();
        parent.args(["--cgroup", "--mount", "--pid", "--fork", "sh", "-c", START]);
        parent.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut parent = parent.spawn().unwrap();
        let of_parent = parent.id().to_string();
        let children = format!("/proc/{of_parent}/task/{of_parent}/children");
        let pid = until("systemd's process", LIMIT, || {
            let pid = fs::read_to_string(&children)?.trim().to_owned();
            Ok((!pid.is_empty()).then_some(pid))
        })
        .unwrap();
        // A cgroup with processes of its own hands no controller down.
        fs::write("/sys/fs/cgroup/cgroup.procs", &of_parent).unwrap();
        writeln!(parent.stdin.take().unwrap(), "go").unwrap();
        let systemd = Self { name, group, parent, pid };
        systemd.wait_for(LIMITED, &[Self::wbps(LIMIT_OF_ITS_OWN)]);
        systemd.wait_for(FREE, &[]);
        systemd
    }

    fn wbps(bytes: u64) -> String {
        format!("{} rbps=max wbps={bytes} riops=max wiops=max", device())
    }

    fn io_max(&self, unit: &str) -> Option<Vec<String>> {
        let path = format!("/sys/fs/cgroup/{}/system.slice/{unit}/io.max", self.name);
        Some(fs::read_to_string(path).ok()?.lines().map(str::to_owned).collect())
    }

    /// Waits until a unit is limited like this.
    fn wait_for(&self, unit: &str, lines: &[String]) {
        let what = format!("{lines:?} in io.max of {unit}");
        let is = || Ok((self.io_max(unit).as_deref() == Some(lines)).then_some(()));
        until(&what, LIMIT, is)
            .unwrap_or_else(|error| panic!("{error:#}: {:?}", self.io_max(unit)));
    }

    fn ctl(&self, words: &[&str]) -> String {
        let enter = ["--target", self.pid.as_str(), "--all", "systemctl"];
        run("nsenter", &[&enter, words].concat()).unwrap()
    }

    /// A command of ours as its host's.
    fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", self.pid.as_str(), "--all", "--"]);
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        inside
    }

    /// Timers of leases that it has.
    fn timers(&self) -> usize {
        let listed = self.ctl(&["list-units", "--all", "--plain", "--no-legend", "--type=timer"]);
        listed.lines().filter(|line| line.starts_with("iocontend-lease-")).count()
    }
}

/// Its units' cgroups, innermost first: only empty ones can be removed.
fn remove_below(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
            drop(fs::remove_dir(entry.path()));
        }
    }
}

impl Systemd {
    /// Our limit for a unit.
    fn limit(&self, unit: &str) -> Change {
        io_max(&format!("{}/system.slice/{unit}", self.name), "wbps=1000000")
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        drop(self.group.kill());
        drop(self.parent.wait());
        for unit in [FREE, LIMITED, "units.target"] {
            drop(fs::remove_file(PathBuf::from(UNITS).join(unit)));
        }
        drop(fs::remove_dir_all(SET));
        remove_below(&PathBuf::from("/sys/fs/cgroup").join(self.name));
    }
}

// Property: `daemon-reload` puts a unit's own limit back over ours, which is told, and leaves ours where the unit has none; either way the
// values are the prior ones after undo.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_systemd_reloads() {
    let systemd = Systemd::start("lease-systemd-reloads");
    let host = Host::new(vec![systemd.limit(LIMITED), systemd.limit(FREE)]);
    host.apply();
    for unit in [LIMITED, FREE] {
        systemd.wait_for(unit, &[Systemd::wbps(1_000_000)]);
    }
    systemd.ctl(&["daemon-reload"]);
    systemd.wait_for(LIMITED, &[Systemd::wbps(LIMIT_OF_ITS_OWN)]);
    // It writes a cgroup's io before its memory (src/core/cgroup.c, `cgroup_context_apply`): with this one there, it would have
    // written the other.
    systemd.ctl(&["set-property", "--runtime", FREE, "MemoryHigh=512M"]);
    let high = format!("/sys/fs/cgroup/{}/system.slice/{FREE}/memory.high", systemd.name);
    until("memory.high", LIMIT, || Ok((fs::read_to_string(&high)? == "536870912\n").then_some(())))
        .unwrap();
    assert_eq!(systemd.io_max(FREE), Some(vec![Systemd::wbps(1_000_000)]));
    let status = host.run(&["status"]).ended(0).unwrap();
    let lapsed: Vec<&str> =
        status.out.lines().filter(|line| line.contains("not in force")).collect();
    assert!(matches!(lapsed[..], [line] if line.contains(LIMITED)), "{status:?}");
    assert!(lapsed[0].contains("5000000 instead of 1000000"), "{status:?}");
    host.run(&["undo"]).ended(0).unwrap();
    systemd.wait_for(LIMITED, &[Systemd::wbps(LIMIT_OF_ITS_OWN)]);
    systemd.wait_for(FREE, &[]);
    host.is_without_leases();
}

// Property: a limit that somebody gives the unit meanwhile stays and is told; what a restart took away with the unit's cgroup is not
// missed.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_systemd_sets_and_restarts() {
    let systemd = Systemd::start("lease-systemd-sets");
    let host = Host::new(vec![systemd.limit(LIMITED), systemd.limit(FREE)]);
    host.apply();
    let theirs = format!("IOWriteBandwidthMax=/dev/{} 7000000", super::disk());
    systemd.ctl(&["set-property", "--runtime", LIMITED, &theirs]);
    systemd.wait_for(LIMITED, &[Systemd::wbps(7_000_000)]);
    systemd.ctl(&["restart", FREE]);
    systemd.wait_for(FREE, &[]);
    let status = host.run(&["status"]).ended(0).unwrap();
    // The restarted unit has another cgroup of that name.
    let told = [(LIMITED, "7000000 instead of 1000000"), (FREE, "it is gone")];
    for (unit, now) in told {
        let words = format!("not in force: {now}");
        let is_told = |line: &str| line.contains(unit) && line.contains(&words);
        assert!(status.out.lines().any(is_told), "{status:?}");
    }
    let undo = host.run(&["undo"]).ended(1).unwrap();
    undo.said("changed to 7000000 by somebody else").unwrap();
    systemd.wait_for(LIMITED, &[Systemd::wbps(7_000_000)]);
    systemd.wait_for(FREE, &[]);
    let id = host.leases.ids().unwrap().remove(0);
    host.run(&["undo", &id, "--forget"]).ended(0).unwrap();
    host.is_without_leases();
}

// Property: where systemd runs, a lease is ended by its timer, without a process of ours: in its time after the run was killed, also
// when the record was lost; the timer of a lease that is taken back earlier is removed.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_systemd_ends_by_a_timer() {
    const LEASE: Duration = Duration::from_secs(20);
    let systemd = Systemd::start("lease-systemd-timer");
    // It sees its own cgroup as the root.
    let host = Host::new(vec![io_max(&format!("system.slice/{FREE}"), "wbps=1000000")]);
    let limited = [Systemd::wbps(1_000_000)];
    let apply = |words: &[&str]| systemd.enter(&host.leases.command(words));
    let state = &host.leases.state;

    let begin = Instant::now();
    let mut run = apply(&["apply", "--yes", "--lease", "20s"]).spawn().unwrap();
    systemd.wait_for(FREE, &limited);
    let timer = || Ok((systemd.timers() == 1).then_some(()));
    until("the timer", LIMIT, timer).unwrap();
    assert_eq!(guardians(state).unwrap(), Vec::<u32>::new());
    for pid in processes(&["apply", "--yes", &state.display().to_string()]).unwrap() {
        send(pid, Signal::KILL).unwrap();
    }
    run.wait().unwrap();
    let killed = begin.elapsed();
    assert!(killed < LEASE, "killed too late: {killed:?}");
    assert_eq!(systemd.io_max(FREE).as_deref(), Some(&limited[..]));
    let status = Run::of(apply(&["status"]).output().unwrap()).unwrap();
    assert!(status.out.contains(".timer does at"), "{status:?}");
    systemd.wait_for(FREE, &[]);
    let after = begin.elapsed();
    println!("killed {killed:?} after the start, restored {after:?} after it");
    assert!(after >= LEASE, "{after:?}");
    until("no timer", LIMIT, || Ok((systemd.timers() == 0).then_some(()))).unwrap();
    host.is_without_leases();

    let left = Run::of(apply(&["apply", "--yes", "--leave", "--lease", "10s"]).output().unwrap());
    left.unwrap().ended(0).unwrap().said(".timer)").unwrap();
    systemd.wait_for(FREE, &limited);
    let id = host.leases.ids().unwrap().remove(0);
    fs::remove_file(state.join(format!("{id}.json"))).unwrap();
    systemd.wait_for(FREE, &[]);

    let left = Run::of(apply(&["apply", "--yes", "--leave"]).output().unwrap()).unwrap();
    left.ended(0).unwrap();
    assert_eq!(systemd.timers(), 1);
    Run::of(apply(&["undo"]).output().unwrap()).unwrap().ended(0).unwrap();
    systemd.wait_for(FREE, &[]);
    assert_eq!(systemd.timers(), 0);
    host.is_without_leases();
}
