//! Real file systems that run full, run out of inodes or cannot be written to.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use forebay_oci::Digest;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;

use crate::crash::comes_back;
use crate::namespace;
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};
use crate::pusher::{Asked, Pushed};

const MIB: u64 = 1024 * 1024;

/// More files than a disk of 64 inodes takes.
const MAX_FILES: usize = 64;

#[test]
fn on_a_full_disk_pulls_are_passed_on_and_keeping_resumes() {
    namespace::play("disks::a_disk_of_eight_mebibytes");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_of_eight_mebibytes() {
    if !namespace::is_inside() {
        return;
    }
    let hub = HubSim::new()
        .image(
            "library/big:1",
            Image::with_layers(&[9 * MIB + 1, 20 * MIB]),
        )
        .image("library/small:1", Image::small());
    let hub = hub.start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    namespace::mount(&setup.data(), "size=8m");
    let program = setup.start();
    let (one, other) = tokio::join!(
        pull(program.address, &hub, "library/big:1"),
        pull(program.address, &hub, "library/big:1"),
    );
    assert_eq!((one, other), (Pulled::Whole, Pulled::Whole));
    is_degraded(&program).await;
    keeps(&program, &hub, "library/small:1").await;
    assert!(program.readiness().await.contains("\"ready\""));
    assert_eq!(program.metric("forebay_cache_writable").await, Some(1.0));
    assert!(program.stop().0.success());
    comes_back(folder.path(), "a full disk").await;
}

#[test]
fn a_push_finds_room_on_a_disk_that_the_cache_has_filled() {
    namespace::play("disks::a_disk_that_the_cache_has_filled");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_that_the_cache_has_filled() {
    if !namespace::is_inside() {
        return;
    }
    let layers = [15 * MIB, 15 * MIB + 1, 15 * MIB + 2, 15 * MIB + 3];
    let hub = HubSim::new().image("library/big:1", Image::with_layers(&layers));
    let hub = hub.image("library/small:1", Image::small()).start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path()).with("[clients]\nloopback_push = true");
    namespace::mount(&setup.data(), "size=64m");
    let program = setup.start();
    let cold = pull(program.address, &hub, "library/big:1").await;
    assert_eq!(cold, Pulled::Whole, "{}", program.log());
    keeps(&program, &hub, "library/small:1").await;
    // A twentieth is left free for others, which is less than what is pushed.
    let free = rustix::fs::statvfs(setup.data()).unwrap();
    let free = free.f_bavail * free.f_frsize;
    assert!((2 * MIB..20 * MIB).contains(&free), "{free} bytes are free");
    let layer = vec![7; 20 * 1024 * 1024];
    let digest = Digest::sha256(&layer);
    let path = format!("/v2/app/blobs/uploads/?digest={digest}");
    let pushed = Asked::new("", "POST", &path).body("", &layer);
    let pushed = pushed.of(&program).await;
    assert_eq!(pushed.status, 201, "{} {}", pushed.text(), program.log());
    assert!(program.metric("forebay_evicted_objects_total").await >= Some(1.0));
    Pushed::new("app").push(&program, "", "app", "1").await;
    assert!(program.readiness().await.contains("\"ready\""));
    keeps(&program, &hub, "library/small:1").await;
    assert!(program.stop().0.success());
}

#[test]
fn what_cannot_be_pushed_or_deleted_for_want_of_room_is_told_as_a_full_disk() {
    namespace::play("disks::a_disk_that_others_have_filled");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_that_others_have_filled() {
    if !namespace::is_inside() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path()).with("[clients]\nloopback_push = true");
    namespace::mount(&setup.data(), "size=16m");
    let program = setup.start();
    let pushed = Pushed::new("app");
    pushed.push(&program, "", "app", "1").await;
    let filler = setup.data().join("filler");
    std::fs::write(&filler, vec![0; 32 * 1024 * 1024]).unwrap_err();
    let delete = || Asked::new("", "DELETE", "/v2/app/manifests/1").of(&program);
    let refused = delete().await;
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(refused.text().contains("full"), "{}", refused.text());
    // Of these one needs room for its bytes, the others for rows and a line of the journal alone.
    let other = Pushed::new("other");
    let mount = format!(
        "/v2/web/blobs/uploads/?mount={}&from=app",
        Digest::sha256(pushed.layer())
    );
    for refused in [
        other.try_push(&program, "", "app", "2").await,
        pushed.put(&program, "", "app", "3").await,
        Asked::new("", "POST", &mount).of(&program).await,
    ] {
        assert_eq!(refused.status, 507, "{}", refused.head);
        let told: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!(told["errors"][0]["code"], "UNAVAILABLE", "{told}");
    }
    assert!(program.readiness().await.contains("\"degraded\""));
    is_without(
        &program,
        &other,
        &["app/manifests/2", "app/manifests/3", "web/tags/list"],
    )
    .await;
    std::fs::remove_file(filler).unwrap();
    is_without(
        &program,
        &other,
        &["app/manifests/2", "app/manifests/3", "web/tags/list"],
    )
    .await;
    assert!(pushed.is_under(&program, "app", "1").await);
    assert_eq!(delete().await.status, 202);
    other.push(&program, "", "app", "2").await;
    assert!(other.is_under(&program, "app", "2").await);
    assert!(program.readiness().await.contains("\"ready\""));
    assert!(program.stop().0.success());
    let (checked, said) = setup.run(&["fsck"]);
    assert!(checked.success(), "{}", said.out.text());
}

/// Of an image that was refused nothing is there, nor is what else was not taken.
async fn is_without(program: &Program, refused: &Pushed, absent: &[&str]) {
    let blob = format!("app/blobs/{}", Digest::sha256(refused.config()));
    let manifest = format!("app/manifests/{}", refused.digest());
    for path in absent.iter().chain(&[&*blob, &*manifest]) {
        let answer = program.get(&format!("/v2/{path}")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.head);
    }
}

#[test]
fn a_disk_that_is_nearly_full_is_told_to_the_operator_and_no_other() {
    namespace::play("disks::a_disk_that_is_nearly_full");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_that_is_nearly_full() {
    if !namespace::is_inside() {
        return;
    }
    let hub = HubSim::new().image("library/small:1", Image::small());
    let hub = hub.start().await;
    let folder = TempDir::new().unwrap();
    let (receiver, url) = webhook();
    let setup =
        Setup::before(&hub, folder.path()).with(&format!("[[alerts.webhooks]]\nurl = \"{url}\""));
    namespace::mount(&setup.data(), "size=64m");
    let program = setup.start();
    keeps(&program, &hub, "library/small:1").await;
    assert!(program.stop().0.success());
    // All but 2 MiB of 64 are used, which is less than a twentieth.
    let filler = std::fs::File::create(setup.data().join("filler")).unwrap();
    let free = rustix::fs::statvfs(setup.data()).unwrap();
    let length = free.f_bavail * free.f_frsize - 2 * MIB;
    rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, length).unwrap();
    let program = setup.start();
    // Which hangs: nobody answers it.
    let (mut posted, _) = receiver.accept().unwrap();
    assert_eq!(
        pull(program.address, &hub, "library/small:1").await,
        Pulled::Whole
    );
    let mut told = Vec::new();
    while !told.ends_with(b"}") {
        let mut buffer = [0; 4_096];
        let read = posted.read(&mut buffer).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&buffer[..read]);
    }
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("\"kind\":\"disk_near_full\""), "{told}");
    assert!(told.contains("the disk is nearly full: 3 % free"), "{told}");
    assert!(program.stop().0.success());
    receiver.set_nonblocking(true).unwrap();
    assert!(
        receiver.accept().is_err(),
        "once, and not while there was room"
    );
}

/// Where alerts go, and its address.
fn webhook() -> (TcpListener, String) {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    (receiver, url)
}

#[test]
fn without_inodes_pulls_are_passed_on_and_keeping_resumes() {
    namespace::play("disks::a_disk_of_few_inodes");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_of_few_inodes() {
    if !namespace::is_inside() {
        return;
    }
    let hub = HubSim::new()
        .image("library/cold:1", Image::small())
        .image("library/small:1", Image::small());
    let hub = hub.start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    namespace::mount(&setup.data(), "size=64m,nr_inodes=64");
    let program = setup.start();
    let file = |number: usize| setup.data().join(format!("filler-{number}"));
    let fillers = (0..MAX_FILES).take_while(|number| std::fs::write(file(*number), "").is_ok());
    let fillers = fillers.count();
    assert!((1..MAX_FILES).contains(&fillers), "{fillers} files");
    let cold = pull(program.address, &hub, "library/cold:1").await;
    assert_eq!(cold, Pulled::Whole, "{} {}", program.out(), program.log());
    is_degraded(&program).await;
    for number in 0..fillers {
        std::fs::remove_file(file(number)).unwrap();
    }
    keeps(&program, &hub, "library/small:1").await;
    assert!(program.readiness().await.contains("\"ready\""));
    assert!(program.stop().0.success());
    comes_back(folder.path(), "no inodes").await;
}

#[test]
fn a_read_only_disk_serves_what_is_warm_and_passes_on_what_is_cold() {
    namespace::play("disks::a_disk_that_is_read_only");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_that_is_read_only() {
    if !namespace::is_inside() {
        return;
    }
    for killed in [false, true] {
        let hub = HubSim::new()
            .image("library/warm:1", Image::small())
            .image("library/cold:1", Image::with_layers(&[3 * MIB]));
        let hub = hub.start().await;
        let folder = TempDir::new().unwrap();
        let setup = Setup::before(&hub, folder.path());
        namespace::mount(&setup.data(), "size=64m");
        let program = setup.start();
        keeps(&program, &hub, "library/warm:1").await;
        if killed {
            program.kill();
        } else {
            assert!(program.stop().0.success());
        }
        namespace::remount(&setup.data(), "remount,ro");
        let program = setup.start();
        hub.clear_requests();
        assert_eq!(
            pull(program.address, &hub, "library/warm:1").await,
            Pulled::Whole
        );
        assert_eq!(hub.requests().to_string(), "", "killed: {killed}");
        assert_eq!(
            pull(program.address, &hub, "library/cold:1").await,
            Pulled::Whole
        );
        is_degraded(&program).await;
        assert!(program.stop().0.success());
        namespace::remount(&setup.data(), "remount,rw");
        comes_back(folder.path(), "a read-only disk").await;
    }
}

#[test]
fn warm_pulls_notice_a_read_only_disk_and_that_it_can_be_written_to_again() {
    namespace::play("disks::a_disk_that_is_read_only_for_a_while");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_disk_that_is_read_only_for_a_while() {
    if !namespace::is_inside() {
        return;
    }
    let hub = HubSim::new().image("library/warm:1", Image::small());
    let hub = hub.start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    namespace::mount(&setup.data(), "size=64m");
    let program = setup.start();
    keeps(&program, &hub, "library/warm:1").await;
    assert!(program.stop().0.success());
    namespace::remount(&setup.data(), "remount,ro");
    let program = setup.start();
    hub.clear_requests();
    assert_eq!(
        pull(program.address, &hub, "library/warm:1").await,
        Pulled::Whole
    );
    until_readiness(&program, "degraded").await;
    namespace::remount(&setup.data(), "remount,rw");
    until_readiness(&program, "\"ready\"").await;
    assert_eq!(hub.requests().to_string(), "", "nothing had to be fetched");
    assert!(program.stop().0.success());
}

/// Waits until readiness says so: use is written down every five seconds.
async fn until_readiness(program: &Program, word: &str) {
    for _ in 0..2000 {
        if program.readiness().await.contains(word) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never {word}: {}", program.log());
}

/// Nothing can be kept, and everybody who asks is told.
async fn is_degraded(program: &Program) {
    let readiness = program.get("/readyz").await;
    assert_eq!(readiness.status, 200, "warm images are served all the same");
    assert!(
        readiness.text().contains("degraded"),
        "{} {}",
        readiness.text(),
        program.log()
    );
    assert_eq!(program.metric("forebay_cache_writable").await, Some(0.0));
}

/// An image is pulled and kept: a second pull asks nothing.
pub(crate) async fn keeps(program: &Program, hub: &Hub, image: &str) {
    assert_eq!(pull(program.address, hub, image).await, Pulled::Whole);
    for _ in 0..1000 {
        hub.clear_requests();
        assert_eq!(pull(program.address, hub, image).await, Pulled::Whole);
        // What was pulled is kept behind the pull: at once, but not before it.
        if hub.requests().to_string().is_empty() && is_at_rest(program, hub, image).await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{image} is not kept: {}", program.log());
}

/// As much is at rest as the image has: what is still being written is served as well.
async fn is_at_rest(program: &Program, hub: &Hub, image: &str) -> bool {
    let blobs: usize = hub.blobs(image).iter().map(|blob| blob.bytes().len()).sum();
    let bytes = u32::try_from(blobs + hub.manifest(image).bytes().len()).unwrap();
    program.metric("forebay_cache_size_bytes").await >= Some(f64::from(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_few_files_the_program_does_not_start_and_says_so() {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path());
    for limit in [38, 64, 255] {
        let files = format!("--nofile={limit}:{limit}");
        let (status, said) = setup
            .clone()
            .below(&["prlimit", &files])
            .try_start()
            .unwrap_err();
        assert_eq!(status.code(), Some(3), "{limit}");
        let told = format!("error: cannot work with {limit} open files");
        assert!(said.log.text().starts_with(&told), "{}", said.log.text());
        assert!(said.log.text().contains("hint: raise it"));
        assert!(!setup.data().exists(), "it touched its data before");
    }
}

/// What is promised to clients fits into what the process may have; the soft limit is no limit.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_as_many_as_there_are_files_for() {
    let folder = TempDir::new().unwrap();
    let setup = Setup::new(folder.path());
    let setup = setup.below(&["prlimit", "--nofile=100:1024"]);
    for (wanted, lowered) in [(416, None), (10_000, Some("max_connections=416"))] {
        let section = format!("[log]\nlevel = \"debug\"\n[server]\nmax_connections = {wanted}");
        let program = setup.clone().with(&section).start();
        let log = program.log();
        assert!(log.contains("the limit of open files was raised"), "{log}");
        let is_warned = log.contains("too low for server.max_connections");
        assert_eq!(is_warned, lowered.is_some(), "{wanted}: {log}");
        assert!(log.contains(lowered.unwrap_or_default()), "{wanted}: {log}");
        assert_eq!(program.get("/v2/").await.status, 200);
        assert!(program.stop().0.success());
    }
}

/// Cold pulls through nearly as many connections as are taken, at the lowest limit that the program starts with.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_lowest_limit_no_pull_breaks() {
    let mut hub = HubSim::new();
    for number in 0..60 {
        let layers = Image::with_layers(&[100_000 + number, 200_000 + number]);
        hub = hub.image(&format!("library/app:{number}"), layers);
    }
    let hub = std::sync::Arc::new(hub.start().await);
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path()).below(&["prlimit", "--nofile=256:256"]);
    let program = setup.start();
    let mut pulls = tokio::task::JoinSet::new();
    let next = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    // Each with one connection at a time, which the program may notice the end of a moment later.
    for _ in 0..24 {
        let (address, hub, next) = (program.address, hub.clone(), next.clone());
        pulls.spawn(async move {
            loop {
                let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if number >= 60 {
                    return;
                }
                let image = format!("library/app:{number}");
                assert_eq!(pull(address, &hub, &image).await, Pulled::Whole, "{image}");
            }
        });
    }
    while let Some(outcome) = pulls.join_next().await {
        outcome.unwrap_or_else(|error| panic!("{error}: {}", program.log()));
    }
    let log = program.log();
    assert!(!log.contains("Too many open files"), "{log}");
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_few_files_the_program_sheds_and_recovers() {
    let hub = HubSim::new().image("library/small:1", Image::small());
    let hub = hub.image("library/late:1", Image::small()).start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path()).below(&["prlimit", "--nofile=256:256"]);
    let program = setup.start();
    keeps(&program, &hub, "library/small:1").await;
    let mut idle = Vec::new();
    for _ in 0..70 {
        idle.push(
            tokio::net::TcpStream::connect(program.address)
                .await
                .unwrap(),
        );
    }
    // One after the other is told so, at the latest when those before it were.
    let refused = program.get("/v2/").await;
    assert_eq!(refused.status, 503, "{}", refused.head);
    assert!(refused.text().contains("too many connections"));
    drop(idle);
    // Those that hung up are still in the queue: a client that is told so comes again.
    for _ in 0..1000 {
        if pull(program.address, &hub, "library/late:1").await == Pulled::Whole {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    keeps(&program, &hub, "library/late:1").await;
    assert!(program.stop().0.success());
    comes_back(folder.path(), "few files").await;
}

/// The files of blobs at rest.
pub(crate) fn blob_files(data: &Path) -> Vec<std::path::PathBuf> {
    files_below(&data.join("blobs"))
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let found = Command::new("find")
        .arg(folder)
        .args(["-type", "f"])
        .output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    found.lines().map(Into::into).collect()
}
