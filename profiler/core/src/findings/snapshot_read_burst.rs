//! `snapshot-read-burst`: etcd's own reads of its database, for a snapshot, queue ahead of its log (manual §8). It looks
//! guilty in every tool that counts bytes by process, and it is: whoever asked for the snapshot made it read.

use super::charges::To;
use super::context::{Context, Victim};
use super::{Ruling, case};
use crate::ids::{FileClass, Op, Role};
use crate::render::units;
use crate::report::{Blame, Mechanism};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "snapshot-read-burst";

/// Fewer bytes are no snapshot: etcd's database is mapped, and single pages of it come back from the disk at any time.
const BURST: u64 = 1 << 20;

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    let is_db_read = |io: &&crate::report::Io| (io.op, io.file_class) == (Op::Read, FileClass::Db);
    let rows = victim.actor.io.iter().filter(is_db_read);
    let bytes = rows.map(|io| io.bytes).fold(0, u64::saturating_add);
    // Reads that the page cache had are none on the disk, blame or no blame.
    if victim.actor.role != Role::Etcd || bytes < BURST {
        return Ok(None);
    }
    let own_reads = |to: To<'_>, row: &Blame| {
        to == To::Own
            && row.culprit_class == Some(FileClass::Db)
            && matches!(row.mechanism, Mechanism::Queue | Mechanism::Device)
    };
    let waitings = victim.judged()?;
    let Some(case) = case::strongest(context, victim, waitings, |to, row| {
        row.victim_class == FileClass::Wal && own_reads(to, row)
    })?
    else {
        return Ok(None);
    };
    let name = super::who::actor(victim.actor);
    let read = units::bytes(bytes);
    let summary = words::own_reads(Lang::En, &name, &read, &case.device(), &case.figures());
    let mut found = case.finding(ID, summary, vec![words::who_asked(Lang::En)]);
    case::put(&mut found.evidence, "db_read_bytes", bytes);
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::super::build::Scene;
    use super::{BURST, ID, Role};
    use crate::ids::FileClass;
    use crate::report::{Mechanism, Severity};

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
        let found = own(scene(40 << 20), FileClass::Db, 0.4).finding(ID);
        assert_eq!((found.severity, found.culprits.len()), (Severity::Warning, 0));
        assert_eq!(found.evidence["db_read_bytes"], 40_u64 << 20);
    }

    #[test]
    fn without_reads_or_without_their_share_nothing_fires() {
        own(scene(BURST - 1), FileClass::Db, 0.9).is_quiet(ID);
        own(scene(40 << 20), FileClass::Db, 0.1).is_quiet(ID);
        own(scene(40 << 20), FileClass::Wal, 0.9).is_quiet(ID);
        scene(BURST - 1).is_quiet(ID);
        own(scene(40 << 20).victim_role(Role::Other), FileClass::Db, 0.9).is_quiet(ID);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        scene(40 << 20).not_yet(ID, "not computed");
    }
}
