//! The edge of iocontend.
pub mod host;
