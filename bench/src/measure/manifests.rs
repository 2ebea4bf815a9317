//! How many warm manifests a server gives for a second of CPU time.

use crate::client::Url;
use crate::error::Error;
use crate::lab::{CONTENDERS, Lab};
use crate::measure::load;
use crate::process::Server;
use crate::report::{Row, Target, Who};
use crate::settings::Settings;

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let digest = &lab.content().manifest;
    let mut servers = Vec::new();
    for who in CONTENDERS {
        servers.push((who, lab.start(who)?));
    }
    let mut rows = Vec::new();
    for (how, reference) in [("tag", "1"), ("digest", digest)] {
        let mut row = Row::new(
            format!("warm manifest by {how}: answers a CPU-second"),
            "1/s",
            0,
        )
        .target(Target::AtLeast(3.0, Who::DockerRegistry))
        .target(Target::AtLeast(1.0, Who::Nginx));
        for _ in 0..settings.rounds {
            for (who, server) in &servers {
                let url = lab.url(*who, &format!("/v2/library/warm/manifests/{reference}"));
                row.add(*who, per_cpu_second(server, &url, settings)?);
            }
        }
        rows.push(row);
    }
    rows.push(super::idle::after_work(&servers)?);
    Ok(rows)
}

fn per_cpu_second(server: &Server, url: &Url, settings: &Settings) -> Result<f64, Error> {
    let before = server.cpu_seconds()?;
    let answers = load::by_wrk(url, settings)?.answers;
    Ok(answers / (server.cpu_seconds()? - before))
}
