//! Killed at any change of the disk, the program comes back with every object whole or absent.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_cache::{FsckMode, FsckReport, fsck};
use forebay_content::SystemClock;
use forebay_server::DataDir;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::faulty;
use crate::namespace;
use crate::program::Setup;
use crate::pull::{Pulled, pull};

/// How many programs live and die at once.
const AT_ONCE: usize = 4;

/// More changes than a pull makes: the loop ends where nothing was struck, and must not go on for ever.
const MAX_CHANGES: usize = 400;

const IMAGE: &str = "library/odd:1";

/// Each life's own: it is away for a while.
async fn hub() -> Hub {
    // Smaller than a chunk, exactly two, and some with a rest.
    let image = Image::with_layers(&[3, 131_072, 200_001]).platforms(&["linux/amd64"]);
    HubSim::new().image(IMAGE, image).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_of_a_fill_every_object_is_whole_or_absent() {
    let mut deaths = BTreeSet::new();
    let mut unrecorded = 0;
    for first in (1..MAX_CHANGES).step_by(AT_ONCE) {
        let mut lives = JoinSet::new();
        for kill_at in first..first + AT_ONCE {
            lives.spawn(async move {
                let hub = hub().await;
                let folder = TempDir::new().unwrap();
                let setup = faulty::setup(&hub, folder.path(), Some(kill_at as u64));
                live_and_die(&hub, &setup, kill_at).await
            });
        }
        let died: Vec<_> = lives.join_all().await.into_iter().flatten().collect();
        unrecorded += died.iter().filter(|death| death.left_unrecorded).count();
        if died.is_empty() {
            break;
        }
        deaths.extend(died.into_iter().map(|death| death.kill_at));
    }
    let last = deaths.last().copied().unwrap();
    assert!(
        (40..MAX_CHANGES - AT_ONCE).contains(&last),
        "{last} changes"
    );
    // What the fills do at once falls in another order each time: near the end one life may be longer than another.
    assert!(deaths.len() + AT_ONCE > last, "{deaths:?}");
    // A kill between a blob's name and its row was among them, and the blob was there: bytes first, row second.
    assert!(unrecorded > 0);
}

/// Kills at the calls themselves, of the blobs' and of the catalog's files alike; strace counts them for each thread apart.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_a_call_to_the_kernel_every_object_is_whole_or_absent() {
    kill_at_calls(3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: ninety kills below strace"]
async fn long_killed_at_many_calls_to_the_kernel_every_object_is_whole_or_absent() {
    kill_at_calls(30).await;
}

async fn kill_at_calls(most: usize) {
    if !has_strace() {
        return namespace::skip("strace is not installed, or may not trace here");
    }
    for call in ["fsync", "pwrite64", "rename"] {
        let mut lives = JoinSet::new();
        for kill_at in 1..=most {
            lives.spawn(async move {
                let hub = hub().await;
                let folder = TempDir::new().unwrap();
                let inject = format!("inject={call}:signal=KILL:when={kill_at}");
                // -D: the program stays our child, and strace is its own.
                let strace = [
                    "strace",
                    "-D",
                    "-f",
                    "-qq",
                    "-o",
                    "/dev/null",
                    "-e",
                    "signal=none",
                ];
                let trace = format!("trace={call}");
                let wrapper = [&strace[..], &["-e", &trace, "-e", &inject]].concat();
                let setup = Setup::before(&hub, folder.path()).below(&wrapper);
                live_and_die(&hub, &setup, kill_at).await
            });
            if lives.len() == AT_ONCE {
                lives.join_next().await.unwrap().unwrap();
            }
        }
        let died = lives.join_all().await.into_iter().flatten().count();
        assert!(died > 0 || most > 3, "nobody died at {call}");
    }
}

pub(crate) fn has_strace() -> bool {
    let words = [
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync",
        "true",
    ];
    let tried = std::process::Command::new("strace").args(words).status();
    tried.is_ok_and(|status| status.success())
}

struct Death {
    kill_at: usize,
    /// Whether a blob was in place that the catalog did not know.
    left_unrecorded: bool,
}

/// Pulls until the program dies, checks what is left, and pulls again: `None` if it did not die.
async fn live_and_die(hub: &Hub, setup: &Setup, kill_at: usize) -> Option<Death> {
    let mut outcome = Pulled::Broken;
    let status = match setup.try_start() {
        Err((status, _)) => status,
        Ok(program) => {
            outcome = pull(program.address, hub, IMAGE).await;
            program.stop().0
        }
    };
    let died = status.signal() == Some(9);
    assert!(died || status.success(), "{kill_at}: {status}");
    assert!(died || outcome == Pulled::Whole, "{kill_at}");
    let folder = setup.folder();
    // What is served is right, also where the upstream is away.
    hub.go_down().await.unwrap();
    let alone = Setup::before(hub, folder).start();
    pull(alone.address, hub, IMAGE).await;
    hub.come_back().await.unwrap();
    assert!(alone.kill().0.signal().is_some());
    let found = comes_back(folder, kill_at).await;
    let again = Setup::before(hub, folder).start();
    let outcome = pull(again.address, hub, IMAGE).await;
    assert_eq!(outcome, Pulled::Whole, "{kill_at}: {}", again.log());
    assert!(again.readiness().await.contains("\"ready\""), "{kill_at}");
    assert!(again.stop().0.success(), "{kill_at}");
    let kept = comes_back(folder, kill_at).await;
    assert_eq!(kept.sound, 6, "{kill_at}: all of the image is at rest");
    died.then_some(Death {
        kill_at,
        left_unrecorded: !found.unrecorded.is_empty(),
    })
}

/// Opens what a crash left and mends it: nothing is half done, and the catalog claims nothing that the store lacks.
pub(crate) async fn comes_back(folder: &Path, what: impl std::fmt::Display) -> FsckReport {
    let data = folder.join("data");
    let open = DataDir::open(&data, Arc::new(RealDisk), Duration::ZERO).await;
    let open = open.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    let staged = std::fs::read_dir(data.join("staging")).unwrap().count();
    assert_eq!(staged, 0, "{what}: left in staging");
    let (blobs, catalog) = open.stores();
    let clock = SystemClock::new();
    let check = |mend| {
        let mode = FsckMode {
            mend,
            tell: &|_| (),
        };
        fsck(blobs.as_ref(), catalog.as_ref(), &clock, mode)
    };
    let found = check(true).await.unwrap();
    assert!(found.damaged.is_empty(), "{what}: {found:?}");
    assert!(found.missing.is_empty(), "{what}: {found:?}");
    assert!(check(false).await.unwrap().is_clean(), "{what}");
    open.close().await.unwrap();
    found
}
