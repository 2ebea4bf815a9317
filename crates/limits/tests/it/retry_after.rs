//! `Retry-After`: bounded for every value, and read back as printed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forebay_limits::{Limited, Limiter, MAX_WAIT, MIN_COOL_DOWN, RetryAfter, parse_go_duration};
use proptest::prelude::*;

/// Values near the four shapes, and junk.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[0-9]{0,20}(\\.[0-9]{0,20})?(ns|us|µs|μs|ms|s|m|h|d)?([0-9.]{1,4}(ns|µs|s|m|h))?",
        "(Mon|Thu|Sunday), [0-9]{2}[ -](Jan|Feb|Nov)[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|UTC|\\+[0-9]{4})",
    ]
}

/// Clocks before 1970, today and far ahead.
fn clock() -> impl Strategy<Value = SystemTime> {
    (any::<bool>(), 0_u64..100_000_000_000).prop_map(|(is_after, seconds)| {
        let distance = Duration::from_secs(seconds);
        if is_after {
            UNIX_EPOCH + distance
        } else {
            UNIX_EPOCH - distance
        }
    })
}

fn limiter() -> impl Strategy<Value = Limiter> {
    prop_oneof![
        Just(Limiter::PullLimit),
        Just(Limiter::AbuseLimit),
        Just(Limiter::LoginLockout),
        Just(Limiter::ApiLimit),
        Just(Limiter::Other),
    ]
}

proptest! {
    #[test]
    fn a_wait_is_bounded_whatever_was_sent(value in value(), now in clock()) {
        if let Some(advice) = RetryAfter::parse(&value) {
            prop_assert!(advice.wait(now) <= MAX_WAIT);
        }
    }

    #[test]
    fn a_cool_down_is_bounded_whatever_was_sent(
        value in value(), limiter in limiter(), window in any::<Option<u64>>(), now in clock(),
    ) {
        let limited = Limited {
            retry_after: RetryAfter::parse(&value),
            window: window.map(Duration::from_secs),
            ..Limited::by(limiter)
        };
        let cool_down = limited.cool_down(now);
        prop_assert!((MIN_COOL_DOWN..=MAX_WAIT).contains(&cool_down));
    }

    #[test]
    fn what_was_read_reads_back_as_printed(value in value()) {
        if let Some(advice) = RetryAfter::parse(&value) {
            prop_assert_eq!(RetryAfter::parse(&advice.to_string()), Some(advice));
        }
    }

    #[test]
    fn seconds_and_moments_survive_the_trip(seconds in 0_u64..=1_000_000_000, moment in 0_u64..=32_503_680_000) {
        for advice in [
            RetryAfter::In(Duration::from_secs(seconds)),
            RetryAfter::At { unix_seconds: moment },
        ] {
            prop_assert_eq!(RetryAfter::parse(&advice.to_string()), Some(advice));
        }
    }

    #[test]
    fn a_go_duration_is_the_sum_of_its_parts(h in 0_u64..1000, m in 0_u64..60, s in 0_u64..60, ns in 0_u64..1_000_000_000) {
        let text = format!("{h}h{m}m{s}.{ns:09}s");
        let expected = Duration::from_secs(h * 3600 + m * 60 + s) + Duration::from_nanos(ns);
        prop_assert_eq!(parse_go_duration(&text), Some(expected));
    }
}
