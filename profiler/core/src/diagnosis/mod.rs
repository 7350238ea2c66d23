//! The one model of contention: who waits too long, whom that is charged to, how, and how much of it is not explained.
//!
//! Made of a finished report alone. The verdict, the findings and the advice are views of it: none of them looks for culprits, holds
//! a wait against a limit or picks a threshold by itself (note 0031). Owns the victims ([`waits`] and the limits they are held
//! against, [`limits`]), whom their time is charged to ([`charges`], by [`groups`]), what that comes to ([`case`], [`shares`],
//! [`causes`]), and each stall by itself ([`stalls`]).

pub(crate) mod case;
pub(crate) mod causes;
pub(crate) mod charges;
pub(crate) mod groups;
pub(crate) mod kinds;
pub(crate) mod limits;
mod model;
pub(crate) mod shares;
mod source;
pub(crate) mod stalls;
mod unseen;
pub(crate) mod waits;

pub(crate) use model::{Diagnosis, Victim, is_longer};
