//! BTF that has the typedefs of a few tracepoints under their own ids and nothing else.
//!
//! To attach a program, a loader needs one number for its tracepoint: the id of its typedef in the kernel's BTF. Taking
//! all types apart for that costs it some 14 MiB (decision note 0001) and a search through all names for each program.

use super::{Btf, HEADER, MAGIC, kind};

impl Btf<'_> {
    /// Types with the ids that they have here, so many as are needed: the typedefs `btf_trace_NAME` of these tracepoints
    /// (of `void`), and nameless forward declarations in all other places. Tracepoints that are not there are left out.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a part of sections whose lengths are a u32"
    )]
    pub fn of_tracepoints<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<u8> {
        let known = names
            .into_iter()
            .filter_map(|name| Some((*self.tracepoints.get(name.as_bytes())?, name)));
        let mut wanted: Vec<(u32, &str)> = known.collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut types = Vec::with_capacity(wanted.last().map_or(0, |(id, _)| *id as usize * 12));
        let mut strings = vec![0];
        let mut next = 1;
        for (id, name) in wanted {
            types.resize((id as usize - 1) * 12, 0);
            fill(&mut types[(next - 1) * 12..], &[0, u32::from(kind::FWD) << 24, 0]);
            let words = [strings.len() as u32, u32::from(kind::TYPEDEF) << 24, 0];
            types.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            strings.extend_from_slice(b"btf_trace_");
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
            next = id as usize + 1;
        }
        let mut bytes = Vec::with_capacity(HEADER + types.len() + strings.len());
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        // Version 1, no flags.
        bytes.extend_from_slice(&[1, 0]);
        let (all_types, all_strings) = (types.len() as u32, strings.len() as u32);
        for word in [HEADER as u32, 0, all_types, all_types, all_strings] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&types);
        bytes.extend_from_slice(&strings);
        bytes
    }
}

/// Repeats a record of three words.
fn fill(types: &mut [u8], words: &[u32; 3]) {
    for record in types.chunks_exact_mut(12) {
        for (place, word) in record.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Builder;
    use super::*;

    /// A few types, with the tracepoints at the ids that are returned.
    fn sample() -> (Vec<u8>, [u32; 2]) {
        let mut b = Builder::new();
        let int = b.ty("int", kind::INT, 0, 4, &[0]);
        b.structure("request", &[("q", int, 0)]);
        let first = b.ty("btf_trace_block_rq_issue", kind::TYPEDEF, 0, int, &[]);
        b.structure("between", &[("a", int, 0), ("b", int, 32)]);
        let second = b.ty("btf_trace_block_rq_complete", kind::TYPEDEF, 0, int, &[]);
        b.structure("behind", &[("a", int, 0)]);
        (b.bytes(), [first, second])
    }

    /// Property: what a loader finds in it under a tracepoint's name is the number that the kernel knows, and there is
    /// nothing else to be found.
    #[test]
    fn tracepoints_keep_their_ids() {
        let (bytes, [first, second]) = sample();
        let btf = Btf::parse(&bytes).unwrap();
        let all = ["block_rq_complete", "no_such", "block_rq_issue", "block_rq_issue"];
        let small = btf.of_tracepoints(all);
        let read = Btf::parse(&small).unwrap();
        assert_eq!(read.tracepoints[&b"block_rq_issue"[..]], first);
        assert_eq!(read.tracepoints[&b"block_rq_complete"[..]], second);
        assert_eq!((read.tracepoints.len(), read.structs.len()), (2, 0));
        assert_eq!(read.starts.len(), second as usize, "nothing behind the last one");
        let of_one = btf.of_tracepoints(["block_rq_issue"]);
        assert_eq!(Btf::parse(&of_one).unwrap().starts.len(), first as usize);
        let none = btf.of_tracepoints([]);
        assert!(Btf::parse(&none).unwrap().starts.is_empty());
    }
}
