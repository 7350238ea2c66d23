//! The engine through its public face: inputs in, wishes and reports out.
//!
//! `kernel` plays the kernel side (statistics and records), `host` has processes and a session to tell things to.

mod activity;
mod actors;
mod blame;
mod files;
mod host;
mod judged;
mod kernel;
mod ledger;
mod random;
mod seconds;
mod selection;
mod self_check;
mod streams;
mod windows;
mod worst;
