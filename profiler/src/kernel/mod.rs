//! The kernel's side of the edge: ask it (`facts`), load and attach (`probes`, `loading`), read its tables (`tables`).

pub mod cost;
pub mod facts;
pub mod files;
pub(crate) mod handover;
pub mod io_ring;
pub mod loading;
pub mod log;
pub mod loops;
pub mod permission;
pub mod probes;
pub mod tables;
pub mod trial;
