//! The command line from outside: no root, no kernel programs, only the built binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod advise;
mod binary;
mod doctor;
mod documents;
mod given;
mod help;
mod lease;
mod lease_ends;
mod lease_faults;
mod lease_kills;
mod lease_records;
mod outputs;
mod permission;
mod readme;
mod report;
mod secrets;
mod usage;
