//! The data directory as a whole: whose it is, and which format it has.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::{DataError, DataLock, FORMAT, FsBlobs, RealDisk, ensure_format};
use forebay_content::BlobError;
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use tempfile::TempDir;

use crate::child;
use crate::scene::PATIENCE;

/// Another process that holds the lock on a directory until it is killed.
fn another_holder(dir: &Path) -> Child {
    let role = "data_dir::a_child_that_holds_the_lock";
    let mut holder = child::command(&[], role, dir.to_str().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(holder.stdout.as_mut().unwrap()).lines();
    assert!(said.map_while(Result::ok).any(|line| line == "locked"));
    holder
}

#[test]
#[ignore = "a role that other tests have children play"]
fn a_child_that_holds_the_lock() {
    let Some(dir) = child::find_argument() else {
        return;
    };
    let _lock = DataLock::acquire(Path::new(&dir)).unwrap();
    println!("\nlocked");
    // Until the parent kills it, or is itself gone.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_second_holder_is_told_who_the_first_is() {
    let dir = TempDir::new().unwrap();
    let lock = DataLock::acquire(dir.path()).unwrap();
    let refused = DataLock::acquire(dir.path()).unwrap_err();
    let DataError::Locked { holder_pid, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(*holder_pid, Some(std::process::id()));
    let said = refused.to_string();
    assert!(said.contains(&std::process::id().to_string()), "{said}");
    drop(lock);
    DataLock::acquire(dir.path()).unwrap();
}

#[test]
fn a_lock_file_without_a_number_names_nobody() {
    let dir = TempDir::new().unwrap();
    let _lock = DataLock::acquire(dir.path()).unwrap();
    fs::write(dir.path().join("lock"), "").unwrap();
    let refused = DataLock::acquire(dir.path()).unwrap_err();
    assert!(matches!(
        refused,
        DataError::Locked {
            holder_pid: None,
            ..
        }
    ));
}

#[tokio::test]
async fn the_lock_dies_with_its_holder() {
    let dir = TempDir::new().unwrap();
    let mut holder = another_holder(dir.path());
    let refused = DataLock::acquire(dir.path());
    let Err(DataError::Locked { holder_pid, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(holder_pid, Some(holder.id()));
    holder.kill().unwrap();
    holder.wait().unwrap();
    DataLock::wait(dir.path(), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_successor_waits_until_the_holder_lets_go() {
    let dir = TempDir::new().unwrap();
    let lock = DataLock::acquire(dir.path()).unwrap();
    let successor = DataLock::wait(dir.path(), PATIENCE);
    tokio::pin!(successor);
    let waits = tokio::select! {
        biased;
        _ = &mut successor => false,
        () = tokio::task::yield_now() => true,
    };
    assert!(waits);
    drop(lock);
    successor.await.unwrap();
}

#[tokio::test]
async fn a_successor_gives_up_at_its_limit() {
    let dir = TempDir::new().unwrap();
    let _lock = DataLock::acquire(dir.path()).unwrap();
    let refused = DataLock::wait(dir.path(), Duration::from_millis(50)).await;
    assert!(matches!(refused, Err(DataError::Locked { .. })));
}

#[test]
fn an_empty_directory_becomes_one_of_our_format() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    let _lock = DataLock::acquire(dir.path()).unwrap();
    ensure_format(dir.path(), &RealDisk).unwrap();
    let written = fs::read_to_string(dir.path().join("format")).unwrap();
    assert_eq!(written, format!("{FORMAT}\n"));
    ensure_format(dir.path(), &RealDisk).unwrap();
}

#[test]
fn a_directory_of_others_is_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("thesis.tex"), "dear").unwrap();
    let refused = ensure_format(dir.path(), &RealDisk);
    assert!(matches!(refused, Err(DataError::Foreign(_))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_format_from_the_future_is_refused_with_advice() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("format"), format!("{}\n", FORMAT + 1)).unwrap();
    let refused = ensure_format(dir.path(), &RealDisk).unwrap_err();
    let DataError::Newer { found, known } = refused else {
        panic!("{refused}");
    };
    assert_eq!((found, known), (FORMAT + 1, FORMAT));
    assert!(refused.to_string().contains("newer Forebay"));
}

#[test]
fn a_format_that_is_no_number_is_refused() {
    for text in ["", "0\n", "-1", "one", "1 2", "99999999999", "\u{0}\u{0}"] {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("format"), text).unwrap();
        let refused = ensure_format(dir.path(), &RealDisk);
        assert!(matches!(refused, Err(DataError::Unreadable(_))), "{text:?}");
    }
}

#[test]
fn a_format_is_written_whole_or_not_at_all() {
    let disk = FaultyDisk::default();
    ensure_format(TempDir::new().unwrap().path(), &disk).unwrap();
    for at in 1..=disk.count(Target::Changes) {
        let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
        disk.set(Some(Fault {
            target: Target::Changes,
            at,
            stays: false,
            effect: Effect::Full,
        }));
        let failed = ensure_format(dir.path(), &disk);
        assert!(matches!(failed, Err(DataError::Io { .. })), "at {at}");
        disk.set(None);
        ensure_format(dir.path(), &disk).unwrap();
    }
}

#[test]
fn a_staging_directory_elsewhere_is_refused_and_left_as_it_is() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let theirs = elsewhere.path().join("precious");
    fs::write(&theirs, "x").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("staging")).unwrap();
    let refused = FsBlobs::open(dir.path(), Arc::new(RealDisk)).unwrap_err();
    let BlobError::Io(said) = &refused else {
        panic!("{refused}");
    };
    assert!(
        said.to_string().contains("staging is a symbolic link"),
        "{said}"
    );
    assert!(theirs.exists());
}

#[test]
fn a_directory_among_the_staged_files_stops_no_start() {
    let dir = TempDir::new().unwrap();
    let inner = dir.path().join("staging/inner");
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("precious"), "x").unwrap();
    let stale = dir.path().join("staging/0000000000000000");
    fs::write(&stale, "half a blob").unwrap();
    FsBlobs::open(dir.path(), Arc::new(RealDisk)).unwrap();
    assert!(inner.join("precious").exists() && !stale.exists());
}

#[test]
fn what_is_made_is_for_its_owner_alone() {
    let dir = TempDir::new().unwrap();
    FsBlobs::open(dir.path(), Arc::new(RealDisk)).unwrap();
    for name in ["blobs", "blobs/sha256", "staging"] {
        let mode = fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
}
