//! Means with intervals. Pure.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Share of intervals that hold the true mean.
const CONFIDENCE: f64 = 0.9;

/// A mean and what it is uncertain by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// Of the values.
    pub mean: f64,
    /// Half the width of the 90 % interval; with one value nothing is known of it.
    pub half: Option<f64>,
}

/// The mean of independent values (one for each round) with a two-sided 90 % interval by Student's t.
///
/// Few rounds are the rule here, so the interval has to be wide for few: with two values it is ±6.3 standard errors,
/// with five ±2.1. A bootstrap of so few values would be far too narrow.
pub fn mean(values: &[f64]) -> Option<Mean> {
    let count = count(values)?;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let half = StudentsT::new(0.0, 1.0, count - 1.0).ok().map(|students_t| {
        let error = (squares / (count - 1.0) / count).sqrt();
        students_t.inverse_cdf(f64::midpoint(1.0, CONFIDENCE)) * error
    });
    Some(Mean { mean, half })
}

#[expect(clippy::cast_precision_loss, reason = "a few rounds")]
fn count(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then_some(values.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Property: the quantiles are those of the published table (one-sided 95 %: 6.314, 2.920, 2.132 for 1, 2, 4
    // degrees of freedom).
    #[test]
    fn intervals_are_students() {
        // Standard error 1 each.
        for (values, quantile) in
            [(vec![-1.0, 1.0], 6.314), (vec![-3_f64.sqrt(), 0.0, 3_f64.sqrt()], 2.920)]
        {
            let half = mean(&values).unwrap().half.unwrap();
            assert!((half - quantile).abs() < 0.001, "{half}");
        }
        let five = [-2.0, -2.0, 0.0, 2.0, 2.0].map(|value: f64| value / (4.0_f64 / 5.0).sqrt());
        assert!((mean(&five).unwrap().half.unwrap() - 2.132).abs() < 0.001);
    }

    // Property: one value has no interval, no value no mean.
    #[test]
    fn too_few_values_say_nothing() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[3.0]), Some(Mean { mean: 3.0, half: None }));
    }

    // Property: nine of ten intervals of five normal values hold the true mean (a sum of twelve is nearly normal).
    #[test]
    fn nine_of_ten_intervals_hold_the_mean() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut normal = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let holds = (0..4000).filter(|_| {
            let values: [f64; 5] = std::array::from_fn(|_| normal());
            let mean = mean(&values).unwrap();
            mean.mean.abs() <= mean.half.unwrap()
        });
        let holds = holds.count();
        assert!((3520..3680).contains(&holds), "{holds} of 4000");
    }

    proptest! {
        // Property: moved and stretched values have a mean and an interval moved and stretched alike.
        #[test]
        fn moving_and_stretching(values in prop::collection::vec(0.0..100.0_f64, 2..9), by in 1.0..9.0_f64) {
            let plain = mean(&values).unwrap();
            let moved: Vec<f64> = values.iter().map(|value| value * by + 5.0).collect();
            let moved = mean(&moved).unwrap();
            prop_assert!((moved.mean - (plain.mean * by + 5.0)).abs() < 1e-6);
            prop_assert!((moved.half.unwrap() - plain.half.unwrap() * by).abs() < 1e-6);
        }
    }
}
