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
mod hosts;
mod lab;
mod measure;
mod process;
mod pusher;
mod report;
mod sample;
mod scenario;
mod seed;
mod seed_registry;
mod settings;
mod tool;

use std::process::ExitCode;

use error::Error;
use hosts::Hosts;
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

/// What is measured of a registry that is pushed to.
const OF_REGISTRY: [(&str, MeasureHosts); 4] = [
    ("push", measure::push::run),
    ("pushed", measure::pushed::run),
    ("tags", measure::tags::run),
    ("garbage", measure::garbage::run),
];

type MeasureHosts = fn(&Hosts, &Settings) -> Result<Vec<Row>, Error>;

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
    let is_of_registry = |only: &String| OF_REGISTRY.iter().any(|(name, _)| only == name);
    match settings.story {
        None if settings.only.as_ref().is_some_and(is_of_registry) => {
            return measure_registry(programs, settings);
        }
        Some(Story::Fleet) => return scenario::fleet::run(&programs, settings),
        Some(Story::Storm) => return scenario::storm::run(&programs, settings),
        Some(Story::Life) => return scenario::life::run(&programs, settings),
        Some(Story::Registry) => return measure_registry(programs, settings),
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

fn measure_registry(programs: build::Programs, settings: &Settings) -> Result<(), Error> {
    let hosts = Hosts::prepare(programs)?;
    let mut rows = Vec::new();
    for (name, measure) in OF_REGISTRY {
        if settings.wants(name) {
            let measured = measure(&hosts, settings)?;
            for row in &measured {
                print!("{}", row.line());
            }
            rows.extend(measured);
        }
    }
    let mut text = report::HEADER.to_owned();
    for row in rows {
        text.push_str(&row.line());
    }
    text.push_str("\nMedians of several rounds, in turns, with the least and the most. \"Direct\" is the machine alone: the same bytes\n");
    text.push_str("hashed, written and flushed by as many threads.\n");
    scenario::page::publish("registry", &text, settings)
}
