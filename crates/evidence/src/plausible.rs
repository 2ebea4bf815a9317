//! Which of the times that evidence claims can be true: of the others no rate, window or beginning is computed.
//!
//! Pure. A clock that was never set, a zero that stands for nothing, a year that was mistyped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forebay_logs::CLOCK_SKEW;

use crate::{Context, Event, Moment, Since};

/// 2013-03-20: nobody pulled an image before Docker was shown.
const EARLIEST: Moment = Moment::from_unix_ms(1_363_737_600_000);

/// Year 1, which Go's programs write where there is no time.
const GO_ZERO: Moment = Moment::from_unix_ms(-62_135_596_800_000);

/// The longest time that is one story; what lies longer before the last of it belongs to another.
const MAX_SPAN: Duration = Duration::from_hours(24 * 731);

const TOO_LATE: &str =
    "times after this was gathered are not used: a clock was wrong, or --as-of is";

const TOO_EARLY: &str = "times before there were images (2013) are not used: a clock was wrong";

/// Ages that end so long after all times that are told are of another day.
const MAX_APART: Duration = Duration::from_hours(24);

/// What is said of such.
pub(crate) const AGES_PARTED: &str = "ages such as \"3m ago\" count from now, long after the last time that is told: they are not used so; --as-of says when it was gathered";

const CROSSED: &str = "of what ends before it begins, only the end is used";

/// Leaves out what cannot be true, and remembers what was said of it.
#[derive(Debug, Default)]
pub(crate) struct Plausible {
    said: BTreeSet<&'static str>,
}

/// Whether a time can be true.
pub(crate) fn is_plausible(time: Moment, context: &Context) -> bool {
    (EARLIEST..=context.now.after(CLOCK_SKEW)).contains(&time)
}

impl Plausible {
    /// Takes times that cannot be true from an event; what to note, each once.
    pub(crate) fn sift(&mut self, event: &mut Event, context: &Context) -> Vec<&'static str> {
        let latest = context.now.after(CLOCK_SKEW);
        let mut why = Vec::new();
        let mut keep = |time: Option<Moment>| match time? {
            GO_ZERO => None,
            time if time > latest => {
                why.push(TOO_LATE);
                None
            }
            time if time < EARLIEST => {
                why.push(TOO_EARLY);
                None
            }
            time => Some(time),
        };
        (event.first, event.last) = (keep(event.first), keep(event.last));
        if event
            .first
            .zip(event.last)
            .is_some_and(|(first, last)| first > last)
        {
            event.first = None;
            why.push(CROSSED);
        }
        why.retain(|why| self.said.insert(why));
        why
    }
}

/// Ages that count from now beside a log that ends long before: one of them is of another time. Where their own source tells
/// times, its last stands for now, else the ages are not used. Whether there were such.
pub(crate) fn part_ages(events: &mut [Event], context: &Context) -> bool {
    let mut newest: BTreeMap<usize, Moment> = BTreeMap::new();
    let tells_now = |event: &&Event| !event.is_by_age && event.since != Since::Over;
    for event in events.iter().filter(tells_now) {
        if let Some(last) = event.last.max(event.first) {
            let known = newest.entry(event.lines.source).or_insert(last);
            *known = last.max(*known);
        }
    }
    let Some(newest_of_all) = newest.values().max().copied() else {
        return false;
    };
    let is_apart = |event: &Event| {
        let last = event.last.max(event.first);
        event.is_by_age && last.is_some_and(|last| last > newest_of_all.after(MAX_APART))
    };
    let mut is_parted = false;
    for event in events.iter_mut().filter(|event| is_apart(event)) {
        is_parted = true;
        let anchor = newest.get(&event.lines.source);
        let move_back = |time: Moment| Some(time.before(context.now.since(*anchor?)));
        event.first = event.first.and_then(move_back);
        event.last = event.last.and_then(move_back);
    }
    is_parted
}

/// Takes the times from what lies more than two years before the last of all; how many events had such.
pub(crate) fn part_from_old(events: &mut [Event]) -> usize {
    let times = events.iter().flat_map(|event| [event.first, event.last]);
    let Some(newest) = times.flatten().max() else {
        return 0;
    };
    let is_old = |time: &mut Moment| *time < newest.before(MAX_SPAN);
    let mut parted = 0;
    for event in events {
        let first = event.first.take_if(is_old);
        let last = event.last.take_if(is_old);
        parted += usize::from(first.or(last).is_some());
    }
    parted
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Format, What};

    fn at(text: &str) -> Option<Moment> {
        (!text.is_empty()).then(|| text.parse::<Timestamp>().unwrap().into())
    }

    fn event(first: &str, last: &str) -> Event {
        let mut event = Event::new(What::PullFailed, Format::Text);
        (event.first, event.last) = (at(first), at(last));
        event
    }

    #[test]
    fn times_that_cannot_be_true_are_left_out_and_noted_once() {
        let context = Context {
            now: at("2026-11-21T08:10:00Z").unwrap(),
            utc_offset_seconds: 0,
        };
        let good = "2026-11-21T08:00:00Z";
        let mut plausible = Plausible::default();
        for ((first, last), expected, note) in [
            (
                (good, "2026-11-22T08:00:00Z"),
                (good, "2026-11-22T08:00:00Z"),
                vec![],
            ),
            (("1970-01-01T00:00:00Z", good), ("", good), vec![TOO_EARLY]),
            (("1970-01-01T00:00:00Z", good), ("", good), vec![]),
            ((good, "2076-11-21T08:00:00Z"), (good, ""), vec![TOO_LATE]),
            (("0001-01-01T00:00:00Z", ""), ("", ""), vec![]),
            (
                (good, "2026-11-21T07:00:00Z"),
                ("", "2026-11-21T07:00:00Z"),
                vec![CROSSED],
            ),
        ] {
            let mut sifted = event(first, last);
            let noted = plausible.sift(&mut sifted, &context);
            assert_eq!(
                (sifted.first, sifted.last),
                (at(expected.0), at(expected.1))
            );
            assert_eq!(noted, note, "{first} {last}");
        }
    }

    #[test]
    fn a_first_time_too_early_and_a_last_too_late_are_both_noted() {
        let context = Context {
            now: at("2026-11-21T08:10:00Z").unwrap(),
            utc_offset_seconds: 0,
        };
        let mut sifted = event("1970-01-01T00:00:00Z", "2076-11-21T08:00:00Z");
        let noted = Plausible::default().sift(&mut sifted, &context);
        assert_eq!(noted, [TOO_EARLY, TOO_LATE]);
        assert_eq!((sifted.first, sifted.last), (None, None));
    }

    #[test]
    fn ages_beside_an_old_log_make_no_span_up_to_now() {
        let now = at("2026-11-21T08:00:00Z").unwrap();
        let context = Context {
            now,
            utc_offset_seconds: 0,
        };
        let aged = |seconds, source| {
            let moment = Some(now.before(Duration::from_secs(seconds)));
            let mut event = Event::new(What::Restarted, Format::DockerLists).by_age(moment);
            event.lines.source = source;
            event
        };
        let old = "2025-11-12T10:00:00Z";
        let mut events = [event(old, old), aged(60, 0), aged(60, 1)];
        assert!(part_ages(&mut events, &context));
        let times = events.map(|event| event.last);
        assert_eq!(times, [at(old), at("2025-11-12T09:59:00Z"), None]);
        let fresh = "2026-11-21T07:00:00Z";
        for mut events in [
            vec![event(fresh, fresh), aged(60, 1)],
            vec![aged(60, 1), aged(90_000, 1)],
        ] {
            assert!(!part_ages(&mut events, &context));
            assert!(events.iter().all(|event| event.last.is_some()));
        }
    }

    #[test]
    fn what_lies_years_before_the_last_is_another_story() {
        let good = "2026-11-21T08:00:00Z";
        let mut events = [
            event("2014-01-01T00:00:00Z", "2014-01-01T00:00:00Z"),
            event("2025-01-01T00:00:00Z", good),
            event("2014-01-01T00:00:00Z", good),
            event("", ""),
        ];
        assert_eq!(part_from_old(&mut events), 2);
        let times = events.map(|event| (event.first, event.last));
        let whole = (at("2025-01-01T00:00:00Z"), at(good));
        assert_eq!(times, [(None, None), whole, (None, at(good)), (None, None)]);
        let mut alone = [event("2014-01-01T00:00:00Z", "2014-01-02T00:00:00Z")];
        assert_eq!(part_from_old(&mut alone), 0, "an old log is one story");
    }
}
