//! What commands run in: one tokio runtime, one way of taking signals, one loop that watches, one end.

pub mod signals;
pub(crate) mod watching;

use std::future::Future;

use crate::error::Failure;

/// Runs a command to its end, on this thread.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(&error.into()))?;
    runtime.block_on(command)
}
