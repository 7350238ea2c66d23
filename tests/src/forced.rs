//! One process writes through the page cache, another syncs the file: cause and forcer.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::indirect::{SIZE, load};
use crate::tracefs::BlockTrace;
use crate::watch::{Watch, actor};

/// What fio writes and `sync FILE` writes out is fio's by cause, and `sync` is named as who forced it: at least 97 % of
/// it, in nobody else's name. Gives a line.
pub fn check(folder: &Path, disk: &str) -> Result<String> {
    let file = folder.join("forced");
    let on_init = BlockTrace::completions_on_init(disk)?;
    let watch = Watch::fio(&[])?;
    let writer = load(&file, &["rw=write", "ioengine=psync", "bs=64k"])?;
    let mut sync = Command::new("sync").arg(&file).spawn().context("starting sync")?;
    let forcer = sync.id();
    ensure!(sync.wait()?.success(), "sync failed");
    let report = watch.finish()?;
    let by = &actor(&report, forcer)?.id;
    let forced = &actor(&report, writer)?.forced_by;
    let its: u64 = forced.iter().filter(|one| one.by == *by).map(|one| one.bytes).sum();
    let all: u64 = forced.iter().map(|one| one.bytes).sum();
    let unseen = on_init.out_of_sight(&report)?.write_bytes;
    let within = (SIZE / 100 * 97).saturating_sub(unseen)..=SIZE / 100 * 103;
    ensure!(within.contains(&its), "of {SIZE} bytes, {unseen} out of sight: {forced:?}");
    ensure!(all == its, "others are named too: {forced:?}");
    let none = &actor(&report, forcer)?.forced_by;
    ensure!(none.is_empty(), "nobody forced what sync itself caused: {none:?}");
    Ok(format!("{its} of {SIZE} bytes were written out by `sync` in fio's name"))
}
