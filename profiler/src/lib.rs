//! The edge of iocontend.
