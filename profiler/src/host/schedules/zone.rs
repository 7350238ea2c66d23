//! Rules of time zones: the last line of a compiled zone file is a POSIX TZ string (RFC 8536, 3.3), which holds for all
//! times after its last change.

use super::files::Files;

/// The host's local time.
pub(super) fn local(files: &Files<'_>) -> Option<String> {
    rules(files.file("/etc/localtime")?.bytes())
}

/// A zone by its name, as crontabs and CronJobs give it.
pub(super) fn named(files: &Files<'_>, name: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    if ["UTC", "Etc/UTC", "GMT"].contains(&name) {
        return Some("UTC0".to_owned());
    }
    if name.is_empty() || name.starts_with('/') || !name.chars().all(is_name) {
        return None;
    }
    rules(files.file(&format!("/usr/share/zoneinfo/{name}"))?.bytes())
}

/// Version 2 and later have a last line; those of version 1 have none.
fn rules(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"TZif") {
        return None;
    }
    let line = bytes.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let text = std::str::from_utf8(line).ok()?;
    let is_rule =
        !text.is_empty() && text.len() < 100 && text.chars().all(|c| c.is_ascii_graphic());
    is_rule.then(|| text.to_owned())
}
