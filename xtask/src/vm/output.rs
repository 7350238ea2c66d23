//! Owns what a VM says: the command's output, passed on, and the emulator's own words.
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};

/// The command's output, passed on as it grows. It comes through files: the emulator's own ports
/// lose what is still under way when the VM ends.
pub(super) struct Output {
    stdout: File,
    stderr: File,
}

impl Output {
    pub(super) fn open(shared: &Path) -> Result<Self> {
        let open = |name: &str| {
            let path = shared.join(name);
            File::open(&path).with_context(|| format!("opening {}", path.display()))
        };
        Ok(Self { stdout: open("stdout")?, stderr: open("stderr")? })
    }

    pub(super) fn forward(&mut self) -> Result<()> {
        let copied = std::io::copy(&mut self.stdout, &mut std::io::stdout())
            .and_then(|_| std::io::stdout().flush())
            .and_then(|()| std::io::copy(&mut self.stderr, &mut std::io::stderr()));
        copied.map(drop).context("passing the command's output on")
    }
}

/// What the emulator itself says: shown at once when asked for, kept for an error otherwise.
pub(super) struct Console {
    text: Arc<Mutex<String>>,
    threads: Vec<JoinHandle<()>>,
}

impl Console {
    pub(super) fn follow(child: &mut Child, verbose: bool) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        let threads = pipes
            .into_iter()
            .flatten()
            .map(|mut pipe| {
                let text = Arc::clone(&text);
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                        let part = String::from_utf8_lossy(&buffer[..count]);
                        if verbose {
                            eprint!("{part}");
                        }
                        text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&part);
                    }
                })
            })
            .collect();
        Self { text, threads }
    }

    pub(super) fn finish(self) -> String {
        for thread in self.threads {
            // A thread that panicked has only lost words.
            drop(thread.join());
        }
        std::mem::take(&mut *self.text.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
