//! This test binary again, as a process of its own: to be killed.

use std::process::Command;

/// Tells a child which of its roles it plays, and with what.
const ROLE: &str = "FOREBAY_REGISTRY_CHILD";

/// The ignored test `role` of this binary with `argument`.
pub(crate) fn command(role: &str, argument: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", role, "--ignored", "--nocapture"])
        .env(ROLE, argument);
    command
}

/// What the parent gave this child; `None` if somebody ran the ignored test by hand.
#[expect(clippy::disallowed_methods, reason = "a test tells its child its role")]
pub(crate) fn find_argument() -> Option<String> {
    std::env::var(ROLE).ok()
}
