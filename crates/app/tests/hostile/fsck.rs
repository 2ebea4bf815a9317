//! `forebay fsck` on what rotted, was cut, is gone, or never belonged there; and on what is sound, under a busy server.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hub_sim::{Blob, Hub, HubSim, Image, On};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::disks::{blob_files, keeps};
use crate::faulty;
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};
use crate::rot::{CATALOG_DAMAGES, Damage, copy, damage_catalog, file_of};

const IMAGE: &str = "library/checked:1";
const OTHER: &str = "library/other:1";

/// A program that was stopped with two images at rest.
async fn stopped(folder: &Path) -> (Hub, Setup) {
    let hub = HubSim::new().image(IMAGE, Image::with_layers(&[200_001, 10]));
    let image = Image::with_layers(&[70_000]).platforms(&["linux/amd64", "linux/arm64"]);
    let hub = hub.image(OTHER, image).start().await;
    let setup = Setup::before(&hub, folder);
    let program = setup.start();
    for image in [IMAGE, OTHER] {
        keeps(&program, &hub, image).await;
    }
    assert!(program.stop().0.success());
    (hub, setup)
}

/// What `forebay fsck` with these words ended with, and its report.
fn fsck(setup: &Setup, words: &[&str]) -> (i32, serde_json::Value) {
    let words = [&["fsck", "--json"], words].concat();
    let (status, said) = setup.run(&words);
    let (out, log) = (said.out.text(), said.log.text());
    let report = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{words:?}: {out}{log}"));
    (status.code().unwrap(), report)
}

fn has(report: &serde_json::Value, kind: &str, digest: &str) -> bool {
    let named = report[kind].as_array().unwrap();
    named.iter().any(|named| named == digest)
}

/// Pulls both images, of which all is at rest; that may cost HEADs.
async fn costs_heads_only(program: &Program, hub: &Hub, what: &str) {
    hub.clear_requests();
    for image in [IMAGE, OTHER] {
        let pulled = pull(program.address, hub, image).await;
        assert_eq!(pulled, Pulled::Whole, "{what}: {image}");
    }
    let got = hub.requests_where(|request| request.is_get() && !request.is(On::Token));
    assert!(got.is_empty(), "{what}: {got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_cannot_be_read_is_rebuilt_and_its_images_cost_heads_only() {
    let folder = TempDir::new().unwrap();
    let (hub, setup) = stopped(folder.path()).await;
    let all = blob_files(&setup.data()).len();
    for what in CATALOG_DAMAGES {
        damage_catalog(&setup.data().join("catalog.sqlite"), what);
        let (status, said) = setup.run(&["fsck", "--dry-run"]);
        assert_eq!(status.code(), Some(3), "{what}: {}", said.out.text());
        let told = said.log.text();
        assert!(told.contains("forebay fsck --rebuild"), "{what}: {told}");
        let (code, report) = fsck(&setup, &[]);
        assert_eq!((code, &report["rebuilt"]), (1, &true.into()), "{what}");
        assert_eq!(report["sound"], all, "{what}: {report}");
        assert_eq!(report["unrecorded"].as_array().unwrap().len(), all);
        assert!(report["catalog"].is_string(), "{what}: {report}");
        assert_eq!(fsck(&setup, &[]).0, 0, "{what}");
        let program = setup.start();
        costs_heads_only(&program, &hub, what).await;
        assert!(program.stop().0.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotten_page_of_the_catalog_is_mended_or_costs_no_more_than_questions() {
    let folder = TempDir::new().unwrap();
    let kept = folder.path().join("kept");
    let (hub, setup) = stopped(&kept).await;
    let catalog = |setup: &Setup| setup.data().join("catalog.sqlite");
    let length = fs::metadata(catalog(&setup)).unwrap().len();
    let mut rebuilt = 0;
    for at in (0..length).step_by(4096 * 2) {
        let life = folder.path().join(at.to_string());
        copy(&kept, &life);
        let setup = Setup::before(&hub, &life);
        let file = fs::OpenOptions::new().write(true).open(catalog(&setup));
        file.unwrap().write_all_at(&[0x5a; 300], at + 8).unwrap();
        let (code, report) = fsck(&setup, &[]);
        assert!(code <= 1, "at {at}: {report}");
        rebuilt += usize::from(report["rebuilt"] == true);
        assert_eq!(fsck(&setup, &[]).0, 0, "at {at}: after {report}");
        let program = setup.start();
        for image in [IMAGE, OTHER] {
            let pulled = pull(program.address, &hub, image).await;
            assert_eq!(pulled, Pulled::Whole, "at {at}: {report}");
        }
        assert!(program.stop().0.success());
    }
    assert!(rebuilt > 3, "the damage is none: {rebuilt}");
}

/// Damages of a blob of 200,001 bytes: its bytes, its checksums, its footer, its length.
const DAMAGES: [Damage; 9] = [
    Damage::FlipAt(0),
    Damage::FlipAt(200_000),
    Damage::FlipAt(200_001),
    Damage::FlipBeforeEnd(9),
    Damage::FlipBeforeEnd(1),
    Damage::CutTo(150_000),
    Damage::CutTo(5),
    Damage::CutTo(0),
    Damage::Gone,
];

fn large_layer(hub: &Hub) -> Blob {
    let mut layers = hub.layers(IMAGE).into_iter();
    layers.find(|layer| layer.bytes().len() == 200_001).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_blobs_are_named_dropped_and_fetched_anew() {
    let folder = TempDir::new().unwrap();
    let (hub, setup) = stopped(folder.path()).await;
    let layer = large_layer(&hub);
    let file = file_of(&setup.data(), layer.digest());
    let mut program = None;
    for (number, damage) in DAMAGES.into_iter().enumerate() {
        damage.happen(&file);
        // Every other time a server runs meanwhile.
        if number % 2 == 1 {
            program = Some(setup.start());
        }
        let (code, found) = fsck(&setup, &["--dry-run"]);
        let (again, report) = fsck(&setup, &[]);
        assert_eq!((code, again), (1, 1), "{damage:?}: {report}");
        let kind = match damage {
            Damage::Gone => "missing",
            _ => "damaged",
        };
        for report in [&found, &report] {
            assert!(has(report, kind, layer.digest()), "{damage:?}: {report}");
        }
        let manifest = hub.digest(IMAGE);
        assert!(has(&report, "dropped_with", &manifest), "{report}");
        assert!(!file.exists(), "{damage:?}: it lies there still");
        assert_eq!(fsck(&setup, &[]).0, 0, "{damage:?}");
        let program = program.take().unwrap_or_else(|| setup.start());
        hub.clear_requests();
        keeps(&program, &hub, IMAGE).await;
        assert!(program.stop().0.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_there_is_told_and_left() {
    let folder = TempDir::new().unwrap();
    let (_hub, setup) = stopped(folder.path()).await;
    let blobs = setup.data().join("blobs/sha256");
    let shard = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap();
    let strays = [blobs.join("README"), shard.path().join("core")];
    for stray in &strays {
        fs::write(stray, "not ours").unwrap();
    }
    let (code, report) = fsck(&setup, &[]);
    assert_eq!(code, 1, "{report}");
    let told = report["strays"].as_array().unwrap();
    assert_eq!(told.len(), strays.len(), "{report}");
    for stray in &strays {
        assert_eq!(fs::read(stray).unwrap(), b"not ours");
        fs::remove_file(stray).unwrap();
    }
    assert_eq!(fsck(&setup, &[]).0, 0);
}

/// Each file of the data with its bytes, but for the socket and the lock.
fn all_files(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files: Vec<PathBuf> = blob_files(data);
    files.push(data.join("format"));
    files
        .into_iter()
        .map(|file| {
            let bytes = fs::read(&file).unwrap();
            (file, bytes)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let (hub, setup) = stopped(folder.path()).await;
    let file = file_of(&setup.data(), large_layer(&hub).digest());
    Damage::FlipAt(7).happen(&file);
    let lost = hub.layers(OTHER).remove(0);
    fs::remove_file(file_of(&setup.data(), lost.digest())).unwrap();
    let before = all_files(&setup.data());
    let (code, first) = fsck(&setup, &["--dry-run"]);
    assert_eq!(code, 1, "{first}");
    assert!(has(&first, "missing", lost.digest()), "{first}");
    assert_eq!(fsck(&setup, &["--dry-run"]).1, first);
    assert!(all_files(&setup.data()) == before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_that_is_sound_is_found_sound() {
    let hub = Arc::new(HubSim::new().start().await);
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let program = setup.start();
    let mut pulls = JoinSet::new();
    for number in 0..60 {
        let (hub, address) = (Arc::clone(&hub), program.address);
        let image = format!("library/busy:{number}");
        hub.push(&image, Image::with_layers(&[1000 + number, 70_000]));
        pulls.spawn(async move { pull(address, &hub, &image).await });
    }
    let mut checks = 0;
    while !pulls.is_empty() || checks < 5 {
        let setup = setup.clone();
        let checked = tokio::task::spawn_blocking(move || fsck(&setup, &[])).await;
        let (code, report) = checked.unwrap();
        assert_eq!(code, 0, "{report}");
        checks += 1;
        while let Some(pulled) = pulls.try_join_next() {
            assert_eq!(pulled.unwrap(), Pulled::Whole);
        }
    }
    assert!(program.stop().0.success());
    assert_eq!(fsck(&setup, &[]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_does_not_let_it_read_is_told_and_left() {
    let hub = HubSim::new().image(IMAGE, Image::small()).start().await;
    let folder = TempDir::new().unwrap();
    let setup = faulty::setup(&hub, folder.path(), None);
    let mut program = setup.start();
    keeps(&program, &hub, IMAGE).await;
    let before = blob_files(&setup.data());
    program.tell("break EIO reads");
    let (code, report) = fsck(&setup, &[]);
    assert_eq!(code, 1, "{report}");
    let unreadable = report["unreadable"].as_array().unwrap();
    assert_eq!(unreadable.len(), before.len(), "{report}");
    assert_eq!(blob_files(&setup.data()), before);
    program.tell("lift");
    assert_eq!(fsck(&setup, &[]).0, 0);
    hub.clear_requests();
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    assert_eq!(hub.requests().to_string(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_one_check_at_a_time_and_a_stop_ends_it() {
    let hub = HubSim::new().image(IMAGE, Image::small()).start().await;
    let folder = TempDir::new().unwrap();
    let setup = faulty::setup(&hub, folder.path(), None);
    let mut program = setup.start();
    keeps(&program, &hub, IMAGE).await;
    program.tell("break slow reads");
    let mut checks = JoinSet::new();
    for _ in 0..2 {
        let setup = setup.clone();
        checks.spawn_blocking(move || setup.run(&["fsck"]));
    }
    let (status, said) = checks.join_next().await.unwrap().unwrap();
    let told = said.log.text();
    assert_eq!(status.code(), Some(3), "{told}");
    assert!(
        told.contains("a check or a backup is under way already"),
        "{told}"
    );
    assert!(program.stop().0.success());
    let (status, said) = checks.join_next().await.unwrap().unwrap();
    let told = said.log.text();
    assert_eq!(status.code(), Some(3), "{told}");
    assert!(told.contains("the server is stopping"), "{told}");
    assert_eq!(fsck(&setup, &[]).0, 0);
}
