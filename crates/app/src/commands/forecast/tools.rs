//! Runs the operator's own programs, which are looked for on the PATH.

use std::io;
use std::time::Duration;

use forebay_forecast::preflight::Outcome;
use forebay_terminal::programs::{self, MAX_OUTPUT_BYTES, Run, Stopped, keep_first};

/// How long a program may take.
const MAX_RUN: Duration = Duration::from_mins(1);

/// The most bytes of each of its outputs that are kept.
const MAX_SAID_BYTES: usize = 64 * 1024;

/// Runs one to its end, with nothing on its standard input.
pub(super) async fn run(words: &[String]) -> Outcome {
    let Some((program, args)) = words.split_first() else {
        return Outcome::NotInstalled;
    };
    let run = Run {
        program,
        args,
        input: "",
        limit: MAX_RUN,
        max_bytes: MAX_OUTPUT_BYTES,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut keep_out = |part: &[u8]| keep_first(&mut out, part, MAX_SAID_BYTES);
    let mut keep_err = |part: &[u8]| keep_first(&mut err, part, MAX_SAID_BYTES);
    match programs::run(&run, &mut keep_out, &mut keep_err).await {
        Ok(status) => Outcome::Ended {
            is_ok: status.success(),
            out: String::from_utf8_lossy(&out).into_owned(),
            err: String::from_utf8_lossy(&err).into_owned(),
        },
        Err(Stopped::Unrunnable(error)) if error.kind() == io::ErrorKind::NotFound => {
            Outcome::NotInstalled
        }
        Err(Stopped::Unrunnable(error)) => {
            Outcome::Failed(format!("{program} cannot be run: {error}"))
        }
        Err(Stopped::TookTooLong(_)) => {
            Outcome::Failed(format!("{program} took longer than a minute"))
        }
        Err(stopped @ Stopped::SaidTooMuch(_)) => Outcome::Failed(format!("{program} {stopped}")),
    }
}
