//! The frame of a capture: the file's header, and blocks with lengths, number and checksums.
//!
//! All numbers are little-endian. A block's header has a checksum of its own, so that a damaged length is told from a
//! file that ends early.

use super::damage::Damage;
use iocontend_wire::ABI_VERSION;

/// The first bytes of every capture: not text, and damaged by whatever changes line ends.
pub const MAGIC: [u8; 8] = *b"\x89iocap\r\n";
/// Version of the format. Higher ones are refused.
pub const FORMAT_VERSION: u32 = 1;
/// The oldest wire records that can still be read. A change of an existing record or key raises it.
const OLDEST_ABI: u32 = 3;
/// Bytes before the first block.
pub const FILE_HEADER_BYTES: usize = 24;
/// Bytes before a block's payload.
pub(super) const BLOCK_HEADER_BYTES: usize = 24;
/// Most bytes of a block, decompressed and stored.
pub const MAX_BLOCK_BYTES: usize = 8 << 20;
/// LZ4 makes at most this much out of a byte.
const MAX_RATIO: usize = 256;

/// A block of items.
pub(super) const ITEMS: u32 = 1;
/// The last block: its only item says how many there are.
pub(super) const END: u32 = 2;

/// What a file's header can be besides a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    Magic,
    Checksum,
    Version(u32),
    Abi(u32),
}

/// The header of a capture written by this version.
pub fn file_header() -> [u8; FILE_HEADER_BYTES] {
    let mut bytes = [0; FILE_HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&ABI_VERSION.to_le_bytes());
    seal(&mut bytes);
    bytes
}

/// Whether this is the header of a capture that can be read here.
pub(super) fn check_file_header(bytes: &[u8; FILE_HEADER_BYTES]) -> Result<(), BadHeader> {
    if bytes[..8] != MAGIC {
        return Err(BadHeader::Magic);
    }
    if !is_sealed(bytes) {
        return Err(BadHeader::Checksum);
    }
    match (word(bytes, 8), word(bytes, 12)) {
        (version, _) if version != FORMAT_VERSION => Err(BadHeader::Version(version)),
        (_, abi) if !(OLDEST_ABI..=ABI_VERSION).contains(&abi) => Err(BadHeader::Abi(abi)),
        _ => Ok(()),
    }
}

/// What a block's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// The block's place: 0, 1, 2, …
    pub(super) number: u32,
    /// [`ITEMS`], [`END`], or something newer.
    pub(super) kind: u32,
    /// Bytes that follow.
    pub(super) stored: u32,
    /// Bytes they decompress to.
    pub(super) raw: u32,
    /// Checksum of the bytes that follow.
    pub(super) checksum: u32,
}

impl BlockHeader {
    /// The header, unless it is damaged or claims what no writer writes.
    pub(super) fn parse(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Result<Self, Damage> {
        if !is_sealed(bytes) {
            return Err(Damage::BlockHeader);
        }
        let header = Self {
            number: word(bytes, 0),
            kind: word(bytes, 4),
            stored: word(bytes, 8),
            raw: word(bytes, 12),
            checksum: word(bytes, 16),
        };
        let (stored, raw) = (header.stored as usize, header.raw as usize);
        // What does not compress grows by less than 1/128 (LZ4_compressBound).
        let too_large = raw > MAX_BLOCK_BYTES || stored > raw + raw / 128 + 16;
        if too_large || raw > stored.saturating_mul(MAX_RATIO) {
            return Err(Damage::BlockLength);
        }
        Ok(header)
    }

    /// The block's content.
    pub(super) fn open(&self, stored: &[u8]) -> Result<Vec<u8>, Damage> {
        if crc32fast::hash(stored) != self.checksum {
            return Err(Damage::Block);
        }
        let mut raw = vec![0; self.raw as usize];
        match lz4_flex::block::decompress_into(stored, &mut raw) {
            Ok(length) if length == raw.len() => Ok(raw),
            _ => Err(Damage::BlockDecompresses),
        }
    }
}

/// A block as it stands in the file. `raw` has at most [`MAX_BLOCK_BYTES`]; a longer one could not be read again.
pub fn block(number: u32, kind: u32, raw: &[u8]) -> Vec<u8> {
    let payload = lz4_flex::block::compress(raw);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![0; BLOCK_HEADER_BYTES];
    for (at, value) in [number, kind, length(&payload), length(raw), crc32fast::hash(&payload)]
        .into_iter()
        .enumerate()
    {
        bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
    }
    seal(&mut bytes);
    bytes.extend(payload);
    bytes
}

/// What stands in the whole blocks of a capture, for tools and tests.
pub fn contents(capture: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = capture.get(FILE_HEADER_BYTES..).unwrap_or_default();
    let mut contents = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<BLOCK_HEADER_BYTES>()
        && let Ok(header) = BlockHeader::parse(header)
        && let Some((stored, after)) = after.split_at_checked(header.stored as usize)
        && let Ok(raw) = header.open(stored)
    {
        contents.push(raw);
        rest = after;
    }
    contents
}

/// Puts the checksum of everything before it into the last four bytes.
fn seal(bytes: &mut [u8]) {
    let at = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[..at]);
    bytes[at..].copy_from_slice(&checksum.to_le_bytes());
}

fn is_sealed(bytes: &[u8]) -> bool {
    let at = bytes.len() - 4;
    word(bytes, at) == crc32fast::hash(&bytes[..at])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}
