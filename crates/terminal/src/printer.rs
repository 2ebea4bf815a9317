//! Where commands print: the only place that writes to standard output and standard error.
//!
//! What a terminal would obey comes to it only by [`Printer::control`]: names, causes and what was read are made fit here, once
//! for all commands. A reader that has gone (`forebay … | head`) is no failure; any other write error becomes one at the end.

use std::fmt::{self, Display, Write as _};
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exit::ExitStatus;
use crate::fit;

/// Prints to standard output and standard error, or to buffers in tests. Shared by reference, also across tasks.
pub struct Printer {
    out: Mutex<Channel>,
    err: Mutex<Channel>,
    /// Whether a person sees what goes to standard output.
    is_terminal: bool,
}

struct Channel {
    writer: Box<dyn Write + Send>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The reader has gone: the rest is dropped.
    Closed,
    /// Writing failed for this reason, which the caller should hear of: a full disk behind a redirection.
    Broken(ErrorKind),
}

impl Printer {
    /// Prints to the process's own standard output and standard error.
    pub fn standard() -> Self {
        let out = io::stdout();
        let is_terminal = out.is_terminal();
        Self {
            is_terminal,
            ..Self::to(Box::new(out), Box::new(io::stderr()))
        }
    }

    /// Prints to these writers.
    pub fn to(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(Channel::new(out)),
            err: Mutex::new(Channel::new(err)),
            is_terminal: false,
        }
    }

    /// Writes a line of the command's result, or several, to standard output. In JSON, what is made fit means the same.
    pub fn line(&self, text: impl Display) {
        held(&self.out).write_fit(format_args!("{text}\n"));
    }

    /// Writes the command's result without a line end to standard output: as it is for a program, made fit for a terminal.
    pub fn raw(&self, bytes: &[u8]) {
        if !self.is_terminal {
            return held(&self.out).write(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        held(&self.out).write(fit::content(&text).as_bytes());
    }

    /// Writes what the terminal is to obey to standard output.
    pub fn control(&self, sequence: &str) {
        held(&self.out).write(sequence.as_bytes());
    }

    /// Has what was written shown now: for what is shown live.
    pub fn flush(&self) {
        held(&self.out).flush();
    }

    /// Whether whoever read the result has gone: what goes on for ever may end then.
    pub fn is_closed(&self) -> bool {
        held(&self.out).state != State::Open
    }

    /// Writes one line about the command to standard error.
    pub fn note(&self, text: impl Display) {
        let text = text.to_string();
        held(&self.err).write_line(&fit::one_line(&text));
    }

    /// Writes several lines about the command to standard error.
    pub fn notes(&self, text: impl Display) {
        let text = text.to_string();
        held(&self.err).write_line(&fit::lines(&text));
    }

    /// Flushes, and turns `status` into a failure if what the command had to say could not be written.
    pub fn finish(&self, status: ExitStatus) -> ExitStatus {
        let mut out = held(&self.out);
        out.flush();
        let status = match out.state {
            State::Broken(kind) => {
                self.note(format_args!(
                    "error: cannot write to standard output: {kind}"
                ));
                ExitStatus::Failed
            }
            State::Open | State::Closed => status,
        };
        held(&self.err).flush();
        status
    }
}

/// Makes the parts of a text fit, one by one.
struct Fit<'a>(&'a mut Channel);

impl fmt::Write for Fit<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0.write(fit::lines(part).as_bytes());
        Ok(())
    }
}

fn held(channel: &Mutex<Channel>) -> MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel {
    fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer,
            state: State::Open,
        }
    }

    /// At once, so that lines of several programs do not mix.
    fn write_line(&mut self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// As it is put together: it may be long.
    fn write_fit(&mut self, text: fmt::Arguments<'_>) {
        // What cannot be written is noted.
        let _ = Fit(self).write_fmt(text);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.state == State::Open {
            let written = self.writer.write_all(bytes);
            self.note(written);
        }
    }

    fn flush(&mut self) {
        if self.state == State::Open {
            let flushed = self.writer.flush();
            self.note(flushed);
        }
    }

    fn note(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.state = State::Closed,
            Err(error) => self.state = State::Broken(error.kind()),
        }
    }
}

#[cfg(test)]
mod tests;
