//! A line that is typed and not shown: a password.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::printer::Printer;

/// The longest line that is read, in bytes; no terminal hands out a longer one.
const MAX_LINE_BYTES: u64 = 4096;

/// A terminal that does not show what is typed, until this is dropped.
struct Unseen {
    before: Termios,
}

/// Whether standard input is a terminal, at which somebody types, and nothing that was piped.
pub fn is_typed() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a line that is not shown while it is typed; `None` where the input ends before one.
///
/// # Errors
/// The terminal cannot be used, or whoever typed gave up by Ctrl-C: it is put back first.
pub async fn ask_hidden(question: &str, printer: &Printer) -> Result<Option<String>, Failure> {
    let unusable = |error: std::io::Error| Failure::failed("cannot ask on this terminal", error);
    // Before the terminal is changed: from then on they find it put back.
    let mut ends = Ends::new().map_err(unusable)?;
    let unseen = Unseen::begin().map_err(unusable)?;
    printer.note(question);
    let (typed, line) = oneshot::channel();
    // A thread that ends with the process: a read from a terminal cannot be given up.
    std::thread::spawn(move || typed.send(read_line()));
    let line = tokio::select! {
        line = line => line,
        () = ends.come() => {
            drop(unseen);
            return Err(Failure::plain("given up: nothing was changed"));
        }
    };
    drop(unseen);
    match line {
        Ok(read) => read.map_err(unusable),
        Err(_) => Ok(None),
    }
}

fn read_line() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let stdin = std::io::stdin();
    let read = stdin.lock().take(MAX_LINE_BYTES).read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

impl Unseen {
    fn begin() -> std::io::Result<Self> {
        let input = std::io::stdin();
        let before = tcgetattr(&input)?;
        let mut ours = before.clone();
        ours.local_modes -= LocalModes::ECHO;
        // The end of the line is shown: what comes next begins on a line of its own.
        ours.local_modes |= LocalModes::ECHONL;
        // What was typed too early was shown, and is no answer.
        tcsetattr(&input, OptionalActions::Flush, &ours)?;
        Ok(Self { before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// The signals that end the program.
struct Ends([Signal; 3]);

impl Ends {
    fn new() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn come(&mut self) {
        let [terminated, interrupted, hung_up] = &mut self.0;
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
            _ = hung_up.recv() => {}
        }
    }
}
