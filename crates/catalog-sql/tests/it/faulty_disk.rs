//! Disks that are read-only or full. The disks are mounts in a namespace of their own, in which a child of this program runs.

use std::path::Path;
use std::process::Command;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{CatalogError, KeptList, Links, ListKey, Lists, Objects, Timestamp};

use crate::words::{child, object, target};

/// The directory itself, read-only.
const READ_ONLY: &str = "mount --bind . . && mount -o remount,ro,bind .";

/// An empty disk of 1 MiB.
const SMALL: &str = "mount -t tmpfs -o size=1m none .";

fn assert_not_writable<T: std::fmt::Debug>(result: Result<T, CatalogError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, CatalogError::NotWritable(_)), "{error:?}");
}

/// Room is all that lacks.
fn assert_full<T: std::fmt::Debug>(result: Result<T, CatalogError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, CatalogError::NoSpace(_)), "{error:?}");
}

/// A catalog with one object.
async fn keep_one(path: &Path) -> SqlCatalog {
    let catalog = SqlCatalog::open(path).await.unwrap();
    let (target, object) = (target(1), object(1));
    catalog.keep_object(Some(&target), &object).await.unwrap();
    catalog
}

/// Runs an ignored test of this program in `directory`, after `mount` has been done there as root of a namespace.
fn run_under(mount: &str, test: &str, directory: &Path) {
    if !can_mount() {
        return;
    }
    let inner = child(&format!("faulty_disk::{test}"), directory);
    let script = format!("set -e; {mount}; cd \"$PWD\"; exec \"$@\"");
    let mut command = namespace();
    command
        .args(["sh", "-c", &script, "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(directory);
    let output = command.output().unwrap();
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "the child ran nothing: {told}");
}

/// A command in a mount namespace of its own, in which it is root.
fn namespace() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user"]);
    command
}

/// True if this machine lets us mount; says so if not, and fails where every test must run.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot run says so, and fails in CI"
)]
fn can_mount() -> bool {
    let tried = namespace()
        .args(["mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("SKIPPED: no mount namespaces here, so no faulty disk was tried");
        assert!(std::env::var_os("CI").is_none(), "skipped in CI");
    }
    can
}

#[tokio::test]
async fn on_a_read_only_disk_what_was_kept_is_read_and_writes_say_why_not() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = keep_one(&directory.path().join(FILE_NAME)).await;
    catalog.close().await.unwrap();
    run_under(READ_ONLY, "reads_from_a_read_only_disk", directory.path());
}

/// Killed, not closed: the log is still there and belongs to what is read.
#[tokio::test]
async fn on_a_read_only_disk_what_a_crash_left_is_read() {
    let left = tempfile::tempdir().unwrap();
    let _open = keep_one(&left.path().join(FILE_NAME)).await;
    let directory = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("{FILE_NAME}{suffix}");
        std::fs::copy(left.path().join(&name), directory.path().join(&name)).unwrap();
    }
    run_under(READ_ONLY, "reads_from_a_read_only_disk", directory.path());
}

#[tokio::test]
#[ignore = "runs as a child, on a read-only mount"]
async fn reads_from_a_read_only_disk() {
    let catalog = SqlCatalog::open(Path::new(FILE_NAME)).await.unwrap();
    let kept = object(1);
    let found = catalog.objects_after(None, 10).await.unwrap();
    assert_eq!(found.first(), Some(&kept));
    assert!(catalog.is_linked(&target(1), &kept.digest).await.unwrap());
    assert_eq!(catalog.usage().await.unwrap().objects, 1);
    assert!(catalog.is_read_only());
    for _ in 0..2 {
        assert_not_writable(catalog.keep_object(None, &object(2)).await);
        assert_not_writable(catalog.evict(std::slice::from_ref(&kept.digest)).await);
    }
    assert!(catalog.is_linked(&target(1), &kept.digest).await.unwrap());
    catalog.close().await.unwrap();
}

#[test]
fn on_a_read_only_disk_a_new_catalog_says_why_not() {
    run_under(
        READ_ONLY,
        "cannot_begin_on_a_read_only_disk",
        tempfile::tempdir().unwrap().path(),
    );
}

#[tokio::test]
#[ignore = "runs as a child, on a read-only mount"]
async fn cannot_begin_on_a_read_only_disk() {
    assert_not_writable(SqlCatalog::open(Path::new(FILE_NAME)).await);
}

#[test]
fn on_a_full_disk_reads_go_on_and_writes_too_once_there_is_room() {
    run_under(SMALL, "fills_its_disk", tempfile::tempdir().unwrap().path());
}

/// The disk is filled by somebody else's file, which goes later.
#[tokio::test]
#[ignore = "runs as a child, on a disk of 1 MiB"]
async fn fills_its_disk() {
    let catalog = keep_one(Path::new(FILE_NAME)).await;
    let filler = vec![0; 4 << 20];
    std::fs::write("filler", filler).unwrap_err();
    let list = KeptList {
        json: vec![b' '; 200_000].into(),
        more: None,
        filtered: false,
        checked_at: Timestamp(1_000),
    };
    let key = ListKey::Tags {
        n: None,
        last: None,
    };
    for _ in 0..3 {
        assert_full(catalog.keep_list(&target(1), &key, &list).await);
        let linked = catalog.is_linked(&target(1), &object(1).digest).await;
        assert!(linked.unwrap());
        let found = catalog.find_list(&target(1), &key).await.unwrap();
        assert_eq!(found, None);
    }
    std::fs::remove_file("filler").unwrap();
    catalog.keep_list(&target(1), &key, &list).await.unwrap();
    assert_eq!(
        catalog.find_list(&target(1), &key).await.unwrap(),
        Some(list)
    );
    catalog.integrity_check().await.unwrap();
    catalog.close().await.unwrap();
}

#[test]
fn what_was_opened_on_a_full_disk_is_read_and_written_to_once_there_is_room() {
    run_under(
        SMALL,
        "opens_on_a_full_disk",
        tempfile::tempdir().unwrap().path(),
    );
}

#[tokio::test]
#[ignore = "runs as a child, on a disk of 1 MiB"]
async fn opens_on_a_full_disk() {
    let path = Path::new(FILE_NAME);
    let (one, two) = (object(1), object(2));
    keep_one(path).await.close().await.unwrap();
    std::fs::write("filler", vec![0; 4 << 20]).unwrap_err();
    let catalog = SqlCatalog::open(path).await.unwrap();
    assert!(catalog.is_read_only());
    for _ in 0..2 {
        assert_not_writable(catalog.keep_object(None, &two).await);
        assert!(catalog.is_linked(&target(1), &one.digest).await.unwrap());
    }
    std::fs::remove_file("filler").unwrap();
    catalog.keep_object(Some(&target(2)), &two).await.unwrap();
    assert!(!catalog.is_read_only());
    assert!(catalog.is_linked(&target(2), &two.digest).await.unwrap());
    catalog.integrity_check().await.unwrap();
    catalog.close().await.unwrap();
    catalog.keep_object(None, &one).await.unwrap_err();
}

#[test]
fn a_catalog_that_was_only_read_stays_closed_once_it_is() {
    run_under(
        SMALL,
        "closes_on_a_full_disk",
        tempfile::tempdir().unwrap().path(),
    );
}

#[tokio::test]
#[ignore = "runs as a child, on a disk of 1 MiB"]
async fn closes_on_a_full_disk() {
    let path = Path::new(FILE_NAME);
    SqlCatalog::open(path).await.unwrap().close().await.unwrap();
    std::fs::write("filler", vec![0; 4 << 20]).unwrap_err();
    let catalog = SqlCatalog::open(path).await.unwrap();
    assert!(catalog.is_read_only());
    catalog.close().await.unwrap();
    std::fs::remove_file("filler").unwrap();
    catalog.keep_object(None, &object(1)).await.unwrap_err();
    catalog.usage().await.unwrap_err();
}
