//! Advice through systemd: lines for a shell, and drop-ins to keep them.

use super::shell::unprintable;
use super::{cgroup_of, comment, disk_name};
use crate::advice::forms::argv::typed;
use crate::advice::forms::systemd::set_property;
use crate::advice::{Manager, manager};
use crate::change::Change;
use crate::report::{Report, Verdict};
use crate::text::Lang;
use crate::text::advice::{Form, action, form};
use crate::text::names::Names;

/// The recommended actions of a report that systemd can take: lines for a shell, and drop-ins to keep them.
pub fn systemd(report: &Report) -> String {
    let names = Names::of(report, Lang::En);
    let mut out = comment("#", &form(Lang::En, &Form::Head { version: &report.tool.version }));
    let mut any = false;
    let all = report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Recommended);
    for advice in all {
        let mut lines = String::new();
        let by_systemctl = advice.apply.iter().filter(|argv| is_systemctl(argv));
        for argv in by_systemctl {
            if !line(&mut lines, argv) {
                continue;
            }
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
        out.push_str(&comment("#", &action(&names, &advice.action)));
        out.push_str(&lines);
        let back: Vec<_> = advice.undo.iter().filter(|argv| is_systemctl(argv)).collect();
        if !back.is_empty() {
            out.push_str(&comment("#", &form(Lang::En, &Form::Undo)));
        }
        for argv in back {
            out.push_str(&comment("#", &typed(argv).unwrap_or_else(unprintable)));
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
    if !change.is_plain() {
        return;
    }
    let Some(Manager::Unit(unit)) = cgroup_of(change).map(manager) else { return };
    let disk = match change {
        Change::CgroupDevice { device, .. } => disk_name(report, *device).unwrap_or_default(),
        _ => "",
    };
    if let Some(argv) = set_property(&unit, change, disk) {
        line(out, &argv);
    }
}

/// A line that is run; or, where it holds what nobody could read, a comment that says so. Whether it is run.
fn line(out: &mut String, argv: &[String]) -> bool {
    let line = typed(argv);
    match &line {
        Some(line) => out.extend([line.as_str(), "\n"]),
        None => out.push_str(&comment("#", &unprintable())),
    }
    line.is_some()
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
