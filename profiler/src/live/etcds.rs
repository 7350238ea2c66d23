//! What etcds among the targets think of their logs, where that needs no certificate: once at the begin and once at the end.
//!
//! They are asked beside the loop: the rings are emptied and signals answered meanwhile.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use iocontend_core::facts::{ProcessKey, WalFsyncs};
use iocontend_core::session::Input;

use super::{Live, now};
use crate::host::{self, METRICS_LIMIT};

/// Between two looks at the rings while answers are waited for.
const LOOK: Duration = Duration::from_millis(20);

type Answer = (ProcessKey, WalFsyncs);

/// Who was asked.
#[derive(Default)]
pub(super) struct Etcds {
    answers: Option<Receiver<Answer>>,
    answered: HashSet<ProcessKey>,
}

impl Live {
    /// Asks all of them; answers are heard by polls.
    pub(super) fn ask_etcds(&mut self) {
        self.etcds.answers = Some(host::ask_etcds(&self.root, self.session.etcds(), now));
    }

    /// Tells the engine what has been answered.
    pub(super) fn hear_etcds(&mut self) {
        let answers: Vec<Answer> =
            self.etcds.answers.iter().flat_map(|answers| answers.try_iter()).collect();
        for answer in answers {
            self.hear(answer);
        }
    }

    fn hear(&mut self, (key, said): Answer) {
        self.etcds.answered.insert(key);
        self.apply(Input::EtcdMetrics { pid: key.pid, said });
    }

    /// Asks those that answered at the begin, and waits for them, a moment at most. Of one that started meanwhile, or did
    /// not answer, only the end would be known, and there is nothing to compare.
    pub(super) fn ask_etcds_again(&mut self) {
        self.hear_etcds();
        let mut etcds = self.session.etcds();
        etcds.retain(|etcd| self.etcds.answered.contains(&etcd.key));
        let answers = host::ask_etcds(&self.root, etcds, now);
        let deadline = Instant::now() + METRICS_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match answers.recv_timeout(left.min(LOOK)) {
                Ok(answer) => self.hear(answer),
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
                Err(_) => break,
            }
            // The rings fill meanwhile.
            self.drain();
        }
        self.etcds.answers = None;
    }
}
