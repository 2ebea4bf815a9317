//! Killed at any change of the disk, the program comes back with every object whole or absent.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay::program::DataDir;
use forebay_blobs_fs::RealDisk;
use forebay_cache::fsck;
use forebay_content::SystemClock;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::faulty;
use crate::program::Setup;
use crate::pull::{Pulled, pull};

/// How many programs live and die at once.
const AT_ONCE: u64 = 4;

/// More changes than a pull makes: the loop ends where nothing was struck, and must not go on for ever.
const MAX_CHANGES: u64 = 400;

const IMAGE: &str = "library/odd:1";

async fn hub() -> Arc<Hub> {
    // Smaller than a chunk, exactly two, and some with a rest.
    let image = Image::with_layers(&[3, 131_072, 200_001]).platforms(&["linux/amd64"]);
    Arc::new(HubSim::new().image(IMAGE, image).start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_of_a_fill_every_object_is_whole_or_absent() {
    let hub = hub().await;
    let mut deaths = BTreeSet::new();
    for first in (1..MAX_CHANGES).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let mut lives = JoinSet::new();
        for kill_at in first..first + AT_ONCE {
            lives.spawn(live_and_die(Arc::clone(&hub), kill_at));
        }
        let outcomes = lives.join_all().await;
        deaths.extend(outcomes.iter().copied().flatten());
        if outcomes.iter().all(Option::is_none) {
            break;
        }
    }
    let last = deaths.last().copied().unwrap();
    assert!((40..MAX_CHANGES - AT_ONCE).contains(&last), "{last} changes");
    // What the fills do at once falls in another order each time: near the end one life may be longer than another.
    assert!(deaths.len() as u64 + AT_ONCE > last, "{deaths:?}");
}

/// Pulls until the program dies at change `kill_at`, checks what is left, and pulls again: `None` if it did not die.
async fn live_and_die(hub: Arc<Hub>, kill_at: u64) -> Option<u64> {
    let folder = TempDir::new().unwrap();
    let mut outcome = Pulled::Broken;
    let status = match faulty::setup(&hub, folder.path(), Some(kill_at)).try_start() {
        Err((status, _)) => status,
        Ok(program) => {
            outcome = pull(program.address, &hub, IMAGE).await;
            program.stop().0
        }
    };
    let died = status.signal() == Some(9);
    assert!(died || status.success(), "{kill_at}: {status}");
    assert!(died || outcome == Pulled::Whole, "{kill_at}");
    comes_back(folder.path(), kill_at).await;
    let program = Setup::before(&hub, folder.path()).start();
    let again = pull(program.address, &hub, IMAGE).await;
    assert_eq!(again, Pulled::Whole, "{kill_at}: {} {}", program.out(), program.log());
    assert!(program.readiness().await.contains("\"ready\""), "{kill_at}");
    assert!(program.stop().0.success(), "{kill_at}");
    let kept = comes_back(folder.path(), kill_at).await;
    assert_eq!(kept, 6, "{kill_at}: all of the image is at rest");
    died.then_some(kill_at)
}

/// Opens what a crash left: nothing half done, nothing that the catalog claims and the store lacks. How many are sound.
pub(crate) async fn comes_back(folder: &Path, what: impl std::fmt::Display) -> u64 {
    let data = folder.join("data");
    let open = DataDir::open(&data, Arc::new(RealDisk), Duration::ZERO).await;
    let open = open.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    let staged = std::fs::read_dir(data.join("staging")).unwrap().count();
    assert_eq!(staged, 0, "{what}: left in staging");
    let (blobs, catalog) = open.stores();
    let clock = SystemClock::new();
    let check = |repair| fsck(blobs.as_ref(), catalog.as_ref(), &clock, repair);
    let found = check(true).await.unwrap();
    assert!(found.damaged.is_empty(), "{what}: {found:?}");
    // Bytes first, row second: a claim on nothing would be the wrong order.
    assert!(found.missing.is_empty(), "{what}: {found:?}");
    assert!(check(false).await.unwrap().is_clean(), "{what}");
    open.close().await.unwrap();
    found.sound
}
