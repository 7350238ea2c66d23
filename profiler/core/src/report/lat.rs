//! A latency distribution as the report stores it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hist::Dist;

/// A latency distribution, all times in nanoseconds. With a count of 0 only `count` and `sum_ns` are
/// there. Quantiles are upper edges of buckets (at most 1/8 above the exact value), capped by the
/// exact maximum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lat {
    /// How many values.
    pub count: u64,
    /// Their exact sum in nanoseconds.
    pub sum_ns: u64,
    /// The smallest value in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ns: Option<u64>,
    /// The mean in nanoseconds, rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_ns: Option<u64>,
    /// The median in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    /// Nanoseconds that 90 % of the values do not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ns: Option<u64>,
    /// Nanoseconds that 99 % of the values do not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
    /// Nanoseconds that 99.9 % of the values do not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_ns: Option<u64>,
    /// The largest value in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ns: Option<u64>,
    /// `[le_ns, count]` of every bucket that is not empty, ascending; counts are not cumulative.
    #[serde(default)]
    pub buckets: Vec<(u64, u64)>,
}

impl From<&Dist> for Lat {
    fn from(dist: &Dist) -> Self {
        Self {
            count: dist.count(),
            sum_ns: dist.sum_ns(),
            min_ns: dist.min_ns(),
            mean_ns: dist.mean(),
            p50_ns: dist.quantile(0.5),
            p90_ns: dist.quantile(0.9),
            p99_ns: dist.quantile(0.99),
            p999_ns: dist.quantile(0.999),
            max_ns: dist.max_ns(),
            buckets: dist.sparse_buckets(),
        }
    }
}

impl Lat {
    /// The distribution as a report field: absent when it is empty.
    pub fn non_empty(dist: &Dist) -> Option<Self> {
        (!dist.is_empty()).then(|| Self::from(dist))
    }

    /// The distribution again, to merge it with others.
    pub fn to_dist(&self) -> Dist {
        Dist::from_sparse(&self.buckets, self.sum_ns, self.min_ns, self.max_ns)
    }

    /// All of these in one distribution; absent when there is nothing.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut all = Dist::new();
        parts.into_iter().for_each(|part| all.merge(&part.to_dist()));
        Self::non_empty(&all)
    }
}
