//! Reads a capture block by block, as far as it is whole.

use std::collections::BTreeMap;
use std::io::{self, Read};

use thiserror::Error;

use super::damage::Damage;
use super::frame::{
    BLOCK_HEADER_BYTES, BadHeader, BlockHeader, END, FILE_HEADER_BYTES, FORMAT_VERSION, ITEMS,
    check_file_header,
};
use super::item::{Decoder, Item};
use crate::session::Now;

/// A file of which nothing can be read.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// Something else, or a damaged beginning.
    #[error("it is no capture of iocontend, or its beginning is corrupt")]
    NotOne,
    /// Another version's.
    #[error("it has version {found}, this program reads {FORMAT_VERSION}")]
    Version {
        /// Version found.
        found: u32,
    },
    /// Kernel records of another version.
    #[error("its kernel records have version {found}, which this program does not read")]
    Abi {
        /// Version found.
        found: u32,
    },
    /// It ends before its first whole block.
    #[error("it is truncated before its first whole block")]
    Truncated,
    /// Its first block is damaged.
    #[error("it is corrupt from its first block on: {0}")]
    Corrupt(Damage),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its last block.
    Clean,
    /// Without: the recording was cut off.
    Truncated,
    /// What follows the last whole block is damaged.
    Corrupt(Damage),
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// The items of a whole block.
    Items(Vec<(Now, Item)>),
    /// Nothing more.
    End(End),
}

/// A capture that is being read.
pub struct Reader<R> {
    source: R,
    decoder: Decoder,
    number: u32,
    items: u64,
    kept_bytes: u64,
    end: Option<End>,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn new(mut source: R) -> Result<Self, CaptureError> {
        let Some(header) = exactly::<FILE_HEADER_BYTES>(&mut source)?.whole() else {
            return Err(CaptureError::Truncated);
        };
        check_file_header(&header).map_err(|bad| match bad {
            BadHeader::Magic | BadHeader::Checksum => CaptureError::NotOne,
            BadHeader::Version(found) => CaptureError::Version { found },
            BadHeader::Abi(found) => CaptureError::Abi { found },
        })?;
        Ok(Self {
            source,
            decoder: Decoder::default(),
            number: 0,
            items: 0,
            kept_bytes: FILE_HEADER_BYTES as u64,
            end: None,
        })
    }

    /// The next block, or how it ended. After the end, the end again.
    pub fn step(&mut self) -> io::Result<Step> {
        if let Some(end) = self.end {
            return Ok(Step::End(end));
        }
        Ok(match self.block()? {
            Ok(items) => Step::Items(items),
            Err(end) => {
                self.end = Some(end);
                Step::End(end)
            }
        })
    }

    /// Bytes up to the end of the last whole block.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// Kinds of items that this version does not know, and how many there were.
    pub fn unknown(&self) -> &BTreeMap<String, u64> {
        &self.decoder.unknown
    }

    fn block(&mut self) -> io::Result<Result<Vec<(Now, Item)>, End>> {
        let header = match exactly::<BLOCK_HEADER_BYTES>(&mut self.source)? {
            Bytes::Whole(bytes) => BlockHeader::parse(&bytes),
            Bytes::Part | Bytes::Nothing => return Ok(Err(End::Truncated)),
        };
        let header = match header {
            Ok(header) if header.number == self.number => header,
            Ok(_) => return Ok(Err(End::Corrupt(Damage::BlockMissing))),
            Err(what) => return Ok(Err(End::Corrupt(what))),
        };
        // The length is checked, and only what is there is taken.
        let mut stored = Vec::new();
        self.source.by_ref().take(header.stored.into()).read_to_end(&mut stored)?;
        if stored.len() < header.stored as usize {
            return Ok(Err(End::Truncated));
        }
        let opened = header.open(&stored).and_then(|raw| self.items(header.kind, &raw));
        let items = match opened {
            Ok(items) => items,
            Err(what) => return Ok(Err(End::Corrupt(what))),
        };
        self.number = self.number.wrapping_add(1);
        self.kept_bytes += (BLOCK_HEADER_BYTES + stored.len()) as u64;
        if header.kind == END {
            return Ok(Err(self.after_end()?));
        }
        Ok(Ok(items))
    }

    /// A block's items; those of an end say that nothing is missing.
    fn items(&mut self, kind: u32, raw: &[u8]) -> Result<Vec<(Now, Item)>, Damage> {
        if kind != ITEMS && kind != END {
            self.decoder.is_unknown(&format!("block.{kind}"));
            return Ok(Vec::new());
        }
        let items = self.decoder.block(raw).map_err(|malformed| malformed.0)?;
        if kind == END && !matches!(items[..], [(_, Item::End { items })] if items == self.items) {
            return Err(Damage::BlockCount);
        }
        self.items += items.len() as u64;
        Ok(items)
    }

    fn after_end(&mut self) -> io::Result<End> {
        Ok(match exactly::<1>(&mut self.source)? {
            Bytes::Nothing => End::Clean,
            _ => End::Corrupt(Damage::AfterEnd),
        })
    }
}

enum Bytes<const N: usize> {
    Whole([u8; N]),
    Part,
    Nothing,
}

impl<const N: usize> Bytes<N> {
    fn whole(self) -> Option<[u8; N]> {
        if let Self::Whole(bytes) = self { Some(bytes) } else { None }
    }
}

fn exactly<const N: usize>(source: &mut impl Read) -> io::Result<Bytes<N>> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match source.read(&mut bytes[filled..]) {
            Ok(0) if filled == 0 => return Ok(Bytes::Nothing),
            Ok(0) => return Ok(Bytes::Part),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Bytes::Whole(bytes))
}
