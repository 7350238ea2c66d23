//! The `iocontend` binary.
fn main() {}
