//! Crontabs of the system and of users, and the folders that cron and anacron run.

use iocontend_core::schedule::{Crontab, Entry, anacrontab, crontab, periodic_folders};

use super::files::{Author, Files};
use super::progress::Progress;
use super::zone;

/// Where users' crontabs are: Debian's and SUSE's, Red Hat's and Alpine's.
const SPOOLS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron"];
/// Folders that cron and anacron run.
const FOLDERS: [&str; 4] =
    ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"];

/// Those of users come last: no more than theirs is missing when theirs take too long.
pub(super) fn read(files: &Files<'_>, progress: &Progress) {
    // Folders, and the lines that say when they are run.
    let mut when: Vec<(String, Entry)> = Vec::new();
    if let Some(text) = files.text("/etc/anacrontab") {
        let (folders, problems) = anacrontab("/etc/anacrontab", &text);
        add_folders(&mut when, folders);
        progress.add(Vec::new(), problems);
    }
    one(files, "/etc/crontab", Crontab::System, progress, &mut when);
    for (name, path) in files.files("/etc/cron.d") {
        if is_run(&name) {
            one(files, &path, Crontab::System, progress, &mut when);
        }
    }
    let known = when.len();
    for (folder, line) in &when {
        run_folder(files, folder, line, progress);
    }
    for spool in SPOOLS {
        for (name, path) in files.files(spool) {
            if is_run(&name) {
                one(files, &path, Crontab::User, progress, &mut when);
            }
        }
    }
    when[known..].iter().for_each(|(folder, line)| run_folder(files, folder, line, progress));
}

fn one(
    files: &Files<'_>,
    path: &str,
    whose: Crontab,
    progress: &Progress,
    when: &mut Vec<(String, Entry)>,
) {
    let Some(file) = files.file(path) else { return };
    let script = |path: &str| files.script(path, file.author());
    let zone = |name: &str| zone::named(files, name);
    let goes_on = || files.has_time();
    let (mut entries, problems) = crontab(path, &file.text(), whose, &script, &zone, &goes_on);
    add_folders(when, periodic_folders(&entries));
    // The lines that only run folders are no entries of their own.
    entries.retain(|entry| !entry.command.contains("run-parts"));
    progress.add(entries, problems);
}

/// The first line that runs a folder counts; anacron's before the others.
fn add_folders(when: &mut Vec<(String, Entry)>, folders: Vec<(String, Entry)>) {
    for (folder, line) in folders {
        let is_known = when.iter().any(|(known, _)| *known == folder);
        if FOLDERS.contains(&folder.as_str()) && !is_known {
            when.push((folder, line));
        }
    }
}

/// Whether cron and `run-parts` take a file of this name: hidden ones, and what editors and packages leave, are passed
/// over.
fn is_run(name: &str) -> bool {
    !name.starts_with('.')
        && !name.contains('~')
        && !name.contains(".dpkg-")
        && !name.contains(".rpm")
}

/// Scripts in a folder, at the times of the line that runs it.
fn run_folder(files: &Files<'_>, folder: &str, line: &Entry, progress: &Progress) {
    let scripts = files.files(folder).into_iter().filter(|(name, _)| is_run(name));
    let entries = scripts.filter(|(_, path)| !files.is_folder(path)).map(|(_, path)| {
        let script = files.script(&path, Author::ROOT);
        Entry::of_folder(&path, script.as_deref(), line)
    });
    progress.add(entries.collect(), Vec::new());
}
