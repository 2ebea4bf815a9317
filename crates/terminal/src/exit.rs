//! How the program ends: four exit codes, the same for every command.
//!
//! The only place that knows the numbers; `main` returns what is made here and nothing else ends the process.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done, and nothing to complain of.
    Ok,
    /// 1: done, and something was found that the operator should look at.
    Findings,
    /// 2: the command line or the configuration is wrong; nothing was done.
    Usage,
    /// 3: it could not be done.
    Failed,
}

/// The codes in words, for the end of every `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  done, with findings
  2  the command line or the configuration is wrong
  3  failed";

/// The end of a command's help: an example, then the exit codes.
pub fn with_exit_codes(example: &str) -> String {
    format!("{example}\n\n{EXIT_CODES}")
}

impl ExitStatus {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Failed => 3,
        }
    }
}

/// Ends the process where a signal asks for it: by the code that a shell has for what this signal has ended.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the caller is a thread of its own: main may be in the middle of anything"
)]
pub(crate) fn end_as_by(signal: i32) -> ! {
    std::process::exit(128 + signal)
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
