//! Runs other programs: a plan's steps, and the pulls of a probe.

use std::io;
use std::time::Duration;

use forebay_limits::without_secrets;
use forebay_setup::{Guard, Input, Password, Standing, Step, command_line};
use forebay_terminal::programs::{self, MAX_OUTPUT_BYTES, Run, Stopped, keep_last};
use forebay_terminal::{Failure, Printer};

/// How long a program may take: a pull over a slow line takes minutes.
const MAX_RUN: Duration = Duration::from_mins(10);

/// The last bytes of what a program said that are kept: a password in them that is cut at their beginning is none of those
/// that are told.
const MAX_KEPT_BYTES: usize = 256 << 10;

/// The last bytes of what a program that failed said, which are told.
const MAX_TOLD_BYTES: usize = 4_096;

/// What became of a program.
pub(crate) struct Ran {
    pub(crate) is_ok: bool,
    /// What it said on standard error, or else on standard output; its end.
    pub(crate) said: String,
    /// What it said on standard output; its end.
    answer: String,
}

/// Runs the steps that belong to the set-up, in order, until one fails.
///
/// # Errors
/// A program is not there, or says that it failed.
pub(crate) async fn run(steps: &[Step], printer: &Printer) -> Result<(), Failure> {
    let passwords: Vec<&Password> = steps.iter().filter_map(password).collect();
    for step in steps.iter().filter(|step| step.is_run) {
        let line = run_step(step, &passwords).await?;
        printer.note(format_args!("ran {line}  ({})", step.why));
    }
    Ok(())
}

/// Asks how what the steps of a plan are about stands.
///
/// # Errors
/// It is somebody else's, or that cannot be told.
pub(crate) async fn ask(guard: &Guard) -> Result<Standing, Failure> {
    let [first, second] = &guard.questions;
    let answers = [answer_to(first).await?, answer_to(second).await?];
    guard.weigh(&answers).ok_or_else(|| {
        let what = format!(
            "{} was not made by forebay setup: nothing was changed",
            guard.what
        );
        Failure::plain(what).with_hint(guard.hint.clone())
    })
}

/// What a program says; warnings are no part of it.
async fn answer_to(command: &[String]) -> Result<String, Failure> {
    let ran = run_command(command, "").await?;
    if ran.is_ok {
        Ok(ran.answer)
    } else {
        Err(failed(command, &told(&ran.said, &[])))
    }
}

/// Runs a step; what was run.
async fn run_step(step: &Step, passwords: &[&Password]) -> Result<String, Failure> {
    let input = match &step.input {
        Input::Nothing => "",
        Input::Text(text) | Input::Secret { text, .. } => text,
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
    Err(failed(command, &told(&ran.said, passwords)))
}

/// What a program said is one cause, in one line.
fn failed(command: &[String], told: &str) -> Failure {
    let lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = lines.collect::<Vec<_>>().join("; ");
    Failure::failed(format!("{} failed", command_line(command)), told)
}

fn password(step: &Step) -> Option<&Password> {
    match &step.input {
        Input::Secret { password, .. } => Some(password),
        Input::Nothing | Input::Text(_) => None,
    }
}

/// The end of what a program said, without what nobody is to read.
fn told(said: &str, passwords: &[&Password]) -> String {
    let hide = |said: String, password: &&Password| password.hide(&said);
    let hidden = passwords.iter().fold(said.to_owned(), hide);
    let shown = without_secrets(&hidden);
    let start = shown.ceil_char_boundary(shown.len().saturating_sub(MAX_TOLD_BYTES));
    shown[start..].to_owned()
}

async fn run_command(command: &[String], input: &str) -> Result<Ran, Failure> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let ran = run_kept(&words, input).await;
    ran.map_err(|error| Failure::failed(format!("cannot run {}", command_line(command)), error))
}

/// Runs one program.
///
/// # Errors
/// It is not there, or took too long.
pub(crate) async fn run_one(words: &[&str]) -> io::Result<Ran> {
    let mut ran = run_kept(words, "").await?;
    ran.said = told(&ran.said, &[]);
    Ok(ran)
}

/// Runs one with this on its standard input.
async fn run_kept(words: &[&str], input: &str) -> io::Result<Ran> {
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
    let mut keep_out = |part: &[u8]| keep_last(&mut out, part, MAX_KEPT_BYTES);
    let mut keep_err = |part: &[u8]| keep_last(&mut err, part, MAX_KEPT_BYTES);
    let ended = programs::run(&run, &mut keep_out, &mut keep_err).await;
    let status = ended.map_err(|stopped| match stopped {
        Stopped::Unrunnable(error) => error,
        Stopped::TookTooLong(_) => io::ErrorKind::TimedOut.into(),
        Stopped::SaidTooMuch(_) => io::Error::other(stopped),
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Ok(Ran {
        is_ok: status.success(),
        said: text(if err.is_empty() { &out } else { &err }),
        answer: text(&out),
    })
}
