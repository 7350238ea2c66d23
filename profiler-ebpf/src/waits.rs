//! Waits whose begin and end are told: keeping one that is open, counting one that is over.

use iocontend_wire::count::Count;
use iocontend_wire::key::Key;
use iocontend_wire::record::{NO_TIME, WaitRecord, tag};
use iocontend_wire::tables::OpenWait;

use crate::clock::counting_since;
use crate::counts::bump;
use crate::maps::{EVENTS, NO_WAKEUP, OPEN_WAITS};
use crate::{devices, streams};

/// Keeps the wait of a thread until its end.
#[inline(always)]
pub fn open(thread: u64, wait: &OpenWait) {
    // SAFETY: only asked whether it is there.
    if unsafe { OPEN_WAITS.get(&thread) }.is_some() {
        bump(Count::WaitEndNotSeen);
    }
    if OPEN_WAITS.insert(&thread, wait, 0).is_err() {
        bump(Count::WaitTableFull);
    }
}

/// What a thread did in a wait, ns; [`NO_TIME`] when not known.
pub struct Spent {
    pub runnable: u64,
    pub away: u64,
    pub held: u64,
}

/// Counts a wait that is over and sends its record.
#[inline(always)]
pub fn finish(tid: u32, wait: &OpenWait, end: u64, ret: i32, spent: Spent) {
    if counting_since() == 0 {
        return;
    }
    let key = Key(wait.owner).with(devices::device_index(wait.dev), wait.kind);
    streams::account(key, 0, end - wait.start, NO_TIME);
    match EVENTS.reserve::<WaitRecord>(0) {
        Some(mut entry) => {
            entry.write(WaitRecord {
                head: tag::WAIT as u32,
                tid,
                key: key.0,
                start_ns: wait.start,
                end_ns: end,
                ino: wait.ino,
                dev: wait.dev,
                ret,
                counted_ns: end - wait.start,
                runnable_ns: spent.runnable,
                away_ns: spent.away,
                throttled_ns: spent.held,
            });
            entry.submit(NO_WAKEUP);
        }
        None => bump(Count::RingFullWait),
    }
}
