//! Reading a report that was written earlier, perhaps by another version.

use super::{Report, SCHEMA};

/// Why a document is not a report that this version reads.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON, or a field has the wrong type.
    #[error("not a report: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is a document of another kind or a later shape.
    #[error("schema is {found:?}, expected {SCHEMA:?}")]
    WrongSchema {
        /// The schema it names; absent when it names none.
        found: Option<String>,
    },
}

impl Report {
    /// Reads one JSON document. Fields this version does not know are skipped.
    pub fn from_json(document: &[u8]) -> Result<Self, ReadError> {
        let value: serde_json::Value = serde_json::from_slice(document)?;
        // The schema goes first: a document of another shape has more important news than its first
        // field that differs.
        let found = value.get("schema").and_then(serde_json::Value::as_str);
        if found == Some(SCHEMA) {
            Ok(serde_json::from_value(value)?)
        } else {
            Err(ReadError::WrongSchema { found: found.map(str::to_owned) })
        }
    }
}
