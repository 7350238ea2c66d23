//! Proving advice: cases with settings to try, the first action that iocontend recommends among them, and who was best.
//!
//! Pure: [`case`] (what is set up and tried), [`order`] (which round is next), [`result`] (what was seen), [`figure`]
//! (rounds of one arm together), [`judge`] (whether the advice was good), [`table`]. At the edge, in the VM only: [`force`] and [`run`].

pub mod case;
pub mod figure;
pub mod force;
pub mod judge;
pub mod order;
pub mod result;
pub mod run;
pub mod table;
