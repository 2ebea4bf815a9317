//! Figures of one thing, measured several times.

use std::time::Duration;

use serde::Serialize;

/// What was measured, round by round.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Sample {
    figures: Vec<f64>,
}

impl Sample {
    pub(crate) fn add(&mut self, figure: f64) {
        self.figures.push(figure);
    }

    /// The middle figure: one disturbed round does not move it. Not a number if there is none.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.sorted().first().copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn max(&self) -> f64 {
        self.sorted().last().copied().unwrap_or(f64::NAN)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.figures.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// So many percent took no longer than this.
pub(crate) fn percentile(mut waits: Vec<Duration>, percent: usize) -> Duration {
    waits.sort_unstable();
    let at = (waits.len() * percent).div_ceil(100).saturating_sub(1);
    waits.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_in_whatever_order() {
        let table: [(&[f64], f64); 3] = [
            (&[3.0, 1.0, 2.0], 2.0),
            (&[4.0, 1.0, 2.0, 3.0], 2.5),
            (&[9.0], 9.0),
        ];
        for (figures, median) in table {
            let mut sample = Sample::default();
            for figure in figures {
                sample.add(*figure);
            }
            assert!((sample.median() - median).abs() < 1e-9, "{figures:?}");
        }
        assert!(Sample::default().median().is_nan());
    }

    #[test]
    fn the_percentile_is_the_wait_that_so_many_did_not_exceed() {
        let waits = |count| (1..=count).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(waits(100), 99), Duration::from_millis(99));
        assert_eq!(percentile(waits(1000), 99), Duration::from_millis(990));
        assert_eq!(percentile(waits(1), 99), Duration::from_millis(1));
        assert_eq!(percentile(Vec::new(), 99), Duration::ZERO);
    }
}
