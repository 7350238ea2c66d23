//! Tells the programs which loop devices there are, and which file each has.

use aya::maps::HashMap;
use aya::{Ebpf, Pod};
use iocontend_core::plan::LoopBacking;
use iocontend_wire::tables::{FileKey, LoopFile};

use super::probes::ProbeError;

/// Two words, as [`FileKey`] and [`LoopFile`] are.
type Words = [u64; 2];

const _: () = assert!(size_of::<FileKey>() == 16 && size_of::<LoopFile>() == 16);

/// Fills the tables; before the programs are attached. They stay in the object, whose programs need them.
pub(super) fn fill(ebpf: &mut Ebpf, loops: &[LoopBacking]) -> Result<(), ProbeError> {
    for (index, one) in (0u32..).zip(loops) {
        let key = FileKey { ino: one.ino, dev: one.dev, pad: 0 };
        let file = LoopFile { offset: one.offset, index, pad: 0 };
        let (key, file): (Words, Words) = (bytemuck::cast(key), bytemuck::cast(file));
        insert(ebpf, "LOOP_FILES", key, file)?;
        insert(ebpf, "LOOP_DISKS", one.disk, index)?;
    }
    Ok(())
}

fn insert<K: Pod, V: Pod>(
    ebpf: &mut Ebpf,
    name: &'static str,
    key: K,
    value: V,
) -> Result<(), ProbeError> {
    let map = ebpf.map_mut(name).ok_or(ProbeError::Map(name))?;
    let mut map: HashMap<_, K, V> =
        HashMap::try_from(map).map_err(|_kind| ProbeError::Map(name))?;
    map.insert(key, value, 0).map_err(|_full| ProbeError::Map(name))
}
