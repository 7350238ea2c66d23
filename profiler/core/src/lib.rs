//! The pure engine of iocontend: no IO, no clock, no threads.
//!
//! Data flows one way, and a module may use only what stands to its left:
//!
//! ```text
//! ids → hist → event → facts → plan → names → session → report → render
//! ```
//!
//! Time and previous state are arguments everywhere, so a replayed capture runs the code that ran live.
#![forbid(unsafe_code)]

pub mod argv;
pub mod cgroup;
pub mod etcd_paths;
pub mod facts;
pub mod file_class;
pub mod ids;
pub mod paths;
pub mod role;
pub mod selector;
#[cfg(test)]
mod test_facts;
