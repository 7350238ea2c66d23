//! What the kernel side and the user side share, and nothing else: record layouts, map layouts,
//! stream keys, the bucket function, loss counters, and the configuration frozen before load.
//!
//! Rules: `no_std`, no dependencies when built for BPF, `#[repr(C)]` with the padding spelled out and sizes
//! asserted at compile time. A change of records, keys or buckets changes [`ABI_VERSION`].
#![no_std]
#![allow(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::return_self_not_must_use,
    reason = "half of this runs in the kernel: no calls on the hot path, and values are masked where they are cut"
)]

pub mod bucket;
pub mod config;
pub mod count;
pub mod key;
pub mod marks;
pub mod programs;
pub mod record;
pub mod tables;

/// Version of everything in this crate; a capture carries it.
pub const ABI_VERSION: u32 = 4;
