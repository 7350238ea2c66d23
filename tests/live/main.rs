//! The probes on a real kernel. Every test here needs root; those named `vm_…` need the VM.
//!
//! They are compiled always and selected explicitly (`--ignored --test-threads=1`); where they run they must pass.

mod etcd;
mod exact;
mod ground;
mod loss;
mod switches;
mod vm;
mod waits;
