//! What a thousand slow readers of one blob cost in memory.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use crate::client::Connection;
use crate::error::Error;
use crate::lab::{CONTENDERS, Lab};
use crate::report::{Row, Target, Who};
use crate::settings::{SLOW_BYTES_PER_SECOND, SLOW_READERS, Settings};

/// How often each reader takes something.
const TICK: Duration = Duration::from_millis(250);

/// What it takes then, in bytes.
const SIP_BYTES: usize = SLOW_BYTES_PER_SECOND / 4;

/// What Forebay may hold, in MB.
const HELD_MB: f64 = 100.0;

/// This much of what the readers would take Forebay must have given them, or its memory means nothing.
const SERVED: f64 = 0.9;

/// Each takes as long as the readers read: fewer rounds than for the rest.
const MAX_ROUNDS: usize = 3;

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let mut row = Row::new(
        "1,000 slow readers of one 100 MB blob: most resident memory",
        "MB",
        1,
    )
    .target(Target::Below(HELD_MB));
    let mut served = Row::new("the same: what they got of what they would take", "%", 0);
    for _ in 0..settings.rounds.min(MAX_ROUNDS) {
        for who in CONTENDERS {
            let (held_mb, share) = held_by(lab, who, settings.slow)?;
            row.add(who, held_mb);
            served.add(who, share * 100.0);
            if who == Who::Forebay && share < SERVED {
                return Err(Error::program(
                    "forebay",
                    format!("served {share:.2} of what readers would take"),
                ));
            }
        }
    }
    Ok(vec![row, served])
}

/// The most resident memory, in MB, of a server that has just started, while all read; and how much they got of what they
/// would take.
fn held_by(lab: &Lab, who: Who, long: Duration) -> Result<(f64, f64), Error> {
    let server = lab.start(who)?;
    let url = lab.url(
        who,
        &format!("/v2/library/warm/blobs/{}", lab.content().blob),
    );
    let mut readers = Vec::with_capacity(SLOW_READERS);
    for _ in 0..SLOW_READERS {
        let mut connection = Connection::open(url.address)?;
        connection.ask(&url)?;
        let stream = connection.into_stream();
        stream
            .set_nonblocking(true)
            .map_err(Error::io("cannot read as it comes"))?;
        readers.push(stream);
    }
    let ticks = long.as_millis() / TICK.as_millis();
    let (mut wanted, mut taken) = (0, 0);
    for tick in 1..=u32::try_from(ticks).unwrap_or(u32::MAX) {
        let next = lab.elapsed() + TICK;
        for reader in &mut readers {
            wanted += SIP_BYTES;
            taken +=
                sip(reader).ok_or_else(|| url.wrong(format!("a reader was cut at tick {tick}")))?;
        }
        sleep(next.saturating_sub(lab.elapsed()));
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred megabytes")]
    let share = taken as f64 / wanted as f64;
    Ok((server.peak_resident_mb()?, share))
}

/// Takes some bytes if there are any; none if the connection ended.
fn sip(reader: &mut TcpStream) -> Option<usize> {
    match reader.read(&mut [0; SIP_BYTES]) {
        Ok(0) => None,
        Ok(count) => Some(count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}
