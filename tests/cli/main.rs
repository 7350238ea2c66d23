//! The command line from outside: no root, no kernel programs, only the built binary.

mod binary;
mod help;
mod outputs;
mod permission;
mod readme;
mod usage;
