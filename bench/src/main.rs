//! Measures Forebay side by side with docker-registry and nginx, in one run, and writes the table.
//!
//! This file is the order of the run; `README.md` says what each number means.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command: printing is all it does"
)]

mod build;
mod client;
mod error;
mod lab;
mod measure;
mod process;
mod report;
mod sample;
mod scenario;
mod seed;
mod settings;
mod tool;

use std::process::ExitCode;

use error::Error;
use lab::Lab;
use report::{Report, Row};
use settings::{Settings, Story};

/// What is measured, in this order: memory and start first, as a process that has just started has no history.
const MEASURES: [(&str, Measure); 8] = [
    ("idle", measure::idle::run),
    ("start", measure::start::run),
    ("cold", measure::cold::run),
    ("slow-readers", measure::slow_readers::run),
    ("connections", measure::connections::run),
    ("manifests", measure::manifests::run),
    ("blobs", measure::blobs::run),
    ("outage", measure::outage::run),
];

type Measure = fn(&Lab, &Settings) -> Result<Vec<Row>, Error>;

fn main() -> ExitCode {
    let outcome =
        Settings::from_arguments(std::env::args().skip(1)).and_then(|settings| run(&settings));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error::print(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<(), Error> {
    match settings.story {
        Some(Story::Rewrite) => return tool::rewrite::run(settings),
        Some(Story::Doctor) => return tool::doctor::run(settings),
        _ => {}
    }
    let programs = build::programs()?;
    process::raise_file_limit()?;
    match settings.story {
        Some(Story::Fleet) => return scenario::fleet::run(&programs, settings),
        Some(Story::Storm) => return scenario::storm::run(&programs, settings),
        _ => {}
    }
    let lab = Lab::prepare(programs, settings)?;
    let mut report = Report::begin(settings)?;
    for (name, measure) in MEASURES {
        if settings.wants(name) {
            report.add(measure(&lab, settings)?);
        }
    }
    println!("{}", report.markdown());
    report.write()
}
