//! The command line from outside: no root, no kernel programs, only the built binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod advise;
mod binary;
mod doctor;
mod help;
mod lease;
mod lease_faults;
mod outputs;
mod permission;
mod readme;
mod report;
mod usage;
