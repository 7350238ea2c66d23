//! Timers of systemd that are enabled, with the commands of their services.

use std::collections::{BTreeMap, BTreeSet};

use iocontend_core::schedule::{exec_start, timer};

use super::files::{Author, Files, ends_in};
use super::progress::Progress;
use super::zone;

/// Where units are, the first before the others (systemd.unit(5)).
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

pub(super) fn read(files: &Files<'_>, progress: &Progress) {
    let units = units(files);
    for name in enabled(files) {
        // A template's instance is named after nothing that stands in a file.
        let Some(path) = units.get(&name) else { continue };
        let texts = texts(files, &name, path);
        let command = |service: &str| {
            let path = units.get(service)?;
            exec_start(&self::texts(files, service, path))
        };
        let (script, zone) =
            (|path: &str| files.script(path, Author::ROOT), |name: &str| zone::named(files, name));
        let (entry, problems) = timer(path, &name, &texts, &command, &script, &zone);
        progress.add(entry.into_iter().collect(), problems);
    }
}

/// Timers and services by name, each with the path that counts.
fn units(files: &Files<'_>) -> BTreeMap<String, String> {
    let mut units = BTreeMap::new();
    for folder in FOLDERS {
        for (name, path) in files.files(folder) {
            if ends_in(&name, &[".timer", ".service"]) {
                units.entry(name).or_insert(path);
            }
        }
    }
    units
}

/// Timers that something wants.
fn enabled(files: &Files<'_>) -> BTreeSet<String> {
    let mut enabled = BTreeSet::new();
    for folder in FOLDERS {
        let names = files.names(folder);
        for wants in names.iter().filter(|name| ends_in(name, &[".wants", ".requires"])) {
            let wanted = files.names(&format!("{folder}/{wants}"));
            enabled.extend(wanted.iter().filter(|name| ends_in(name, &[".timer"])).cloned());
        }
    }
    enabled
}

/// A unit's own text and its drop-ins by name, those of the first folders before others of the same name.
fn texts(files: &Files<'_>, name: &str, path: &str) -> Vec<String> {
    let mut drop_ins: BTreeMap<String, String> = BTreeMap::new();
    for folder in FOLDERS {
        for (drop_in, path) in files.files(&format!("{folder}/{name}.d")) {
            if ends_in(&drop_in, &[".conf"]) {
                drop_ins.entry(drop_in).or_insert(path);
            }
        }
    }
    let paths = std::iter::once(path).chain(drop_ins.values().map(String::as_str));
    paths.filter_map(|path| files.text(path)).collect()
}
