//! Other programs, as a seam: `kubectl`, `docker`, `journalctl` and `aws` are run, and tests play them.
//!
//! Never a shell. What a program may take in time and bytes is bounded, and what it says of itself is redacted.

use std::fmt;
use std::io;
use std::time::Duration;

use forebay_limits::{printable, without_secrets};
use forebay_terminal::programs::{self, MAX_OUTPUT_BYTES, Run, Stopped, keep_last};
use serde_json::Value;

use super::answer;
use super::form::Form;
use super::items::Items;

/// How long one program may take: a large cluster's events take seconds, and a stuck API server has no end.
pub(crate) const MAX_RUN: Duration = Duration::from_mins(1);

/// The most bytes of an answer that is kept, to ask on with what it says.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// The last bytes of a program's complaint that are kept: it ends with what made it give up.
const MAX_COMPLAINT_BYTES: usize = 16 << 10;

/// The most bytes of a complaint that are told.
pub(super) const MAX_TOLD_BYTES: usize = 300;

/// One run of a program. Nothing secret is among its arguments: programs find their credentials themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The program, looked for in `PATH`.
    pub(crate) program: &'static str,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// The most bytes that are read of what it says.
    pub(crate) max_bytes: u64,
    /// Without it, it still can be said that nothing is wrong.
    pub(crate) is_beside: bool,
    /// In which form it prints what there is to tell.
    pub(crate) form: Form,
}

/// Why a program told nothing, or not all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no such program.
    #[error("is not installed")]
    Missing,
    /// It could not be started or read.
    #[error("cannot be run: {0}")]
    Unrunnable(io::Error),
    /// It said that it failed.
    #[error("failed ({code}){}", said(.complaint))]
    Failed {
        /// Its exit code, or the signal that ended it.
        code: String,
        /// What it said about it, redacted.
        complaint: String,
    },
    /// It was ended.
    #[error("took longer than {} s", .0.as_secs())]
    TookTooLong(Duration),
    /// It was ended.
    #[error("said more than {} MiB: the rest was not read", .0 >> 20)]
    SaidTooMuch(u64),
    /// What it said is not what was asked for.
    #[error("said something that is not JSON")]
    Rubbish,
    /// What it said is not what was asked for.
    #[error(
        "said something that is not the table that was asked for: an error of a proxy's, or a format of its own in ~/.docker/config.json"
    )]
    NoTable,
    /// What it said is not what was asked for.
    #[error("said something that is no list of ids")]
    NoIds,
    /// What it said is cut off or damaged, and tells less than there is.
    #[error("said JSON that is cut off or broken: some of it is lost")]
    Broken,
    /// It ended well, and handed a refusal on as its answer.
    #[error("was refused{}", said(.0))]
    Refused(String),
    /// What it said has more in it than is looked at.
    #[error("said more than can be looked at")]
    TooRich,
    /// It was not asked, because it cost too much before.
    #[error("is not asked again: {0}")]
    GivenUp(&'static str),
}

/// What runs programs.
pub(crate) trait Tools {
    /// Runs a program and hands on what it says, as it comes.
    async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble>;

    /// Runs a program and reads its answer, which is JSON; what of it nobody looks at is left out.
    async fn ask(&self, call: &Call) -> Result<Value, Trouble> {
        let call = call.clone().at_most(MAX_ANSWER_BYTES);
        let mut bytes = Vec::new();
        self.run(&call, &mut |part| bytes.extend_from_slice(part))
            .await?;
        answer::read(&bytes)
    }

    /// The same of a list, of which one item is held at a time.
    async fn ask_items(&self, call: &Call, take: &mut dyn FnMut(&Value)) -> Result<(), Trouble> {
        let mut items = Items::new(take);
        self.run(call, &mut |part| items.push(part)).await?;
        items.finish()
    }
}

/// The programs of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Installed {
    limit: Duration,
}

// === impl Call ===

impl Call {
    pub(crate) fn new(program: &'static str, args: &[&str]) -> Self {
        Self {
            program,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            max_bytes: MAX_OUTPUT_BYTES,
            is_beside: false,
            form: Form::Any,
        }
    }

    /// One that prints what there is to tell in this form.
    pub(crate) const fn printing(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// One that tells nothing of failures, or beside others that tell of them: who asks judges by what is answered.
    pub(crate) const fn beside(mut self) -> Self {
        self.is_beside = true;
        self
    }

    /// Of which no more than this is read, and no more than before.
    pub(crate) fn at_most(mut self, bytes: u64) -> Self {
        self.max_bytes = self.max_bytes.min(bytes);
        self
    }

    /// With more arguments.
    pub(crate) fn with<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

// === impl Installed ===

impl Installed {
    pub(crate) const fn new() -> Self {
        Self { limit: MAX_RUN }
    }
}

impl Tools for Installed {
    async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let run = Run {
            program: call.program,
            args: &call.args,
            input: "",
            limit: self.limit,
            max_bytes: call.max_bytes,
        };
        let mut complaint = Vec::new();
        let mut keep = |part: &[u8]| keep_last(&mut complaint, part, MAX_COMPLAINT_BYTES);
        let status = programs::run(&run, take, &mut keep).await?;
        if status.success() {
            return Ok(());
        }
        let code = match status.code() {
            Some(code) => format!("exit code {code}"),
            None => "ended by a signal".to_owned(),
        };
        let complaint = String::from_utf8_lossy(&complaint);
        let complaint = without_secrets(&complaint);
        let complaint = printable(last_words(&complaint), MAX_TOLD_BYTES);
        Err(Trouble::Failed { code, complaint })
    }
}

impl From<Stopped> for Trouble {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Unrunnable(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Stopped::Unrunnable(error) => Self::Unrunnable(error),
            Stopped::TookTooLong(limit) => Self::TookTooLong(limit),
            Stopped::SaidTooMuch(max_bytes) => Self::SaidTooMuch(max_bytes),
        }
    }
}

/// The last line that says why: not what was logged on the way, and not where help is found.
fn last_words(complaint: &str) -> &str {
    let lines = || complaint.lines().rev().map(str::trim);
    let is_told = |line: &&str| !line.is_empty();
    let is_useful = |line: &&str| !is_klog(line) && !is_advice(line);
    let useful = lines().filter(is_told).find(is_useful);
    useful.or_else(|| lines().find(is_told)).unwrap_or_default()
}

/// Whether it is a line of Kubernetes' logger: `E1121 08:00:00.123456   42 memcache.go:265] …`.
fn is_klog(line: &str) -> bool {
    let Some((head, _)) = line.split_once("] ") else {
        return false;
    };
    let mut head = head.bytes();
    head.next()
        .is_some_and(|severity| b"IWEF".contains(&severity))
        && head.by_ref().take(4).all(|byte| byte.is_ascii_digit())
        && head.next() == Some(b' ')
}

/// Whether it only says where to read on, as kubectl and docker do after their word.
fn is_advice(line: &str) -> bool {
    let is_quoted = |word: &str| {
        let rest = line.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with(['\'', '"', '`']))
    };
    is_quoted("See ") || is_quoted("Run ")
}

fn said(complaint: &str) -> String {
    if complaint.is_empty() {
        String::new()
    } else {
        format!(": {complaint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(limit: Duration, program: &'static str, args: &[&str]) -> (Vec<u8>, String) {
        let mut said = Vec::new();
        let mut take = |part: &[u8]| said.extend_from_slice(part);
        let installed = Installed { limit };
        let call = Call::new(program, args).at_most(1 << 20);
        let end = match installed.run(&call, &mut take).await {
            Ok(()) => "ok".to_owned(),
            Err(trouble) => trouble.to_string(),
        };
        (said, end)
    }

    #[tokio::test]
    async fn what_a_program_says_is_handed_on_and_how_it_ends_is_told() {
        let long = Duration::from_mins(1);
        assert_eq!(
            run(long, "echo", &["a;b $c"]).await,
            (b"a;b $c\n".to_vec(), "ok".into())
        );
        let (_, end) = run(long, "no-such-program-of-ours", &[]).await;
        assert_eq!(end, "is not installed");
        let (_, end) = run(long, "cat", &["/nowhere"]).await;
        assert_eq!(
            end,
            "failed (exit code 1): cat: /nowhere: No such file or directory"
        );
    }

    #[test]
    fn of_a_complaint_the_last_words_are_told_without_what_was_logged_before() {
        let refused = "The connection to the server localhost:8080 was refused - did you specify the right host or port?";
        let logged = "E1121 08:00:00.123456   42 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group list\"";
        for (complaint, words) in [
            (format!("{logged}\n{logged}\n{refused}\n"), refused),
            (format!("{refused}\n{logged}\n"), refused),
            (
                "error: unknown flag: --x\nSee 'kubectl get --help' for usage.\n".to_owned(),
                "error: unknown flag: --x",
            ),
            (
                "\nYou must specify a region.\n\n".to_owned(),
                "You must specify a region.",
            ),
            (logged.to_owned(), logged),
            (String::new(), ""),
        ] {
            assert_eq!(last_words(&complaint), words);
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended() {
        let (_, end) = run(Duration::from_millis(1), "sleep", &["600"]).await;
        assert_eq!(end, "took longer than 0 s");
    }

    #[tokio::test]
    async fn a_program_without_an_end_is_ended_at_the_most_that_is_read() {
        let (said, end) = run(Duration::from_mins(5), "yes", &[]).await;
        assert_eq!(end, "said more than 1 MiB: the rest was not read");
        assert!(said.len() >= 1 << 20 && said.len() < 2 << 20);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_json_is_rubbish() {
        let asked = Installed::new().ask(&Call::new("echo", &["{]"])).await;
        assert!(matches!(asked, Err(Trouble::Rubbish)));
    }
}
