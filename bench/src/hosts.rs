//! The two registries that are pushed to, each on a data directory of its own that begins empty.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use forebay_content::{Clock, SystemClock};
use tempfile::TempDir;

use crate::build::{Programs, root};
use crate::client::{Url, fetch};
use crate::error::Error;
use crate::lab::free_address;
use crate::process::Server;
use crate::report::Who;

/// How long a server may take until it answers.
const START_WITHIN: Duration = Duration::from_secs(20);

/// Those that are compared.
pub(crate) const HOSTS: [Who; 2] = [Who::Forebay, Who::DockerRegistry];

/// Where they are.
pub(crate) struct Hosts {
    dir: TempDir,
    programs: Programs,
    clock: SystemClock,
    addresses: [SocketAddr; 2],
}

impl Hosts {
    pub(crate) fn prepare(programs: Programs) -> Result<Self, Error> {
        let dir = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(root().join("target"))
            .map_err(Error::io("cannot make a directory to work in"))?;
        Ok(Self {
            dir,
            programs,
            clock: SystemClock::new(),
            addresses: [
                free_address(Ipv4Addr::LOCALHOST)?,
                free_address(Ipv4Addr::LOCALHOST)?,
            ],
        })
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.monotonic()
    }

    /// A directory of that name, which is empty.
    pub(crate) fn empty_dir(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.dir.path().join(name);
        let made = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&path),
        };
        made.map_err(Error::io(format!("cannot empty {}", path.display())))?;
        Ok(path)
    }

    pub(crate) fn url(&self, who: Who, path: &str) -> Url {
        Url::new(self.address(who), path)
    }

    fn address(&self, who: Who) -> SocketAddr {
        self.addresses[usize::from(who != Who::Forebay)]
    }

    /// Starts one on the data directory `data`, and waits until it answers.
    pub(crate) fn start(&self, who: Who, data: &Path) -> Result<Server, Error> {
        let (mut command, log) = if who == Who::Forebay {
            let mut command = Command::new(&self.programs.forebay);
            command.args(["serve", "--config"]);
            command.arg(self.forebay_config(data)?);
            (command, "forebay.log")
        } else {
            let mut command = Command::new("docker-registry");
            command.arg("serve").arg(self.docker_config(data)?);
            (command, "docker-registry.log")
        };
        command.env_remove("FOREBAY_CONFIG");
        let server = Server::start(command, &self.dir.path().join(log))?;
        let end = self.elapsed() + START_WITHIN;
        let url = self.url(who, "/v2/");
        loop {
            match fetch(&url) {
                Ok(_) => return Ok(server),
                Err(error) if self.elapsed() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// One of Forebay's commands about its data directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.programs.forebay);
        command.args(arguments);
        command.arg("--config");
        command.arg(self.dir.path().join("forebay.toml"));
        command
    }

    /// docker-registry's own collection of garbage, of the data directory that it was last started on.
    pub(crate) fn docker_garbage(&self) -> Command {
        let mut command = Command::new("docker-registry");
        command.arg("garbage-collect");
        command.arg(self.dir.path().join("docker-registry.yml"));
        command
    }

    fn forebay_config(&self, data: &Path) -> Result<PathBuf, Error> {
        let config = format!(
            "listen = \"{}\"\ndata = \"{}\"\nlocal = [\"bench/**\", \"old/**\"]\n[clients]\nloopback_push = true\n",
            self.address(Who::Forebay),
            data.display(),
        );
        self.write("forebay.toml", &config)
    }

    fn docker_config(&self, data: &Path) -> Result<PathBuf, Error> {
        let config = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: false}}}}\n\
             storage: {{cache: {{blobdescriptor: inmemory}}, delete: {{enabled: true}}, filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{}\"}}\n",
            data.display(),
            self.address(Who::DockerRegistry),
        );
        self.write("docker-registry.yml", &config)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.dir.path().join(name);
        fs::write(&path, text).map_err(Error::io(format!("cannot write {}", path.display())))?;
        Ok(path)
    }
}
