//! The database, which no disk of ours stands in for: what was changed is in its log, and the log is flushed, before the answer;
//! what cannot be flushed is refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};

use forebay_oci::Digest;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::crash::has_strace;
use crate::namespace;
use crate::program::{Program, Setup};
use crate::pusher::{Asked, Pushed};

/// The calls by which files and sockets are written to, and files flushed.
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";

/// The log of the database of local repositories, as strace names a file descriptor that is open on it.
const LOG: &str = "/registry.sqlite-wal>";

/// Answers to the three pushes: each has one blob in one request, one in three, and a manifest.
const PUSHES_ANSWERS: usize = 3 * 5;

/// What one call did, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    LogWritten,
    LogFlushed,
    Acknowledged,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_the_database_is_flushed_before_a_change_is_acknowledged() {
    if !has_strace() {
        return namespace::skip("strace is not installed, or may not trace here");
    }
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("trace");
    // -D: the program stays our child, and strace is its own. -y: files by their names.
    let strace = ["strace", "-D", "-f", "-y", "-qq", "-e", "signal=none"];
    let wrapper = [&strace[..], &["-e", CALLS, "-o", trace.to_str().unwrap()]].concat();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let program = setup.clone().below(&wrapper).start();
    let (stays, goes) = (Pushed::new("what stays"), Pushed::new("what goes"));
    stays.push(&program, "", "app", "1").await;
    stays.push(&program, "", "app", "2").await;
    goes.push(&program, "", "app", "3").await;
    let deleted = Asked::new("", "DELETE", "/v2/app/manifests/2");
    assert_eq!(deleted.of(&program).await.status, 202);
    for words in [
        &["pin", "app:1"][..],
        &["repo", "expire", "app", "--keep-newest", "0"],
    ] {
        let (status, said) = setup.run(words);
        assert!(status.success(), "{words:?}: {}", said.log.text());
    }
    assert!(stays.is_under(&program, "app", "1").await);
    assert!(!goes.is_under(&program, "app", "3").await);
    assert!(program.stop().0.success());
    let told = events(&trace);
    let answers: Vec<&[Event]> = told.split(|event| *event == Event::Acknowledged).collect();
    let mut is_flushed = true;
    // What comes after the last answer is told to nobody.
    for (number, before) in answers[..answers.len() - 1].iter().enumerate() {
        // Nothing is written where there was nothing to change: a blob that is there already.
        is_flushed = before
            .last()
            .map_or(is_flushed, |last| *last == Event::LogFlushed);
        assert!(
            is_flushed,
            "answer {number} came before the flush: {told:?}"
        );
    }
    let flushed = |answers: &[&[Event]]| {
        let has_flush = |before: &&&[Event]| before.contains(&Event::LogFlushed);
        answers.iter().filter(has_flush).count()
    };
    // Of each push two blobs, one of them in three requests, and a manifest; the second brings no blob that is new.
    assert!(answers.len() > PUSHES_ANSWERS, "{told:?}");
    let (pushes, others) = answers.split_at(PUSHES_ANSWERS);
    assert!(flushed(pushes) >= 7, "{told:?}");
    // The delete, the pin, and what the rule let go of.
    assert!(
        flushed(&others[..1]) == 1 && flushed(others) >= 3,
        "{told:?}"
    );
}

/// An error of the database is the push's: refused, nothing of it is there, and the next one succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_row_cannot_be_flushed_is_503_and_nothing_of_it_is_there() {
    if !has_strace() {
        return namespace::skip("strace is not installed, or may not trace here");
    }
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let program = setup.start();
    let (before, refused) = (Pushed::new("before"), Pushed::new("refused"));
    before.push(&program, "", "app", "1").await;
    let Some(broken) = BrokenLog::of(&program, &setup.data()) else {
        return namespace::skip("strace may not trace another process here");
    };
    for answer in [
        refused.try_push(&program, "", "app", "1").await,
        before.put(&program, "", "app", "2").await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.head);
        let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["errors"][0]["code"], "UNAVAILABLE", "{told}");
    }
    broken.mend();
    for path in [
        "/v2/app/manifests/2".to_owned(),
        format!("/v2/app/manifests/{}", refused.digest()),
        format!("/v2/app/blobs/{}", Digest::sha256(refused.config())),
    ] {
        assert_eq!(program.get(&path).await.status, 404, "{path}");
    }
    assert!(before.is_under(&program, "app", "1").await);
    refused.push(&program, "", "app", "1").await;
    assert!(program.stop().0.success());
    let (checked, said) = setup.run(&["fsck"]);
    assert!(checked.success(), "{}", said.out.text());
    let again = setup.start();
    assert!(refused.is_under(&again, "app", "1").await);
    assert!(again.stop().0.success());
}

/// A disk that gives errors to whoever has the database's log flushed: strace, attached to the program.
struct BrokenLog(Child);

impl BrokenLog {
    /// Breaks it; nothing where one process may not trace another.
    fn of(program: &Program, data: &Path) -> Option<Self> {
        let log = data.join(LOG.trim_matches(['/', '>']));
        let pid = program.pid().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-p", &pid, "-P"]);
        strace.arg(log).args(["-e", "trace=fsync,fdatasync"]);
        strace.args(["-e", "inject=fsync,fdatasync:error=EIO"]);
        let mut broken = Self(strace.spawn().unwrap());
        // It traces each of the program's threads, or has ended.
        while !is_traced(program.pid()) {
            if broken.0.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::yield_now();
        }
        Some(broken)
    }

    fn mend(mut self) {
        let pid = Pid::from_raw(self.0.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for BrokenLog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_traced(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.into_iter().all(|thread| {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status"));
        !status.unwrap_or_default().contains("TracerPid:\t0\n")
    })
}

/// What was traced, each call where it had ended; an answer where it began to be sent.
fn events(trace: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(trace).unwrap();
    let mut begun = BTreeMap::new();
    text.lines()
        .filter_map(|line| {
            let (thread, call) = line.split_once(char::is_whitespace)?;
            if let Some((call, _)) = call.split_once("<unfinished ...>") {
                begun.insert(thread, call);
                return is_acknowledgement(call).then_some(Event::Acknowledged);
            }
            if !call.trim_start().starts_with("<...") {
                return is_acknowledgement(call)
                    .then_some(Event::Acknowledged)
                    .or_else(|| event_of(call));
            }
            event_of(begun.remove(thread)?)
        })
        .collect()
}

/// Whether a client, or a command of ours, begins to be told that something was done: nothing else is asked meanwhile.
fn is_acknowledgement(call: &str) -> bool {
    call.contains("HTTP/1.1 20")
}

fn event_of(call: &str) -> Option<Event> {
    if !call.contains(LOG) {
        return None;
    }
    let is_flush = ["fsync(", "fdatasync("]
        .iter()
        .any(|name| call.trim_start().starts_with(name));
    Some(if is_flush {
        Event::LogFlushed
    } else {
        Event::LogWritten
    })
}
