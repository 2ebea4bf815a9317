//! What ten thousand connections cost that ask nothing: half-open ones, and idle ones; and what somebody beside them notices.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::client::download;
use crate::error::Error;
use crate::lab::Lab;
use crate::process::{Server, file_limit};
use crate::report::{Row, Target, Who};
use crate::sample::percentile;
use crate::settings::Settings;

/// How many of a kind there are, where the system allows as many files.
const MANY: u64 = 10_000;

/// Files that Forebay keeps for itself, and those that this process has beside; and the bystander's connections.
const FILES_KEPT: u64 = 192;
const FILES_HERE: u64 = 500;
const BYSTANDERS: u64 = 100;

/// What the half-open ones may cost of Forebay's memory, in MB.
const GROWTH_MB: f64 = 50.0;

/// When they must be gone, in seconds.
const GONE_S: f64 = 30.0;

/// After this the wait for their end is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often somebody else asks for a manifest each time, each on a connection of its own.
const ASKS: usize = 1000;

/// Each takes a quarter of a minute.
const MAX_ROUNDS: usize = 3;

/// Who is compared. nginx has as many connections as it is told to have.
const COMPARED: [Who; 2] = [Who::Forebay, Who::DockerRegistry];

/// A kind of connections that ask nothing.
struct Kind {
    name: &'static str,
    sent: &'static str,
    is_answered: bool,
}

const HALF_OPEN: Kind = Kind {
    name: "half-open",
    sent: "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    is_answered: false,
};

const IDLE: Kind = Kind {
    name: "idle",
    sent: "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    is_answered: true,
};

/// The rows of one kind.
struct Figures {
    growth: Row,
    before: Waits,
    during: Waits,
}

/// What somebody else waits for an answer.
struct Waits {
    middle: Row,
    late: Row,
}

/// Connections that are open to a server.
struct Burden {
    streams: Vec<TcpStream>,
    /// When the last of them was opened, as the laboratory's time has it.
    opened: Duration,
    /// Runs as long as they do.
    _server: Server,
}

pub(crate) fn run(lab: &Lab, settings: &Settings) -> Result<Vec<Row>, Error> {
    let many = room();
    let mut half_open = Figures::of(&HALF_OPEN, many);
    half_open.growth = half_open.growth.target(Target::Below(GROWTH_MB));
    let what = format!("{many} half-open connections: until all are gone");
    let mut gone = Row::new(what, "s", 1).target(Target::Below(GONE_S));
    let mut idle = Figures::of(&IDLE, many);
    for _ in 0..settings.rounds.min(MAX_ROUNDS) {
        for who in COMPARED {
            let burden = half_open.add(lab, who, &HALF_OPEN, many)?;
            // The other keeps them for as long as they like.
            if who == Who::Forebay {
                gone.add(who, burden.until_gone(lab)?.as_secs_f64());
            }
        }
        for who in COMPARED {
            idle.add(lab, who, &IDLE, many)?;
        }
    }
    let mut rows = half_open.rows();
    rows.push(gone);
    rows.extend(idle.rows());
    Ok(rows)
}

impl Figures {
    fn of(kind: &Kind, many: u64) -> Self {
        let what = format!("{many} {} connections", kind.name);
        let beside = format!("warm manifest beside {what}");
        Self {
            growth: Row::new(format!("{what}: growth of resident memory"), "MB", 1),
            before: Waits::of(&format!("{beside}, before")),
            during: Waits::of(&beside),
        }
    }

    /// Has a server that has just started bear them.
    fn add(&mut self, lab: &Lab, who: Who, kind: &Kind, many: u64) -> Result<Burden, Error> {
        let server = lab.start(who)?;
        self.before.add(lab, who)?;
        let before = server.resident_mb()?;
        let to = lab.url(who, "/v2/").address;
        let streams: Result<Vec<_>, Error> = (0..many)
            .map(|number| open(source(number), to, kind))
            .collect();
        let streams = streams?;
        let opened = lab.elapsed();
        self.during.add(lab, who)?;
        self.growth.add(who, server.resident_mb()? - before);
        Ok(Burden {
            streams,
            opened,
            _server: server,
        })
    }

    fn rows(self) -> Vec<Row> {
        let waits = [self.before, self.during];
        let waits = waits
            .into_iter()
            .flat_map(|waits| [waits.middle, waits.late]);
        [self.growth].into_iter().chain(waits).collect()
    }
}

impl Waits {
    fn of(what: &str) -> Self {
        let row = |part: &str| Row::new(format!("{what}: {part}"), "ms", 2);
        Self {
            middle: row("p50"),
            late: row("p99"),
        }
    }

    /// Asks as often as is to be asked, one after another.
    fn add(&mut self, lab: &Lab, who: Who) -> Result<(), Error> {
        let digest = &lab.content().manifest;
        let url = lab.url(who, &format!("/v2/library/warm/manifests/{digest}"));
        let ask = |_| {
            let began = lab.elapsed();
            download(&url)?;
            Ok(lab.elapsed().saturating_sub(began))
        };
        let waits: Result<Vec<Duration>, Error> = (0..ASKS).map(ask).collect();
        let waits = waits?;
        for (row, percent) in [(&mut self.middle, 50), (&mut self.late, 99)] {
            let took = percentile(waits.clone(), percent);
            row.add(who, took.as_secs_f64() * 1e3);
        }
        Ok(())
    }
}

/// How many connections this process and a server may have, up to [`MANY`].
fn room() -> u64 {
    let files = file_limit();
    let there = files.saturating_sub(FILES_KEPT) / 2;
    let here = files.saturating_sub(FILES_HERE);
    there.min(here).saturating_sub(BYSTANDERS).min(MANY)
}

/// Addresses of this machine in turns: each has only so many ports, and Forebay lets none have all places.
fn source(number: u64) -> Ipv4Addr {
    let [.., last] = (number % 8 + 1).to_be_bytes();
    Ipv4Addr::new(127, 0, 1, last)
}

fn open(from: Ipv4Addr, to: SocketAddr, kind: &Kind) -> Result<TcpStream, Error> {
    let cannot = || Error::io(format!("cannot connect to {to} from {from}"));
    let connected = socket(AddressFamily::INET, SocketType::STREAM, None).and_then(|socket| {
        bind(&socket, &SocketAddrV4::new(from, 0))?;
        connect(&socket, &to)?;
        Ok(socket)
    });
    let mut stream = TcpStream::from(connected.map_err(|error| cannot()(error.into()))?);
    stream.write_all(kind.sent.as_bytes()).map_err(cannot())?;
    if kind.is_answered {
        let heard = stream.read(&mut [0; 4096]).map_err(cannot())?;
        if heard == 0 {
            return Err(cannot()(ErrorKind::UnexpectedEof.into()));
        }
    }
    stream.set_nonblocking(true).map_err(cannot())?;
    Ok(stream)
}

impl Burden {
    /// How long it takes from their opening until the server has closed all of them.
    fn until_gone(mut self, lab: &Lab) -> Result<Duration, Error> {
        while !self.streams.is_empty() {
            self.streams.retain_mut(is_open);
            if lab.elapsed() > self.opened + PATIENCE {
                let left = self.streams.len();
                let what = format!("{left} half-open connections are still open");
                return Err(Error::program("forebay", what));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(lab.elapsed().saturating_sub(self.opened))
    }
}

fn is_open(stream: &mut TcpStream) -> bool {
    let heard = stream.read(&mut [0; 512]);
    matches!(heard, Err(error) if error.kind() == ErrorKind::WouldBlock)
}
