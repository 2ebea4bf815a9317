//! Runs other programs: never by a shell, for a bounded time, and holding nothing of what they say.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::descendants::{MARK_NAME, kill_descendants, new_mark};

/// The most bytes that are read of one program.
pub const MAX_OUTPUT_BYTES: u64 = 256 << 20;

/// How long its outputs are read on once it has ended, while what it has started holds them.
const MAX_LINGER: Duration = Duration::from_secs(1);

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// One run of a program.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The program, looked for in `PATH`.
    pub program: &'a str,
    /// What it is called with.
    pub args: &'a [String],
    /// What it gets on standard input.
    pub input: &'a str,
    /// How long it may take.
    pub limit: Duration,
    /// The most bytes that are read of its standard output.
    pub max_bytes: u64,
}

/// Why a program did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// It could not be started or read; of kind `NotFound` where there is no such program.
    #[error(transparent)]
    Unrunnable(#[from] io::Error),
    /// It was ended.
    #[error("took longer than {} s", .0.as_secs())]
    TookTooLong(Duration),
    /// It was ended.
    #[error("said more than {} MiB: the rest was not read", .0 >> 20)]
    SaidTooMuch(u64),
}

/// Runs one to its end and hands on what it says, as it comes: `out` of standard output, `err` of standard error.
///
/// # Errors
/// It could not be run, or was ended. That it failed is in its status.
pub async fn run(
    run: &Run<'_>,
    out: &mut dyn FnMut(&[u8]),
    err: &mut dyn FnMut(&[u8]),
) -> Result<ExitStatus, Stopped> {
    let input = if run.input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    let mark = new_mark();
    let child = Command::new(run.program)
        .args(run.args)
        .env(MARK_NAME, &mark)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut running = Running::new(child, mark);
    let child = &mut running.child;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let pipes = async {
        tokio::try_join!(
            give(pipes.0, run.input),
            hand_on(pipes.1, out, run.max_bytes),
            hand_on(pipes.2, err, u64::MAX),
        )
    };
    let ended = timeout(run.limit, end_of(child, pipes)).await;
    running.is_over = matches!(ended, Ok(Ok(_)));
    ended.unwrap_or(Err(Stopped::TookTooLong(run.limit)))
}

/// Waits for its end and that of its pipes. What it leaves behind may hold these as long as it lives, and says nothing more that
/// belongs to the answer.
async fn end_of<T>(
    child: &mut Child,
    pipes: impl Future<Output = Result<T, Stopped>>,
) -> Result<ExitStatus, Stopped> {
    let mut pipes = pin!(pipes);
    let status = tokio::select! {
        biased;
        all = &mut pipes => {
            all?;
            return Ok(child.wait().await?);
        }
        status = child.wait() => status?,
    };
    let rest = timeout(MAX_LINGER, pipes).await;
    rest.map_or(Ok(status), |all| all.map(|_| status))
}

/// A program that is ended with all that it has started, unless it has come to its end.
struct Running {
    child: Child,
    pid: Option<u32>,
    mark: String,
    is_over: bool,
}

impl Running {
    fn new(child: Child, mark: String) -> Self {
        Self {
            pid: child.id(),
            child,
            mark,
            is_over: false,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = self.pid.filter(|_| !self.is_over) {
            kill_descendants(pid, &self.mark);
        }
    }
}

/// Appends what there is room for: the first `max` bytes are kept.
pub fn keep_first(kept: &mut Vec<u8>, part: &[u8], max: usize) {
    let room = max.saturating_sub(kept.len());
    kept.extend_from_slice(&part[..part.len().min(room)]);
}

/// Appends, and drops what came before the last `max` bytes.
pub fn keep_last(kept: &mut Vec<u8>, part: &[u8], max: usize) {
    kept.extend_from_slice(part);
    kept.drain(..kept.len().saturating_sub(max));
}

/// One that reads nothing is no failure here: its status tells.
async fn give(to: Option<ChildStdin>, input: &str) -> Result<(), Stopped> {
    if let Some(mut to) = to {
        let _ = to.write_all(input.as_bytes()).await;
    }
    Ok(())
}

async fn hand_on(
    from: Option<impl AsyncRead + Unpin>,
    take: &mut dyn FnMut(&[u8]),
    max_bytes: u64,
) -> Result<(), Stopped> {
    let Some(mut from) = from else { return Ok(()) };
    let mut bytes = vec![0; READ_BYTES];
    let mut left = max_bytes;
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        take(&bytes[..read]);
        left = left.saturating_sub(read as u64);
        if left == 0 {
            return Err(Stopped::SaidTooMuch(max_bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str, input: &str) -> (bool, String, String) {
        let args = ["-c".to_owned(), script.to_owned()];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let call = Run {
            program: "sh",
            args: &args,
            input,
            limit: Duration::from_mins(5),
            max_bytes: MAX_OUTPUT_BYTES,
        };
        let mut keep_out = |part: &[u8]| keep_last(&mut out, part, 4);
        let mut keep_err = |part: &[u8]| keep_first(&mut err, part, 4);
        let status = run(&call, &mut keep_out, &mut keep_err).await;
        let is_ok = status.unwrap().success();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (is_ok, text(out), text(err))
    }

    #[tokio::test]
    async fn both_outputs_are_handed_on_and_standard_input_is_given() {
        let (is_ok, out, err) = sh("cat; echo warning >&2; exit 3", "abcdef").await;
        assert!(!is_ok);
        assert_eq!((out.as_str(), err.as_str()), ("cdef", "warn"));
    }

    /// Whether a process has ended; one that nobody has asked after yet has, too.
    fn is_gone(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    }

    #[tokio::test]
    async fn what_a_program_has_started_ends_with_it_where_it_is_given_up() {
        // The second one's parent ends at once, and it holds the pipe.
        for script in [
            "sh -c 'trap \"\" TERM; sleep 1000 & echo $! $$; wait' & wait",
            "sh -c 'trap \"\" TERM; sleep 1000 & sleep 1000 & echo $!'; exit 0",
        ] {
            end_whole(script).await;
        }
    }

    /// Runs this until it has told the numbers of what it has started, gives it up, and waits for their end.
    async fn end_whole(script: &str) {
        let args = ["-c".to_owned(), script.to_owned()];
        let call = Run {
            program: "sh",
            args: &args,
            input: "",
            limit: Duration::from_mins(5),
            max_bytes: MAX_OUTPUT_BYTES,
        };
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut keep = |part: &[u8]| drop(tell.send(String::from_utf8_lossy(part).into_owned()));
        let mut drop_rest = |_: &[u8]| {};
        let started = tokio::select! {
            _ = run(&call, &mut keep, &mut drop_rest) => panic!("it does not end by itself"),
            started = told.recv() => started.unwrap(),
        };
        let pids: Vec<&str> = started.split_whitespace().collect();
        assert!(!pids.is_empty(), "{started}");
        let all_gone = async {
            while !pids.iter().all(|pid| is_gone(pid)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let gone = timeout(Duration::from_mins(1), all_gone).await;
        assert!(gone.is_ok(), "one of {started} lives on");
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_with_its_outputs_is_not_waited_for() {
        let args = ["-c".to_owned(), "sleep 1000 & echo $!".to_owned()];
        let call = Run {
            program: "sh",
            args: &args,
            input: "",
            limit: Duration::from_mins(1),
            max_bytes: MAX_OUTPUT_BYTES,
        };
        let mut out = Vec::new();
        let mut keep = |part: &[u8]| out.extend_from_slice(part);
        let status = run(&call, &mut keep, &mut |_| {}).await;
        assert!(status.unwrap().success());
        let left: i32 = String::from_utf8(out).unwrap().trim().parse().unwrap();
        let left = rustix::process::Pid::from_raw(left).unwrap();
        // It lives on, as it would without us.
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn a_program_that_reads_nothing_and_says_much_comes_to_its_end() {
        let much = "x".repeat(1 << 20);
        let script = "head -c 1000000 /dev/zero >&2; echo done";
        let (is_ok, out, _) = sh(script, &much).await;
        assert!(is_ok);
        assert_eq!(out, "one\n");
    }
}
