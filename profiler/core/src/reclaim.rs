//! Which places in the kernel side's tables are given back while watching goes on.
//!
//! Both tables are bounded: streams (1,280 places) and files that are told apart (1,023). Giving one back costs
//! nothing but a new place when it is used again, and what was counted stays counted. So whatever was idle longest
//! goes first, and only when a table is a quarter full: the rest is for what comes while this program has no CPU.

use iocontend_wire::key::FILES;
use iocontend_wire::tables::STREAMS;

/// Something that can be given back: a file with its streams, or a stream without a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Number of the file; 0 when it is only a stream.
    pub file: u32,
    /// Places of its streams.
    pub streams: Vec<u32>,
    /// For how long nothing was counted, ns.
    pub idle_ns: u64,
    /// Nothing was counted yet: a first sync may be under way.
    pub unused: bool,
}

/// Places in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Files.
    pub files: usize,
    /// Streams.
    pub streams: usize,
}

/// Idle for so long, when a table is a quarter full.
const IDLE_NS: u64 = 2_000_000_000;
/// And when it is three eighths full.
const IDLE_HURRY_NS: u64 = 200_000_000;
/// A file with which nothing happened yet: longer than a sync takes on a disk that works.
const UNUSED_NS: u64 = 30_000_000_000;

/// How full a table is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fill {
    Low,
    Quarter,
    High,
}

fn fill(taken: usize, places: usize) -> Fill {
    if 8 * taken >= 3 * places {
        Fill::High
    } else if 4 * taken >= places {
        Fill::Quarter
    } else {
        Fill::Low
    }
}

impl Taken {
    fn fill(self) -> (Fill, Fill) {
        (fill(self.files, FILES as usize), fill(self.streams, STREAMS))
    }

    /// Whether anything has to be given back.
    pub fn is_tight(self) -> bool {
        self.fill() != (Fill::Low, Fill::Low)
    }
}

/// Chooses what is given back now.
pub fn choose(mut all: Vec<Idle>, mut taken: Taken) -> Vec<Idle> {
    let at_first = taken.fill();
    all.sort_by_key(|one| std::cmp::Reverse(one.idle_ns));
    let mut chosen = Vec::new();
    for one in all {
        let (files, streams) = taken.fill();
        // What it would relieve.
        let by_file = if one.file == 0 || files == Fill::Low { Fill::Low } else { at_first.0 };
        let by_streams =
            if one.streams.is_empty() || streams == Fill::Low { Fill::Low } else { at_first.1 };
        let enough_ns = match by_file.max(by_streams) {
            Fill::Low => continue,
            _ if one.unused => UNUSED_NS,
            Fill::Quarter => IDLE_NS,
            Fill::High => IDLE_HURRY_NS,
        };
        if one.idle_ns >= enough_ns {
            taken.files -= usize::from(one.file != 0).min(taken.files);
            taken.streams -= one.streams.len().min(taken.streams);
            chosen.push(one);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn file(number: u32, idle_ns: u64) -> Idle {
        Idle { file: number, streams: vec![2 * number, 2 * number + 1], idle_ns, unused: false }
    }

    fn numbers(chosen: &[Idle]) -> Vec<u32> {
        chosen.iter().map(|one| one.file).collect()
    }

    /// As long as there is room nothing is given back, however old.
    #[test]
    fn with_room_nothing_is_given_back() {
        let taken = Taken { files: 255, streams: 319 };
        assert!(!taken.is_tight());
        assert_eq!(choose(vec![file(1, 3600 * SECOND)], taken), []);
    }

    /// The longest idle go first, and no more than until there is room again.
    #[test]
    fn the_longest_idle_go_first_and_no_more_than_needed() {
        let all = vec![file(1, 3 * SECOND), file(2, 9 * SECOND), file(3, 5 * SECOND)];
        let chosen = choose(all, Taken { files: 257, streams: 0 });
        assert_eq!(numbers(&chosen), [2, 3]);
    }

    /// What was used a moment ago stays even when the table is full; the fuller it is, the shorter that moment.
    #[test]
    fn what_is_in_use_stays() {
        let all = vec![file(1, SECOND), file(2, SECOND / 10)];
        assert_eq!(choose(all.clone(), Taken { files: 300, streams: 0 }), []);
        assert_eq!(numbers(&choose(all, Taken { files: 1023, streams: 0 })), [1]);
    }

    /// A file whose first sync may be under way waits half a minute.
    #[test]
    fn a_file_that_was_not_used_yet_waits() {
        let unused = |idle_ns| Idle { file: 7, streams: vec![], idle_ns, unused: true };
        let full = Taken { files: 1023, streams: 0 };
        assert_eq!(choose(vec![unused(29 * SECOND)], full), []);
        assert_eq!(choose(vec![unused(31 * SECOND)], full).len(), 1);
    }

    /// Only what relieves the table that is short is given back.
    #[test]
    fn only_what_helps_is_given_back() {
        let plain = Idle { file: 0, streams: vec![9], idle_ns: 9 * SECOND, unused: false };
        let noted = Idle { file: 8, streams: vec![], idle_ns: 99 * SECOND, unused: true };
        let all = vec![plain.clone(), noted.clone()];
        assert_eq!(choose(all.clone(), Taken { files: 0, streams: 1000 }), [plain]);
        assert_eq!(choose(all, Taken { files: 1000, streams: 0 }), [noted]);
    }
}
