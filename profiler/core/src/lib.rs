//! The pure engine of iocontend.
