//! Chance that can be had again.

/// Says with which seed a test is to be run, a number.
const SEED: &str = "FOREBAY_SEED";

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
