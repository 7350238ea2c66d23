//! Reading a report that was written earlier, perhaps by another version.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::report::ReportDocument;
use crate::report::{Report, SCHEMA};
use crate::text::Lang;

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
            Ok(serde_json::from_value::<ReportDocument<'_>>(value)?.into_report())
        } else {
            Err(ReadError::WrongSchema { found: found.map(str::to_owned) })
        }
    }
}

/// What is read of a document are its codes and numbers.
impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ReportDocument::deserialize(deserializer).map(ReportDocument::into_report)
    }
}

/// What is written is the document.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ReportDocument::of(self, Lang::En).serialize(serializer)
    }
}
