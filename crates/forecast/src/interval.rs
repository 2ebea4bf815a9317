//! A count of which two bounds are known.
//!
//! Arithmetic saturates: what is too large to count does not fit either.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A count between two bounds, of which the upper may not be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// At least so many.
    pub least: u64,
    /// At most so many; `None` if nobody knows.
    pub most: Option<u64>,
}

impl Interval {
    /// None at all.
    pub const ZERO: Self = Self::exactly(0);

    /// So many.
    pub const fn exactly(count: u64) -> Self {
        Self {
            least: count,
            most: Some(count),
        }
    }

    /// From `least`, whoever knows to what.
    pub const fn at_least(least: u64) -> Self {
        Self { least, most: None }
    }

    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            least: self.least.saturating_add(other.least),
            most: both(self.most, other.most).map(|(a, b)| a.saturating_add(b)),
        }
    }

    /// Without so many.
    #[must_use]
    pub fn minus(self, count: u64) -> Self {
        Self {
            least: self.least.saturating_sub(count),
            most: self.most.map(|most| most.saturating_sub(count)),
        }
    }

    /// Each of them so often.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        // Nothing of whatever number is nothing.
        if self == Self::ZERO || other == Self::ZERO {
            return Self::ZERO;
        }
        Self {
            least: self.least.saturating_mul(other.least),
            most: both(self.most, other.most).map(|(a, b)| a.saturating_mul(b)),
        }
    }

    /// The smallest that both lie in.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            most: both(self.most, other.most).map(|(a, b)| a.max(b)),
        }
    }

    /// The larger of both.
    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        Self {
            least: self.least.max(other.least),
            most: both(self.most, other.most).map(|(a, b)| a.max(b)),
        }
    }

    /// No more than `bound`, if there is one.
    #[must_use]
    pub fn capped(self, bound: Option<u64>) -> Self {
        let Some(bound) = bound else { return self };
        Self {
            least: self.least.min(bound),
            most: Some(self.most.map_or(bound, |most| most.min(bound))),
        }
    }
}

fn both(a: Option<u64>, b: Option<u64>) -> Option<(u64, u64)> {
    Some((a?, b?))
}

impl From<RangeInclusive<u64>> for Interval {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self {
            least: *range.start(),
            most: Some(*range.end()),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) if most == self.least => write!(f, "{most}"),
            Some(most) => write!(f, "{} to {most}", self.least),
            None => write!(f, "at least {}", self.least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stays_unknown_and_nothing_of_it_is_nothing() {
        let (three, some) = (Interval::exactly(3), Interval::at_least(2));
        assert_eq!(three.plus(some), Interval::at_least(5));
        assert_eq!(three.times(some), Interval::at_least(6));
        assert_eq!(Interval::ZERO.times(some), Interval::ZERO);
        assert_eq!(some.capped(Some(9)), Interval::from(2..=9));
        assert_eq!(some.capped(None), some);
        assert_eq!(three.around((1..=2).into()), (1..=3).into());
        assert_eq!(three.around(some), some);
        assert_eq!(three.larger((1..=9).into()), (3..=9).into());
        assert_eq!(three.larger(some), Interval::at_least(3));
        let huge = Interval::exactly(u64::MAX);
        assert_eq!(huge.plus(three).times(three), huge);
    }

    #[test]
    fn an_interval_is_told_as_people_say_it() {
        let told = |interval: Interval| interval.to_string();
        assert_eq!(told(Interval::exactly(3)), "3");
        assert_eq!(told((1..=2).into()), "1 to 2");
        assert_eq!(told(Interval::at_least(1)), "at least 1");
    }
}
