//! Chance that can be had again, and how long it is tried.

use std::time::Duration;

use forebay_content::{Clock as _, SystemClock};

/// Says with which seed a test is to be run, a number.
const SEED: &str = "FOREBAY_SEED";

/// Says how long a long test goes on, in seconds.
const LONG_SECONDS: &str = "FOREBAY_LONG_SECONDS";

/// How long a long test goes on if nobody says otherwise.
const LONG: Duration = Duration::from_mins(5);

/// How often a long test tells how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// The time that a long test has.
pub(crate) struct Long {
    clock: SystemClock,
    end: Duration,
    tell_at: Duration,
}

/// A number from the environment, or another one each day, said aloud.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever looks into a failure gives its seed, and chance needs a beginning"
)]
pub(crate) fn seed() -> u64 {
    let given = std::env::var(SEED).ok();
    let seed = given.map_or_else(
        || {
            let now = std::time::SystemTime::now();
            let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
            since.subsec_nanos().into()
        },
        |text| text.parse().unwrap(),
    );
    eprintln!("again with {SEED}={seed}");
    seed
}

// === impl Long ===

impl Long {
    /// As long as the environment says, from now on.
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs a long test says for how long"
    )]
    pub(crate) fn begin() -> Self {
        let given = std::env::var(LONG_SECONDS).ok();
        let long = given.map_or(LONG, |text| Duration::from_secs(text.parse().unwrap()));
        let clock = SystemClock::new();
        eprintln!("for {LONG_SECONDS}={}", long.as_secs());
        Self {
            end: clock.monotonic() + long,
            tell_at: clock.monotonic() + TELL_EVERY,
            clock,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.clock.monotonic() >= self.end
    }

    /// Tells how far it has come, now and then.
    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        let now = self.clock.monotonic();
        if now >= self.tell_at {
            self.tell_at = now + TELL_EVERY;
            eprintln!(
                "{} ({} s left)",
                what(),
                self.end.saturating_sub(now).as_secs()
            );
        }
    }
}

/// Numbers by chance (xorshift64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One of 0 to `count` - 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % count
    }
}
