//! When somebody was at work: windows of activity, and who it is across restarts.
//!
//! Owns how single moments become windows (`windows`), what a program is called however often it starts (`identity`), and
//! which waits are far above the usual (`usual`). Times are nanoseconds since 1970; whoever has another clock converts
//! first. Does not own who is who (`session`) nor what a period is (`period`).

mod baseline;
mod identity;
mod windows;

pub use baseline::Baseline;
pub use identity::name_of;
pub(crate) use identity::names_in;
pub use windows::{Window, Windows};
