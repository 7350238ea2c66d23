//! The probes on a real kernel. Every test here needs root; those named `vm_…` need the VM.
//!
//! They are compiled always and selected explicitly (`--ignored --test-threads=1`); where they run they must pass.

mod capture;
mod demo;
mod doctor;
mod etcd;
mod exact;
mod files;
mod ground;
mod hostile;
mod indirect;
mod janitor;
mod lease;
mod lines;
mod loss;
mod merges;
mod secrets;
mod selectors;
mod switches;
mod truth;
mod vm;
mod waits;
