//! Shared helpers of the integration tests.

pub mod binary;
pub mod blockstat;
pub mod fio;
pub mod loopdev;
pub mod process;
pub mod schema;
pub mod tracefs;
