//! Changes through systemd: `systemctl set-property` and drop-ins.
//!
//! systemd writes the cgroup files of its units itself, and again when it is told to: what is set beside it may be gone then.

use super::{cgroup_of, comment, device_file, disk_name};
use crate::advice::place::{Manager, manager};
use crate::change::Change;
use crate::report::{Report, Verdict};
use crate::text::Lang;
use crate::text::advice::{Form, form};

/// The property that makes a change, and its value (systemd.resource-control(5)); `None` where there is none. `disk` is the kernel
/// name of the change's disk.
pub fn property(change: &Change, disk: &str) -> Option<(&'static str, String)> {
    match change {
        Change::CgroupDevice { file, value, .. } => {
            let (key, value) = value.split_once('=')?;
            let (name, value) = match (file.as_str(), key) {
                ("io.max", "rbps") => ("IOReadBandwidthMax", infinite(value)),
                ("io.max", "wbps") => ("IOWriteBandwidthMax", infinite(value)),
                ("io.max", "riops") => ("IOReadIOPSMax", infinite(value)),
                ("io.max", "wiops") => ("IOWriteIOPSMax", infinite(value)),
                ("io.latency", "target") => ("IODeviceLatencyTargetSec", format!("{value}us")),
                _ => return None,
            };
            Some((name, format!("{} {value}", device_file(disk))))
        }
        Change::Cgroup { file, value, .. } => match file.as_str() {
            "memory.high" => Some(("MemoryHigh", infinite(value))),
            "io.weight" => Some(("IOWeight", value.trim_start_matches("default ").to_owned())),
            _ => None,
        },
        Change::Queue { .. } | Change::Sysctl { .. } | Change::IoPriority { .. } => None,
    }
}

/// `max` is spelt otherwise here.
fn infinite(value: &str) -> String {
    if value == "max" { "infinity".to_owned() } else { value.to_owned() }
}

/// Sets a unit's property until the next start of the host.
pub fn set_property(unit: &str, change: &Change, disk: &str) -> Option<Vec<String>> {
    let (name, value) = property(change, disk)?;
    let words = ["systemctl", "set-property", "--runtime", "--", unit];
    let mut argv: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    argv.push(format!("{name}={value}"));
    Some(argv)
}

/// Sets it to what the cgroup's file had, `prior`, or to no limit.
pub fn take_back(
    unit: &str,
    change: &Change,
    disk: &str,
    prior: Option<&str>,
) -> Option<Vec<String>> {
    let mut before = change.clone();
    match &mut before {
        Change::CgroupDevice { device, value, .. } => {
            let key = value.split_once('=')?.0.to_owned();
            let line = prior.and_then(|lines| super::argv::line_of(lines, &device.to_string()));
            let pairs = line.as_deref().unwrap_or_default().split_ascii_whitespace();
            let old = pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
            let none = if key == "target" { "0" } else { "max" };
            *value = format!("{key}={}", old.map_or(none, |(_, old)| old));
        }
        Change::Cgroup { file, value, .. } => {
            let none = if file == "io.weight" { "100" } else { "max" };
            prior.and_then(|text| text.lines().next()).unwrap_or(none).clone_into(value);
        }
        _ => return None,
    }
    set_property(unit, &before, disk)
}

/// The recommended actions of a report that systemd can take: lines for a shell, and drop-ins to keep them.
pub fn systemd(report: &Report) -> String {
    let mut out = comment("#", &form(Lang::En, &Form::Head { version: &report.tool.version }));
    let mut any = false;
    let all = report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Recommended);
    for advice in all {
        let mut lines = String::new();
        let by_systemctl = advice.apply.iter().filter(|argv| is_systemctl(argv));
        for argv in by_systemctl {
            line(&mut lines, argv);
            if let [_, _, _, _, unit, property] = argv.as_slice() {
                drop_in(&mut lines, unit, property);
            }
        }
        if lines.is_empty() {
            for change in &advice.changes {
                through_its_unit(report, change, &mut lines);
            }
        }
        if lines.is_empty() {
            continue;
        }
        any = true;
        out.push('\n');
        out.push_str(&comment("#", &advice.action));
        out.push_str(&lines);
        let back: Vec<_> = advice.undo.iter().filter(|argv| is_systemctl(argv)).collect();
        if !back.is_empty() {
            out.push_str(&comment("#", &form(Lang::En, &Form::Undo)));
        }
        for argv in back {
            let mut undo = String::new();
            line(&mut undo, argv);
            out.push_str(&comment("#", undo.trim_end()));
        }
    }
    if !any {
        out.push_str(&comment("#", &form(Lang::En, &Form::Nothing)));
    }
    out
}

fn is_systemctl(argv: &[String]) -> bool {
    argv.first().is_some_and(|word| word == "systemctl")
}

/// A change in a cgroup that is a unit's own, whoever would make it.
fn through_its_unit(report: &Report, change: &Change, out: &mut String) {
    let Some(Manager::Unit(unit)) = cgroup_of(change).map(manager) else { return };
    let disk = match change {
        Change::CgroupDevice { device, .. } => disk_name(report, *device).unwrap_or_default(),
        _ => "",
    };
    if let Some(argv) = set_property(&unit, change, disk) {
        line(out, &argv);
    }
}

fn line(out: &mut String, argv: &[String]) {
    out.push_str(&super::shell::quoted(argv));
    out.push('\n');
}

/// The text that keeps a property over restarts, as comments: it goes into a file, not into a shell.
fn drop_in(out: &mut String, unit: &str, property: &str) {
    let section = match unit.rsplit_once('.').map(|(_, kind)| kind) {
        Some("service") => "Service",
        Some("scope") => "Scope",
        Some("slice") => "Slice",
        Some("socket") => "Socket",
        Some("mount") => "Mount",
        Some("swap") => "Swap",
        _ => return,
    };
    let path = format!("/etc/systemd/system/{unit}.d/50-iocontend.conf");
    out.push_str(&comment("#", &form(Lang::En, &Form::DropIn(&path))));
    out.push_str(&comment("#", &format!("  [{section}]")));
    // A percent sign begins a specifier (systemd.unit(5)).
    out.push_str(&comment("#", &format!("  {}", property.replace('%', "%%"))));
}
