//! Makes exactly the system calls it is told to, one order a line on stdin, `ok` on stdout, with a number behind it where
//! the order asks for one. Its arguments are ignored, so that a copy can look like any other program.

mod pages;
mod threads;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{ptr, thread};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{Advice, fadvise};
use rustix::mm::{MapFlags, MsyncFlags, ProtFlags, mmap, msync, munmap};

/// Direct IO wants its buffers at multiples of this.
const ALIGN: usize = 4096;

fn main() -> Result<()> {
    let mut file = None;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer = match obey(&mut file, &line) {
            Ok(None) => "ok".to_owned(),
            Ok(Some(number)) => format!("ok {number}"),
            Err(error) => format!("{error:#}"),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn obey(file: &mut Option<File>, line: &str) -> Result<Option<u64>> {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let number = |index: usize| -> Result<usize> {
        Ok(words.get(index).context("a number is missing")?.parse()?)
    };
    let order = *words.first().context("no order")?;
    if order == "open" {
        *file = Some(open(words.get(1).context("no path")?, &words[2..])?);
        return Ok(None);
    }
    match order {
        "ping-pong" => return threads::ping_pong(number(1)?, number(2)?).map(Some),
        "spin" => return threads::spin(number(1)?, number(2)?).map(Some),
        "sync" => {
            (0..number(1)?).for_each(|_| rustix::fs::sync());
            return Ok(None);
        }
        _ => {}
    }
    if order == "churn" {
        let path = |index: usize| {
            Ok::<_, anyhow::Error>(PathBuf::from(words.get(index).context("no path")?))
        };
        return churn(&path(1)?, &path(2)?, number(3)?, number(4)?).map(|()| None);
    }
    if order == "create" {
        let folder = words.get(1).context("no path")?;
        return pages::create(folder.as_ref(), number(2)?, number(3)?).map(|()| None);
    }
    let file = file.as_mut().context("no file is open")?;
    match order {
        "write" => write(file, &vec![b'x'; number(1)?], number(2)?),
        "direct" => {
            let bytes = number(1)?;
            let buffer = vec![b'x'; bytes + ALIGN];
            let begin = buffer.as_ptr().align_offset(ALIGN);
            write(file, &buffer[begin..begin + bytes], number(2)?)
        }
        "read" => {
            file.rewind()?;
            let mut buffer = vec![0; 1 << 16];
            while file.read(&mut buffer)? > 0 {}
            Ok(())
        }
        "direct-read" => {
            file.rewind()?;
            let bytes = number(1)?;
            let mut buffer = vec![0; bytes + ALIGN];
            let begin = buffer.as_ptr().align_offset(ALIGN);
            for _ in 0..number(2)? {
                file.read_exact(&mut buffer[begin..begin + bytes])?;
            }
            Ok(())
        }
        "touch" => touch(file),
        "write-mapped" => pages::write_mapped(file, number(1)?),
        // Without data of its own.
        "only-fsync" => Ok(file.sync_all()?),
        "only-syncfs" => Ok(rustix::fs::syncfs(&*file)?),
        "syncfs" => (0..number(1)?).try_for_each(|_| {
            write(file, b"something to sync\n", 1)?;
            Ok(rustix::fs::syncfs(&*file)?)
        }),
        "sync-file-range" => (0..number(1)?).try_for_each(|_| sync_file_range(file)),
        "fsync" => (0..number(1)?).try_for_each(|_| dirty(file, File::sync_all)),
        "fdatasync" => (0..number(1)?).try_for_each(|_| dirty(file, File::sync_data)),
        "rwf-sync" => (0..number(1)?).try_for_each(|_| write_with(file, libc::RWF_SYNC)),
        "rwf-dsync" => (0..number(1)?).try_for_each(|_| write_with(file, libc::RWF_DSYNC)),
        "msync" => msyncs(file, number(1)?),
        "forget" => {
            file.sync_all()?;
            fadvise(&*file, 0, None, Advice::DontNeed)?;
            Ok(())
        }
        other => bail!("unknown order {other}"),
    }
    .map(|()| None)
}

fn open(path: &str, flags: &[&str]) -> Result<File> {
    let mut custom = 0;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    for flag in flags {
        match *flag {
            "append" => {
                options.append(true);
            }
            "dsync" => custom |= libc::O_DSYNC,
            "sync" => custom |= libc::O_SYNC,
            "direct" => custom |= libc::O_DIRECT,
            other => bail!("unknown flag {other}"),
        }
    }
    options.custom_flags(custom).open(path).with_context(|| path.to_owned())
}

/// How many files of a churn have a name in its folder at a time.
const NAMED: usize = 300;
/// How many have an inode at a time: a file system gives the number of a deleted inode to the next file.
const KEPT: usize = 1500;

/// Makes, writes, syncs and deletes so many files, named as a log's segments are, at most so many per second. Each
/// is kept alive under another name for a while.
fn churn(folder: &Path, kept: &Path, files: usize, per_second: usize) -> Result<()> {
    let name = |number: usize| format!("{number:016x}-0000000000000000.wal");
    for number in 0..files {
        let path = folder.join(name(number));
        let file = File::create(&path)?;
        (&file).write_all(b"something to sync\n")?;
        file.sync_all()?;
        fs::hard_link(&path, kept.join(name(number)))?;
        if let Some(old) = number.checked_sub(NAMED) {
            fs::remove_file(folder.join(name(old)))?;
        }
        if let Some(old) = number.checked_sub(KEPT) {
            fs::remove_file(kept.join(name(old)))?;
        }
        // Not made up for when the disk was slow: whoever looks at the files would be late as well.
        thread::sleep(Duration::from_secs(1) / u32::try_from(per_second)?);
    }
    Ok(())
}

/// One system call each.
fn write(file: &mut File, buffer: &[u8], times: usize) -> Result<()> {
    for _ in 0..times {
        let written = file.write(buffer)?;
        if written != buffer.len() {
            bail!("wrote {written} of {}", buffer.len());
        }
    }
    Ok(())
}

/// A little data and a sync of it.
fn dirty(file: &mut File, sync: impl Fn(&File) -> io::Result<()>) -> Result<()> {
    write(file, b"something to sync\n", 1)?;
    Ok(sync(file)?)
}

/// A write that is synchronous by itself.
fn write_with(file: &File, flags: i32) -> Result<()> {
    let buffer = b"something to sync\n";
    let part = libc::iovec { iov_base: buffer.as_ptr().cast_mut().cast(), iov_len: buffer.len() };
    // SAFETY: one buffer that is only read. -1: at the file's position.
    let written = unsafe { libc::pwritev2(file.as_raw_fd(), &raw const part, 1, -1, flags) };
    if usize::try_from(written).ok() != Some(buffer.len()) {
        bail!("pwritev2: {written}: {}", io::Error::last_os_error());
    }
    Ok(())
}

/// Waits until the file's data is written, but for what the file system keeps about it.
fn sync_file_range(file: &mut File) -> Result<()> {
    const ALL: libc::c_uint = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    write(file, b"something to sync\n", 1)?;
    // SAFETY: takes no memory of ours.
    if unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, ALL) } != 0 {
        return Err(io::Error::last_os_error().into());
    }
    Ok(())
}

/// Reads one byte of each page through a mapping of the whole file.
fn touch(file: &File) -> Result<()> {
    let length = usize::try_from(file.metadata()?.len())?;
    // SAFETY: a new mapping of the file.
    let start =
        unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, file, 0)? };
    for at in (0..length).step_by(ALIGN) {
        // SAFETY: inside the mapping.
        unsafe { start.cast::<u8>().add(at).read_volatile() };
    }
    // SAFETY: mapped above, not used any more.
    unsafe { munmap(start, length)? };
    Ok(())
}

fn msyncs(file: &File, times: usize) -> Result<()> {
    file.set_len(file.metadata()?.len().max(ALIGN as u64))?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping of at least one page of the file.
    let page = unsafe { mmap(ptr::null_mut(), ALIGN, access, MapFlags::SHARED, file, 0)? };
    for time in 0..times {
        // SAFETY: inside the mapping, which nobody else in this process knows.
        unsafe {
            page.cast::<usize>().write_volatile(time);
            msync(page, ALIGN, MsyncFlags::SYNC)?;
        }
    }
    // SAFETY: mapped above, not used any more.
    unsafe { munmap(page, ALIGN)? };
    Ok(())
}
