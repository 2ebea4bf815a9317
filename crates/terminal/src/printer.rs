//! Where commands print: the only place that writes to standard output and standard error.
//!
//! A reader that has gone (`forebay … | head`) is no failure; any other write error becomes one at the end.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exit::ExitStatus;

/// Prints to standard output and standard error, or to buffers in tests. Shared by reference, also across tasks.
pub struct Printer {
    out: Mutex<Channel>,
    err: Mutex<Channel>,
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
    /// Writing failed for a reason that the caller should hear of: a full disk behind a redirection.
    Broken,
}

impl Printer {
    /// Prints to the process's own standard output and standard error.
    pub fn standard() -> Self {
        Self::to(Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Prints to these writers.
    pub fn to(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Mutex::new(Channel::new(out)),
            err: Mutex::new(Channel::new(err)),
        }
    }

    /// Writes one line of the command's result to standard output.
    pub fn line(&self, text: impl Display) {
        held(&self.out).write(format_args!("{text}\n"));
    }

    /// Writes the command's result as it is, without a line end, to standard output.
    pub fn raw(&self, bytes: &[u8]) {
        let mut channel = held(&self.out);
        if channel.state == State::Open {
            let written = channel.writer.write_all(bytes);
            channel.note(written);
        }
    }

    /// Has what was written shown now: for what is shown live.
    pub fn flush(&self) {
        held(&self.out).flush();
    }

    /// Writes one line about the command to standard error.
    pub fn note(&self, text: impl Display) {
        held(&self.err).write(format_args!("{text}\n"));
    }

    /// Flushes, and turns `status` into a failure if what the command had to say could not be written.
    pub fn finish(&self, status: ExitStatus) -> ExitStatus {
        let mut out = held(&self.out);
        out.flush();
        held(&self.err).flush();
        match out.state {
            State::Broken => ExitStatus::Failed,
            State::Open | State::Closed => status,
        }
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

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        if self.state == State::Open {
            let written = self.writer.write_fmt(text);
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
            Err(_) => self.state = State::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ending_with(kind: ErrorKind) -> ExitStatus {
        let printer = Printer::to(Box::new(Failing(kind)), Box::new(io::sink()));
        printer.line("hello");
        printer.finish(ExitStatus::Ok)
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert_eq!(ending_with(ErrorKind::BrokenPipe), ExitStatus::Ok);
    }

    #[test]
    fn output_that_cannot_be_written_is_a_failure() {
        assert_eq!(ending_with(ErrorKind::StorageFull), ExitStatus::Failed);
    }
}
