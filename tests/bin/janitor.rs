//! Removes what tests left that were killed: see `janitor.rs` of the library.

#![expect(clippy::print_stderr, reason = "the only place for it")]

use std::io;

use anyhow::Result;
use iocontend_tests::janitor;

fn main() -> Result<()> {
    for one in janitor::clean_up(io::stdin().lock())? {
        match one {
            Ok(removed) => eprintln!("left by a test that did not end, removed: {removed}"),
            Err(error) => eprintln!("left by a test that did not end, and still there: {error:#}"),
        }
    }
    Ok(())
}
