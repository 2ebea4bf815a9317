//! A registry's daily life: clients push, pull and delete for half an hour, while garbage is collected and lifecycle rules are
//! applied every few seconds. Each answer is judged; memory, open files and disk are watched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use forebay_content::{Clock, SystemClock};
use registry_conformance::life::{Client, KEPT, Life, tidy_up};
use registry_conformance::registry::Registry;
use registry_conformance::verdict::Stop;
use tempfile::TempDir;

use super::page::publish;
use crate::build::{Programs, root};
use crate::client::{Url, fetch};
use crate::error::Error;
use crate::lab::free_address;
use crate::process::Server;
use crate::sample::Sample;
use crate::settings::Settings;

/// Clients that push, pull and delete.
const CLIENTS: u64 = 8;

/// The largest layer, in bytes.
const MAX_LAYER_BYTES: u64 = 4 * 1024 * 1024;

/// Between two collections of garbage, after each of which lifecycle rules are applied.
const COLLECT_EVERY: Duration = Duration::from_secs(3);

/// Between two looks at the server.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a server may take until it answers.
const START_WITHIN: Duration = Duration::from_secs(20);

/// The story is told in so many parts, of which the last has to be as the second was.
const PARTS: usize = 4;

/// A registry and what watches it.
struct World {
    dir: TempDir,
    forebay: PathBuf,
    address: SocketAddr,
    clock: SystemClock,
}

/// What the server was like at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    resident_mb: f64,
    open_files: usize,
    disk_mb: f64,
}

/// What came of it all.
#[derive(Default)]
struct Outcome {
    failures: Vec<String>,
    done: BTreeMap<&'static str, u64>,
    looks: Vec<Look>,
    collections: u64,
    cleared_objects: u64,
    cpu_seconds: f64,
    /// Manifests and blobs that were held at the end, and those on the disk that were not.
    held: usize,
    left: usize,
    missing: usize,
}

pub(crate) fn run(programs: &Programs, settings: &Settings) -> Result<(), Error> {
    let seed = settings
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("--seed={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::io("cannot begin a runtime"))?;
    let world = World::begin(programs)?;
    let outcome = runtime.block_on(world.live(seed, settings.life))?;
    publish("life", &outcome.page(seed, settings.life), settings)?;
    match outcome.failures.first() {
        None => Ok(()),
        Some(first) => Err(Error::program("forebay", first.clone())),
    }
}

impl World {
    fn begin(programs: &Programs) -> Result<Self, Error> {
        let dir = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(root().join("target"))
            .map_err(Error::io("cannot make a directory to work in"))?;
        let address = free_address(Ipv4Addr::LOCALHOST)?;
        let world = Self {
            dir,
            forebay: programs.forebay.clone(),
            address,
            clock: SystemClock::new(),
        };
        let config = format!(
            "listen = \"{address}\"\ndata = \"{}\"\nlocal = [\"life/**\"]\n[clients]\nloopback_push = true\n\
             [[lifecycle]]\nrepositories = [\"life/passing-*\"]\ntags = [\"v*\"]\nkeep_newest = {KEPT}\n",
            world.data().display(),
        );
        let path = world.config();
        fs::write(&path, config).map_err(Error::io(format!("cannot write {}", path.display())))?;
        Ok(world)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("forebay.toml")
    }

    fn start(&self) -> Result<Server, Error> {
        let mut command = Command::new(&self.forebay);
        command.args(["serve", "--config"]).arg(self.config());
        let server = Server::start(command, &self.dir.path().join("forebay.log"))?;
        let end = self.clock.monotonic() + START_WITHIN;
        loop {
            match fetch(&Url::new(self.address, "/readyz")) {
                Ok(_) => return Ok(server),
                Err(error) if self.clock.monotonic() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    async fn live(&self, seed: u64, long: Duration) -> Result<Outcome, Error> {
        let server = self.start()?;
        let base = format!("http://{}", self.address);
        let registry = Registry::new(&base, "life", None, true)
            .map_err(|what| Error::program("bench", what))?;
        let life = Life::new(registry, seed, MAX_LAYER_BYTES);
        let mut living = life.begin(CLIENTS);
        let mut outcome = Outcome::default();
        self.watch(&mut outcome, (&server, &life), long).await?;
        life.end();
        let mut clients = Vec::new();
        while let Some(joined) = living.join_next().await {
            let (client, lived) =
                joined.map_err(|_| Error::program("bench", "a client panicked"))?;
            outcome.judge("while all live", lived);
            clients.push(client);
        }
        outcome.cpu_seconds = server.cpu_seconds()?;
        outcome.done = life.done();
        self.settle(&mut outcome, &mut clients).await?;
        drop(server);
        let _again = self.start()?;
        for client in &mut clients {
            outcome.judge("after a restart", client.check_all().await);
        }
        Ok(outcome)
    }

    /// Collects garbage, applies rules and looks, until the time is over or a client has failed.
    async fn watch(
        &self,
        outcome: &mut Outcome,
        (server, life): (&Server, &Life),
        long: Duration,
    ) -> Result<(), Error> {
        let began = self.clock.monotonic();
        let (mut look_at, mut collect_at) = (began, began + COLLECT_EVERY);
        while self.clock.monotonic() < began + long && !life.is_over() {
            let now = self.clock.monotonic();
            if now >= look_at {
                look_at = now + LOOK_EVERY;
                outcome.looks.push(Look::at(server, &self.data())?);
            }
            if now >= collect_at {
                collect_at = now + COLLECT_EVERY;
                self.collect(outcome).await?;
            }
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn collect(&self, outcome: &mut Outcome) -> Result<(), Error> {
        let collected = self.command(outcome, &["gc", "--json"]).await?;
        outcome.cleared_objects += collected["objects"].as_u64().unwrap_or_default();
        self.command(outcome, &["repo", "expire", "--json"]).await?;
        outcome.collections += 1;
        Ok(())
    }

    /// What a command to the server prints; a failure of it is one of the outcome.
    async fn command(
        &self,
        outcome: &mut Outcome,
        words: &[&str],
    ) -> Result<serde_json::Value, Error> {
        let mut command = tokio::process::Command::new(&self.forebay);
        command.args(words).arg("--config").arg(self.config());
        let ended = command.output().await;
        let ended = ended.map_err(Error::io("cannot run forebay"))?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            outcome
                .failures
                .push(format!("{}: {said}", words.join(" ")));
        }
        Ok(serde_json::from_slice(&ended.stdout).unwrap_or_default())
    }

    /// Once all have stopped: all is there, and after what nobody needs was deleted and cleared away, nothing else is.
    async fn settle(&self, outcome: &mut Outcome, clients: &mut [Client]) -> Result<(), Error> {
        self.command(outcome, &["repo", "expire", "--json"]).await?;
        for client in &mut *clients {
            outcome.judge("at the end", client.check_all().await);
        }
        match tidy_up(clients).await {
            Err(stop) => outcome.judge("while tidying up", Err(stop)),
            Ok(held) => {
                self.command(outcome, &["gc", "--json"]).await?;
                let on_disk = on_disk(&self.data())?;
                outcome.held = held.len();
                outcome.left = on_disk.difference(&held).count();
                outcome.missing = held.difference(&on_disk).count();
            }
        }
        if outcome.left + outcome.missing > 0 {
            outcome.failures.push(format!(
                "{} objects are left that nobody holds, and {} are missing",
                outcome.left, outcome.missing
            ));
        }
        Ok(())
    }
}

impl Look {
    fn at(server: &Server, data: &Path) -> Result<Self, Error> {
        Ok(Self {
            resident_mb: server.resident_mb()?,
            open_files: server.open_files()?,
            disk_mb: disk_mb(data),
        })
    }
}

/// The bytes of all files below, in MB; what goes meanwhile counts for nothing.
fn disk_mb(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => disk_mb(&entry.path()),
            #[expect(clippy::cast_precision_loss, reason = "megabytes")]
            Ok(found) => found.len() as f64 / 1e6,
            Err(_) => 0.0,
        })
        .sum()
}

/// The digests of which the registry has bytes.
fn on_disk(data: &Path) -> Result<BTreeSet<String>, Error> {
    let folder = data.join("registry/blobs/sha256");
    let cannot = || Error::io(format!("cannot read {}", folder.display()));
    let mut digests = BTreeSet::new();
    for shard in fs::read_dir(&folder).map_err(cannot())? {
        let shard = shard.map_err(cannot())?.path();
        for blob in fs::read_dir(shard).map_err(cannot())? {
            let name = blob.map_err(cannot())?.file_name();
            digests.insert(format!("sha256:{}", name.to_string_lossy()));
        }
    }
    Ok(digests)
}

impl Outcome {
    fn judge(&mut self, when: &str, came: Result<(), Stop>) {
        match came {
            Ok(()) => {}
            Err(Stop::Failed(why) | Stop::Skipped(why)) => {
                println!("{when}: {why}");
                self.failures.push(format!("{when}: {why}"));
            }
        }
    }

    fn page(&self, seed: u64, long: Duration) -> String {
        let mut text = format!(
            "{CLIENTS} clients push, pull and delete for {} minutes; every {} s `forebay gc`, then `forebay repo expire`. `--seed={seed}`.\n\n\
             Client-visible failures: **{}**\n\n| what was done | how often |\n|---|---|\n",
            long.as_secs() / 60,
            COLLECT_EVERY.as_secs(),
            self.failures.len(),
        );
        for (act, count) in &self.done {
            let _ = writeln!(text, "| {act} | {count} |");
        }
        let _ = writeln!(
            text,
            "| collections, rules applied | {} |",
            self.collections
        );
        let _ = writeln!(text, "| objects cleared away | {} |", self.cleared_objects);
        let _ = write!(
            text,
            "\nCPU time of the server: {:.0} s. At the end {} manifests and blobs were held; on the disk were {} that nobody held, and\n\
             {} were missing. The server, in {PARTS} parts of that time, medians (least–most):\n\n\
             | part | resident, MB | open files | data directory, MB |\n|---|---|---|---|\n",
            self.cpu_seconds, self.held, self.left, self.missing,
        );
        let long = self.looks.len().div_ceil(PARTS).max(1);
        for (part, looks) in self.looks.chunks(long).enumerate() {
            let cell = |pick: &dyn Fn(&Look) -> f64| {
                let mut sample = Sample::default();
                for look in looks {
                    sample.add(pick(look));
                }
                let (median, min, max) = (sample.median(), sample.min(), sample.max());
                format!("{median:.0} ({min:.0}–{max:.0})")
            };
            #[expect(clippy::cast_precision_loss, reason = "some hundred files")]
            let files = |look: &Look| look.open_files as f64;
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                part + 1,
                cell(&|look| look.resident_mb),
                cell(&files),
                cell(&|look| look.disk_mb),
            );
        }
        for failure in &self.failures {
            let _ = writeln!(text, "\n- {failure}");
        }
        text
    }
}
