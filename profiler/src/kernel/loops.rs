//! Tells the programs which loop devices there are, and which file each has, while devices come and go.

use aya::maps::{HashMap, MapData, MapError};
use iocontend_wire::tables::{FileKey, LOOPS, LoopFile};

use crate::host::LoopBacking;

/// Two words, as [`FileKey`] and [`LoopFile`] are.
type Words = [u64; 2];

const _: () = assert!(size_of::<FileKey>() == 16 && size_of::<LoopFile>() == 16);

/// The kernel side's tables, and what stands in them.
pub struct LoopTable {
    files: HashMap<MapData, Words, Words>,
    disks: HashMap<MapData, u32, u32>,
    places: Places,
}

/// What a loop device's file is found by.
fn key(one: &LoopBacking) -> Words {
    bytemuck::cast(FileKey { ino: one.ino, dev: one.dev, pad: 0 })
}

impl LoopTable {
    /// Empty tables of the object.
    pub(super) fn new(
        files: HashMap<MapData, Words, Words>,
        disks: HashMap<MapData, u32, u32>,
    ) -> Self {
        Self { files, disks, places: Places::default() }
    }

    /// These devices are there now, and no others. The answer is how many found no room.
    ///
    /// # Errors
    /// The kernel refuses a change of a table.
    pub fn set(&mut self, now: &[LoopBacking]) -> Result<usize, MapError> {
        for gone in self.places.retain(now) {
            // What is not there any more is as good as removed.
            let _disk = self.disks.remove(&gone.disk);
            let _file = self.files.remove(&key(&gone));
        }
        let without_room = self.places.add(now);
        // All of them: two devices may have one file, and one of the two may just have gone.
        for (index, one) in self.places.taken() {
            let file = LoopFile { offset: one.offset, index, pad: 0 };
            self.files.insert(key(one), bytemuck::cast::<_, Words>(file), 0)?;
            self.disks.insert(one.disk, index, 0)?;
        }
        Ok(without_room)
    }
}

/// Which device has which place.
#[derive(Default)]
struct Places {
    at: Vec<Option<LoopBacking>>,
}

impl Places {
    /// Frees the places of devices that are not there any more, or have another file, and returns these.
    fn retain(&mut self, now: &[LoopBacking]) -> Vec<LoopBacking> {
        let gone = |place: &mut Option<LoopBacking>| place.take_if(|one| !now.contains(one));
        self.at.iter_mut().filter_map(gone).collect()
    }

    /// Gives each new device a place; returns how many found none.
    fn add(&mut self, now: &[LoopBacking]) -> usize {
        let mut without = 0;
        for one in now {
            if self.at.contains(&Some(*one)) {
                continue;
            }
            if let Some(free) = self.at.iter_mut().find(|place| place.is_none()) {
                *free = Some(*one);
            } else if self.at.len() < LOOPS as usize {
                self.at.push(Some(*one));
            } else {
                without += 1;
            }
        }
        without
    }

    /// Devices with their places.
    fn taken(&self) -> impl Iterator<Item = (u32, &LoopBacking)> {
        (0u32..).zip(&self.at).filter_map(|(index, place)| Some((index, place.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(minor: u32, ino: u64) -> LoopBacking {
        LoopBacking { disk: 7 << 20 | minor, dev: 8 << 20, ino, offset: 0 }
    }

    /// Property: a device keeps its place as long as it is there with the same file; freed places are used again.
    #[test]
    fn devices_keep_their_places() {
        let mut places = Places::default();
        let (a, b, c) = (device(0, 10), device(1, 11), device(2, 12));
        assert_eq!(places.add(&[a, b]), 0);
        assert!(places.retain(&[b, c]) == [a]);
        assert_eq!(places.add(&[b, c]), 0);
        let taken: Vec<_> = places.taken().map(|(index, one)| (index, *one)).collect();
        assert_eq!(taken, [(0, c), (1, b)]);
        // The same device with another file is another one.
        let again = device(1, 99);
        assert!(places.retain(&[again, c]) == [b]);
    }

    /// Property: devices beyond the room are counted, and take nobody's place.
    #[test]
    fn no_more_devices_than_there_is_room_for() {
        let all: Vec<_> = (0..LOOPS + 3).map(|minor| device(minor, u64::from(minor))).collect();
        let mut places = Places::default();
        assert_eq!(places.add(&all), 3);
        assert_eq!(places.taken().count(), LOOPS as usize);
        assert_eq!(places.add(&all[..LOOPS as usize]), 0);
    }
}
