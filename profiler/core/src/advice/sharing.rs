//! What victim and culprit share below their files: file system and journal.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use crate::facts::{DeviceFacts, FsFacts};
use crate::ids::{Dev, Method};
use crate::report::{Actor, Mechanism};

/// Part of what is charged to somebody from which its journal mechanism is no noise.
const JOURNAL_PART: u64 = 20;

/// What they share; `None` is "not known".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sharing {
    /// Whether both write to one file system.
    pub(super) filesystem: Option<bool>,
    /// The type of that one, or of the victim's.
    pub(super) fstype: Option<String>,
    /// Where it is mounted.
    pub(super) mount_point: Option<String>,
    /// Its mount options.
    pub(super) options: Option<String>,
}

impl Sharing {
    pub(super) fn of(
        facts: &Facts<'_>,
        disk: Option<&DeviceFacts>,
        victim: &Actor,
        runs: &[&Actor],
        mechanisms: &BTreeMap<Mechanism, u64>,
    ) -> Self {
        let written = |actor: &Actor| -> BTreeSet<Dev> {
            facts.written.get(&actor.id).into_iter().flatten().map(|file| file.fs).collect()
        };
        let on_disk = disk.map(|disk| disk.filesystems.as_slice()).unwrap_or_default();
        let is_on_disk = |dev: &Dev| on_disk.iter().any(|fs| fs.dev == *dev);
        let victims: BTreeSet<Dev> = written(victim).into_iter().filter(is_on_disk).collect();
        let theirs: BTreeSet<Dev> =
            runs.iter().copied().flat_map(written).filter(is_on_disk).collect();
        let common = victims.intersection(&theirs).next().copied();
        let charged = mechanisms.values().copied().fold(0, u64::saturating_add);
        let by_journal = mechanisms.get(&Mechanism::Journal).copied().unwrap_or(0);
        let writes = runs
            .iter()
            .flat_map(|actor| &actor.io)
            .any(|io| matches!(io.method, Method::Writeback | Method::Journal));
        let filesystem = if common.is_some() || by_journal > charged / JOURNAL_PART {
            Some(true)
        } else if !victims.is_empty() && !theirs.is_empty() {
            Some(false)
        } else if on_disk.len() == 1 && writes {
            Some(true)
        } else {
            None
        };
        let known = common.or(victims.first().copied());
        let fs: Option<&FsFacts> = match known {
            Some(dev) => on_disk.iter().find(|fs| fs.dev == dev),
            None => on_disk.first().filter(|_| on_disk.len() == 1),
        };
        Self {
            filesystem,
            fstype: fs.map(|fs| fs.fstype.clone()),
            mount_point: fs.map(|fs| fs.mount_point.clone()),
            options: fs.map(|fs| fs.options.clone()),
        }
    }

    /// Whether they share a journal (or btrfs's log trees, xfs's log): a file system with one that both write to.
    pub(super) fn journal(&self) -> bool {
        let has_one =
            self.fstype.as_deref().is_none_or(|fstype| !matches!(fstype, "ext2" | "vfat"));
        self.filesystem == Some(true) && has_one
    }
}
