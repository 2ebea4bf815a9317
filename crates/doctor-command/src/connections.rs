//! `--connections`, `--pcap`, `--flow-logs`: who connects to registries, how often in a minute.
//!
//! Reads the kernel's tables and files, and looks up where registries are; what they mean is the traffic crate's work.

mod processes;
mod tables;
mod text;

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forebay_config::time_span;
use forebay_content::{Clock, SystemClock};
use forebay_http_kit::Resolver;
use forebay_terminal::Failure;
use forebay_traffic::{Capture, Conversation, Error, FlowLog, Socket, Tally, Told, read_tracked};
use serde::Serialize;

use crate::source::{name_of, read_to_end};
use processes::Processes;
use tables::Tables;

/// The hosts that images come from, where no address is named: those whose addresses can be looked up.
const HOSTS: [(&str, &str); 6] = [
    ("registry-1.docker.io", "docker.io"),
    ("auth.docker.io", "docker.io"),
    ("production.cloudflare.docker.com", "docker.io"),
    ("ghcr.io", "ghcr.io"),
    ("quay.io", "quay.io"),
    ("registry.k8s.io", "registry.k8s.io"),
];

/// How often the tables are read: a connection that fails lives for about this long, and its `TIME_WAIT` for a minute.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The longest that is watched.
const MAX_WATCH: Duration = Duration::from_hours(1);

/// The most sockets that are told apart while watching.
const MAX_SEEN: usize = 500_000;

/// Who is counted.
#[derive(Debug, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// Count this machine's connections to registries by process, container and service
    #[arg(long)]
    connections: bool,

    /// For so long, an hour at most
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "connections", value_parser = watch_span)]
    watch: Duration,

    /// Count the connections to registries in a capture (pcap or pcapng), - for standard input
    #[arg(long, value_name = "FILE")]
    pcap: Vec<PathBuf>,

    /// Count the connections to registries in VPC flow logs, - for standard input
    #[arg(long, value_name = "FILE")]
    flow_logs: Vec<PathBuf>,

    /// An address of a registry, instead of those that are looked up
    #[arg(long, value_name = "IP")]
    registry_address: Vec<IpAddr>,
}

/// Who connects to registries.
#[derive(Debug, Serialize)]
pub(crate) struct ConnectionsReport {
    #[serde(flatten)]
    told: Told,
}

impl ConnectionArgs {
    pub(crate) const fn asks(&self) -> bool {
        self.connections || !self.pcap.is_empty() || !self.flow_logs.is_empty()
    }

    /// The files that are read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.pcap
            .iter()
            .chain(&self.flow_logs)
            .map(PathBuf::as_path)
    }
}

/// For how long is watched.
fn watch_span(text: &str) -> Result<Duration, String> {
    let span = time_span(text)?;
    if span > MAX_WATCH {
        return Err("at most 1h: what is held of each connection takes room".to_owned());
    }
    Ok(span)
}

/// Counts what was asked for; `None` if nothing was.
///
/// # Errors
/// A file cannot be read, or nothing of it.
pub(crate) async fn count(
    args: &ConnectionArgs,
    root: &Path,
) -> Result<Option<ConnectionsReport>, Failure> {
    if !args.asks() {
        return Ok(None);
    }
    let mut tally = Tally::new();
    know_registries(args, &mut tally).await;
    for path in &args.pcap {
        let mut capture = Capture::new();
        read_to_end(path, &mut |part| {
            capture.push(part, &mut tally);
            if capture.is_broken() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let ended = capture.finish(&mut tally);
        ended.map_err(|error| tells_nothing(path, error))?;
    }
    for path in &args.flow_logs {
        let mut log = FlowLog::new();
        read_to_end(path, &mut |part| {
            log.push(part, &mut tally);
            ControlFlow::Continue(())
        })?;
        let ended = log.finish(&mut tally);
        ended.map_err(|error| tells_nothing(path, error))?;
    }
    if args.connections {
        let clock = SystemClock::new();
        watch(root, args.watch, &clock, &mut tally).await;
    }
    let told = tally.told();
    Ok(Some(ConnectionsReport { told }))
}

/// Of a file nothing can be read, which is no word that nobody connects.
fn tells_nothing(path: &Path, error: Error) -> Failure {
    let failure = Failure::failed(format!("cannot read {}", name_of(path)), error);
    match error {
        Error::Packed("Parquet") => {
            failure.with_hint("flow logs are read as text: have them written so, or as a table from Athena")
        }
        Error::Packed(_) => failure.with_hint(
            "unpack it first, and name - for standard input: gzip -dc FILE | forebay doctor --flow-logs -",
        ),
        Error::Empty => failure.with_hint(
            "look whether what should have written it has failed, or has begun another file",
        ),
        Error::Unreadable(_) => failure,
    }
}

impl ConnectionsReport {
    pub(crate) fn told(&self) -> Vec<String> {
        text::told(&self.told)
    }
}

/// What is named, or else what is looked up. In a capture, names tell more.
async fn know_registries(args: &ConnectionArgs, tally: &mut Tally) {
    for address in &args.registry_address {
        tally.know(*address, &address.to_string());
    }
    if !args.registry_address.is_empty() {
        return;
    }
    let resolver = Resolver::system();
    for (host, registry) in HOSTS {
        tally.know_host(host, registry);
        match resolver.addresses(host).await {
            Ok(addresses) => addresses.iter().for_each(|address| tally.learn(*address, host)),
            Err(_) => tally.note(
                "not all registries' names could be looked up: name their addresses with --registry-address",
            ),
        }
    }
}

/// Looks at the kernel's tables again and again, and counts each connection once.
async fn watch(root: &Path, how_long: Duration, clock: &dyn Clock, tally: &mut Tally) {
    let proc = root.join("proc");
    let mut seen = HashSet::new();
    let until = clock.monotonic() + how_long;
    loop {
        let minute = clock.now().unix_seconds() / 60;
        look(&proc, minute, &mut seen, tally);
        if clock.monotonic() + LOOK_EVERY > until {
            return;
        }
        clock.sleep(LOOK_EVERY).await;
    }
}

/// Looks once. What a process has is its own; what only conntrack knows is a container's in a network of its own.
fn look(proc: &Path, minute: u64, seen: &mut HashSet<Socket>, tally: &mut Tally) {
    let mut tables = Tables::new();
    let processes = Processes::read(proc, &mut tables);
    if processes.has_refused() {
        tally
            .note("not all processes may be looked at: as root, each connection's process is told");
    }
    if processes.is_cut() {
        tally.note(
            "there are more processes, networks or sockets than are looked at: not every connection is seen, nor whose it is",
        );
    }
    if tables.is_missing() {
        tally.note("the kernel's table of sockets cannot be read");
    }
    let of_processes = tables.take();
    tables.read(&proc.join("net/nf_conntrack"), read_tracked);
    let ends = |socket: &Socket| (socket.local, socket.remote);
    let known: HashSet<_> = of_processes.iter().map(ends).collect();
    let tracked = tables.take().into_iter();
    let tracked = tracked.filter(|socket| !known.contains(&ends(socket)));
    for socket in of_processes.into_iter().chain(tracked) {
        // A socket loses its process's number when it is closed, and stays in the table for a minute.
        let known = Socket { inode: 0, ..socket };
        if seen.len() >= MAX_SEEN && !seen.contains(&known) {
            tally.note("too many connections: the later ones are not counted");
            continue;
        }
        if !seen.insert(known) {
            continue;
        }
        let conversation = Conversation {
            minute,
            source: socket.local.0,
            who: processes.find_owner(socket.inode),
            destination: socket.remote.0,
        };
        tally.add(&conversation, 1, 0);
    }
    if tables.is_cut() {
        tally.note("the kernel's tables of connections are too long: not all of them is read");
    }
}

#[cfg(test)]
mod tests;
