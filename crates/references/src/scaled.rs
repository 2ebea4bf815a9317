//! Between how many replicas an autoscaler keeps something, and what several services come to together.

/// The bounds of an autoscaler.
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
    /// What nothing scales.
    const fn exactly(count: u32) -> Self {
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

    fn plus(self, other: Self) -> Self {
        let most = self.most.zip(other.most);
        Self {
            least: self.least.saturating_add(other.least),
            most: most.map(|(one, other)| one.saturating_add(other)),
        }
    }
}

impl Running {
    /// One more service: how many tasks it shall run, if that is known, and between which bounds it is scaled.
    pub(crate) fn add(&mut self, count: Option<u32>, scaled: Option<Scaled>) {
        let before = self.tasks;
        self.tasks = before.saturating_add(count.unwrap_or(0));
        if self.scaled.is_none() && scaled.is_none() {
            return;
        }
        let own = match (scaled, count) {
            (Some(bounds), Some(count)) => bounds.around(count),
            (Some(bounds), None) => bounds,
            (None, count) => Scaled::exactly(count.unwrap_or(0)),
        };
        let others = self.scaled.unwrap_or(Scaled::exactly(before));
        self.scaled = Some(others.plus(own));
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
}
