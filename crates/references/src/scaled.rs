//! Counts of which a file tells the bounds: of an autoscaler's replicas, of a block's copies, and of several services together.

/// The bounds of a count, as of an autoscaler's replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// At the least.
    pub least: u32,
    /// At the most; `None` if that is not known.
    pub most: Option<u32>,
}

/// What services run of one task definition.
#[derive(Clone, Copy, Default)]
pub(crate) struct Running {
    /// What they shall run as they are written, scaled or not.
    pub(crate) tasks: u32,
    /// All of them together, if any is scaled.
    pub(crate) scaled: Option<Scaled>,
}

impl Scaled {
    /// A count that no file tells: what is there is there for something.
    pub const UNKNOWN: Self = Self {
        least: 1,
        most: None,
    };

    /// One number.
    pub const fn exactly(count: u32) -> Self {
        Self {
            least: count,
            most: Some(count),
        }
    }

    /// Bounds as they are written, of which the greater one holds.
    pub(crate) fn between(least: Option<u32>, most: Option<u32>) -> Self {
        let least = least.unwrap_or(0);
        Self {
            least: most.map_or(least, |most| least.min(most)),
            most,
        }
    }

    /// Also a number that may lie outside of the bounds, as what a deploy begins with.
    fn around(self, count: u32) -> Self {
        Self {
            least: self.least.min(count),
            most: self.most.map(|most| most.max(count)),
        }
    }

    /// One or the other.
    pub(crate) fn either(self, other: Self) -> Self {
        let most = self.most.zip(other.most);
        Self {
            least: self.least.min(other.least),
            most: most.map(|(one, other)| one.max(other)),
        }
    }

    /// Each of them so often.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let is_none = self.most == Some(0) || other.most == Some(0);
        let most = self.most.zip(other.most);
        let most = most.map(|(one, other)| one.saturating_mul(other));
        Self {
            least: self.least.saturating_mul(other.least),
            most: if is_none { Some(0) } else { most },
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let most = self.most.zip(other.most);
        Self {
            least: self.least.saturating_add(other.least),
            most: most.map(|(one, other)| one.saturating_add(other)),
        }
    }
}

impl Running {
    /// A service: how many tasks it shall run, if that is known, and between which bounds it is scaled.
    pub(crate) fn of(count: Option<u32>, scaled: Option<Scaled>) -> Self {
        let around = |bounds: Scaled| count.map_or(bounds, |count| bounds.around(count));
        Self {
            tasks: count.unwrap_or(0),
            scaled: scaled.map(around),
        }
    }

    /// One more service.
    pub(crate) fn add(&mut self, count: Option<u32>, scaled: Option<Scaled>) {
        *self = self.plus(Self::of(count, scaled));
    }

    /// So many of the same.
    pub(crate) fn times(self, copies: Scaled) -> Self {
        let is_exact = copies.most == Some(copies.least) && self.scaled.is_none();
        Self {
            tasks: self.tasks.saturating_mul(copies.least),
            scaled: (!is_exact).then(|| self.bounds().times(copies)),
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        let is_scaled = self.scaled.or(other.scaled).is_some();
        Self {
            tasks: self.tasks.saturating_add(other.tasks),
            scaled: is_scaled.then(|| self.bounds().plus(other.bounds())),
        }
    }

    fn bounds(self) -> Scaled {
        self.scaled.unwrap_or(Scaled::exactly(self.tasks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_add_up_scaled_or_not() {
        let mut running = Running::default();
        running.add(Some(2), None);
        assert_eq!((running.tasks, running.scaled), (2, None));
        running.add(Some(1), Some(Scaled::between(Some(3), Some(10))));
        running.add(Some(4), None);
        let scaled = Scaled {
            least: 7,
            most: Some(16),
        };
        assert_eq!((running.tasks, running.scaled), (7, Some(scaled)));
        running.add(None, Some(Scaled::between(Some(5), None)));
        let scaled = Scaled {
            least: 12,
            most: None,
        };
        assert_eq!(running.scaled, Some(scaled));
    }

    #[test]
    fn a_service_that_there_are_several_of_runs_so_often() {
        let five = Running::of(Some(5), None);
        let four = five.times(Scaled::exactly(4));
        assert_eq!((four.tasks, four.scaled), (20, None));
        let bounds = |copies| {
            let scaled = five.times(copies).scaled;
            scaled.map(|scaled| (scaled.least, scaled.most))
        };
        assert_eq!(bounds(Scaled::UNKNOWN), Some((5, None)));
        let none_or_one = Scaled::between(Some(0), Some(1));
        assert_eq!(bounds(none_or_one), Some((0, Some(5))));
        let open = Running::of(None, Some(Scaled::UNKNOWN));
        let none = open.times(Scaled::exactly(0)).scaled;
        assert_eq!(none, Some(Scaled::exactly(0)));
    }
}
