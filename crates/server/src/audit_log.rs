//! The audit log: a JSON line for each change, in a file of the data directory.
//!
//! Written before the change is answered. Once a file is long enough the next one is begun; the oldest go.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use forebay_api_admin::Metrics;
use forebay_content::{Audit, AuditEntry, Clock};
use forebay_limits::printable;
use serde::Serialize;
use tracing::error;

use crate::access_log;

/// What the file is called in the data directory. Older ones have `.1` and so on behind it.
const FILE_NAME: &str = forebay_backup::AUDIT_LOG;

/// How long a file gets, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How many older files are kept.
const OLDER_FILES: u32 = forebay_backup::OLDER_AUDIT_FILES;

/// The longest text of a line, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// The longest detail of a line, in bytes: room for as many patterns of immutable tags as a repository has.
const MAX_DETAIL_BYTES: usize = 8 * 1024;

/// The audit log in a data directory.
pub(crate) struct AuditLog {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    open: Mutex<Option<Open>>,
    /// What is wrong, if the last line could not be written.
    trouble: ArcSwapOption<String>,
}

struct Open {
    file: File,
    length: u64,
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    who: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    act: &'a str,
    object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
}

impl AuditLog {
    /// The log in the data directory `dir`; nothing is opened before there is something to write.
    pub(crate) fn new(dir: &Path, clock: Arc<dyn Clock>) -> Self {
        Self {
            path: dir.join(FILE_NAME),
            clock,
            open: Mutex::default(),
            trouble: ArcSwapOption::empty(),
        }
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let length = line.len() as u64;
        if open
            .as_ref()
            .is_some_and(|open| open.length + length > MAX_FILE_BYTES)
        {
            *open = None;
            // The file then grows: better than a line that is not there.
            if let Err(error) = self.turn_over() {
                error!(%error, "cannot begin the next file of the audit log");
            }
        }
        let target = match &mut *open {
            Some(target) => target,
            closed => closed.insert(self.open()?),
        };
        let written = target.file.write_all(line);
        target.length += length;
        if written.is_err() {
            *open = None;
        }
        written
    }

    fn open(&self) -> io::Result<Open> {
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        let mut length = file.metadata()?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            // A line that was cut off must not take the next one along.
            if last != *b"\n" {
                file.write_all(b"\n")?;
                length += 1;
            }
        }
        Ok(Open { file, length })
    }

    /// Renames each file to the next older one; the oldest is replaced.
    fn turn_over(&self) -> io::Result<()> {
        for number in (0..OLDER_FILES).rev() {
            match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        match number {
            0 => self.path.clone(),
            number => {
                let mut name = self.path.clone().into_os_string();
                name.push(format!(".{number}"));
                name.into()
            }
        }
    }
}

/// An audit log of which the lines are counted, too.
pub(crate) struct Counted {
    pub(crate) log: AuditLog,
    pub(crate) metrics: Arc<Metrics>,
}

impl Audit for Counted {
    fn record(&self, entry: &AuditEntry<'_>) {
        self.log.record(entry);
        self.metrics.record(entry);
    }

    fn trouble(&self) -> Option<String> {
        self.log.trouble()
    }
}

impl Audit for AuditLog {
    fn record(&self, entry: &AuditEntry<'_>) {
        let line = Line {
            time: access_log::time(self.clock.as_ref()),
            who: printable(entry.who, MAX_TEXT_BYTES),
            from: entry.from.map(|from| from.to_string()),
            act: entry.act,
            object: printable(entry.object, MAX_TEXT_BYTES),
            detail: entry.detail.map(|text| printable(text, MAX_DETAIL_BYTES)),
            digest: entry.digest,
            outcome: entry.outcome,
            request: entry.request,
        };
        let written = serde_json::to_vec(&line)
            .map_err(io::Error::other)
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                self.write(&bytes)
            });
        let trouble = written.err().map(|error| {
            error!(%error, path = %self.path.display(), act = entry.act, object = line.object, "cannot write down a change");
            Arc::new(format!(
                "changes are made and not written down: {} cannot be written to ({error}); make room on its disk or give Forebay the right to \
                 write it, and see in the log which changes are missing",
                self.path.display()
            ))
        });
        self.trouble.store(trouble);
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.load().as_deref().cloned()
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::ManualClock;

    use super::*;

    fn entry(object: &str) -> AuditEntry<'_> {
        AuditEntry {
            who: "user:alice",
            from: Some([127, 0, 0, 1].into()),
            act: "push-manifest",
            object,
            detail: None,
            digest: None,
            outcome: "done",
            request: None,
        }
    }

    #[test]
    fn each_change_is_a_line_whatever_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let log = AuditLog::new(dir.path(), clock);
        log.record(&entry("team/app:1"));
        log.record(&entry("evil\n{\"who\":\"user:admin\"}\u{1b}[2J"));
        let text = std::fs::read_to_string(dir.path().join(FILE_NAME)).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["who"], "user:alice");
        assert_eq!(lines[0]["object"], "team/app:1");
        assert_eq!(lines[0]["from"], "127.0.0.1");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_line_that_was_cut_off_takes_none_along() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE_NAME), "{\"time\":\"2026").unwrap();
        let log = AuditLog::new(dir.path(), Arc::new(ManualClock::default()));
        log.record(&entry("team/app:1"));
        let text = std::fs::read_to_string(dir.path().join(FILE_NAME)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(serde_json::from_str::<serde_json::Value>(lines[1]).is_ok());
    }

    #[test]
    fn a_change_that_cannot_be_written_down_is_told_until_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::new(dir.path(), Arc::new(ManualClock::default()));
        let path = dir.path().join(FILE_NAME);
        std::fs::create_dir(&path).unwrap();
        assert_eq!(log.trouble(), None);
        log.record(&entry("team/app:1"));
        let trouble = log.trouble().unwrap();
        assert!(trouble.contains(path.to_str().unwrap()), "{trouble}");
        std::fs::remove_dir(&path).unwrap();
        log.record(&entry("team/app:2"));
        assert_eq!(log.trouble(), None);
        assert!(
            std::fs::read_to_string(path)
                .unwrap()
                .contains("team/app:2")
        );
    }

    #[test]
    fn older_files_are_kept_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::new(dir.path(), Arc::new(ManualClock::default()));
        for number in 0..OLDER_FILES + 3 {
            log.record(&entry(&number.to_string()));
            let mut open = log.open.lock().unwrap();
            open.as_mut().unwrap().length = MAX_FILE_BYTES;
        }
        let mut files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(files.len(), 1 + OLDER_FILES as usize);
        let oldest = std::fs::read_to_string(log.numbered(OLDER_FILES)).unwrap();
        assert!(oldest.contains("\"object\":\"2\""), "{oldest}");
        files.clear();
    }
}
