//! A flag that says "stop soon", set by SIGINT or SIGTERM or by hand, and a sleep that it ends.
//! Owns no policy: workloads poll it between operations.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A stop flag shared by clones.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// A flag that only [`Stop::request`] sets.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that SIGINT and SIGTERM set from the moment this returns.
    pub fn on_signals() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Handlers are in place before the thread starts, so no early signal is missed.
        let (terminate, interrupt) = {
            let _context = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let stop = Self::new();
        let flag = stop.clone();
        std::thread::Builder::new().name("demo-signals".into()).spawn(move || {
            runtime.block_on(first_of(terminate, interrupt));
            flag.request();
        })?;
        Ok(stop)
    }

    /// Sets the flag and wakes whoever sleeps on it.
    pub fn request(&self) {
        *self.lock() = true;
        self.shared.1.notify_all();
    }

    /// Whether somebody asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.lock()
    }

    /// Sleeps for `duration` or until a stop is requested; says whether it is.
    pub fn sleep(&self, duration: Duration) -> bool {
        let waited = self.shared.1.wait_timeout_while(self.lock(), duration, |stop| !*stop);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The flag is one bool, so a panic elsewhere cannot leave it half written.
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for whichever signal comes first.
async fn first_of(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A request ends a sleep at once and stays set.
    #[test]
    fn request_ends_a_sleep() {
        let stop = Stop::new();
        let other = stop.clone();
        let started = Instant::now();
        let requester = std::thread::spawn(move || other.request());
        assert!(stop.sleep(Duration::from_secs(60)));
        requester.join().unwrap();
        assert!(stop.is_requested());
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    /// Without a request a sleep lasts its time.
    #[test]
    fn undisturbed_sleep_lasts() {
        let started = Instant::now();
        assert!(!Stop::new().sleep(Duration::from_millis(20)));
        assert!(started.elapsed() >= Duration::from_millis(20));
    }
}
