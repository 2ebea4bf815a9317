//! Runs other programs: a plan's steps, and the pulls of a probe.

use std::io;
use std::time::Duration;

use forebay_setup::{Input, Step, command_line};
use forebay_terminal::programs::{self, MAX_OUTPUT_BYTES, Run, Stopped, keep_last};
use forebay_terminal::{Failure, Printer};

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
        let line = run_step(step).await?;
        printer.note(format_args!("ran {line}  ({})", step.why));
    }
    Ok(())
}

/// Runs a step; what was run.
async fn run_step(step: &Step) -> Result<String, Failure> {
    let input = match &step.input {
        Input::Nothing => "",
        Input::Text(text) | Input::Secret(text) => text,
    };
    let mut command = &step.command;
    let mut ran = run_command(command, input).await?;
    let otherwise = step.otherwise.as_ref();
    if let Some(otherwise) = otherwise.filter(|other| !ran.is_ok && ran.said.contains(other.said)) {
        command = &otherwise.command;
        ran = run_command(command, input).await?;
    }
    let line = command_line(command);
    if ran.is_ok {
        return Ok(line);
    }
    Err(Failure::failed(format!("{line} failed"), ran.said))
}

async fn run_command(command: &[String], input: &str) -> Result<Ran, Failure> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let ran = run_one(&words, input).await;
    ran.map_err(|error| Failure::failed(format!("cannot run {}", command_line(command)), error))
}

/// Runs one program with this on its standard input.
///
/// # Errors
/// It is not there, or took too long.
pub(super) async fn run_one(words: &[&str], input: &str) -> io::Result<Ran> {
    let Some((program, args)) = words.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let run = Run {
        program,
        args: &args,
        input,
        limit: MAX_RUN,
        max_bytes: MAX_OUTPUT_BYTES,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut keep_out = |part: &[u8]| keep_last(&mut out, part, MAX_TOLD_BYTES);
    let mut keep_err = |part: &[u8]| keep_last(&mut err, part, MAX_TOLD_BYTES);
    let ended = programs::run(&run, &mut keep_out, &mut keep_err).await;
    let status = ended.map_err(|stopped| match stopped {
        Stopped::Unrunnable(error) => error,
        Stopped::TookTooLong(_) => io::ErrorKind::TimedOut.into(),
        Stopped::SaidTooMuch(_) => io::Error::other(stopped),
    })?;
    let said = if err.is_empty() { &out } else { &err };
    Ok(Ran {
        is_ok: status.success(),
        said: String::from_utf8_lossy(said).trim().to_owned(),
    })
}
