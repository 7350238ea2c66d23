//! The pure engine of iocontend: no IO, no clock, no threads.
//!
//! Data flows one way: a module uses only what stands before it in the order that `xtask/layers.toml` writes down, which
//! `cargo xtask layers` checks.
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
mod diagnosis;
pub mod doctor;
pub mod etcd_config;
pub mod etcd_heartbeat;
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
pub mod redact;
pub mod render;
pub mod report;
pub mod role;
pub mod safe;
pub mod schedule;
pub mod schema;
pub mod selector;
pub mod session;
pub mod style;
pub mod text;
pub mod tracefs;
pub mod units;
pub mod view;

#[cfg(test)]
mod test_facts;
