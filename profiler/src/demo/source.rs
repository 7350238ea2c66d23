//! The file that the copier copies, standing for etcd's `member/snap/db`. Owns its content and how it
//! is written; its size and place come from the plan.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::DemoError;
use super::stop::Stop;

const CHUNK_BYTES: usize = 1 << 20;
/// Between two syncs: a fifth of a second on a disk of 20 MB/s.
const SYNC_BYTES: u64 = 4 << 20;

/// Fills `buffer` with bytes that do not compress and differ by `seed`: a file system or disk that
/// compresses or shares equal blocks would otherwise do less work than it does for a real db.
pub(super) fn fill_pattern(buffer: &mut [u8], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for chunk in buffer.chunks_mut(8) {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
}

/// Writes and syncs the file, so that its pages are clean and can be dropped before each copy.
pub(super) fn write_source(path: &Path, bytes: u64, stop: &Stop) -> Result<(), DemoError> {
    let failed = |cause| DemoError::Setup { path: path.to_owned(), cause };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    if write_chunks(path, bytes, stop).map_err(failed)? { Ok(()) } else { Err(DemoError::Stopped) }
}

/// Says whether the file is whole, as opposed to stopped.
fn write_chunks(path: &Path, bytes: u64, stop: &Stop) -> io::Result<bool> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut written = 0;
    while written < bytes {
        if stop.is_requested() {
            return Ok(false);
        }
        let length = usize::try_from(bytes - written).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        fill_pattern(&mut chunk[..length], written + 1);
        file.write_all(&chunk[..length])?;
        written += u64::try_from(length).unwrap_or(u64::MAX);
        // The last sync cannot be stopped, so little is left for it.
        if written % SYNC_BYTES == 0 {
            file.sync_data()?;
        }
    }
    file.sync_all()?;
    Ok(true)
}
