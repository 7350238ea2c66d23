//! Changes through systemd: `systemctl set-property`.
//!
//! systemd writes the cgroup files of its units itself, and again when it is told to: what is set beside it may be gone then.

use super::device_file;
use crate::change::Change;

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
