//! What a warm blob costs in CPU time.

use std::thread;

use crate::client::{Connection, Url};
use crate::error::Error;
use crate::lab::{CONTENDERS, Lab};
use crate::process::Server;
use crate::report::{Row, Target, Who};
use crate::settings::{BLOB_CONNECTIONS, Settings};

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let mut row = Row::new("warm 100 MB blob: CPU time", "ms/GB", 0)
        .target(Target::AtMost(0.5, Who::DockerRegistry));
    let mut servers = Vec::new();
    for who in CONTENDERS {
        let url = lab.url(
            who,
            &format!("/v2/library/warm/blobs/{}", lab.content().blob),
        );
        let server = lab.start(who)?;
        read(&url, 1)?;
        servers.push((who, server, url));
    }
    for _ in 0..settings.rounds {
        for (who, server, url) in &servers {
            row.add(*who, ms_per_gb(server, url, settings)?);
        }
    }
    let servers: Vec<_> = servers
        .into_iter()
        .map(|(who, server, _)| (who, server))
        .collect();
    Ok(vec![row, super::idle::after_work(&servers)?])
}

fn ms_per_gb(server: &Server, url: &Url, settings: &Settings) -> Result<f64, Error> {
    let before = server.cpu_seconds()?;
    let bytes = read(url, settings.blobs_per_connection)?;
    let seconds = server.cpu_seconds()? - before;
    #[expect(clippy::cast_precision_loss, reason = "some gigabytes")]
    let gigabytes = bytes as f64 / 1e9;
    Ok(seconds * 1e3 / gigabytes)
}

/// Reads the blob so many times on each of some connections; how many bytes that were.
fn read(url: &Url, times: usize) -> Result<u64, Error> {
    let on_one = || {
        let mut connection = Connection::open(url.address)?;
        (0..times)
            .map(|_| connection.drain(url))
            .sum::<Result<u64, Error>>()
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..BLOB_CONNECTIONS).map(|_| scope.spawn(on_one)).collect();
        let ended = readers.into_iter().map(|reader| {
            let panicked = |_| Err(Error::program("bench", "a reader panicked"));
            reader.join().unwrap_or_else(panicked)
        });
        ended.sum()
    })
}
