//! How often something may be done in the long run, and how much of it at once; and who has done how much of it.
//!
//! Pure: times are arguments. What is remembered is bounded: of very many those who owe least are forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

/// How many are remembered.
const MAX_DEBTORS: usize = 8192;

/// So often a minute in the long run, and so many at once after a time of quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run, a minute.
    pub per_minute: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// Until when each has paid off what it took. Who owes nothing is not remembered for long.
#[derive(Debug)]
pub struct Debts<K> {
    paid_off: HashMap<K, Duration>,
}

impl Rate {
    /// A part of this rate, one in so many of it; once a minute at least.
    #[must_use]
    pub fn part(self, one_in: u32) -> Self {
        let one_in = one_in.max(1);
        let part =
            |whole: NonZeroU32| NonZeroU32::new(whole.get() / one_in).unwrap_or(NonZeroU32::MIN);
        Self {
            per_minute: part(self.per_minute),
            burst: part(self.burst),
        }
    }

    /// Takes so many off an account, of which it knows when all that was taken before is paid off.
    ///
    /// # Errors
    /// Too much was taken: how long it is to wait. Nothing is taken then.
    fn take(self, count: u32, paid_off: &mut Duration, now: Duration) -> Result<(), Duration> {
        let (due, wait) = self.wait_for(count, *paid_off, now);
        let is_let_through = wait.is_zero();
        *paid_off = if is_let_through {
            due + self.interval().saturating_mul(count)
        } else {
            due
        };
        is_let_through.then_some(()).ok_or(wait)
    }

    /// Until when all that was taken is paid off, and how long it is until so many more may be taken at once.
    fn wait_for(self, count: u32, paid_off: Duration, now: Duration) -> (Duration, Duration) {
        let credit = self.interval().saturating_mul(self.burst.get() - 1);
        // Never further ahead than a full burst: a rate that was lowered does not make up for the higher one.
        let due = paid_off.clamp(now, now + credit + self.interval());
        let more = self.interval().saturating_mul(count.saturating_sub(1));
        (due, (due + more).saturating_sub(now + credit))
    }

    /// In what time one more may be taken, in the long run.
    fn interval(self) -> Duration {
        Duration::from_mins(1) / self.per_minute.get()
    }
}

impl<K> Default for Debts<K> {
    fn default() -> Self {
        Self {
            paid_off: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash> Debts<K> {
    /// Counts one more of `who`, at this rate.
    ///
    /// # Errors
    /// It has taken too much: how long it is to wait.
    pub fn count(&mut self, who: K, rate: Rate, now: Duration) -> Result<(), Duration> {
        self.count_all(who, rate, (1, now))
    }

    /// Counts so many more of `who` at once, at this rate: all of them or none, and never more than its burst.
    ///
    /// # Errors
    /// It has taken too much: how long it is to wait.
    pub fn count_all(
        &mut self,
        who: K,
        rate: Rate,
        (count, now): (u32, Duration),
    ) -> Result<(), Duration> {
        if !self.paid_off.contains_key(&who) {
            self.make_room(now);
        }
        rate.take(count, self.paid_off.entry(who).or_insert(now), now)
    }

    /// Gives back so many that `who` was counted for at this rate and has not used.
    pub fn give_back(&mut self, who: &K, rate: Rate, count: u32) {
        if let Some(paid_off) = self.paid_off.get_mut(who) {
            *paid_off = paid_off.saturating_sub(rate.interval().saturating_mul(count));
        }
    }

    /// Whether `who` may take so many at once, at this rate; nothing is counted. Never, where they are more than its burst.
    ///
    /// # Errors
    /// It has taken too much: how long it is to wait.
    pub fn find_room(
        &self,
        who: &K,
        rate: Rate,
        (count, now): (u32, Duration),
    ) -> Result<(), Duration> {
        let paid_off = self.paid_off.get(who).copied().unwrap_or(now);
        let (_, wait) = rate.wait_for(count, paid_off, now);
        wait.is_zero().then_some(()).ok_or(wait)
    }

    /// How many are remembered.
    pub fn debtors(&self) -> usize {
        self.paid_off.len()
    }

    /// Those that have nothing to pay off are as good as new. Are they all busy, the half that owes least is let off: those who take
    /// most go on waiting. To look for the least of them for each new one would take longer than they do.
    fn make_room(&mut self, now: Duration) {
        if self.paid_off.len() < MAX_DEBTORS {
            return;
        }
        self.paid_off.retain(|_, due| *due > now);
        let Some(excess) = self.paid_off.len().checked_sub(MAX_DEBTORS / 2) else {
            return;
        };
        let mut owed: Vec<_> = self.paid_off.values().copied().collect();
        owed.sort_unstable();
        let least_kept = owed.get(excess).copied().unwrap_or(Duration::MAX);
        self.paid_off.retain(|_, due| *due > least_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: u32, burst: u32) -> Rate {
        Rate {
            per_minute: NonZeroU32::new(per_minute).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn who_takes_too_much_waits_and_others_do_not() {
        let mut debts = Debts::default();
        for _ in 0..5 {
            assert_eq!(debts.count("busy", rate(60, 5), seconds(100)), Ok(()));
        }
        for _ in 0..1_000 {
            let counted = debts.count("busy", rate(60, 5), seconds(100));
            assert_eq!(counted, Err(seconds(1)));
        }
        assert_eq!(debts.count("other", rate(60, 5), seconds(100)), Ok(()));
        assert_eq!(debts.count("busy", rate(60, 5), seconds(101)), Ok(()));
        let counted = debts.count("busy", rate(60, 5), seconds(101));
        assert_eq!(counted, Err(seconds(1)));
    }

    #[test]
    fn who_needs_two_waits_for_both_and_pays_nothing_by_asking() {
        let mut debts = Debts::default();
        let find = |debts: &Debts<_>, now| debts.find_room(&"busy", rate(60, 5), (2, seconds(now)));
        assert_eq!(find(&debts, 100), Ok(()));
        for _ in 0..4 {
            assert_eq!(debts.count("busy", rate(60, 5), seconds(100)), Ok(()));
        }
        for _ in 0..10 {
            assert_eq!(find(&debts, 100), Err(seconds(1)));
        }
        assert_eq!(find(&debts, 101), Ok(()));
        assert_eq!(debts.count("busy", rate(60, 5), seconds(101)), Ok(()));
        assert_eq!(debts.count("busy", rate(60, 5), seconds(101)), Ok(()));
        assert_eq!(find(&debts, 101), Err(seconds(2)));
        assert_eq!(debts.debtors(), 1);
    }

    #[test]
    fn several_are_counted_together_or_not_at_all_and_what_is_not_used_is_given_back() {
        let mut debts = Debts::default();
        let count = |debts: &mut Debts<_>, count| {
            debts.count_all("busy", rate(60, 5), (count, seconds(100)))
        };
        assert_eq!(count(&mut debts, 2), Ok(()));
        assert_eq!(count(&mut debts, 2), Ok(()));
        assert_eq!(count(&mut debts, 2), Err(seconds(1)));
        assert_eq!(count(&mut debts, 1), Ok(()));
        assert_eq!(count(&mut debts, 1), Err(seconds(1)));
        debts.give_back(&"busy", rate(60, 5), 3);
        assert_eq!(count(&mut debts, 4), Err(seconds(1)));
        assert_eq!(count(&mut debts, 3), Ok(()));
        // Who is forgotten has nothing to be given back.
        debts.give_back(&"other", rate(60, 5), 1);
        assert_eq!(debts.debtors(), 1);
    }

    #[test]
    fn the_long_run_is_the_rate_whatever_the_burst() {
        let mut debts = Debts::default();
        let let_through = (0..60_000_u64)
            .filter(|tick| {
                let now = Duration::from_millis(tick * 10);
                debts.count("who", rate(60, 10), now).is_ok()
            })
            .count();
        assert!((600..=610).contains(&let_through), "{let_through}");
    }

    #[test]
    fn a_rate_that_was_changed_holds_at_once() {
        let mut debts = Debts::default();
        assert_eq!(debts.count("who", rate(1, 1), seconds(1)), Ok(()));
        assert_eq!(debts.count("who", rate(1, 1), seconds(1)), Err(seconds(60)));
        let wait = debts.count("who", rate(600, 1), seconds(1)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(debts.count("who", rate(600, 1), seconds(1) + wait), Ok(()));
    }

    #[test]
    fn a_part_of_a_rate_is_never_nothing() {
        let part = |one_in| rate(1_000, 7).part(one_in);
        assert_eq!(part(0), rate(1_000, 7));
        assert_eq!(part(4), rate(250, 1));
        assert_eq!(part(5_000), rate(1, 1));
    }

    #[test]
    fn those_who_owe_most_are_never_forgotten_for_those_who_owe_little() {
        let mut debts = Debts::default();
        let rate = rate(60, 100);
        for who in 0..100 {
            while debts.count(who, rate, seconds(1)).is_ok() {}
        }
        for who in 100..200_000 {
            debts.count(who, rate, seconds(1)).unwrap();
        }
        for who in 0..100 {
            assert!(debts.count(who, rate, seconds(1)).is_err(), "{who:?}");
        }
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_quiet_first() {
        let mut debts = Debts::default();
        let rate = rate(60, 1);
        for who in 0..MAX_DEBTORS - 1 {
            debts.count(who, rate, seconds(1)).unwrap();
        }
        let busy = MAX_DEBTORS;
        debts.count(busy, rate, seconds(100)).unwrap();
        debts.count(busy + 1, rate, seconds(100)).unwrap();
        assert!(debts.count(busy, rate, seconds(100)).is_err());
        for who in 0..3 * MAX_DEBTORS {
            let _ = debts.count(who, rate, seconds(100));
            assert!(debts.debtors() <= MAX_DEBTORS);
        }
    }
}
