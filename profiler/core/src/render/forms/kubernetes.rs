//! Advice in Kubernetes: classes of the runtime and a pod's annotation, and what is not possible.
//!
//! Classes as goresctrl has them (`blockio` package), which containerd (its blockio plugin, 1.7) and CRI-O (1.22) read.

use std::collections::BTreeMap;

use super::{cgroup_of, comment, disk_name};
use crate::advice::forms::device_file;
use crate::advice::{Manager, manager};
use crate::change::Change;
use crate::report::{Advice, Report, Verdict};
use crate::safe::is_printable;
use crate::text::Lang;
use crate::text::advice::{Form, action, form};
use crate::text::names::Names;

/// The name of the class.
const CLASS: &str = "iocontend-held";

/// The recommended actions of a report, as far as a runtime can take them.
pub fn kubernetes(report: &Report) -> String {
    let names = Names::of(report, Lang::En);
    let mut out = comment("#", &form(Lang::En, &Form::Head { version: &report.tool.version }));
    out.push_str(&comment("#", &form(Lang::En, &Form::KubernetesLimits)));
    let mut any = false;
    let all = report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Recommended);
    for advice in all {
        let text = one(report, advice);
        if let Some(text) = text {
            any = true;
            out.push('\n');
            out.push_str(&comment("#", &action(&names, &advice.action)));
            out.push_str(&text);
        }
    }
    if !any {
        out.push_str(&comment("#", &form(Lang::En, &Form::Nothing)));
    }
    out
}

fn one(report: &Report, advice: &Advice) -> Option<String> {
    if !advice.changes.iter().all(Change::is_plain) {
        return Some(comment("#", &form(Lang::En, &Form::Unprintable)));
    }
    let first = advice.changes.iter().find_map(cgroup_of)?;
    if manager(first) != Manager::Pod {
        return Some(comment("#", &form(Lang::En, &Form::NotAPod)));
    }
    let mut by_disk: BTreeMap<String, Vec<(&'static str, String)>> = BTreeMap::new();
    for change in &advice.changes {
        match change {
            Change::CgroupDevice { file, device, value, .. } if file == "io.max" => {
                let (key, value) = value.split_once('=')?;
                let name = match key {
                    "rbps" => "ThrottleReadBps",
                    "wbps" => "ThrottleWriteBps",
                    "riops" => "ThrottleReadIOPS",
                    "wiops" => "ThrottleWriteIOPS",
                    _ => continue,
                };
                let name_of_disk = disk_name(report, *device).filter(|disk| is_printable(disk))?;
                let disk = device_file(name_of_disk);
                by_disk.entry(disk).or_default().push((name, value.to_owned()));
            }
            Change::Cgroup { file, .. } if file == "memory.high" => {
                return Some(comment("#", &form(Lang::En, &Form::KubernetesMemory)));
            }
            _ => return None,
        }
    }
    let mut out = comment("#", &form(Lang::En, &Form::BlockioClasses));
    for line in ["Classes:\n  ", CLASS, ":\n"] {
        out.push_str(line);
    }
    for (disk, limits) in by_disk {
        // Device names are the kernel's; quoted all the same.
        let mut lines =
            vec![format!("    - Devices:\n        - {}\n", serde_json::Value::from(disk))];
        lines.extend(limits.iter().map(|(name, value)| format!("      {name}: \"{value}\"\n")));
        out.push_str(&lines.concat());
    }
    out.push_str(&comment("#", &form(Lang::En, &Form::Annotation)));
    out.push_str("metadata:\n  annotations:\n");
    for part in ["    blockio.resources.beta.kubernetes.io/pod: ", CLASS, "\n"] {
        out.push_str(part);
    }
    Some(out)
}
