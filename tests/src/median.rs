//! What the median of few measurements says, and what it says surely. Pure.

/// How sure somebody is who says that a median is above something.
const CONFIDENCE: f64 = 0.99;

/// The one in the middle.
///
/// # Panics
/// Without values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the true median is not below, with 99 % confidence; `None` of too few values. How many there are has to be settled before
/// they are measured: whoever stops at the first median that fits finds one that does.
pub fn surely_above(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = rank_below_the_median(u32::try_from(values.len()).ok()?)?;
    values.get(rank as usize).copied()
}

/// The rank, from 0, of the value that the true median is not below with [`CONFIDENCE`]: a fair coin falls on one side that
/// rarely. Needs nothing of the noise but that rounds are independent. `None`: too few rounds to say.
fn rank_below_the_median(rounds: u32) -> Option<u32> {
    let (mut ways, mut rarely) = (1.0, 0.0);
    let mut found = None;
    for rank in 0..rounds {
        rarely += ways / 2f64.powf(rounds.into());
        if rarely > 1.0 - CONFIDENCE {
            break;
        }
        found = Some(rank);
        ways *= f64::from(rounds - rank) / f64::from(rank + 1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: the rank is below the middle, and there is none where rounds are too few to tell.
    #[test]
    fn a_median_of_few_rounds_is_not_sure() {
        assert_eq!(rank_below_the_median(5), None);
        // P(X <= 0) of 7 = 0.0078, P(X <= 1) = 0.0625; P(X <= 12) of 41 = 0.0058, P(X <= 13) = 0.0138.
        assert_eq!(rank_below_the_median(7), Some(0));
        assert_eq!(rank_below_the_median(41), Some(12));
    }

    // Property: a few low values do not hide that most are high, and a few high ones do not look like a high median.
    #[test]
    fn a_few_values_decide_nothing() {
        let of = |low: usize, high: usize| [vec![1.0; low], vec![2.0; high]].concat();
        assert_eq!(surely_above(of(2, 13)), Some(2.0));
        assert_eq!(surely_above(of(3, 12)), Some(1.0));
        assert_eq!((surely_above(of(0, 5)), median(of(7, 8))), (None, 2.0));
    }
}
