//! Starts the program as a process of its own before hubs in the test's process, reads what it says, and ends it.
//!
//! A [`Forebay`] is how it is to be started: a folder with a configuration; clones share the folder, and the last of them
//! takes it away. A [`Program`] is one that runs. Needs `client.rs` beside it, as `crate::client`.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hub_sim::Hub;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::client::{Answer, Ask, Flow, PATIENCE};

/// The program that was built.
const BINARY: &str = env!("CARGO_BIN_EXE_forebay");

/// How often a condition is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How the program is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Forebay {
    folder: Arc<TempDir>,
    listen: String,
    sections: String,
    /// What is run to serve.
    server: Vec<String>,
    /// The environment, besides what says where the configuration is.
    variables: Vec<(String, String)>,
}

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    /// Its access log.
    pub(crate) out: Output,
    /// Its log.
    pub(crate) log: Output,
    /// How it was started, and can be again.
    pub(crate) setup: Forebay,
    stdin: ChildStdin,
    child: Child,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) setup: Forebay,
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) log: String,
}

/// What a program has written so far to one of its outputs.
#[derive(Clone, Debug)]
pub(crate) struct Output(watch::Sender<Written>);

#[derive(Debug, Default)]
struct Written {
    text: String,
    has_ended: bool,
}

// === impl Forebay ===

impl Forebay {
    /// With an empty data directory and no upstream but the built-in ones, which no test may reach.
    pub(crate) fn new() -> Self {
        Self {
            folder: Arc::new(tempfile::tempdir().expect("a temporary folder")),
            listen: "127.0.0.1:0".to_owned(),
            sections: String::new(),
            server: vec![BINARY.to_owned(), "serve".to_owned()],
            variables: Vec::new(),
        }
    }

    /// With this hub as docker.io.
    pub(crate) fn before(hub: &Hub) -> Self {
        Self::new().upstream("docker.io", hub)
    }

    /// With this hub as an upstream.
    pub(crate) fn upstream(self, name: &str, hub: &Hub) -> Self {
        self.upstream_with(name, hub, "")
    }

    /// With this hub as an upstream, and more keys for it.
    pub(crate) fn upstream_with(self, name: &str, hub: &Hub, keys: &str) -> Self {
        let (url, token, blob) = (hub.url(), hub.token_host(), hub.blob_host());
        self.with(&format!(
            "[upstreams.\"{name}\"]\nurl = \"{url}\"\ntoken_hosts = [\"{token}\"]\nblob_hosts = [\"{blob}\"]\n{keys}"
        ))
    }

    /// With more sections in its configuration.
    pub(crate) fn with(mut self, sections: &str) -> Self {
        writeln!(self.sections, "{sections}").expect("a string takes all");
        self
    }

    /// Without the sections that it had, for another configuration of the same data.
    pub(crate) fn anew(mut self) -> Self {
        self.sections.clear();
        self
    }

    /// Listening elsewhere than on a free port of 127.0.0.1.
    pub(crate) fn listening(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// Played by another program, which finds its configuration where this one does.
    pub(crate) fn played_by(mut self, words: Vec<String>) -> Self {
        self.server = words;
        self
    }

    /// With this in its environment, which is empty otherwise.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// Writes the configuration file, for a program that runs and is to read it again.
    pub(crate) fn write_config(&self) {
        let text = format!(
            "listen = \"{}\"\ndata = \"data\"\n{}",
            self.listen, self.sections
        );
        std::fs::write(self.file("forebay.toml"), text).expect("a file in our own folder");
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(&self) -> Program {
        match self.try_start().await {
            Ok(program) => program,
            Err(ended) => panic!("{}\n{}", ended.status, ended.log),
        }
    }

    /// Starts it and waits until it listens, or has ended instead.
    pub(crate) async fn try_start(&self) -> Result<Program, Ended> {
        self.begin().listening().await
    }

    /// Starts it and waits for nothing: where it listens is known once it does.
    pub(crate) fn begin(&self) -> Program {
        self.spawn(&self.server)
    }

    /// Runs another of its commands to the end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let words = std::iter::once(&BINARY).chain(arguments);
        let words: Vec<String> = words.map(|&word| word.to_owned()).collect();
        self.spawn(&words).ended().await
    }

    fn spawn(&self, words: &[String]) -> Program {
        self.write_config();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .env("FOREBAY_CONFIG", "forebay.toml")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        Program {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            out: Output::of(child.stdout.take().expect("a pipe")),
            log: Output::of(child.stderr.take().expect("a pipe")),
            setup: self.clone(),
            stdin: child.stdin.take().expect("a pipe"),
            child,
        }
    }
}

// === impl Program ===

impl Program {
    /// Waits until it listens, or has ended instead.
    pub(crate) async fn listening(mut self) -> Result<Self, Ended> {
        let Some(line) = self.log.line_with("listening").await else {
            return Err(self.ended().await);
        };
        // Of text or of JSON.
        let (_, address) = line.rsplit_once("address").expect("a line with this");
        let address = address.trim_start_matches(['"', ':', '=']);
        let address = address.trim_start_matches("https://");
        let end = address.find(['"', ' ']).unwrap_or(address.len());
        self.address = address[..end].parse().expect("an address");
        Ok(self)
    }

    /// Asks and reads the whole answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        ask.to(self.address).await
    }

    /// Asks and reads no more than the answer's head.
    pub(crate) async fn open(&self, ask: Ask) -> Flow {
        ask.open(self.address).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Ask::get(path)).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.ask(Ask::head(path)).await
    }

    /// A metric's value by its whole name, labels and all; what was never counted is 0.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        let value = found.and_then(|value| value.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// Waits until a metric has reached this.
    pub(crate) async fn until_metric(&self, name: &str, least: f64) {
        let reached = async {
            while self.metric(name).await < least {
                sleep(LOOK_EVERY).await;
            }
        };
        let in_time = timeout(PATIENCE, reached).await.is_ok();
        assert!(in_time, "{name} never came to {least}");
    }

    /// Asks until the answer has this status.
    pub(crate) async fn until_status(&self, ask: Ask, status: u16) {
        let reached = async {
            while self.ask(ask.clone()).await.status != status {
                sleep(LOOK_EVERY).await;
            }
        };
        let in_time = timeout(PATIENCE, reached).await.is_ok();
        assert!(in_time, "{ask:?} is never answered {status}");
    }

    /// Its resident memory now and at most, in KiB.
    pub(crate) fn resident_kib(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a process that runs");
        let find = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        (find("VmRSS:").unwrap_or(0), find("VmHWM:").unwrap_or(0))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("a process of ours");
    }

    /// Tells it a line on its standard input.
    pub(crate) fn tell(&self, line: &str) {
        let told = writeln!(&self.stdin, "{line}");
        told.expect("a program that listens");
    }

    /// SIGHUP, and waits until it has read its configuration again; true if it was taken over.
    pub(crate) async fn reload(&self) -> bool {
        const TAKEN: &str = "the configuration was taken over";
        const NOT_TAKEN: &str = "the configuration was not taken over";
        let (taken, not_taken) = (self.log.count(TAKEN), self.log.count(NOT_TAKEN));
        self.signal(Signal::HUP);
        let heard = self.log.until(|text| {
            text.matches(TAKEN).count() > taken || text.matches(NOT_TAKEN).count() > not_taken
        });
        assert!(heard.await, "it ended");
        self.log.count(TAKEN) > taken
    }

    /// SIGTERM, and waits for an orderly end.
    pub(crate) async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        let ended = self.ended().await;
        assert!(ended.status.success(), "{}\n{}", ended.status, ended.log);
        ended
    }

    /// SIGKILL, and waits for the end.
    pub(crate) async fn kill(self) -> Ended {
        self.signal(Signal::KILL);
        self.ended().await
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) -> Ended {
        // An output ends with its process.
        for output in [&self.out, &self.log] {
            assert!(!output.until(|_| false).await);
        }
        Ended {
            setup: self.setup.clone(),
            status: self.child.wait().expect("a child of ours"),
            out: self.out.text(),
            log: self.log.text(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Ended ===

impl Ended {
    /// The exit code and both outputs, with what differs from run to run taken out.
    pub(crate) fn transcript(&self) -> String {
        let code = self
            .status
            .code()
            .map_or("none".to_owned(), |code| code.to_string());
        let text = format!(
            "exit: {code}\n----- stdout -----\n{}----- stderr -----\n{}",
            self.out, self.log
        );
        text.replace(&self.setup.folder.path().display().to_string(), "[DIR]")
    }
}

// === impl Output ===

impl Output {
    fn of(from: impl Read + Send + 'static) -> Self {
        let output = Self(watch::Sender::default());
        let writer = output.clone();
        // A thread, not a task: a test that is busy must not keep the program from writing.
        std::thread::spawn(move || writer.listen(from));
        output
    }

    fn listen(&self, from: impl Read) {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            self.0.send_modify(|written| written.text.push_str(&text));
            line.clear();
        }
        self.0.send_modify(|written| written.has_ended = true);
    }

    pub(crate) fn text(&self) -> String {
        self.0.borrow().text.clone()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.borrow().text.matches(what).count()
    }

    /// The first line with this, as soon as there is one; `None` if the output ended without.
    pub(crate) async fn line_with(&self, what: &str) -> Option<String> {
        let find = |text: &str| {
            let mut lines = text.lines();
            lines.find(|line| line.contains(what)).map(str::to_owned)
        };
        self.until(|text| find(text).is_some()).await;
        find(&self.text())
    }

    /// Waits until this is true of the text (always of whole lines), or the output has ended; true if it came true.
    pub(crate) async fn until(&self, holds: impl Fn(&str) -> bool) -> bool {
        let mut watch = self.0.subscribe();
        let waited = watch.wait_for(|written| holds(&written.text) || written.has_ended);
        let is_in_time = timeout(PATIENCE, waited).await.is_ok();
        assert!(is_in_time, "waited in vain; so far:\n{}", self.text());
        holds(&self.text())
    }
}

/// The names of all files below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            names.extend(
                files_below(&path)
                    .into_iter()
                    .map(|below| format!("{name}/{below}")),
            );
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}
