//! What SIGINT, SIGTERM and SIGHUP do, from the first moment of a command on.
//!
//! One thread waits for them, so they are answered whatever the command is doing: reading, attaching, waiting for a disk.
//! Until the command says otherwise the first one ends the program, as if it had never been caught; the kernel takes the
//! probes out behind it ([`crate::kernel::handover`]). A command that has something to give at its end, or something to take back, asks to be told instead
//! ([`Signals::ask`]). Then the first one only tells it, and the second ends the program at once.
//!
//! Commands that hold nothing (`report`, `status`) have no need of this: the kernel ends them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::emulate_default_handler;
use tokio::sync::watch;

use crate::demo::Stop;
use crate::kernel::handover::hand_over;

/// What is removed before a signal ends the program.
type Cleanup = Box<dyn FnOnce() + Send>;

/// The signals of this process.
#[derive(Clone)]
pub struct Signals(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    told: watch::Sender<bool>,
    flag: Stop,
}

#[derive(Default)]
struct State {
    /// Whether the command is told of the next one, instead of ended.
    asks: bool,
    cleanup: Option<Cleanup>,
}

/// A command's wish to be told of the first signal, for as long as this lives.
pub struct StopSignals {
    shared: Arc<Shared>,
    told: watch::Receiver<bool>,
}

impl Signals {
    /// From now on signals are answered here.
    pub fn start() -> io::Result<Self> {
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            told: watch::Sender::new(false),
            flag: Stop::new(),
        });
        let of_thread = Arc::clone(&shared);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                of_thread.came(signal);
            }
        })?;
        Ok(Self(shared))
    }

    /// The command is told of the first signal, and answers it within a second.
    pub fn ask(&self) -> StopSignals {
        self.0.lock().asks = true;
        StopSignals { shared: Arc::clone(&self.0), told: self.0.told.subscribe() }
    }

    /// What is done when a signal ends the program, in place of the destructors that do not run then.
    pub fn before_the_end(&self, cleanup: impl FnOnce() + Send + 'static) {
        self.0.lock().cleanup = Some(Box::new(cleanup));
    }
}

impl Shared {
    fn came(&self, signal: i32) {
        // Held to the end: the command must not go on while its things are removed.
        let mut state = self.lock();
        if std::mem::take(&mut state.asks) {
            self.told.send_replace(true);
            self.flag.request();
            return;
        }
        if let Some(cleanup) = state.cleanup.take() {
            cleanup();
        }
        hand_over();
        // Does not return for these three, unless the kernel refuses: then the exit code says the same.
        drop(emulate_default_handler(signal));
        std::process::exit(128 + signal);
    }

    /// Each change is whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StopSignals {
    /// Until a signal has come.
    pub async fn wait(&mut self) {
        // The sender lives as long as this does.
        drop(self.told.wait_for(|told| *told).await);
    }

    /// The same for code that blocks and looks now and then.
    pub fn flag(&self) -> Stop {
        self.shared.flag.clone()
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        self.shared.lock().asks = false;
    }
}
