//! Properties of [`super::Dist`], against a sorted list of the values.

use std::collections::BTreeSet;

use iocontend_wire::bucket::{BUCKETS, bounds, bucket_of};
use proptest::prelude::*;

use super::{Dist, TOP_NS};

/// Latencies as they come: spread over all powers of two, some beyond the last bucket.
fn latency() -> impl Strategy<Value = u64> {
    (0_u32..40, any::<u64>()).prop_map(|(exp, bits)| (bits >> (63 - exp)).max(u64::from(exp == 0)))
}

fn recorded(values: &[u64]) -> Dist {
    let mut dist = Dist::new();
    for ns in values {
        dist.record(*ns);
    }
    dist
}

fn through_the_kernel(values: &[u64]) -> Dist {
    let mut counts = [0_u32; BUCKETS];
    for ns in values {
        counts[bucket_of(*ns)] += 1;
    }
    let sum = values.iter().sum();
    let mut dist = Dist::new();
    dist.add_buckets(&counts, sum, values.iter().min().copied(), values.iter().max().copied());
    dist
}

/// The exact quantile: the smallest value that at least `q` of all values do not exceed.
fn exact_quantile(values: &[u64], q: f64) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among at most a few hundred values"
    )]
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted[rank - 1]
}

/// Both values lie in one kernel bucket (its width is at most 1/8 of its lowest value).
fn same_bucket(a: u64, b: u64) -> bool {
    bucket_of(a) == bucket_of(b)
}

#[test]
fn distinct_kernel_buckets_stay_distinct() {
    let mut all = Dist::new();
    all.add_buckets(&[1_u64; BUCKETS], 0, None, None);
    let buckets = all.sparse_buckets();
    assert_eq!((buckets.len(), BUCKETS), (218, 218));
    let indices: BTreeSet<usize> = buckets.iter().map(|(le, _)| bucket_of(*le)).collect();
    assert_eq!(indices.len(), BUCKETS);
    for (index, (le_ns, count)) in buckets.iter().enumerate() {
        assert_eq!((*count, bucket_of(*le_ns)), (1, index));
        let high = bounds(index).unwrap().1;
        assert_eq!(*le_ns, high.map_or(TOP_NS, |high| high - 1));
    }
    assert_eq!(all.overflow(), 1);
}

#[test]
fn empty_is_none_and_not_zero() {
    let dist = Dist::new();
    assert!(dist.is_empty());
    assert_eq!(
        (dist.quantile(0.5), dist.mean(), dist.min_ns(), dist.max_ns()),
        (None, None, None, None)
    );
    assert!(dist.sparse_buckets().is_empty());
    let mut nothing = Dist::new();
    nothing.add_buckets(&[0_u32; BUCKETS], 0, Some(5), Some(7));
    assert!(nothing.is_empty() && nothing.max_ns().is_none());
}

#[test]
fn a_value_beyond_the_range_is_counted_and_its_maximum_is_exact() {
    let dist = recorded(&[1_000, TOP_NS + 1_000]);
    assert_eq!((dist.count(), dist.overflow()), (2, 1));
    assert_eq!(dist.quantile(1.0), Some(TOP_NS + 1_000));
    assert_eq!(dist.sparse_buckets().last(), Some(&(TOP_NS + 1_000, 1)));
}

proptest! {
    #[test]
    fn a_quantile_is_within_one_kernel_bucket_of_the_exact_one(
        values in prop::collection::vec(latency(), 1..200), q in 0.001_f64..=1.0,
    ) {
        let exact = exact_quantile(&values, q);
        for dist in [recorded(&values), through_the_kernel(&values)] {
            let Some(quantile) = dist.quantile(q) else { panic!("empty") };
            prop_assert!(same_bucket(quantile, exact), "{quantile} for {exact}");
            prop_assert!(quantile >= exact);
            prop_assert!(Some(quantile) <= dist.max_ns() && Some(quantile) >= dist.min_ns());
        }
    }

    #[test]
    fn merging_equals_recording_everything_in_one(
        a in prop::collection::vec(latency(), 0..100), b in prop::collection::vec(latency(), 0..100),
    ) {
        let mut merged = recorded(&a);
        merged.merge(&recorded(&b));
        let both = recorded(&[a, b].concat());
        prop_assert_eq!(merged.sparse_buckets(), both.sparse_buckets());
        prop_assert_eq!(
            (merged.count(), merged.sum_ns(), merged.min_ns(), merged.max_ns(), merged.overflow()),
            (both.count(), both.sum_ns(), both.min_ns(), both.max_ns(), both.overflow())
        );
    }

    #[test]
    fn buckets_sum_to_the_count_and_ascend(values in prop::collection::vec(latency(), 0..200)) {
        for dist in [recorded(&values), through_the_kernel(&values)] {
            let buckets = dist.sparse_buckets();
            prop_assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), dist.count());
            prop_assert_eq!(dist.count(), values.len() as u64);
            prop_assert_eq!(dist.sum_ns(), values.iter().sum::<u64>());
            prop_assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn a_stored_distribution_comes_back(values in prop::collection::vec(latency(), 0..200)) {
        let dist = recorded(&values);
        let back =
            Dist::from_sparse(&dist.sparse_buckets(), dist.sum_ns(), dist.min_ns(), dist.max_ns());
        prop_assert_eq!(back.sparse_buckets(), dist.sparse_buckets());
        prop_assert_eq!(back.quantile(0.99), dist.quantile(0.99));
    }
}
