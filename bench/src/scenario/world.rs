//! The world of a story: a hub in this process, which can be changed and read, and one server before it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use forebay_content::{Clock, SystemClock};
use hub_sim::{Hub, HubSim};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::node::Registry;
use super::tally::Tally;
use crate::build::{Programs, root};
use crate::client::{Url, fetch};
use crate::error::Error;
use crate::lab::free_address;
use crate::process::Server;
use crate::report::Who;

/// How long a server may take until it answers.
const START_WITHIN: Duration = Duration::from_secs(20);

/// A hub and what stands before it. All of it ends when this is dropped.
pub(crate) struct World {
    clock: SystemClock,
    /// How nodes come to the images.
    pub(crate) registry: Registry,
    pub(crate) hub: Hub,
    _server: Option<Server>,
    _dir: TempDir,
    _runtime: Runtime,
}

impl World {
    /// Starts `hub` and, unless nodes go to it directly, `who` before it; `cache` are keys of Forebay's `[cache]`.
    pub(crate) fn begin(
        programs: &Programs,
        hub: HubSim,
        who: Who,
        cache: &str,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Error::io("cannot begin a runtime"))?;
        let hub = runtime
            .block_on(hub.real_time().try_start())
            .map_err(Error::io("cannot start the hub"))?;
        let dir = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(root().join("target"))
            .map_err(Error::io("cannot make a directory to work in"))?;
        let listen = free_address(Ipv4Addr::LOCALHOST)?;
        let server = match who {
            Who::Forebay => Some(forebay(programs, &hub, (&dir, listen), cache)?),
            Who::DockerRegistry => Some(docker_registry(&hub, (&dir, listen))?),
            Who::Direct | Who::Nginx => None,
        };
        let address = match &server {
            Some(_) => listen,
            None => parse(&hub.host())?,
        };
        let registry = Registry {
            address,
            is_mirror: server.is_some(),
        };
        let world = Self {
            clock: SystemClock::new(),
            registry,
            hub,
            _server: server,
            _dir: dir,
            _runtime: runtime,
        };
        world.wait()?;
        Ok(world)
    }

    /// Time since the world began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.monotonic()
    }

    /// What the hub was asked since this was last called.
    pub(crate) fn take_tally(&self) -> Tally {
        let tally = Tally::of(self.hub.requests().iter());
        self.hub.clear_requests();
        tally
    }

    fn wait(&self) -> Result<(), Error> {
        let url = Url::new(self.registry.address, "/v2/");
        loop {
            match fetch(&url) {
                Ok(_) => break,
                // The hub itself listens, and wants a token.
                Err(_) if !self.registry.is_mirror => break,
                Err(error) if self.elapsed() > START_WITHIN => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        self.hub.clear_requests();
        Ok(())
    }
}

fn forebay(
    programs: &Programs,
    hub: &Hub,
    (dir, listen): (&TempDir, SocketAddr),
    cache: &str,
) -> Result<Server, Error> {
    let config = format!(
        "listen = \"{listen}\"\ndata = \"{}\"\n[cache]\n{cache}\n[upstreams.\"docker.io\"]\nurl = \"{}\"\n\
         token_hosts = [\"{}\"]\nblob_hosts = [\"{}\"]\n",
        dir.path().join("data").display(),
        hub.url(),
        hub.token_host(),
        hub.blob_host(),
    );
    let mut command = Command::new(&programs.forebay);
    command
        .args(["serve", "--config"])
        .arg(write(dir, "forebay.toml", &config)?);
    Server::start(command, &dir.path().join("forebay.log"))
}

fn docker_registry(hub: &Hub, (dir, listen): (&TempDir, SocketAddr)) -> Result<Server, Error> {
    let config = format!(
        "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: false}}}}\n\
         storage: {{cache: {{blobdescriptor: inmemory}}, filesystem: {{rootdirectory: {}}}}}\n\
         http: {{addr: \"{listen}\"}}\nproxy: {{remoteurl: \"{}\"}}\n",
        dir.path().join("data").display(),
        hub.url(),
    );
    let mut command = Command::new("docker-registry");
    command
        .arg("serve")
        .arg(write(dir, "docker-registry.yml", &config)?);
    Server::start(command, &dir.path().join("docker-registry.log"))
}

fn write(dir: &TempDir, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = dir.path().join(name);
    fs::write(&path, text).map_err(Error::io(format!("cannot write {}", path.display())))?;
    Ok(path)
}

fn parse(address: &str) -> Result<SocketAddr, Error> {
    let parsed = address.parse();
    parsed.map_err(|_| Error::program("hub-sim", format!("listens on {address:?}")))
}
