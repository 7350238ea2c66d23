//! In which way a capture is damaged; `text::notes` says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In which way a capture is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// It does not say who recorded it.
    NoOpening,
    /// A block is missing or in the wrong place.
    BlockMissing,
    /// A block's header is damaged.
    BlockHeader,
    /// A block claims an impossible length.
    BlockLength,
    /// A block is damaged.
    Block,
    /// A block does not decompress to its length.
    BlockDecompresses,
    /// The last block counts otherwise.
    BlockCount,
    /// There is more after the last block.
    AfterEnd,
    /// A block has too many items.
    TooManyItems,
    /// A block has a broken item.
    BrokenItem,
    /// Its records are laid out otherwise.
    Layout,
    /// Half a record.
    HalfRecord,
    /// A stream has an impossible place.
    StreamPlace,
    /// A change of no shard.
    NoShard,
    /// A stream has no such shard.
    UnknownShard,
    /// A stream has no such word.
    UnknownWord,
}
