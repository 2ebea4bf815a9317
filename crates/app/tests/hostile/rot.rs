//! Blobs and catalogs that rotted, were cut, or are gone.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hub_sim::{Blob, Hub, HubSim, Image, On};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::crash::comes_back;
use crate::disks::{blob_files, keeps};
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};
use crate::wire::{Answer, ask};

const IMAGE: &str = "library/rots:1";

/// What may happen to a blob's file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    /// A bit is another one, so many bytes from the beginning of the file.
    FlipAt(u64),
    /// A bit is another one, so many bytes before the end of the file.
    FlipBeforeEnd(u64),
    CutTo(u64),
    Gone,
}

impl Damage {
    pub(crate) fn happen(self, path: &Path) {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let length = file.metadata().unwrap().len();
        let flip = |at: u64| {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
        };
        match self {
            Self::FlipAt(at) => flip(at),
            Self::FlipBeforeEnd(at) => flip(length - at),
            Self::CutTo(to) => file.set_len(to).unwrap(),
            Self::Gone => fs::remove_file(path).unwrap(),
        }
    }
}

/// Waits for a blob's file: what a second pull asks for nowhere may still be on its way to its place.
async fn is_there(file: &Path) {
    for _ in 0..1000 {
        if file.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no {}", file.display());
}

pub(crate) fn file_of(data: &Path, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap();
    data.join("blobs/sha256").join(&hex[..2]).join(hex)
}

async fn hub() -> Hub {
    HubSim::new()
        .image(IMAGE, Image::with_layers(&[200_001]))
        .start()
        .await
}

async fn get_blob(program: &Program, blob: &Blob, range: Option<(usize, usize)>) {
    let path = format!("/v2/library/rots/blobs/{}", blob.digest());
    let bytes = blob.bytes();
    let (header, status, expected) = match range {
        None => (String::new(), 200, &bytes[..]),
        Some((first, last)) => (
            format!("Range: bytes={first}-{last}\r\n"),
            206,
            &bytes[first..=last],
        ),
    };
    let answer = ask(program.address, "GET", &path, &header).await;
    assert_eq!(answer.status, status, "{}", answer.head);
    assert!(answer.whole && answer.body == expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_at_rest_reaches_no_client_and_is_healed_by_one_fetch() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let program = setup.start();
    keeps(&program, &hub, IMAGE).await;
    assert!(program.stop().0.success());
    let layer = hub.layers(IMAGE).remove(0);
    let damages = [
        Damage::FlipAt(0),
        Damage::FlipAt(100_000),
        Damage::FlipAt(200_000),
        // The first checksum, the footer, its last byte.
        Damage::FlipAt(200_001),
        Damage::FlipBeforeEnd(9),
        Damage::FlipBeforeEnd(1),
        Damage::CutTo(150_000),
        Damage::CutTo(0),
        Damage::Gone,
    ];
    for damage in damages {
        for range in [None, Some((0, 70_000)), Some((200_000, 200_000))] {
            damage.happen(&file_of(&setup.data(), layer.digest()));
            let program = setup.start();
            hub.clear_requests();
            get_blob(&program, &layer, range).await;
            // A flip that the range does not touch is found by whoever reads there.
            get_blob(&program, &layer, None).await;
            let what = format!("{damage:?} {range:?}: {}", hub.requests());
            assert_eq!(hub.count(|record| record.is(On::BlobContent)), 1, "{what}");
            program
                .wait_for_metric("forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}")
                .await;
            hub.clear_requests();
            get_blob(&program, &layer, range).await;
            assert_eq!(hub.requests().to_string(), "", "{what}");
            assert!(program.stop().0.success());
        }
    }
    assert!(
        comes_back(folder.path(), "healed")
            .await
            .unrecorded
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_rots_while_it_is_served_reaches_no_client() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let program = setup.start();
    let layer = hub.layers(IMAGE).remove(0);
    for at in [0, 65_535, 65_536, 131_072, 200_000] {
        keeps(&program, &hub, IMAGE).await;
        Damage::FlipAt(at).happen(&file_of(&setup.data(), layer.digest()));
        hub.clear_requests();
        let first = usize::try_from(at).unwrap();
        get_blob(&program, &layer, Some((first, 200_000))).await;
        assert_eq!(hub.count(|record| record.is(On::BlobContent)), 1, "at {at}");
    }
    assert!(program.metric("forebay_corrupt_objects_total").await >= Some(5.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_rots_while_a_client_takes_it_is_true_as_far_as_it_comes() {
    const BYTES: u64 = 6_000_001;
    let image = Image::with_layers(&[BYTES]);
    let hub = HubSim::new().image(IMAGE, image).start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let program = setup.start();
    let layer = hub.layers(IMAGE).remove(0);
    let path = format!("/v2/library/rots/blobs/{}", layer.digest());
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    let file = file_of(&setup.data(), layer.digest());
    // When it happens the first megabyte has been checked, and what the socket has taken of it shares the file's
    // pages: damage there is seen by nobody (decision 0009). What lies further on has not been read yet.
    for damage in [
        Damage::FlipAt(0),
        Damage::FlipAt(3_500_000),
        Damage::FlipAt(5_999_999),
        Damage::FlipBeforeEnd(9),
        Damage::CutTo(2_000_000),
    ] {
        keeps(&program, &hub, IMAGE).await;
        is_there(&file).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut socket = socket.connect(program.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 300_000];
        socket.read_exact(&mut answer).await.unwrap();
        damage.happen(&file);
        // Cut or whole: both are an end.
        let _ = timeout(Duration::from_secs(20), socket.read_to_end(&mut answer))
            .await
            .expect("an end");
        let answer = Answer::parse(&answer, false);
        assert!(layer.bytes().starts_with(&answer.body), "{damage:?}");
        assert_eq!(
            answer.whole,
            answer.body.len() as u64 == BYTES,
            "{damage:?}"
        );
        // Who comes next gets all of it.
        get_blob(&program, &layer, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_manifests_are_fetched_anew() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    for damage in [Damage::FlipAt(20), Damage::CutTo(7), Damage::Gone] {
        let program = setup.start();
        keeps(&program, &hub, IMAGE).await;
        assert!(program.stop().0.success());
        damage.happen(&file_of(&setup.data(), &hub.digest(IMAGE)));
        let program = setup.start();
        assert_eq!(
            pull(program.address, &hub, IMAGE).await,
            Pulled::Whole,
            "{damage:?}"
        );
        assert!(program.stop().0.success());
    }
}

/// What may happen to the catalog's file that is noticed at the start.
pub(crate) const CATALOG_DAMAGES: [&str; 6] = [
    "no catalog",
    "cut",
    "a few bytes",
    "empty",
    "gone",
    "another page size",
];

pub(crate) fn damage_catalog(path: &Path, what: &str) {
    let length = fs::metadata(path).unwrap().len();
    match what {
        "no catalog" => fs::write(path, vec![b'x'; 8192]).unwrap(),
        "cut" => Damage::CutTo(length / 2).happen(path),
        "a few bytes" => Damage::CutTo(50).happen(path),
        "empty" => Damage::CutTo(0).happen(path),
        "gone" => Damage::Gone.happen(path),
        "another page size" => Damage::FlipAt(16).happen(path),
        _ => panic!("what is {what:?}?"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_catalog_is_told_with_the_way_out_and_a_rebuild_grants_nothing() {
    for what in CATALOG_DAMAGES {
        let hub = hub().await;
        hub.push("library/other:1", Image::with_layers(&[5]));
        let folder = TempDir::new().unwrap();
        let setup = Setup::before(&hub, folder.path());
        let program = setup.start();
        keeps(&program, &hub, IMAGE).await;
        assert!(program.stop().0.success());
        damage_catalog(&setup.data().join("catalog.sqlite"), what);
        let Err((status, said)) = setup.try_start() else {
            panic!("{what}: it starts");
        };
        assert_eq!(status.code(), Some(3), "{what}");
        let told = said.log.text();
        assert!(told.contains("forebay fsck --rebuild"), "{what}: {told}");
        assert!(!told.contains("panicked"), "{what}: {told}");
        let files = blob_files(&setup.data());
        let (status, said) = setup.run(&["fsck", "--rebuild"]);
        assert_eq!(status.code(), Some(1), "{what}: {}", said.log.text());
        assert!(
            said.out.text().contains("3 sound blobs"),
            "{}",
            said.out.text()
        );
        assert_eq!(blob_files(&setup.data()), files, "{what}: no blob is lost");
        visibility_is_earned_anew(&setup, &hub, what).await;
    }
}

async fn visibility_is_earned_anew(setup: &Setup, hub: &Hub, what: &str) {
    let program = setup.start();
    let layer = hub.layers(IMAGE).remove(0);
    let elsewhere = format!("/v2/library/other/blobs/{}", layer.digest());
    assert_eq!(program.get(&elsewhere).await.status, 404, "{what}");
    hub.clear_requests();
    assert_eq!(
        pull(program.address, hub, IMAGE).await,
        Pulled::Whole,
        "{what}"
    );
    let requests = hub.requests().to_string();
    assert_eq!(
        hub.count(|record| record.is_get() && record.is(On::BlobContent)),
        0,
        "{what}: {requests}"
    );
    let heads = hub.count(|record| record.is_head() && record.is(On::Blob));
    assert_eq!(heads, 2, "{what}: {requests}");
    assert_eq!(program.get(&elsewhere).await.status, 404, "{what}");
    assert!(program.stop().0.success());
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_of_the_catalog_gives_no_wrong_answer() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let kept = folder.path().join("kept");
    let program = Setup::before(&hub, &kept).start();
    keeps(&program, &hub, IMAGE).await;
    assert!(program.stop().0.success());
    let length = fs::metadata(kept.join("data/catalog.sqlite"))
        .unwrap()
        .len();
    for at in (0..length).step_by(usize::try_from(length / 24).unwrap()) {
        let life = folder.path().join(at.to_string());
        copy(&kept, &life);
        let setup = Setup::before(&hub, &life);
        Damage::FlipAt(at).happen(&setup.data().join("catalog.sqlite"));
        match setup.try_start() {
            Err((_, said)) => {
                let told = said.log.text();
                assert!(told.contains("forebay fsck --rebuild"), "at {at}: {told}");
            }
            Ok(program) => {
                assert_eq!(
                    pull(program.address, &hub, IMAGE).await,
                    Pulled::Whole,
                    "at {at}"
                );
                let (_, said) = program.stop();
                assert!(!said.log.text().contains("panicked"), "at {at}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_forebay_wrote_is_left_alone() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    assert!(setup.start().stop().0.success());
    fs::write(setup.data().join("format"), "99\n").unwrap();
    let Err((status, said)) = setup.try_start() else {
        panic!("it starts");
    };
    assert_eq!(status.code(), Some(3));
    let told = said.log.text();
    assert!(told.contains("99") && told.contains("newer"), "{told}");
    assert_eq!(
        fs::read_to_string(setup.data().join("format")).unwrap(),
        "99\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_waits_for_the_data_or_says_who_has_it() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let first = setup.start();
    let (status, said) = setup.run(&["fsck", "--rebuild"]);
    assert_eq!(status.code(), Some(3));
    let told = said.log.text();
    let by = format!("in use by process {}", first.pid());
    assert!(told.contains(&by), "{told}");
    keeps(&first, &hub, IMAGE).await;
    let second = std::thread::spawn(move || setup.start());
    first.kill();
    let second = second.join().unwrap();
    assert_eq!(pull(second.address, &hub, IMAGE).await, Pulled::Whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_data_of_a_running_program_opens_or_says_how() {
    let hub = Arc::new(hub().await);
    let folder = TempDir::new().unwrap();
    let live = folder.path().join("live");
    let program = Setup::before(&hub, &live).start();
    let (address, pulled_by) = (program.address, Arc::clone(&hub));
    let pulling = tokio::spawn(async move {
        for number in 0..200 {
            let image = format!("library/rots:{number}-of-many");
            pulled_by.push(&image, Image::with_layers(&[70_000]));
            pull(address, &pulled_by, &image).await;
        }
    });
    for number in 0..4 {
        let copy = folder.path().join(number.to_string());
        fs::create_dir_all(&copy).unwrap();
        // The socket and what is renamed meanwhile cannot be copied; the rest is.
        let _ = std::process::Command::new("cp")
            .arg("-a")
            .args([&live.join("data"), &copy])
            .output();
        let setup = Setup::before(&hub, &copy);
        let program = setup.try_start().unwrap_or_else(|(_, said)| {
            let told = said.log.text();
            assert!(told.contains("forebay fsck --rebuild"), "{told}");
            setup.run(&["fsck", "--rebuild"]);
            setup.start()
        });
        assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
        assert!(program.stop().0.success());
        setup.run(&["fsck"]);
        let (status, said) = setup.run(&["fsck"]);
        assert_eq!(status.code(), Some(0), "{}", said.out.text());
    }
    pulling.await.unwrap();
    assert!(program.stop().0.success());
}
