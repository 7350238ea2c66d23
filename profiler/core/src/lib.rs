//! The pure engine of iocontend: no IO, no clock, no threads.
//!
//! Data flows one way, and a module may use only what stands to its left:
//!
//! ```text
//! ids → hist → event → facts → plan → names → session → capture, report → render
//! ```
//!
//! Time and previous state are arguments everywhere, so a replayed capture runs the code that ran live.
#![forbid(unsafe_code)]

pub mod activity;
pub mod advice;
mod argv;
pub mod btf;
pub mod capture;
pub mod cgroup;
pub mod change;
pub mod doctor;
pub mod etcd_paths;
pub mod etcd_urls;
pub mod event;
pub mod facts;
pub mod file_class;
mod findings;
pub mod hist;
pub mod ids;
pub mod lease;
mod paths;
pub mod period;
pub mod plan;
pub mod reclaim;
pub mod render;
pub mod report;
pub mod role;
pub mod schedule;
pub mod schema;
pub mod selector;
pub mod session;
pub mod text;
pub mod tracefs;

#[cfg(test)]
mod test_facts;
