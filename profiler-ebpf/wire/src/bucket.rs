//! The latency bucket function, one definition for both sides.
//!
//! Log-linear: 8 buckets per power of two from 2^7 ns to 2^34 ns (17.2 s), so no bucket is wider than 1/8 of
//! its lower edge; one bucket below, one above. Edges are inclusive below, exclusive above.

/// Buckets per power of two (as a power of two).
const SUB_BITS: u32 = 3;
/// log2 of the lower edge of the first regular bucket, nanoseconds.
const FIRST_EXP: u32 = 7;
/// log2 of the lower edge of the overflow bucket, nanoseconds.
const LAST_EXP: u32 = 34;
/// Number of buckets, underflow and overflow included.
pub const BUCKETS: usize = (((LAST_EXP - FIRST_EXP) << SUB_BITS) + 2) as usize;
/// Index of the overflow bucket.
pub const OVERFLOW: usize = BUCKETS - 1;

/// log2 of a value below 2^64, rounded down; 0 for 0. Five compares: BPF has no count-leading-zeros.
#[inline(always)]
const fn log2(value: u64) -> u32 {
    let mut rest = value;
    let mut exp = 0;
    if rest >= 1 << 32 {
        rest >>= 32;
        exp += 32;
    }
    if rest >= 1 << 16 {
        rest >>= 16;
        exp += 16;
    }
    if rest >= 1 << 8 {
        rest >>= 8;
        exp += 8;
    }
    if rest >= 1 << 4 {
        rest >>= 4;
        exp += 4;
    }
    if rest >= 1 << 2 {
        rest >>= 2;
        exp += 2;
    }
    if rest >= 1 << 1 {
        exp += 1;
    }
    exp
}

/// The bucket of a latency in nanoseconds; always below [`BUCKETS`].
#[inline(always)]
pub const fn bucket_of(ns: u64) -> usize {
    if ns < 1 << FIRST_EXP {
        return 0;
    }
    if ns >= 1 << LAST_EXP {
        return OVERFLOW;
    }
    let exp = log2(ns);
    let sub = (ns >> (exp - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    (((exp - FIRST_EXP) << SUB_BITS) as u64 + sub + 1) as usize
}

/// Lower edge (inclusive, ns) of a bucket and its upper edge (exclusive), `None` above the last edge.
/// `None` altogether for an index that is no bucket.
pub const fn bounds(index: usize) -> Option<(u64, Option<u64>)> {
    if index == 0 {
        return Some((0, Some(1 << FIRST_EXP)));
    }
    if index == OVERFLOW {
        return Some((1 << LAST_EXP, None));
    }
    if index > OVERFLOW {
        return None;
    }
    let step = index as u64 - 1;
    let exp = FIRST_EXP as u64 + (step >> SUB_BITS);
    let sub = step & ((1 << SUB_BITS) - 1);
    let width = 1u64 << (exp - SUB_BITS as u64);
    let low = (1u64 << exp) + sub * width;
    Some((low, Some(low + width)))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges_belong_to_the_bucket_they_open() {
        for index in 0..BUCKETS {
            let (low, high) = bounds(index).unwrap();
            assert_eq!(bucket_of(low), index);
            if let Some(high) = high {
                assert_eq!(bucket_of(high - 1), index);
                assert_eq!(bucket_of(high), index + 1);
            }
        }
        assert_eq!(bucket_of(0), 0);
        assert_eq!(bucket_of(u64::MAX), OVERFLOW);
        assert_eq!(bounds(BUCKETS), None);
    }

    #[test]
    fn no_regular_bucket_is_wider_than_an_eighth_of_its_value() {
        for index in 1..OVERFLOW {
            let (low, high) = bounds(index).unwrap();
            assert!((high.unwrap() - low) * 8 <= low, "bucket {index}");
        }
    }

    proptest! {
        #[test]
        fn log2_is_the_position_of_the_highest_bit(value in 1u64..) {
            prop_assert_eq!(log2(value), value.ilog2());
        }

        #[test]
        fn a_larger_latency_never_has_a_smaller_bucket(a: u64, b: u64) {
            prop_assert!(bucket_of(a.min(b)) <= bucket_of(a.max(b)));
        }
    }
}
