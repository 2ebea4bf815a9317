//! How much longer those who pull wait beside something else.

use std::thread::sleep;
use std::time::Duration;

use crate::client::Url;
use crate::error::Error;
use crate::measure::load::steady;
use crate::report::{Row, Target, Who};
use crate::sample::percentile;
use crate::settings::Settings;

/// By how much they may.
const SLOWER: f64 = 1.2;

/// The rows of the table.
pub(crate) struct Beside {
    alone: Row,
    meanwhile: Row,
    ratio: Row,
}

impl Beside {
    /// For what happens "while" `something`.
    pub(crate) fn of(something: &str) -> Self {
        Self {
            alone: late("400 a second, nothing else"),
            meanwhile: late(&format!("while {something}")),
            ratio: Row::new(format!("p99 while {something}, by that of before"), "×", 2)
                .target(Target::Below(SLOWER)),
        }
    }

    /// Notes what was waited before, and meanwhile.
    pub(crate) fn add(&mut self, who: Who, (alone_ms, meanwhile_ms): (f64, f64)) {
        self.alone.add(who, alone_ms);
        self.meanwhile.add(who, meanwhile_ms);
        self.ratio.add(who, meanwhile_ms / alone_ms);
    }

    pub(crate) fn rows(self) -> [Row; 3] {
        [self.alone, self.meanwhile, self.ratio]
    }
}

/// A row of what those wait who pull at such a time.
pub(crate) fn late(when: &str) -> Row {
    Row::new(format!("p99 of a pushed manifest, {when}"), "ms", 2)
}

/// The p99 of those who pull `url` with nothing beside, in milliseconds.
pub(crate) fn alone(url: &Url, settings: &Settings) -> Result<f64, Error> {
    let (waits, ()) = steady(url, || {
        sleep(settings.load);
        Ok(())
    })?;
    Ok(p99_ms(waits))
}

pub(crate) fn p99_ms(waits: Vec<Duration>) -> f64 {
    percentile(waits, 99).as_secs_f64() * 1e3
}
