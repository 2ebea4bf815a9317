//! One line a request, to standard output.
//!
//! A line is formatted on the connection's task and written by a thread of its own, many at a time: a terminal or pipe that
//! does not keep up slows no pull, but loses lines, and the log says how many.
//!
//! The thread is woken once for all lines of a moment: to wake it for each would cost more than the rest of a warm answer.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_api_admin::Metrics;
use forebay_api_registry::{Answered, RefusedLogin, TOKEN_PATH};
use forebay_config::LogFormat;
use forebay_content::Clock;
use forebay_http_kit::{AccessEntry, AccessLog};
use forebay_limits::printable;

use crate::answers::HearAnswers;

/// The most bytes of lines that wait to be written.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;

/// How long lines are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(10);

/// How long a stop waits for the last lines to be written: nobody may be reading them.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// What a line is begun with, in bytes: most fit.
const USUAL_LINE_BYTES: usize = 512;

/// The longest text of a client's that a line holds, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// Counts each request, tells who wants to know, and writes a line for it if the operator wants one.
pub(crate) struct Access {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) answers: Vec<Arc<dyn HearAnswers>>,
    pub(crate) lines: Option<AccessLines>,
}

/// Formats lines and hands them to the thread that writes. Clones share the thread.
#[derive(Clone)]
pub(crate) struct AccessLines {
    format: LogFormat,
    clock: Arc<dyn Clock>,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    lines: Mutex<Lines>,
    news: Condvar,
}

#[derive(Default)]
struct Lines {
    text: String,
    lost: u64,
    /// The thread has written all and waits for news.
    is_done: bool,
}

impl AccessLog for Access {
    fn record(&self, entry: &AccessEntry<'_>) {
        self.metrics.record(entry);
        if let Some(answered) = entry.extensions.get::<Answered>() {
            for hearer in &self.answers {
                hearer.hear(answered, entry.bytes_sent, entry.completed);
            }
        }
        if let Some(RefusedLogin(why)) = entry.extensions.get() {
            self.metrics.note_login_refused(why);
        }
        if let Some(lines) = &self.lines {
            lines.record(entry);
        }
    }
}

impl AccessLines {
    /// Begins the thread that writes to `out`; it ends with the process.
    ///
    /// # Errors
    /// No thread could be begun.
    pub(crate) fn begin(
        format: LogFormat,
        clock: Arc<dyn Clock>,
        out: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let waiting = Arc::new(Waiting::default());
        let writer = Arc::clone(&waiting);
        std::thread::Builder::new()
            .name("access log".to_owned())
            .spawn(move || writer.write_to(out))?;
        Ok(Self {
            format,
            clock,
            waiting,
        })
    }

    /// Waits until all lines are written, or it has been long enough.
    pub(crate) async fn flush(&self) {
        let all_written = async {
            while !self.waiting.lock().is_done {
                tokio::time::sleep(GATHER).await;
            }
        };
        let _ = tokio::time::timeout(FLUSH_WITHIN, all_written).await;
    }

    fn record(&self, entry: &AccessEntry<'_>) {
        // Formatted before the lock is taken, which all connections share. Writing to a string does not fail.
        let mut line = String::with_capacity(USUAL_LINE_BYTES);
        let _ = match self.format {
            LogFormat::Text => write_text(&mut line, entry, self.clock.as_ref()),
            LogFormat::Json => write_json(&mut line, entry, self.clock.as_ref()),
        };
        self.waiting.add(&line);
    }
}

impl Waiting {
    fn add(&self, line: &str) {
        let mut lines = self.lock();
        if lines.text.len() > MAX_WAITING_BYTES {
            lines.lost += 1;
            return;
        }
        lines.text.push_str(line);
        if std::mem::take(&mut lines.is_done) {
            drop(lines);
            self.news.notify_one();
        }
    }

    fn write_to(&self, mut out: impl Write) {
        loop {
            self.wait_for_news();
            std::thread::sleep(GATHER);
            let (text, lost) = self.take();
            let _ = out.write_all(text.as_bytes());
            if lost > 0 {
                tracing::warn!(
                    lost,
                    "access log lines were lost: standard output does not keep up"
                );
            }
        }
    }

    fn wait_for_news(&self) {
        let mut lines = self.lock();
        lines.is_done = lines.text.is_empty();
        while lines.is_done {
            lines = self
                .news
                .wait(lines)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take(&self) -> (String, u64) {
        let mut lines = self.lock();
        (
            std::mem::take(&mut lines.text),
            std::mem::take(&mut lines.lost),
        )
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_text(line: &mut String, entry: &AccessEntry<'_>, clock: &dyn Clock) -> std::fmt::Result {
    write!(line, "{} ", time(clock))?;
    match entry.client() {
        Some(address) => write!(line, "{address}")?,
        None => line.push('-'),
    }
    let (path, agent) = (path(entry), agent(entry));
    write!(
        line,
        " {} {path} {} {}",
        entry.method,
        entry.status.as_u16(),
        entry.bytes_sent
    )?;
    write!(
        line,
        " {:.3}s {} {}",
        entry.duration.as_secs_f64(),
        entry.request_id,
        ended(entry)
    )?;
    for (name, value) in &entry.labels.0 {
        let value = clean(value);
        if value.contains([' ', '"']) {
            write!(line, " {name}={value:?}")?;
        } else {
            write!(line, " {name}={value}")?;
        }
    }
    writeln!(line, " {agent:?}")
}

fn write_json(line: &mut String, entry: &AccessEntry<'_>, clock: &dyn Clock) -> std::fmt::Result {
    write!(line, r#"{{"timestamp":"{}","client":"#, time(clock))?;
    match entry.client() {
        Some(address) => write!(line, r#""{address}""#)?,
        None => line.push_str("null"),
    }
    write!(
        line,
        r#","method":{},"path":{}"#,
        quoted(entry.method.as_str()),
        quoted(&path(entry))
    )?;
    write!(
        line,
        r#","status":{},"bytes":{}"#,
        entry.status.as_u16(),
        entry.bytes_sent
    )?;
    write!(
        line,
        r#","seconds":{:.6},"id":"{}","end":"{}""#,
        entry.duration.as_secs_f64(),
        entry.request_id,
        ended(entry)
    )?;
    for (name, value) in &entry.labels.0 {
        write!(line, r#","{name}":{}"#, quoted(&clean(value)))?;
    }
    writeln!(line, r#","agent":{}}}"#, quoted(&agent(entry)))
}

/// RFC 3339 in UTC with milliseconds, three digits also where they are zeros: columns line up, and texts sort like times.
pub(crate) fn time(clock: &dyn Clock) -> String {
    let now = jiff::Timestamp::from_millisecond(clock.now().0);
    format!("{:.3}", now.unwrap_or_default())
}

/// A client's text, fit for a log: no control characters, not endless.
fn clean(text: &str) -> String {
    printable(text, MAX_TEXT_BYTES)
}

/// Path and query; of a request for a token the path alone, as somebody may have written a password into it.
fn path(entry: &AccessEntry<'_>) -> String {
    let path = entry.path_and_query;
    match path.strip_prefix(TOKEN_PATH) {
        Some(query) if query.starts_with('?') => TOKEN_PATH.to_owned(),
        _ => clean(path),
    }
}

fn agent(entry: &AccessEntry<'_>) -> String {
    clean(&String::from_utf8_lossy(
        entry
            .user_agent
            .map(http::HeaderValue::as_bytes)
            .unwrap_or_default(),
    ))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const fn ended(entry: &AccessEntry<'_>) -> &'static str {
    if entry.completed { "whole" } else { "cut" }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Pipe(mpsc::Sender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Says that it was asked to write, and waits to be asked how that went.
    struct Stuck(mpsc::SyncSender<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(());
            let _ = self.0.send(());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_to(out: impl Write + Send + 'static) -> AccessLines {
        let clock = Arc::new(forebay_content::SystemClock::new());
        AccessLines::begin(LogFormat::Text, clock, out).unwrap()
    }

    #[test]
    fn a_time_is_as_wide_as_any_other() {
        for (at, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_239_699_022, "2026-11-21T05:41:39.022Z"),
            (1_795_239_699_500, "2026-11-21T05:41:39.500Z"),
        ] {
            let clock = forebay_content::ManualClock::at(forebay_content::Timestamp(at));
            assert_eq!(time(&clock), expected);
        }
    }

    #[tokio::test]
    async fn what_was_recorded_is_written_in_order_once_flushed() {
        let (sent, written) = mpsc::channel();
        let lines = lines_to(Pipe(sent));
        for round in 0..3 {
            let batch: Vec<String> = (0..100).map(|n| format!("{round} {n}\n")).collect();
            for line in &batch {
                lines.waiting.add(line);
            }
            lines.flush().await;
            let bytes: Vec<u8> = written.try_iter().flatten().collect();
            assert_eq!(bytes, batch.concat().into_bytes());
        }
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_lost_and_holds_up_nobody() {
        let (stuck, is_stuck) = mpsc::sync_channel(0);
        let lines = lines_to(Stuck(stuck));
        let line = "x".repeat(1024 * 1024);
        lines.waiting.add(&line);
        is_stuck.recv().unwrap();
        for _ in 0..9 {
            lines.waiting.add(&line);
        }
        lines.flush().await;
        let waiting = lines.waiting.lock();
        assert_eq!((waiting.text.len() / line.len(), waiting.lost), (5, 4));
    }
}
