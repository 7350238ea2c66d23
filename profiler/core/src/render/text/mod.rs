//! The report as text: a compact table for each interval, and a summary at the end.
//!
//! Owns the order and layout of the text. Words come from `crate::text`, numbers from `render::units`.

mod activity;
mod advice;
pub(super) mod anatomy;
pub(super) mod blame;
pub(super) mod coverage;
mod device;
mod doctor;
pub(super) mod findings;
mod forced;
mod histogram;
pub(super) mod interval;
pub(super) mod io_rows;
pub(super) mod lines;
pub(super) mod summary;
mod table;
mod verified;
pub(super) mod who;

pub use advice::advice;
pub use doctor::doctor;
pub use interval::interval;
pub use summary::summary;
pub use verified::verified;

#[cfg(test)]
mod tests;
