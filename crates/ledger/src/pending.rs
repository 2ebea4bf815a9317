//! What was counted and is not written down: until the disk takes it.
//!
//! Rows of the same hour and spender are one. Bounded: what is too much becomes others'.

use std::collections::HashMap;

use forebay_content::{PullRow, Spender, Spent, TimeRange, Timestamp};

/// The most rows that wait, those of others aside: of these there is one an hour and upstream.
pub const MAX_PENDING: usize = 32_768;

/// Rows that wait to be written down.
#[derive(Debug, Default)]
pub struct Pending {
    rows: HashMap<(Timestamp, Spender), PullRow>,
}

impl Pending {
    /// Adds rows of hours.
    pub fn add(&mut self, rows: impl IntoIterator<Item = PullRow>) {
        for row in rows {
            let key = (row.start, row.spent.spender.clone());
            if self.rows.len() < MAX_PENDING || self.rows.contains_key(&key) {
                self.add_one(key, row);
            } else {
                let spent = row.spent.of_others();
                let key = (row.start, spent.spender.clone());
                self.add_one(key, PullRow { spent, ..row });
            }
        }
    }

    /// At most so many of them, in no order.
    pub fn some(&self, limit: usize) -> Vec<PullRow> {
        self.rows.values().take(limit).cloned().collect()
    }

    /// They are written down.
    pub fn remove(&mut self, written: &[PullRow]) {
        for row in written {
            self.rows.remove(&(row.start, row.spent.spender.clone()));
        }
    }

    /// Adds those whose hour reaches into the range to sums by spender.
    pub fn add_to(&self, sums: &mut Vec<Spent>, range: TimeRange) {
        let mut places: HashMap<Spender, usize> = sums
            .iter()
            .enumerate()
            .map(|(place, sum)| (sum.spender.clone(), place))
            .collect();
        for row in self.rows.values() {
            if !range.overlaps(row.period, row.start) {
                continue;
            }
            let place = *places
                .entry(row.spent.spender.clone())
                .or_insert(sums.len());
            match sums.get_mut(place) {
                Some(sum) => sum.add(&row.spent),
                None => sums.push(row.spent.clone()),
            }
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn add_one(&mut self, key: (Timestamp, Spender), row: PullRow) {
        self.rows
            .entry(key)
            .and_modify(|kept| kept.spent.add(&row.spent))
            .or_insert(row);
    }
}
