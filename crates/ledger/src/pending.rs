//! What was counted and is not written down: until the disk takes it.
//!
//! Rows of the same hour and spender are one. Bounded: what is too much becomes others', what was never charged first.

use std::collections::HashMap;

use forebay_content::{PullRow, Spender, Spent, TimeRange, Timestamp};

/// The most rows that wait, those of others aside: of these there is one an hour and upstream.
pub(crate) const MAX_PENDING: usize = 32_768;

/// The most of them and of others': only a clock that jumps makes so many hours, and what comes then counts for another of them.
pub(crate) const MAX_PENDING_WITH_OTHERS: usize = MAX_PENDING + 1_024;

/// Rows that wait to be written down.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    rows: HashMap<Key, PullRow>,
}

/// When a row's hour begins, and whose it is.
type Key = (Timestamp, Spender);

impl Pending {
    /// Adds rows of hours.
    pub(crate) fn add(&mut self, rows: impl IntoIterator<Item = PullRow>) {
        for row in rows {
            let key = key_of(&row);
            if self.rows.len() < MAX_PENDING || self.rows.contains_key(&key) {
                self.add_one(key, row);
                continue;
            }
            let least = if is_charged(&row) {
                self.take_uncharged()
            } else {
                None
            };
            let (kept, merged) = match least {
                Some(least) => (Some(row), least),
                None => (None, row),
            };
            let spent = merged.spent.of_others();
            self.add_to_others(PullRow { spent, ..merged });
            if let Some(row) = kept {
                self.add_one(key, row);
            }
        }
    }

    /// Takes all of them, in no order.
    pub(crate) fn take(&mut self) -> Vec<PullRow> {
        std::mem::take(&mut self.rows).into_values().collect()
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

    /// Adds those whose hour reaches into the range to sums by spender; new spenders come after them in no order.
    pub(crate) fn add_to(&self, sums: &mut Vec<Spent>, range: TimeRange) {
        let mut places: HashMap<Spender, usize> = sums
            .iter()
            .enumerate()
            .map(|(place, sum)| (sum.spender.clone(), place))
            .collect();
        let rows = self.rows.values();
        for row in rows.filter(|row| range.overlaps(row.period, row.start)) {
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

    /// Takes one that was never charged, and is not others' already.
    fn take_uncharged(&mut self) -> Option<PullRow> {
        let mut rows = self.rows.iter();
        let is_least = |row: &PullRow| {
            !is_charged(row) && !matches!(row.spent.spender, Spender::Others { .. })
        };
        let key = rows.find(|(_, row)| is_least(row))?.0.clone();
        self.rows.remove(&key)
    }

    fn add_to_others(&mut self, row: PullRow) {
        let key = key_of(&row);
        if self.rows.len() >= MAX_PENDING_WITH_OTHERS && !self.rows.contains_key(&key) {
            let spender = &row.spent.spender;
            let mut rows = self.rows.values_mut();
            if let Some(kept) = rows.find(|kept| kept.spent.spender == *spender) {
                return kept.spent.add(&row.spent);
            }
        }
        self.add_one(key, row);
    }

    fn add_one(&mut self, key: Key, row: PullRow) {
        self.rows
            .entry(key)
            .and_modify(|kept| kept.spent.add(&row.spent))
            .or_insert(row);
    }
}

fn key_of(row: &PullRow) -> Key {
    (row.start, row.spent.spender.clone())
}

fn is_charged(row: &PullRow) -> bool {
    row.spent.counts.metered > 0
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
    fn what_was_charged_stays_and_what_was_not_makes_room() {
        let mut pending = Pending::default();
        pending.add((0..MAX_PENDING).map(pulled_by));
        let charged = |number: usize| {
            let mut row = pulled_by(MAX_PENDING + number);
            row.spent.counts.metered = 1;
            row
        };
        pending.add((0..100).map(charged));
        pending.add([pulled_by(MAX_PENDING + 100)]);
        let rows = pending.take();
        let told = rows.iter().filter(|row| is_charged(row));
        let told = told.filter(|row| row.spent.spender.client().is_some());
        assert_eq!(told.count(), 100);
        let pulls: u64 = rows.iter().map(|row| row.spent.counts.pulls).sum();
        assert_eq!(pulls, MAX_PENDING as u64 + 101);
        assert!(pending.is_empty());
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
