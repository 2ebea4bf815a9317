//! Runs a test of this binary again, where it may mount file systems of its own.

use std::path::Path;
use std::process::Command;

/// Tells a child that it is where it may mount.
const INSIDE: &str = "TEST_INSIDE";

/// Runs the ignored test `role` with mounts that nobody else sees. It fails as the role fails; where mounting is not
/// allowed, it says so.
pub(crate) fn play(role: &str) {
    if Command::new("unshare")
        .args(["-m", "true"])
        .status()
        .map_or(true, |tried| !tried.success())
    {
        return skip("mounting file systems needs root and unshare");
    }
    let binary = std::env::current_exe().unwrap();
    let played = Command::new("unshare")
        .args(["-m", "--propagation", "private"])
        .arg(binary)
        .args(["--exact", role, "--ignored", "--nocapture"])
        .env(INSIDE, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let (out, log) = (&played.stdout, &played.stderr);
    let text = [out.as_slice(), log.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(
        played.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

/// Whether this is a child that [`play`] began, and not somebody who ran an ignored test by hand.
pub(crate) fn is_inside() -> bool {
    std::env::var(INSIDE).is_ok()
}

/// Mounts a file system in memory at `folder`, with options such as `size=8m`.
pub(crate) fn mount(folder: &Path, options: &str) {
    mount_with(folder, &["-t", "tmpfs", "-o", options, "tmpfs"]);
}

/// Mounts again with other options, such as `remount,ro`.
pub(crate) fn remount(folder: &Path, options: &str) {
    mount_with(folder, &["-o", options]);
}

fn mount_with(folder: &Path, words: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    let mounted = Command::new("mount").args(words).arg(folder).status();
    assert!(mounted.unwrap().success(), "mount {words:?}");
}

/// Says loudly that a test did not run, and fails it where nothing may be left out.
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "SKIPPED: {why}"
    );
    eprintln!("\n*** SKIPPED: {why} ***\n");
}
