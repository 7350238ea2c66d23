//! Log messages of the BPF programs (rare events only, and only when asked for), written to stderr.

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{LevelFilter, Log, Metadata, Record};

use crate::error::tell;

/// Writes every message as one line.
#[derive(Clone, Copy, Debug)]
pub struct ToStderr;

impl Log for ToStderr {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        tell(&format!("bpf {}: {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

/// Reads the programs' messages.
pub struct Logger {
    inner: EbpfLogger<ToStderr>,
}

impl Logger {
    /// From an object whose programs were loaded with logging on.
    pub fn start(ebpf: &mut Ebpf) -> Result<Self, aya_log::Error> {
        log::set_max_level(LevelFilter::Debug);
        Ok(Self { inner: EbpfLogger::init_with_logger(ebpf, ToStderr)? })
    }

    /// Writes what has come.
    pub fn flush(&mut self) {
        self.inner.flush();
    }
}
