//! Crontabs of the system and of users, and the folders that cron and anacron run.

use iocontend_core::schedule::{Crontab, Entry, anacrontab, crontab, periodic_folders};

use super::files::Files;
use super::{Found, zone};

/// Where users' crontabs are: Debian's and SUSE's, Red Hat's and Alpine's.
const SPOOLS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron"];
/// Folders that cron and anacron run.
const FOLDERS: [&str; 4] =
    ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"];

pub(super) fn read(files: &Files) -> Found {
    let mut found: Found = (Vec::new(), Vec::new());
    one(files, "/etc/crontab", Crontab::System, &mut found);
    for (name, path) in files.files("/etc/cron.d") {
        if is_run(&name) {
            one(files, &path, Crontab::System, &mut found);
        }
    }
    for spool in SPOOLS {
        for (name, path) in files.files(spool) {
            if is_run(&name) {
                one(files, &path, Crontab::User, &mut found);
            }
        }
    }
    folders(files, &mut found);
    found
}

fn one(files: &Files, path: &str, whose: Crontab, found: &mut Found) {
    let Some(text) = files.text(path) else { return };
    let script = |path: &str| files.script(path);
    let (entries, problems) =
        crontab(path, &text, whose, &script, &|name| zone::named(files, name));
    found.0.extend(entries);
    found.1.extend(problems);
}

/// Whether cron and `run-parts` take a file of this name: hidden ones, and what editors and packages leave, are passed
/// over.
fn is_run(name: &str) -> bool {
    !name.starts_with('.')
        && !name.contains('~')
        && !name.contains(".dpkg-")
        && !name.contains(".rpm")
}

/// Scripts in folders: with anacron its times, else those of the line that runs the folder.
fn folders(files: &Files, found: &mut Found) {
    let mut when: Vec<(String, Entry)> = Vec::new();
    if let Some(text) = files.text("/etc/anacrontab") {
        let (folders, problems) = anacrontab("/etc/anacrontab", &text);
        when.extend(folders);
        found.1.extend(problems);
    }
    when.extend(periodic_folders(&found.0));
    // The lines that only run folders are no entries of their own.
    found.0.retain(|entry| !entry.command.contains("run-parts"));
    for folder in FOLDERS {
        let Some((_, line)) = when.iter().find(|(known, _)| known == folder) else { continue };
        for (name, path) in files.files(folder) {
            if is_run(&name) {
                let script = files.script(&path);
                found.0.push(Entry::of_folder(&path, script.as_deref(), line));
            }
        }
    }
}
