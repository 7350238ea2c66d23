//! Changes as commands: lists of arguments, to be run without a shell around them.

use crate::change::{Change, is_plain_path};
use crate::safe::is_printable;

/// Where the unified hierarchy is when nobody said.
const CGROUP_MOUNT: &str = "/sys/fs/cgroup";
/// Folders of the files that are written.
const SETTINGS: [&str; 2] = ["/sys/fs/cgroup/", "/sys/block/"];
/// Writes its first argument into the file of its second.
const WRITE: &str = r#"printf '%s\n' "$1" > "$2""#;
/// Sets class and level of all threads of a process.
const PRIORITY: &str = r#"ionice -c "$1" -n "$2" -p $(ls "/proc/$3/task")"#;
/// Sets a class that has no level.
const CLASS: &str = r#"ionice -c "$1" -p $(ls "/proc/$2/task")"#;

/// The command that makes a change. `mount` is where the unified hierarchy is.
pub fn apply(change: &Change, mount: Option<&str>) -> Vec<String> {
    match change {
        Change::CgroupDevice { cgroup, file, device, value } => {
            write(&format!("{device} {value}"), &cgroup_file(mount, cgroup, file))
        }
        Change::Cgroup { cgroup, file, value } => write(value, &cgroup_file(mount, cgroup, file)),
        Change::Queue { device, file, value } => {
            write(value, &format!("/sys/block/{device}/queue/{file}"))
        }
        Change::Sysctl { name, value } => {
            owned(&["sysctl", "-w", &format!("{}={value}", name.replace('/', "."))])
        }
        Change::IoPriority { process, class, level } => priority(process.pid, *class, *level),
    }
}

/// The command that takes a change back to the file's value before, `prior`.
pub fn undo(change: &Change, prior: Option<&str>, mount: Option<&str>) -> Vec<String> {
    match change {
        Change::CgroupDevice { cgroup, file, device, value } => {
            let before = prior.and_then(|lines| line_of(lines, &device.to_string()));
            let value = restored(value, before.as_deref());
            write(&format!("{device} {value}"), &cgroup_file(mount, cgroup, file))
        }
        Change::Cgroup { cgroup, file, value } => {
            let default =
                if value.starts_with("default ") { "default 100" } else { DEFAULT_OF_FILE };
            let default = if file == "io.prio.class" { "no-change" } else { default };
            let prior = prior.and_then(|text| text.lines().next()).filter(|text| !text.is_empty());
            write(prior.unwrap_or(default), &cgroup_file(mount, cgroup, file))
        }
        Change::Queue { device, file, value } => {
            write(prior.unwrap_or(value), &format!("/sys/block/{device}/queue/{file}"))
        }
        Change::Sysctl { name, value } => apply(
            &Change::Sysctl { name: name.clone(), value: prior.unwrap_or(value).to_owned() },
            mount,
        ),
        Change::IoPriority { process, .. } => priority(process.pid, 0, 0),
    }
}

/// What `memory.high` has when nobody set it.
const DEFAULT_OF_FILE: &str = "max";

/// Sets the priority of all threads of a process.
pub fn priority(pid: u32, class: u8, level: u8) -> Vec<String> {
    let (pid, class, level) = (pid.to_string(), class.to_string(), level.to_string());
    match class.as_str() {
        "1" | "2" => owned(&["sh", "-c", PRIORITY, "sh", &class, &level, &pid]),
        _ => owned(&["sh", "-c", CLASS, "sh", &class, &pid]),
    }
}

/// The values of one disk in a file such as `io.max`.
pub(super) fn line_of(lines: &str, device: &str) -> Option<String> {
    lines.lines().find_map(|line| {
        let (dev, rest) = line.split_once(' ')?;
        (dev == device).then(|| rest.trim().to_owned())
    })
}

/// Each key of `value` with what it was before, else with what it is when nothing is set.
fn restored(value: &str, before: Option<&str>) -> String {
    let keys = value.split_ascii_whitespace().filter_map(|pair| Some(pair.split_once('=')?.0));
    let old = |key: &str| {
        let pairs = before.into_iter().flat_map(str::split_ascii_whitespace);
        let found = pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
        // A latency goal of 0 is none (block/blk-iolatency.c).
        let none = if key == "target" { "0" } else { "max" };
        format!("{key}={}", found.map_or(none, |(_, value)| value))
    };
    keys.map(old).collect::<Vec<_>>().join(" ")
}

/// A command as somebody would type it into a shell, every word quoted that needs it. `None` for words that no shell can
/// be told (a NUL) or nobody could read (control characters and their like), and for a file that is none of the kernel's settings.
pub fn typed(argv: &[String]) -> Option<String> {
    if !argv.iter().all(|word| is_printable(word)) {
        return None;
    }
    let quoted = |word: &str| shlex::try_quote(word).ok().map(std::borrow::Cow::into_owned);
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words[..] {
        ["sh", "-c", WRITE, "sh", value, path] => {
            if !is_setting(path) {
                return None;
            }
            // What `echo` might take for an option or an escape goes through printf.
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"=:._, /".contains(&byte);
            let say = if value.bytes().all(plain) { "echo" } else { r"printf '%s\n'" };
            Some(format!("{say} {} > {}", quoted(value)?, quoted(path)?))
        }
        ["sh", "-c", PRIORITY, "sh", class, level, pid] => Some(format!(
            "ionice -c {} -n {} -p $(ls {})",
            quoted(class)?,
            quoted(level)?,
            quoted(&format!("/proc/{pid}/task"))?
        )),
        ["sh", "-c", CLASS, "sh", class, pid] => Some(format!(
            "ionice -c {} -p $(ls {})",
            quoted(class)?,
            quoted(&format!("/proc/{pid}/task"))?
        )),
        _ => shlex::try_join(words.iter().copied()).ok(),
    }
}

/// Whether a file is one that advice writes: the names in it come from the host, or from a capture that somebody sent.
fn is_setting(path: &str) -> bool {
    is_plain_path(path) && SETTINGS.iter().any(|folder| path.starts_with(folder))
}

fn write(value: &str, path: &str) -> Vec<String> {
    owned(&["sh", "-c", WRITE, "sh", value, path])
}

fn cgroup_file(mount: Option<&str>, cgroup: &str, file: &str) -> String {
    let mount = mount.unwrap_or(CGROUP_MOUNT).trim_end_matches('/');
    format!("{mount}/{}/{file}", cgroup.trim_matches('/'))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
