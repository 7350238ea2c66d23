//! The edge of iocontend: everything that touches the kernel, files, clocks and the terminal.
//!
//! The engine (`iocontend-core`) is told what happened and says what it wants; here it is read and done.

pub mod cli;
pub mod commands;
pub mod demo;
pub mod doctor;
pub mod error;
pub mod host;
pub mod kernel;
pub mod lease;
pub mod limits;
pub mod live;
pub mod output;
pub mod record;
pub mod runtime;
