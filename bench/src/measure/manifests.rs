//! How many warm manifests a server gives for a second of CPU time.

use std::process::Command;

use crate::client::{ACCEPT, Url};
use crate::error::Error;
use crate::lab::{CONTENDERS, Lab};
use crate::process::Server;
use crate::report::{Row, Target, Who};
use crate::settings::{MANIFEST_CONNECTIONS, Settings};

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
    let answers = load(url, settings)?;
    Ok(answers / (server.cpu_seconds()? - before))
}

/// Has wrk ask as fast as it can on some connections that are kept; how many answers came, all of them good.
fn load(url: &Url, settings: &Settings) -> Result<f64, Error> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{MANIFEST_CONNECTIONS}")])
        .arg(format!("-d{}s", settings.load.as_secs()))
        .args(["-H", &format!("Accept: {ACCEPT}"), &url.to_string()])
        .output()
        .map_err(Error::io("cannot run wrk"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(url.wrong(format!("not all answers were good:\n{text}")));
    }
    find_answers(&text).ok_or_else(|| Error::program("wrk", format!("said {text}")))
}

fn find_answers(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains(" requests in "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_answers_is_read_from_what_wrk_prints() {
        let text = "  Thread Stats   Avg\n  157236 requests in 6.00s, 99.87MB read\nRequests/sec:  26206.00\n";
        assert_eq!(find_answers(text), Some(157_236.0));
        assert_eq!(find_answers("unable to connect"), None);
    }
}
