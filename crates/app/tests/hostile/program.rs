//! Starts the program as a process of its own, reads what it says, stops it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use hub_sim::Hub;
use rustix::process::{Pid, Signal, kill_process};

use crate::wire::{self, Answer};

/// How long the program may take to say where it listens, or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the program is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    folder: PathBuf,
    config: String,
    wrapper: Vec<String>,
    program: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
    said: Said,
    stdin: Option<ChildStdin>,
}

/// What a program wrote to both its outputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) out: Spoken,
    pub(crate) log: Spoken,
}

/// What was written to one output, and whether it has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spoken(Arc<(Mutex<(String, bool)>, Condvar)>);

// === impl Setup ===

impl Setup {
    /// The program with its data in `folder/data`, before `hub`.
    pub(crate) fn before(hub: &Hub, folder: &Path) -> Self {
        Self::new(folder).with(&upstream("docker.io", hub))
    }

    /// The program with its data in `folder/data`, with no upstream that can be reached.
    pub(crate) fn new(folder: &Path) -> Self {
        let binary = env!("CARGO_BIN_EXE_forebay").to_owned();
        Self {
            folder: folder.to_owned(),
            config: String::new(),
            wrapper: Vec::new(),
            program: vec![binary, "serve".to_owned()],
            environment: Vec::new(),
        }
    }

    /// With more lines of configuration: whole sections.
    pub(crate) fn with(mut self, lines: &str) -> Self {
        writeln!(self.config, "{lines}").unwrap();
        self
    }

    /// With other words in the configuration.
    pub(crate) fn replace(mut self, from: &str, to: &str) -> Self {
        self.config = self.config.replace(from, to);
        self
    }

    /// With an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started by another program, such as `prlimit`.
    pub(crate) fn below(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Another program in its place, which finds the configuration in `FOREBAY_CONFIG`.
    pub(crate) fn played_by(mut self, words: &[&str]) -> Self {
        self.program = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Where it runs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its data is.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where its configuration file is, once it was started.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.join("forebay.toml")
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(&self) -> Program {
        self.try_start()
            .unwrap_or_else(|(status, said)| panic!("{status}\n{}", said.log.text()))
    }

    /// Starts it; if it ended instead of listening, how, and what it said.
    pub(crate) fn try_start(&self) -> Result<Program, (ExitStatus, Said)> {
        let (mut child, said) = self.spawn(&self.program.clone());
        let stdin = child.stdin.take();
        let Some(line) = said.log.wait_for("listening") else {
            return Err((child.wait().unwrap(), said));
        };
        // As text or as JSON.
        let (_, port) = line.split_once("127.0.0.1:").unwrap();
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        Ok(Program {
            address: format!("127.0.0.1:{port}").parse().unwrap(),
            child,
            said,
            stdin,
        })
    }

    /// Runs another of the program's commands to its end.
    pub(crate) fn run(&self, words: &[&str]) -> (ExitStatus, Said) {
        self.run_on(words, "")
    }

    /// The same, with this on its standard input.
    pub(crate) fn run_on(&self, words: &[&str], input: &str) -> (ExitStatus, Said) {
        let binary = env!("CARGO_BIN_EXE_forebay");
        let words: Vec<_> = std::iter::once(&binary)
            .chain(words)
            .map(|word| (*word).to_owned())
            .collect();
        let (mut child, said) = self.spawn(&words);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let status = child.wait().unwrap();
        said.out.ended();
        said.log.ended();
        (status, said)
    }

    fn spawn(&self, program: &[String]) -> (Child, Said) {
        let text = format!("listen = \"127.0.0.1:0\"\ndata = \"data\"\n{}", self.config);
        std::fs::create_dir_all(&self.folder).unwrap();
        std::fs::write(self.config_file(), text).unwrap();
        let words = [self.wrapper.as_slice(), program].concat();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("FOREBAY_CONFIG", self.config_file())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Said::default();
        said.out.listen(child.stdout.take().unwrap());
        said.log.listen(child.stderr.take().unwrap());
        (child, said)
    }
}

/// The section of an upstream that is a hub, and may do what a hub does.
pub(crate) fn upstream(name: &str, hub: &Hub) -> String {
    format!(
        "[upstreams.\"{name}\"]\nurl = \"{}\"\ntoken_hosts = [\"{}\"]\nblob_hosts = [\"{}\"]\nproxy = \"none\"",
        hub.url(),
        hub.token_host(),
        hub.blob_host()
    )
}

// === impl Program ===

impl Program {
    /// GETs a path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        wire::get(self.address, path).await
    }

    /// What it wrote to standard error.
    pub(crate) fn log(&self) -> String {
        self.said.log.text()
    }

    /// What it wrote to standard output: its access log.
    pub(crate) fn out(&self) -> String {
        self.said.out.text()
    }

    /// Waits until its access log has a line with this.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        let line = self.said.out.wait_for(text);
        line.unwrap_or_else(|| panic!("no line with {text}"))
    }

    /// Waits until its log has a line with this.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let line = self.said.log.wait_for(text);
        assert!(line.is_some(), "no line with {text}");
    }

    /// What `/readyz` says.
    pub(crate) async fn readiness(&self) -> String {
        self.get("/readyz").await.text()
    }

    /// A metric's value, by its name with labels.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").await.text();
        let value = text.lines().find_map(|line| {
            let (found, value) = line.rsplit_once(' ')?;
            (found == name).then_some(value)
        });
        value.and_then(|value| value.parse().ok())
    }

    /// Waits until a metric is there.
    pub(crate) async fn wait_for_metric(&self, name: &str) -> f64 {
        for _ in 0..1000 {
            if let Some(value) = self.metric(name).await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no metric {name} in {}", self.get("/metrics").await.text());
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let words = line.unwrap().split_whitespace();
        words.clone().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells a program that listens to its standard input something, and hears what it answers.
    pub(crate) fn tell(&mut self, what: &str) -> String {
        let before = self.out().matches("answer ").count();
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{what}").unwrap();
        self.said.out.wait_for_nth("answer ", before).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> (ExitStatus, Said) {
        drop(self.stdin.take());
        let said = self.said.clone();
        said.log.ended();
        (self.child.wait().unwrap(), said)
    }

    /// SIGTERM, then waits for the end.
    pub(crate) fn stop(self) -> (ExitStatus, Said) {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// SIGKILL, then waits for the end.
    pub(crate) fn kill(self) -> (ExitStatus, Said) {
        self.signal(Signal::KILL);
        self.ended()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Spoken ===

impl Spoken {
    fn listen(&self, from: impl Read + Send + 'static) {
        let spoken = self.clone();
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let mut state = spoken.0.0.lock().unwrap();
                state.0.push_str(&String::from_utf8_lossy(&line));
                spoken.0.1.notify_all();
                line.clear();
            }
            spoken.0.0.lock().unwrap().1 = true;
            spoken.0.1.notify_all();
        });
    }

    pub(crate) fn text(&self) -> String {
        self.0.0.lock().unwrap().0.clone()
    }

    /// The first line with this, as soon as there is one; `None` if it ended without.
    pub(crate) fn wait_for(&self, text: &str) -> Option<String> {
        self.wait_for_nth(text, 0)
    }

    fn wait_for_nth(&self, text: &str, nth: usize) -> Option<String> {
        let find = |all: &str| {
            // A line that is still being written has no end yet.
            let (lines, _) = all.rsplit_once('\n')?;
            let mut found = lines.lines().filter(|line| line.contains(text));
            found.nth(nth).map(str::to_owned)
        };
        let unfound = |state: &mut (String, bool)| find(&state.0).is_none() && !state.1;
        let state = self.0.0.lock().unwrap();
        let (state, waited) = self
            .0
            .1
            .wait_timeout_while(state, PATIENCE, unfound)
            .unwrap();
        assert!(!waited.timed_out(), "no {text:?} in: {}", state.0);
        find(&state.0)
    }

    /// Waits until the output is closed.
    fn ended(&self) {
        let state = self.0.0.lock().unwrap();
        let open = |state: &mut (String, bool)| !state.1;
        let (state, waited) = self.0.1.wait_timeout_while(state, PATIENCE, open).unwrap();
        assert!(!waited.timed_out(), "it does not end: {}", state.0);
    }
}
