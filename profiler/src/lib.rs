//! The edge of iocontend.
pub mod demo;
pub mod kernel;
