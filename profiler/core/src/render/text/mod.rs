//! The report as text: a compact table for each interval, and a summary at the end.
//!
//! Owns the order and layout of the text. Words come from `crate::text`, numbers from `render::units`.

mod advice;
mod anatomy;
mod coverage;
mod device;
mod doctor;
mod histogram;
mod interval;
mod io_rows;
mod lines;
mod summary;
mod table;
mod who;

pub use advice::advice;
pub use doctor::doctor;
pub use interval::interval;
pub use summary::summary;

#[cfg(test)]
mod tests;
