//! All ledgers as they are at one moment, or of one window: what reports are made of.

use std::sync::Arc;

use super::activity::{Activities, Beside};
use super::actors::{Actors, Owned};
use super::blame::Blamed;
use super::coverage::Ledger;
use super::etcd_metrics::EtcdMetrics;
use super::files::{Files, class_together};
use super::forced::Forced;
use super::since::{Named, Since};
use super::stalls::Stalls;
use super::streams::Rows;
use super::timeline::Timeline;
use super::worst::Worst;
use super::{HostSample, Now, Options};
use crate::facts::{ControlFacts, DeviceFacts};
use crate::file_class::Classifier;
use crate::ids::{Dev, FileClass};

/// The ledgers. A clone shares what does not change: names, rows' distributions, lists.
#[derive(Clone, Default)]
pub(super) struct Books {
    pub(super) options: Arc<Options>,
    /// When counting began.
    pub(super) started: Now,
    /// The host at that time.
    pub(super) first_sample: Arc<HostSample>,
    /// The host when the last second was over.
    pub(super) sample: Arc<HostSample>,
    /// Learnt.
    pub(super) actors: Actors,
    /// Learnt.
    pub(super) files: Files,
    /// Sums; see there.
    pub(super) streams: Rows,
    /// Extremes; see there.
    pub(super) worst: Worst,
    /// Sums; see there.
    pub(super) forced: Forced,
    /// Sums, and what was learnt; see there.
    pub(super) blame: Blamed,
    /// By time; see there.
    pub(super) timeline: Timeline,
    /// By when they were told; see there.
    pub(super) stalls: Stalls,
    /// Sums; see there.
    pub(super) ledger: Ledger,
    /// Learnt.
    pub(super) metrics: EtcdMetrics,
    /// Learnt.
    pub(super) activities: Activities,
    /// Learnt.
    pub(super) devices: Arc<Vec<DeviceFacts>>,
    /// Learnt.
    pub(super) controls: Option<Arc<ControlFacts>>,
    /// Learnt: which names are others since.
    pub(super) named: Named,
}

impl Books {
    /// The books before anything happened.
    pub(super) fn beginning(&self) -> Self {
        Self {
            options: Arc::clone(&self.options),
            started: self.started,
            first_sample: Arc::clone(&self.first_sample),
            sample: Arc::clone(&self.first_sample),
            named: self.named.clone(),
            ..Self::default()
        }
    }

    /// The same with the names of later books.
    pub(super) fn renamed(&self, later: &Self) -> Option<Self> {
        let mut renamings = later.named.since(&self.named).peekable();
        renamings.peek()?;
        let mut renamed = self.clone();
        for renaming in renamings {
            renamed.streams.rename(renaming);
            renamed.forced.rename(renaming);
            renamed.blame.rename(renaming);
        }
        Some(renamed)
    }

    /// What activities need beside their own.
    pub(super) fn beside(&self) -> Beside<'_> {
        let Self { actors, files, options, started, .. } = self;
        Beside { actors, files, options, started: *started }
    }

    /// What is known of a disk.
    pub(super) fn device(&self, dev: Dev) -> Option<&DeviceFacts> {
        self.devices.iter().find(|facts| facts.dev == dev)
    }

    /// What a file is to its owner.
    pub(super) fn class_of(&self, owner: Owned, file: u32) -> FileClass {
        class_of(&self.actors, &self.files, owner, file)
    }
}

impl Since for Books {
    fn since(&self, older: &Self) -> Self {
        let renamed = older.renamed(self);
        let older = renamed.as_ref().unwrap_or(older);
        Self {
            options: Arc::clone(&self.options),
            started: self.started,
            first_sample: Arc::clone(&self.first_sample),
            sample: Arc::clone(&self.sample),
            actors: self.actors.clone(),
            files: self.files.clone(),
            streams: self.streams.since(&older.streams),
            worst: self.worst.since(&older.worst),
            forced: self.forced.since(&older.forced),
            blame: self.blame.since(&older.blame),
            timeline: self.timeline.clone(),
            stalls: self.stalls.since(&older.stalls),
            ledger: self.ledger.since(&older.ledger),
            metrics: self.metrics.clone(),
            activities: self.activities.clone(),
            devices: Arc::clone(&self.devices),
            controls: self.controls.clone(),
            named: self.named.clone(),
        }
    }
}

/// What a file is to its owner.
pub(super) fn class_of(actors: &Actors, files: &Files, owner: Owned, file: u32) -> FileClass {
    if let Some(class) = class_together(file) {
        return class;
    }
    let (Owned::Actor(id), Some(path)) = (owner, files.path(file)) else {
        return FileClass::Other;
    };
    let Some(known) = actors.get(id) else { return FileClass::Other };
    let is_target = !known.selected_by.is_empty();
    Classifier::new(&known.facts, known.role, is_target).classify(path)
}
