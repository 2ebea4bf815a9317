//! The laboratory: the upstream, the three servers before it with the same content in each, and where all that lies.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use forebay_content::{Clock, SystemClock};
use forebay_oci::Digest;
use serde_json::Value;
use tempfile::TempDir;

use crate::build::{Programs, root};
use crate::client::{Url, download, fetch};
use crate::error::Error;
use crate::process::Server;
use crate::report::Who;
use crate::settings::{BLOB_BYTES, Settings};

/// How long a server may take until it answers.
const START_WITHIN: Duration = Duration::from_secs(20);

/// The upstream's rate, in bytes a second on each connection.
const UPSTREAM_RATE: &str = "100MB";

/// The three that are compared.
pub(crate) const CONTENDERS: [Who; 3] = [Who::Forebay, Who::DockerRegistry, Who::Nginx];

/// Where everything is.
pub(crate) struct Lab {
    dir: TempDir,
    programs: Programs,
    clock: SystemClock,
    upstream: Upstream,
    addresses: [SocketAddr; 3],
    content: Content,
}

/// A hub that runs, with the warm image at least.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// None once it is down.
    server: Option<Server>,
    address: SocketAddr,
    blobs: SocketAddr,
}

/// What the upstream has.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The digest of the manifest of `library/warm:1`.
    pub(crate) manifest: String,
    /// The digest of its first blob, which has [`BLOB_BYTES`].
    pub(crate) blob: String,
    /// As many blobs of the same size that nobody has asked for.
    pub(crate) cold: Vec<String>,
}

impl Lab {
    /// Starts the upstream and fills the caches of all three with the warm image.
    pub(crate) fn prepare(programs: Programs, settings: &Settings) -> Result<Self, Error> {
        let dir = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(root().join("target"))
            .map_err(Error::io("cannot make a directory to work in"))?;
        let images = [warm_image(), cold_image(settings.rounds * COLD_PULLERS)];
        let upstream = Upstream::start(&programs, &images, &dir.path().join("hub-sim.log"))?;
        let addresses = [
            free_address(Ipv4Addr::LOCALHOST)?,
            free_address(Ipv4Addr::LOCALHOST)?,
            free_address(Ipv4Addr::LOCALHOST)?,
        ];
        let mut lab = Self {
            dir,
            programs,
            clock: SystemClock::new(),
            upstream,
            addresses,
            content: Content::default(),
        };
        lab.wait_for(&lab.url(Who::Direct, "/v2/"))?;
        lab.content = lab.read_content()?;
        lab.publish_files()?;
        lab.warm_up()?;
        Ok(lab)
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.monotonic()
    }

    /// An empty directory of that name.
    pub(crate) fn make_dir(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.dir.path().join(name);
        fs::create_dir_all(&path).map_err(Error::io(format!("cannot make {}", path.display())))?;
        Ok(path)
    }

    /// `path` at one of the servers, or at the upstream itself.
    pub(crate) fn url(&self, who: Who, path: &str) -> Url {
        let address = match who {
            Who::Forebay => self.addresses[0],
            Who::DockerRegistry => self.addresses[1],
            Who::Nginx => self.addresses[2],
            Who::Direct => self.upstream.address,
        };
        Url::new(address, path)
    }

    /// Starts a server on the content that it has kept, and waits until it answers.
    pub(crate) fn start(&self, who: Who) -> Result<Server, Error> {
        let server = match who {
            Who::Forebay => self.start_forebay(&self.make_dir("forebay")?)?,
            Who::DockerRegistry => self.start_docker_registry()?,
            Who::Nginx | Who::Direct => self.start_nginx()?,
        };
        self.wait_for(&self.url(who, "/v2/"))?;
        Ok(server)
    }

    /// Starts Forebay on the data directory `data` and does not wait.
    pub(crate) fn start_forebay(&self, data: &Path) -> Result<Server, Error> {
        self.spawn_forebay(data, &self.upstream, "")
    }

    /// Starts another upstream, which may be broken.
    pub(crate) fn start_upstream(&self) -> Result<Upstream, Error> {
        let log = self.dir.path().join("another-hub-sim.log");
        let upstream = Upstream::start(&self.programs, &[warm_image()], &log)?;
        self.wait_for(&Url::new(upstream.address, "/v2/"))?;
        Ok(upstream)
    }

    /// Starts Forebay before that upstream, with a tag that is due at each request, and waits until it answers.
    pub(crate) fn start_before(&self, upstream: &Upstream, data: &Path) -> Result<Server, Error> {
        let due = "[cache]\ntag_ttl = \"0s\"\nversion_ttl = \"0s\"\n";
        let server = self.spawn_forebay(data, upstream, due)?;
        self.wait_for(&self.url(Who::Forebay, "/v2/"))?;
        Ok(server)
    }

    fn spawn_forebay(
        &self,
        data: &Path,
        upstream: &Upstream,
        sections: &str,
    ) -> Result<Server, Error> {
        let config = format!(
            "listen = \"{}\"\ndata = \"{}\"\n[upstreams.\"docker.io\"]\nurl = \"http://{}\"\nblob_hosts = [\"{}\"]\n{sections}",
            self.addresses[0],
            data.display(),
            upstream.address,
            upstream.blobs,
        );
        let mut command = Command::new(&self.programs.forebay);
        command
            .args(["serve", "--config"])
            .arg(self.write("forebay.toml", &config)?);
        Server::start(command, &self.dir.path().join("forebay.log"))
    }

    fn start_docker_registry(&self) -> Result<Server, Error> {
        // At its default level it writes a second line for each request.
        let config = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: false}}}}\n\
             storage: {{cache: {{blobdescriptor: inmemory}}, filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{}\"}}\nproxy: {{remoteurl: \"http://{}\"}}\n",
            self.make_dir("docker-registry")?.display(),
            self.addresses[1],
            self.upstream.address,
        );
        let mut command = Command::new("docker-registry");
        command
            .arg("serve")
            .arg(self.write("docker-registry.yml", &config)?);
        Server::start(command, &self.dir.path().join("docker-registry.log"))
    }

    fn start_nginx(&self) -> Result<Server, Error> {
        let dir = self.dir.path().display();
        // It wants a place for each even if it never uses it.
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {dir}/nginx-{kind};\n"))
            .concat();
        let config = format!(
            "user root;\nworker_processes auto;\ndaemon off;\npid {dir}/nginx.pid;\nerror_log {dir}/nginx.err;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\nsendfile on;\ntcp_nopush on;\nkeepalive_requests 1000000000;\naccess_log {dir}/nginx.access;\n\
             {temporary}default_type application/octet-stream;\n\
             server {{ listen {}; root {dir}/www; }}\n}}\n",
            self.addresses[2],
        );
        let mut command = Command::new("nginx");
        command.arg("-e").arg(self.dir.path().join("nginx.err"));
        command.arg("-c").arg(self.write("nginx.conf", &config)?);
        Server::start(command, &self.dir.path().join("nginx.log"))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.dir.path().join(name);
        fs::write(&path, text).map_err(Error::io(format!("cannot write {}", path.display())))?;
        Ok(path)
    }

    fn wait_for(&self, url: &Url) -> Result<(), Error> {
        let end = self.elapsed() + START_WITHIN;
        loop {
            match fetch(url) {
                Ok(_) => return Ok(()),
                Err(error) if self.elapsed() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn read_content(&self) -> Result<Content, Error> {
        let manifest = fetch(&self.url(Who::Direct, "/v2/library/warm/manifests/1"))?;
        let cold = fetch(&self.url(Who::Direct, "/v2/library/cold/manifests/1"))?;
        let blob = layers(&manifest).into_iter().next();
        Ok(Content {
            manifest: Digest::sha256(&manifest).to_string(),
            blob: blob.ok_or_else(|| Error::program("hub-sim", "its image has no layers"))?,
            cold: layers(&cold),
        })
    }

    /// Lays out the same content under the same paths for nginx.
    fn publish_files(&self) -> Result<(), Error> {
        let www = self.make_dir("www/v2")?;
        let put = |path: &str, bytes: &[u8]| {
            let path = www.join(path);
            let parent = path.parent().unwrap_or(&www);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, bytes))
                .map_err(Error::io(format!("cannot write {}", path.display())))
        };
        let Content { manifest, blob, .. } = &self.content;
        let bytes = fetch(&self.url(Who::Direct, "/v2/library/warm/manifests/1"))?;
        put("index.html", b"{}")?;
        put("library/warm/manifests/1", &bytes)?;
        put(&format!("library/warm/manifests/{manifest}"), &bytes)?;
        let path = format!("/v2/library/warm/blobs/{blob}");
        let bytes = fetch(&self.url(Who::Direct, &path))?;
        put(&format!("library/warm/blobs/{blob}"), &bytes)
    }

    /// Has every server answer with the right bytes once; afterwards the two caches hold them.
    fn warm_up(&self) -> Result<(), Error> {
        let Content { manifest, blob, .. } = &self.content;
        for who in CONTENDERS {
            let _server = self.start(who)?;
            for (path, digest) in [
                ("manifests/1".to_owned(), manifest),
                (format!("manifests/{manifest}"), manifest),
                (format!("blobs/{blob}"), blob),
            ] {
                let url = self.url(who, &format!("/v2/library/warm/{path}"));
                let got = download(&url)?.to_string();
                if got != *digest {
                    return Err(url.wrong(format!("the bytes of {got}")));
                }
            }
        }
        Ok(())
    }
}

impl Upstream {
    fn start(programs: &Programs, images: &[String], log: &Path) -> Result<Self, Error> {
        let address = free_address(Ipv4Addr::LOCALHOST)?;
        let blobs = free_address(Ipv4Addr::new(127, 0, 0, 9))?;
        let mut hub = Command::new(&programs.hub_sim);
        hub.args(["--open", "--limit", "none", "--rate", UPSTREAM_RATE])
            .args(["--listen", &address.to_string()])
            .args(["--blob-listen", &blobs.to_string()]);
        for image in images {
            hub.args(["--image", image]);
        }
        Ok(Self {
            server: Some(Server::start(hub, log)?),
            address,
            blobs,
        })
    }

    /// From now on it takes connections and says nothing.
    pub(crate) fn hang(&self) -> Result<(), Error> {
        self.server.as_ref().map_or(Ok(()), Server::freeze)
    }

    /// From now on nobody listens.
    pub(crate) fn go_down(&mut self) {
        self.server = None;
    }
}

/// Who pulls a cold blob in each round, each one of its own.
const COLD_PULLERS: usize = 3;

/// An image of the usual shape, one large layer and some small ones.
fn warm_image() -> String {
    format!("library/warm:1={BLOB_BYTES}{}", ",1000".repeat(6))
}

fn cold_image(blobs: usize) -> String {
    let sizes = vec![BLOB_BYTES.to_string(); blobs];
    format!("library/cold:1={}", sizes.join(","))
}

fn layers(manifest: &[u8]) -> Vec<String> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    let digests = layers.iter().filter_map(|layer| layer["digest"].as_str());
    digests.map(str::to_owned).collect()
}

/// A port that nobody listens on now.
pub(crate) fn free_address(ip: Ipv4Addr) -> Result<SocketAddr, Error> {
    TcpListener::bind((IpAddr::from(ip), 0))
        .and_then(|listener| listener.local_addr())
        .map_err(Error::io(format!("cannot find a free port of {ip}")))
}
