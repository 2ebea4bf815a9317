//! The database, which no disk of ours stands in for: what a push is told to have is in its log, and the log is flushed, before the
//! answer.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use crate::crash::has_strace;
use crate::namespace;
use crate::program::Setup;
use crate::pusher::Pushed;

/// The calls by which files and sockets are written to, and files flushed.
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";

/// The log of the database of local repositories, as strace names a file descriptor that is open on it.
const LOG: &str = "/registry.sqlite-wal>";

/// What one call did, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    LogWritten,
    LogFlushed,
    Acknowledged,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_the_database_is_flushed_before_a_push_is_acknowledged() {
    if !has_strace() {
        return namespace::skip("strace is not installed, or may not trace here");
    }
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("trace");
    // -D: the program stays our child, and strace is its own. -y: files by their names.
    let strace = ["strace", "-D", "-f", "-y", "-qq", "-e", "signal=none"];
    let wrapper = [&strace[..], &["-e", CALLS, "-o", trace.to_str().unwrap()]].concat();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    let program = setup.below(&wrapper).start();
    let image = Pushed::new("what stays");
    image.push(&program, "", "app", "1").await;
    image.push(&program, "", "app", "2").await;
    assert!(program.stop().0.success());
    let told = events(&trace);
    let mut acknowledged = told.split(|event| *event == Event::Acknowledged);
    // What comes after the last answer is told to nobody.
    let after = acknowledged.next_back();
    assert!(after.is_some(), "{told:?}");
    let mut answers = 0;
    let mut is_flushed = true;
    for before in acknowledged {
        answers += 1;
        // Nothing is written where there was nothing to change: a blob that is there already.
        is_flushed = before
            .last()
            .map_or(is_flushed, |last| *last == Event::LogFlushed);
        assert!(
            is_flushed,
            "answer {answers} came before the flush: {told:?}"
        );
    }
    // Of each push two blobs and a manifest.
    assert_eq!(answers, 6, "{told:?}");
    let flushed = told.iter().filter(|event| **event == Event::LogFlushed);
    assert!(flushed.count() >= 4, "{told:?}");
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

/// Whether a client begins to be told that what it pushed is there.
fn is_acknowledgement(call: &str) -> bool {
    call.contains("HTTP/1.1 201")
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
