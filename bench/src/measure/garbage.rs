//! What it takes to clear away 100,000 manifests and as many blobs, and what those feel meanwhile who pull.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::error::Error;
use crate::hosts::{HOSTS, Hosts};
use crate::measure::beside::{Beside, alone, late, p99_ms};
use crate::measure::load::steady;
use crate::measure::pushed::{self, REPOSITORY};
use crate::process::Server;
use crate::report::{Row, Target, Who};
use crate::seed_registry::{REPOSITORIES, fill_docker, fill_forebay, repository};
use crate::settings::Settings;
use crate::tool::finished::{Finished, finish};

/// How long a server may settle before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(1);

/// How often is asked without and with a collection: making what is cleared away takes longest.
const MAX_ROUNDS: usize = 3;

/// The rows of the table.
struct Figures {
    idle: Row,
    delete: Row,
    collect: Row,
    cpu: Row,
    peak: Row,
    deleting: Row,
    beside: Beside,
}

pub(crate) fn run(hosts: &Hosts, settings: &Settings) -> Result<Vec<Row>, Error> {
    let images = settings.seeded_blobs;
    let mut figures = Figures::of(images);
    for _ in 0..settings.rounds.min(MAX_ROUNDS) {
        for who in HOSTS {
            let data = hosts.empty_dir("garbage")?;
            if who == Who::Forebay {
                fill_forebay(&data, images)?;
            } else {
                fill_docker(&data, images)?;
            }
            rustix::fs::sync();
            figures.round(hosts, who, (&data, settings))?;
        }
    }
    hosts.empty_dir("garbage")?;
    Ok(figures.rows())
}

impl Figures {
    fn of(images: u32) -> Self {
        Self {
            idle: Row::new(
                format!("idle with {images} pushed images: resident memory"),
                "MB",
                1,
            )
            .target(Target::Below(super::idle::IDLE_MB)),
            delete: Row::new(
                format!("{REPOSITORIES} repositories with {images} manifests deleted: time"),
                "s",
                1,
            ),
            // No target: Forebay gives way to those who pull, and so takes longer.
            collect: Row::new(
                format!("{images} manifests and as many blobs cleared away beside pulls: time"),
                "s",
                1,
            ),
            cpu: Row::new(
                "the same: CPU time, that of the pulls among it in Forebay",
                "s",
                1,
            ),
            peak: Row::new("the same: most resident memory", "MB", 1)
                .target(Target::AtMost(1.0, Who::DockerRegistry)),
            deleting: late("while repositories are deleted"),
            beside: Beside::of("they are cleared away"),
        }
    }

    fn round(
        &mut self,
        hosts: &Hosts,
        who: Who,
        (data, settings): (&Path, &Settings),
    ) -> Result<(), Error> {
        let server = hosts.start(who, data)?;
        sleep(SETTLE);
        self.idle.add(who, server.resident_mb()?);
        pushed::push(hosts, who)?;
        let url = hosts.url(who, &format!("/v2/{REPOSITORY}/manifests/1"));
        let before = alone(&url, settings)?;
        if who == Who::Forebay {
            let began = hosts.elapsed();
            let (waits, ()) = steady(&url, || delete_all(hosts, data))?;
            let took = hosts.elapsed().saturating_sub(began);
            self.delete.add(who, took.as_secs_f64());
            self.deleting.add(who, p99_ms(waits));
        }
        let (waits, took) = steady(&url, || collect(hosts, who, (data, &server)))?;
        self.collect.add(who, took.wall_seconds);
        self.cpu.add(who, took.cpu_seconds);
        self.peak.add(who, took.peak_mb);
        self.beside.add(who, (before, p99_ms(waits)));
        Ok(())
    }

    fn rows(self) -> Vec<Row> {
        let mut rows = vec![
            self.idle,
            self.delete,
            self.deleting,
            self.collect,
            self.cpu,
            self.peak,
        ];
        rows.extend(self.beside.rows());
        rows
    }
}

fn delete_all(hosts: &Hosts, data: &Path) -> Result<(), Error> {
    for number in 0..REPOSITORIES {
        let name = repository(number);
        end(hosts.command(&["repo", "delete", "--force", &name]), data)?;
    }
    Ok(())
}

/// Has what nobody holds cleared away: by a command to the server, or by a process of its own.
fn collect(hosts: &Hosts, who: Who, (data, server): (&Path, &Server)) -> Result<Finished, Error> {
    if who != Who::Forebay {
        return end(hosts.docker_garbage(), data);
    }
    let before = server.cpu_seconds()?;
    let command = end(hosts.command(&["gc", "--json"]), data)?;
    Ok(Finished {
        cpu_seconds: server.cpu_seconds()? - before,
        peak_mb: server.peak_resident_mb()?,
        ..command
    })
}

fn end(command: Command, data: &Path) -> Result<Finished, Error> {
    let (out, err) = (data.with_extension("out"), data.with_extension("err"));
    let finished = finish(command, &out, &err)?;
    if finished.code != 0 {
        let said = std::fs::read_to_string(&err).unwrap_or_default();
        return Err(Error::program("a command", said));
    }
    Ok(finished)
}
