//! What a server holds that has just started and was asked next to nothing.

use std::thread::sleep;
use std::time::Duration;

use crate::error::Error;
use crate::lab::{CONTENDERS, Lab};
use crate::report::{Row, Target, Who};
use crate::settings::Settings;

/// How long it may settle first.
const SETTLE: Duration = Duration::from_secs(1);

/// What Forebay may hold, in MB.
pub(crate) const IDLE_MB: f64 = 30.0;

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let mut row =
        Row::new("idle, just started: resident memory", "MB", 1).target(Target::Below(IDLE_MB));
    for _ in 0..settings.rounds {
        for who in CONTENDERS {
            let server = lab.start(who)?;
            sleep(SETTLE);
            row.add(who, server.resident_mb()?);
        }
    }
    Ok(vec![row])
}

/// The same of Forebay after work: nothing is left behind.
pub(crate) fn after_work(servers: &[(Who, crate::process::Server)]) -> Result<Row, Error> {
    let mut row = Row::new("idle again, after the load above: resident memory", "MB", 1)
        .target(Target::Below(IDLE_MB));
    sleep(SETTLE);
    for (who, server) in servers {
        row.add(*who, server.resident_mb()?);
    }
    Ok(row)
}
