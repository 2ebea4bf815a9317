//! This test binary again, as a process of its own: to be killed, or to have file systems of its own.

use std::process::{Command, Output};

/// Tells a child which of its roles it plays, and with what.
const ROLE: &str = "FOREBAY_BLOBS_FS_CHILD";

/// Runs the ignored test `role` of this binary with `argument`, below `wrapper` if that is not empty.
pub(crate) fn run(wrapper: &[&str], role: &str, argument: &str) -> Output {
    command(wrapper, role, argument).output().unwrap()
}

/// What [`run`] runs.
pub(crate) fn command(wrapper: &[&str], role: &str, argument: &str) -> Command {
    let binary = std::env::current_exe().unwrap();
    let binary = binary.to_str().unwrap();
    let call = [binary, "--exact", role, "--ignored", "--nocapture"];
    let words = [wrapper, &call].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env(ROLE, argument);
    command
}

/// What the parent gave this child; `None` if somebody ran the ignored test by hand.
#[expect(clippy::disallowed_methods, reason = "a test tells its child its role")]
pub(crate) fn find_argument() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Says loudly that a test did not run, and fails it where nothing may be left out.
#[expect(
    clippy::disallowed_methods,
    reason = "CI=true turns a skip into a failure"
)]
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "SKIPPED: {why}"
    );
    eprintln!("\n*** SKIPPED: {why} ***\n");
}
