//! Writers. Each sees what it writes and a style, and no other writer: people's (`text`, `markdown`) write a document of
//! `crate::view`, `json` and `forms` the report.

pub mod forms;
pub mod json;
pub mod markdown;
pub mod text;
mod values;

pub use crate::style::Style;
pub use crate::{safe, units};
