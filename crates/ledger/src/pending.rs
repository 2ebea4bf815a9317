//! What was counted and is not written down: until the disk takes it.
//!
//! Rows of the same hour and spender are one. Bounded: what is too much becomes others'.

use std::collections::HashMap;

use forebay_content::{PullRow, Spender, Spent, TimeRange, Timestamp};

/// The most rows that wait, those of others aside: of these there is one an hour and upstream.
pub(crate) const MAX_PENDING: usize = 32_768;

/// Rows that wait to be written down.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    rows: HashMap<(Timestamp, Spender), PullRow>,
}

impl Pending {
    /// Adds rows of hours.
    pub(crate) fn add(&mut self, rows: impl IntoIterator<Item = PullRow>) {
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
    pub(crate) fn some(&self, limit: usize) -> Vec<PullRow> {
        self.rows.values().take(limit).cloned().collect()
    }

    /// They are written down.
    pub(crate) fn remove(&mut self, written: &[PullRow]) {
        for row in written {
            self.rows.remove(&(row.start, row.spent.spender.clone()));
        }
    }

    /// Adds those whose hour reaches into the range to sums by spender.
    pub(crate) fn add_to(&self, sums: &mut Vec<Spent>, range: TimeRange) {
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

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn add_one(&mut self, key: (Timestamp, Spender), row: PullRow) {
        self.rows
            .entry(key)
            .and_modify(|kept| kept.spent.add(&row.spent))
            .or_insert(row);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use forebay_content::{Client, Period, PullCounts};
    use forebay_oci::Target;

    use super::*;

    fn pulled_by(number: usize) -> PullRow {
        let user = format!("user{number}");
        PullRow {
            period: Period::Hour,
            start: Timestamp(0),
            spent: Spent {
                spender: Spender::Client {
                    client: Arc::new(Client {
                        user: Some(user.into()),
                        ..Client::default()
                    }),
                    image: Target {
                        upstream: "docker.io".into(),
                        repository: "team/app".parse().unwrap(),
                    },
                },
                counts: PullCounts {
                    pulls: 1,
                    ..PullCounts::default()
                },
                first_at: Timestamp(0),
                last_at: Timestamp(0),
                reference: None,
            },
        }
    }

    #[test]
    fn what_waits_is_bounded_and_its_sums_stay() {
        let mut pending = Pending::default();
        let many = MAX_PENDING + 1_000;
        pending.add((0..many).map(pulled_by));
        let waiting = pending.some(usize::MAX);
        assert_eq!(waiting.len(), MAX_PENDING + 1);
        let pulls: u64 = waiting.iter().map(|row| row.spent.counts.pulls).sum();
        assert_eq!(pulls, many as u64);
    }
}
