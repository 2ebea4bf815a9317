//! `doctor --follow`: files that are rotated while they are read, and how it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A run that goes on.
struct Following {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Following {
    fn of(folder: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args([
                "doctor",
                "--follow",
                "--json",
                "--as-of",
                "2026-01-15T14:45:00Z",
            ])
            .args(args)
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
        }
    }

    /// What it tells next.
    fn told(&self) -> Value {
        let line = self
            .lines
            .recv_timeout(PATIENCE)
            .expect("it tells something");
        serde_json::from_str(&line).expect("it tells it in JSON")
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("a process of ours");
    }

    /// How it ended, and the last that it told.
    fn end(mut self) -> (ExitStatus, Value) {
        let status = self.child.wait().expect("it ends");
        let last = self.lines.iter().last();
        let mut log = String::new();
        let errors = self.child.stderr.as_mut().expect("its log");
        errors.read_to_string(&mut log).expect("UTF-8");
        let last = last.unwrap_or_else(|| panic!("it told nothing: {log}"));
        (
            status,
            serde_json::from_str(&last).expect("it tells it in JSON"),
        )
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of dockerd's log that tells of a failed pull.
fn line(second: u32, error: &str) -> String {
    format!(
        "Jan 15 14:00:{second:02} node-7 dockerd[911]: time=\"2026-01-15T14:00:{second:02}Z\" level=error msg=\"pulling image failed\" error=\"{error}\" module=node/agent/taskmanager service.id=shop task.id=t{second}\n"
    )
}

fn limited(second: u32) -> String {
    line(
        second,
        "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
    )
}

fn flooded(second: u32) -> String {
    line(second, "toomanyrequests: Too Many Requests (HAP429).")
}

fn class(diagnosis: &Value) -> &str {
    diagnosis["cause"]["class"].as_str().unwrap_or("none")
}

/// How many messages of a class were found in all.
fn count(told: &Value, class: &str) -> u64 {
    let findings = told["findings"].as_array().expect("findings");
    let of_class = findings.iter().filter(|finding| finding["class"] == class);
    of_class
        .filter_map(|finding| finding["count"].as_u64())
        .sum()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("a line");
}

fn log(text: &str) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("docker.log");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

#[test]
fn a_log_that_is_renamed_is_read_to_its_end_and_then_the_new_one_from_its_beginning() {
    let (folder, path) = log(&limited(1));
    let following = Following::of(folder.path(), &["docker.log"]);
    assert_eq!(class(&following.told()), "pull-limit");
    // The new one is longer than the old one was: its length tells nothing.
    append(&path, &limited(2));
    fs::rename(&path, folder.path().join("docker.log.1")).expect("a rotation");
    let flood: String = (3..13).map(flooded).collect();
    fs::write(&path, &flood).expect("a new file");
    assert_eq!(class(&following.told()), "abuse-limit");
    append(&path, &flooded(13));
    following.signal(Signal::INT);
    let (status, last) = following.end();
    assert_eq!(status.code(), Some(1));
    assert_eq!(count(&last, "pull-limit"), 2, "{last}");
    assert_eq!(count(&last, "abuse-limit"), 11, "{last}");
}

#[test]
fn a_log_that_is_cut_off_is_read_from_its_beginning() {
    let noise = "Jan 15 14:00:00 node-7 cron[1]: nothing to be seen here\n".repeat(100);
    let (folder, path) = log(&format!("{noise}{}", limited(1)));
    let following = Following::of(folder.path(), &["docker.log"]);
    assert_eq!(class(&following.told()), "pull-limit");
    let file = File::create(&path).expect("it is cut off");
    drop(file);
    append(&path, &(20..30).map(flooded).collect::<String>());
    assert_eq!(class(&following.told()), "abuse-limit");
    following.signal(Signal::INT);
    let (status, last) = following.end();
    assert_eq!(status.code(), Some(1));
    assert_eq!(count(&last, "pull-limit"), 1, "{last}");
    assert_eq!(count(&last, "abuse-limit"), 10, "{last}");
}

#[test]
fn control_c_ends_it_with_all_that_was_found_and_the_ways_out() {
    let (folder, _path) = log(&limited(1));
    let following = Following::of(folder.path(), &["docker.log"]);
    following.told();
    following.signal(Signal::INT);
    let (status, last) = following.end();
    assert_eq!(status.code(), Some(1), "killed by no signal");
    assert_eq!(class(&last["diagnosis"]), "pull-limit");
    assert!(
        !last["ways_out"].as_array().expect("ways").is_empty(),
        "{last}"
    );
}

#[test]
fn control_c_and_sigterm_end_it_while_standard_input_stays_open() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut following = Following::of(folder.path(), &[]);
        let mut input = following.input.take().expect("its input");
        input.write_all(limited(1).as_bytes()).expect("it reads");
        // What follows the line shows that it is whole.
        input.write_all(b"nothing\n").expect("it reads");
        following.told();
        following.signal(signal);
        let (status, last) = following.end();
        assert_eq!(status.code(), Some(1));
        assert_eq!(count(&last, "pull-limit"), 1, "{last}");
        drop(input);
    }
}

#[test]
fn where_nothing_is_wrong_it_ends_with_zero() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut following = Following::of(folder.path(), &[]);
    let mut input = following.input.take().expect("its input");
    input.write_all(b"all is well\n").expect("it reads");
    drop(input);
    let (status, last) = following.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(class(&last["diagnosis"]), "none");
}

#[test]
fn control_c_before_a_long_file_is_read_leaves_nothing_of_it_out() {
    let noise = "Jan 15 14:00:00 node-7 cron[1]: nothing to be seen here\n".repeat(400_000);
    let flood: String = (3..13).map(flooded).collect();
    let (folder, path) = log(&limited(1));
    append(&path, &noise);
    append(&path, &flood);
    let following = Following::of(folder.path(), &["docker.log"]);
    following.told();
    following.signal(Signal::INT);
    let (status, last) = following.end();
    assert_eq!(status.code(), Some(1));
    assert_eq!(count(&last, "abuse-limit"), 10, "{last}");
}

#[test]
fn who_could_not_be_asked_counts_as_without_following() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nowhere is a kubectl.
    let mut following = Following::of(folder.path(), &["--kube"]);
    let mut input = following.input.take().expect("its input");
    input.write_all(b"all is well\n").expect("it reads");
    drop(input);
    let (status, last) = following.end();
    assert_eq!(status.code(), Some(3), "{last}");
}
