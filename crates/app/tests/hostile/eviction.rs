//! Killed at any change of an eviction, the program comes back with every object whole or absent.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_content::{Objects as _, Timestamp};
use forebay_server::DataDir;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;

use crate::crash::comes_back;
use crate::program::Setup;
use crate::pull::{Pulled, pull};
use crate::{faulty, namespace};

/// More changes than the story has.
const MAX_CHANGES: u64 = 200;

const MIB: u64 = 1024 * 1024;

#[test]
fn killed_at_any_change_of_an_eviction_every_object_is_whole_or_absent() {
    namespace::play("eviction::on_a_disk_that_is_nearly_full");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn on_a_disk_that_is_nearly_full() {
    if !namespace::is_inside() {
        return;
    }
    let old = Image::with_layers(&[MIB, MIB, MIB, MIB, 7]);
    let new = Image::with_layers(&[3 * MIB, 11]);
    let hub = HubSim::new()
        .image("library/old:1", old)
        .image("library/new:1", new);
    let hub = hub.start().await;
    let folder = TempDir::new().unwrap();
    let (kept, disk) = (folder.path().join("kept"), folder.path().join("disk"));
    fill(&hub, &kept).await;
    namespace::mount(&disk, "size=8m");
    let mut evictions = 0;
    for kill_at in 1..MAX_CHANGES {
        let life = disk.join("life");
        copy(&kept, &life);
        let setup = faulty::setup(&hub, &life, Some(kill_at));
        let status = match setup.try_start() {
            Err((status, _)) => status,
            Ok(program) => {
                pull(program.address, &hub, "library/new:1").await;
                program.stop().0
            }
        };
        let died = status.signal() == Some(9);
        assert!(died || status.success(), "{kill_at}: {status}");
        let found = comes_back(&life, kill_at).await;
        evictions += u64::from(!found.unrecorded.is_empty());
        let again = Setup::before(&hub, &life).start();
        for image in ["library/new:1", "library/old:1"] {
            assert_eq!(
                pull(again.address, &hub, image).await,
                Pulled::Whole,
                "{kill_at}"
            );
        }
        assert!(again.stop().0.success(), "{kill_at}");
        comes_back(&life, kill_at).await;
        std::fs::remove_dir_all(&life).unwrap();
        if !died {
            assert!(kill_at > 20, "{kill_at} changes");
            // The new image found its room: it was among those that came back.
            assert!(evictions > 0, "no kill fell into an eviction");
            return;
        }
    }
    panic!("it dies for ever");
}

/// Pulls the old image and makes it look unused for long.
async fn fill(hub: &Hub, folder: &Path) {
    let program = Setup::before(hub, folder).start();
    assert_eq!(
        pull(program.address, hub, "library/old:1").await,
        Pulled::Whole
    );
    assert!(program.stop().0.success());
    let data = folder.join("data");
    let data = DataDir::open(&data, Arc::new(RealDisk), Duration::ZERO).await;
    let data = data.unwrap();
    let objects = data.catalog.objects_after(None, 100).await.unwrap();
    assert_eq!(objects.len(), 7);
    let long_ago: Vec<_> = objects
        .into_iter()
        .map(|object| (object.digest, Timestamp(1)))
        .collect();
    data.catalog.touch(&long_ago).await.unwrap();
    data.close().await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}
