//! How fast `forebay doctor` reads a log, and how much memory it takes for it.

use std::process::Command;

use super::finished::finish;
use super::log::{self, Kind};
use crate::build::{built, root};
use crate::error::Error;
use crate::report::{HEADER, Row, Target, Who};
use crate::scenario::page::publish;
use crate::settings::Settings;

/// What the log has, in bytes.
const LOG_BYTES: u64 = 1_000_000_000;

/// What is read: what it is called, how its lines are written, and one line in how many tells of a failed pull.
const LOGS: [(&str, Kind, u64); 5] = [
    ("a quiet node", Kind::Text, 100_000),
    ("a bad hour", Kind::Text, 100),
    ("a storm", Kind::Text, 10),
    ("JSON of a node", Kind::Json, 1_000),
    ("a storm in JSON", Kind::Json, 10),
];

/// A CPU has to read the log in this.
const WITHIN_SECONDS: f64 = 3.0;

/// And hold less than this meanwhile.
const WITHIN_MB: f64 = 50.0;

/// `doctor` found something.
const FINDINGS: i32 = 1;

/// Reads each log, round by round.
pub(crate) fn run(settings: &Settings) -> Result<(), Error> {
    let programs = built()?;
    let dir = tempfile::Builder::new()
        .prefix("bench-doctor-")
        .tempdir_in(root().join("target"))
        .map_err(Error::io("cannot make a directory to work in"))?;
    let (out, err) = (dir.path().join("out"), dir.path().join("err"));
    let path = dir.path().join("messages.log");
    let mut rows = Vec::new();
    for (name, kind, one_in) in LOGS {
        log::write(&path, kind, LOG_BYTES, one_in)?;
        let what = format!("doctor, 1 GB of {name}, one line in {one_in} a failed pull");
        let mut cpu =
            Row::new(format!("{what}: CPU time"), "s", 2).target(Target::Below(WITHIN_SECONDS));
        let mut wall = Row::new("the same: time", "s", 2);
        let mut memory =
            Row::new("the same: most resident memory", "MB", 1).target(Target::Below(WITHIN_MB));
        for _ in 0..settings.rounds {
            let mut command = Command::new(&programs.forebay);
            command.args(["doctor", "--json"]).arg(&path);
            let finished = finish(command, &out, &err)?;
            if finished.code != FINDINGS {
                return Err(Error::program("forebay doctor", "found nothing in the log"));
            }
            cpu.add(Who::Forebay, finished.cpu_seconds);
            wall.add(Who::Forebay, finished.wall_seconds);
            memory.add(Who::Forebay, finished.peak_mb);
        }
        rows.extend([cpu, wall, memory]);
    }
    let mut text = HEADER.to_owned();
    for row in rows {
        text.push_str(&row.line());
    }
    text.push_str("\nThe log is in the page cache; the findings go to a file as JSON.\n");
    publish("doctor", &text, settings)
}
