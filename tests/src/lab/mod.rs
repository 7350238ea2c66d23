//! The lab: contention as users have it, in a VM with a throttled disk, and what it did to etcd.
//!
//! Pure: [`scenario`] (what is set up), [`plan`] (what is run, in which order), [`stats`] (intervals), [`result`] (what
//! was seen), [`table`], [`verdict`] and [`ablation`] (what it says), [`advised`] (what became of advice). At the edge, in the VM
//! only: [`ground`] (the disk), [`actor`], [`round`], [`try_advice`] and [`run`].

pub mod ablation;
pub mod actor;
pub mod advice;
pub mod advised;
pub mod files;
pub mod ground;
pub mod plan;
pub mod result;
pub mod round;
pub mod run;
pub mod scenario;
pub mod stats;
pub mod table;
pub mod try_advice;
pub mod verdict;
