//! A test binary again, as a process of its own: to be killed.

use std::process::Command;

/// Tells a child which argument it was given.
const ARGUMENT: &str = "FOREBAY_TEST_CHILD";

/// The ignored test `role` of this binary with `argument`.
pub fn command(role: &str, argument: &str) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--exact", role, "--ignored", "--nocapture"])
        .env(ARGUMENT, argument);
    Ok(command)
}

/// What the parent gave this child; `None` if somebody ran the ignored test by hand.
#[expect(clippy::disallowed_methods, reason = "a test tells its child its role")]
pub fn find_argument() -> Option<String> {
    std::env::var(ARGUMENT).ok()
}

/// Dies at once, as by `kill -9`.
pub fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
