//! How soon Forebay is ready with many blobs in its cache, and what it holds then.

use std::thread::sleep;
use std::time::Duration;

use crate::client::fetch;
use crate::error::Error;
use crate::lab::Lab;
use crate::measure::idle::IDLE_MB;
use crate::report::{Row, Target, Who};
use crate::seed;
use crate::settings::Settings;

/// How soon it has to be ready, in milliseconds.
const READY_MS: f64 = 100.0;

/// Between two knocks at the door.
const KNOCK_EVERY: Duration = Duration::from_micros(500);

/// After so many knocks it is a failure, not a figure.
const KNOCKS: usize = 20_000;

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let blobs = settings.seeded_blobs;
    let data = lab.make_dir("many")?;
    seed::fill(&data, blobs)?;
    let mut ready = Row::new(format!("start to ready with {blobs} blobs"), "ms", 1)
        .target(Target::Below(READY_MS));
    let mut memory = Row::new(format!("idle with {blobs} blobs: resident memory"), "MB", 1)
        .target(Target::Below(IDLE_MB));
    for _ in 0..settings.rounds {
        let began = lab.elapsed();
        let server = lab.start_forebay(&data)?;
        let url = lab.url(Who::Forebay, "/readyz");
        let knocked = (0..KNOCKS).find(|_| {
            let is_ready = fetch(&url).is_ok();
            if !is_ready {
                sleep(KNOCK_EVERY);
            }
            is_ready
        });
        let took = lab.elapsed().saturating_sub(began);
        if knocked.is_none() {
            return Err(Error::program("forebay", "is never ready"));
        }
        ready.add(Who::Forebay, took.as_secs_f64() * 1e3);
        sleep(Duration::from_secs(1));
        memory.add(Who::Forebay, server.resident_mb()?);
    }
    Ok(vec![ready, memory])
}
