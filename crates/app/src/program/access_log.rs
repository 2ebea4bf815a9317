//! One line a request, to standard output.
//!
//! A line is formatted on the connection's task and written by a thread of its own, many at a time: a terminal or pipe that
//! does not keep up slows no pull, but loses lines, and the log says how many.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use forebay_api_admin::Metrics;
use forebay_content::Clock;
use forebay_http_kit::{AccessEntry, AccessLog};
use forebay_limits::printable;

use crate::config::LogFormat;

/// The most bytes of lines that wait to be written.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;

/// The longest text of a client's that a line holds, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// Counts each request, and writes a line for it if the operator wants one.
pub(super) struct Access {
    pub(super) metrics: Arc<Metrics>,
    pub(super) lines: Option<AccessLines>,
}

/// Formats lines and hands them to the thread that writes.
pub(super) struct AccessLines {
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
}

impl AccessLog for Access {
    fn record(&self, entry: &AccessEntry<'_>) {
        self.metrics.record(entry);
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
    pub(super) fn begin(
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

    fn record(&self, entry: &AccessEntry<'_>) {
        let mut lines = self
            .waiting
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if lines.text.len() > MAX_WAITING_BYTES {
            lines.lost += 1;
            return;
        }
        // Writing to a string does not fail.
        let _ = match self.format {
            LogFormat::Text => write_text(&mut lines.text, entry, self.clock.as_ref()),
            LogFormat::Json => write_json(&mut lines.text, entry, self.clock.as_ref()),
        };
        drop(lines);
        self.waiting.news.notify_one();
    }
}

impl Waiting {
    fn write_to(&self, mut out: impl Write) {
        loop {
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

    fn take(&self) -> (String, u64) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.text.is_empty() && lines.lost == 0 {
            lines = self
                .news
                .wait(lines)
                .unwrap_or_else(PoisonError::into_inner);
        }
        (
            std::mem::take(&mut lines.text),
            std::mem::take(&mut lines.lost),
        )
    }
}

fn write_text(line: &mut String, entry: &AccessEntry<'_>, clock: &dyn Clock) -> std::fmt::Result {
    write!(line, "{} ", time(clock))?;
    match entry.peer.address {
        Some(address) => write!(line, "{}", address.ip())?,
        None => line.push('-'),
    }
    let (path, agent) = (clean(entry.path_and_query), agent(entry));
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
        write!(line, " {name}={value}")?;
    }
    writeln!(line, " {agent:?}")
}

fn write_json(line: &mut String, entry: &AccessEntry<'_>, clock: &dyn Clock) -> std::fmt::Result {
    write!(line, r#"{{"time":"{}","client":"#, time(clock))?;
    match entry.peer.address {
        Some(address) => write!(line, r#""{}""#, address.ip())?,
        None => line.push_str("null"),
    }
    write!(
        line,
        r#","method":{},"path":{}"#,
        quoted(entry.method.as_str()),
        quoted(&clean(entry.path_and_query))
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
        write!(line, r#","{name}":{}"#, quoted(value))?;
    }
    writeln!(line, r#","agent":{}}}"#, quoted(&agent(entry)))
}

fn time(clock: &dyn Clock) -> String {
    jiff::Timestamp::from_millisecond(clock.now().0)
        .unwrap_or_default()
        .to_string()
}

/// A client's text, fit for a log: no control characters, not endless.
fn clean(text: &str) -> String {
    printable(text, MAX_TEXT_BYTES)
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
