//! Runs the operator's own programs, which are looked for on the PATH.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use forebay_forecast::preflight::Outcome;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take.
const MAX_RUN: Duration = Duration::from_mins(1);

/// The most bytes of each of its outputs that are read.
const MAX_SAID_BYTES: usize = 64 * 1024;

/// Runs one to its end, with nothing on its standard input.
pub(super) async fn run(words: &[String]) -> Outcome {
    let Some((program, args)) = words.split_first() else {
        return Outcome::NotInstalled;
    };
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match timeout(MAX_RUN, output).await {
        Err(_) => Outcome::Failed(format!("{program} took longer than a minute")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Outcome::NotInstalled,
        Ok(Err(error)) => Outcome::Failed(format!("{program} cannot be run: {error}")),
        Ok(Ok(output)) => Outcome::Ended {
            is_ok: output.status.success(),
            out: said(&output.stdout),
            err: said(&output.stderr),
        },
    }
}

fn said(bytes: &[u8]) -> String {
    let end = bytes.len().min(MAX_SAID_BYTES);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
