//! Runs other programs: a plan's steps, and the pulls of a probe.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use forebay_setup::{Input, Step};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::show::command_line;
use crate::error::Failure;
use crate::printer::Printer;

/// How long a program may take: a pull over a slow line takes minutes.
const MAX_RUN: Duration = Duration::from_mins(10);

/// The last bytes of what a program that failed said, which are told.
const MAX_TOLD_BYTES: usize = 4_096;

/// What became of a program.
pub(super) struct Ran {
    pub(super) is_ok: bool,
    /// What it said on standard error, or else on standard output; its end.
    pub(super) said: String,
}

/// Runs the steps that belong to the set-up, in order, until one fails.
///
/// # Errors
/// A program is not there, or says that it failed.
pub(super) async fn run(steps: &[Step], printer: &Printer) -> Result<(), Failure> {
    for step in steps.iter().filter(|step| step.is_run) {
        let line = command_line(step);
        let input = match &step.input {
            Input::Nothing => "",
            Input::Text(text) | Input::Secret(text) => text,
        };
        let words: Vec<&str> = step.command.iter().map(String::as_str).collect();
        let failed = |error: io::Error| Failure::failed(format!("cannot run {line}"), error);
        let ran = run_one(&words, input).await.map_err(failed)?;
        if !ran.is_ok {
            return Err(Failure::failed(format!("{line} failed"), ran.said));
        }
        printer.note(format_args!("ran {line}  ({})", step.why));
    }
    Ok(())
}

/// Runs one program with this on its standard input.
///
/// # Errors
/// It is not there, or took too long.
pub(super) async fn run_one(words: &[&str], input: &str) -> io::Result<Ran> {
    let Some((program, args)) = words.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // One that reads nothing is no failure here: its status tells.
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    let output = timeout(MAX_RUN, child.wait_with_output()).await;
    let output = output.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let said = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let from = said.len().saturating_sub(MAX_TOLD_BYTES);
    Ok(Ran {
        is_ok: output.status.success(),
        said: String::from_utf8_lossy(&said[from..]).trim().to_owned(),
    })
}
