//! `snapshot-read-burst`: etcd's own reads of its database, for a snapshot, queue ahead of its log (manual §8). It looks
//! guilty in every tool that counts bytes by process, and it is: whoever asked for the snapshot made it read.

use super::{Ruling, case};
use crate::diagnosis::case::strongest;
use crate::diagnosis::charges::To;
use crate::diagnosis::{Diagnosis, Victim};
use crate::ids::{FileClass, Op, Role};
use crate::report::{Blame, Caveat, Mechanism, Pattern};

pub(super) const ID: Pattern = Pattern::SnapshotReadBurst;

/// Fewer bytes read of a database are no snapshot: it is mapped, and single pages of it come back from the disk at any time. Our own
/// choice.
const SNAPSHOT_BYTES: u64 = 1 << 20;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let is_db_read = |io: &&crate::report::Io| (io.op, io.file_class) == (Op::Read, FileClass::Db);
    let rows = victim.actor.io.iter().filter(is_db_read);
    let bytes = rows.map(|io| io.bytes).fold(0, u64::saturating_add);
    // Reads that the page cache had are none on the disk, blame or no blame.
    if victim.actor.role != Role::Etcd || bytes < SNAPSHOT_BYTES {
        return Ok(None);
    }
    let own_reads = |to: To<'_>, row: &Blame| {
        to == To::Own
            && row.culprit_class == Some(FileClass::Db)
            && matches!(row.mechanism, Mechanism::Queue | Mechanism::Device)
    };
    let Some(case) = strongest(diagnosis, victim, |to, row| {
        row.victim_class == FileClass::Wal && own_reads(to, row)
    })?
    else {
        return Ok(None);
    };
    let mut found = case::of(&case, ID, vec![Caveat::AskerUnseen]);
    if let Some(evidence) = &mut found.evidence {
        evidence.db_read_bytes = Some(bytes);
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::super::build::{Scene, numbers};
    use super::{ID, Role, SNAPSHOT_BYTES};
    use crate::diagnosis::limits::on_the_page;
    use crate::ids::FileClass;
    use crate::report::{Mechanism, Reason, Severity};

    fn scene(read: u64) -> Scene {
        Scene::new().syncs(FileClass::Wal, 1_000, 12).db_reads(read)
    }

    fn own(scene: Scene, class: FileClass, share: f64) -> Scene {
        scene
            .blame(FileClass::Wal, "self", Some(class), Mechanism::Queue, share)
            .rest(FileClass::Wal)
    }

    #[test]
    fn own_reads_ahead_of_the_log_fire() {
        let found = own(scene(40 << 20), FileClass::Db, 0.4).finding(&ID);
        assert_eq!((found.severity, found.culprits.len()), (Severity::Warning, 0));
        assert_eq!(numbers(&found).db_read_bytes, Some(40 << 20));
    }

    #[test]
    fn without_reads_or_without_their_share_nothing_fires() {
        own(scene(SNAPSHOT_BYTES - 1), FileClass::Db, 0.9).is_quiet(&ID);
        own(scene(40 << 20), FileClass::Db, 0.1).is_quiet(&ID);
        own(scene(40 << 20), FileClass::Wal, 0.9).is_quiet(&ID);
        scene(SNAPSHOT_BYTES - 1).is_quiet(&ID);
        own(scene(40 << 20).victim_role(Role::Other), FileClass::Db, 0.9).is_quiet(&ID);
    }

    #[test]
    fn the_page_has_its_limit() {
        let bytes = format!("{} MiB", SNAPSHOT_BYTES >> 20);
        on_the_page("a read of the database that is a snapshot", &bytes);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        scene(40 << 20).not_yet(&ID, Reason::NoBlame { file_class: None });
    }
}
