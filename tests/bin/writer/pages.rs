//! Pages made dirty through a mapping, and files made without any data.

use std::fs::File;
use std::path::Path;
use std::ptr;

use anyhow::Result;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::ALIGN;

/// Writes one byte to each page of so many bytes of a file, through a mapping that is not synced.
pub(crate) fn write_mapped(file: &File, bytes: usize) -> Result<()> {
    file.set_len(u64::try_from(bytes)?)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping of the file.
    let start = unsafe { mmap(ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0)? };
    for at in (0..bytes).step_by(ALIGN) {
        // SAFETY: inside the mapping, which nobody else in this process knows.
        unsafe { start.cast::<u8>().add(at).write_volatile(b'x') };
    }
    // SAFETY: mapped above, not used any more.
    unsafe { munmap(start, bytes)? };
    Ok(())
}

/// Makes so many empty files in a folder, named by numbers.
pub(crate) fn create(folder: &Path, first: usize, count: usize) -> Result<()> {
    (first..first + count).try_for_each(|number| {
        File::create_new(folder.join(number.to_string()))?;
        Ok(())
    })
}
