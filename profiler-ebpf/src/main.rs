//! The kernel side: attributes, modules, panic handler, licence. See `maps.rs` for what is kept where.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(internal_features, reason = "atomics the target does not offer otherwise, see atomic.rs")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::missing_safety_doc,
    reason = "a program, not a library: every item is documented where it is not obvious"
)]
#![allow(
    clippy::needless_borrows_for_generic_args,
    reason = "maps are given references: by value, keys and values are copied, onto a stack of 512 bytes"
)]

mod atomic;
mod block;
mod calls;
mod carried;
mod cause;
mod clock;
mod counts;
mod devices;
mod dirty;
mod files;
mod journal;
mod kread;
mod loops;
mod maps;
mod owner;
mod process;
mod processes;
mod slots;
mod stacked;
mod streams;
mod sync;
mod task;
mod threads;
mod uring;
mod waits;
mod writers;
mod xfs_log;

/// An endless loop: the verifier rejects the object if a panic can be reached.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
