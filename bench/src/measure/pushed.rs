//! How many pushed manifests a registry gives for a second of CPU time, and how long the slowest hundredth waits.

use crate::error::Error;
use crate::hosts::{HOSTS, Hosts};
use crate::measure::load;
use crate::pusher::{Blob, Pusher, Way, manifest};
use crate::report::{Row, Target, Who};
use crate::settings::Settings;

/// Where the image is that is asked for.
pub(crate) const REPOSITORY: &str = "bench/warm";

/// Blobs of the image.
const BLOBS: u64 = 7;

pub(crate) fn run(hosts: &Hosts, settings: &Settings) -> Result<Vec<Row>, Error> {
    let mut servers = Vec::new();
    let mut digest = String::new();
    for (who, name) in HOSTS.iter().zip(["pushed-a", "pushed-b"]) {
        let server = hosts.start(*who, &hosts.empty_dir(name)?)?;
        digest = push(hosts, *who)?;
        servers.push((*who, server));
    }
    let mut rows = Vec::new();
    for (how, reference) in [("tag", "1"), ("digest", &digest)] {
        let mut answers = Row::new(
            format!("pushed manifest by {how}: answers a CPU-second"),
            "1/s",
            0,
        )
        .target(Target::AtLeast(3.0, Who::DockerRegistry));
        let mut late = Row::new("the same: p99 of 8 who ask without pause", "ms", 2)
            .target(Target::AtMost(1.0, Who::DockerRegistry));
        for _ in 0..settings.rounds {
            for (who, server) in &servers {
                let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
                let before = server.cpu_seconds()?;
                let load = load::by_wrk(&hosts.url(*who, &path), settings)?;
                answers.add(*who, load.answers / (server.cpu_seconds()? - before));
                late.add(*who, load.p99_ms);
            }
        }
        rows.extend([answers, late]);
    }
    rows.push(super::idle::after_work(&servers)?);
    Ok(rows)
}

/// Pushes the image that is asked for as `1`; its digest.
pub(crate) fn push(hosts: &Hosts, who: Who) -> Result<String, Error> {
    let mut pusher = Pusher::open(&hosts.url(who, "/v2/"))?;
    let blobs: Vec<_> = (0..BLOBS)
        .map(|number| Blob::new(number, b"warm"))
        .collect();
    for blob in &blobs {
        pusher.push_blob(REPOSITORY, blob, Way::Whole)?;
    }
    pusher.push_manifest(REPOSITORY, "1", &manifest(&blobs, "warm"))
}
