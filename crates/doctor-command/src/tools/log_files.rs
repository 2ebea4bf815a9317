//! The log files of machines without a journal, as far back as is asked for, and their last part where they are long.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use forebay_doctor::{Context, Moment, find_stamp};
use forebay_terminal::plain_file;

/// Where syslog writes, by distribution.
const PATHS: [&str; 2] = ["var/log/messages", "var/log/syslog"];

/// The most bytes that are read of a file, from its end.
const MAX_READ_BYTES: u64 = 256 << 20;

/// How much is read at once.
const READ_BYTES: usize = 128 << 10;

/// The most bytes of a line's beginning in which its time is looked for.
const HEAD_BYTES: usize = 64;

/// The zone farthest west, where a time is as late as it can be, in seconds east of UTC.
const FARTHEST_WEST_S: i32 = -12 * 3_600;

/// From when on lines are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    at: Moment,
    context: Context,
}

/// Leaves out the lines of a log before the first one that is young enough. What has no time goes with what stands before it.
struct Sift<'a> {
    since: Since,
    take: &'a mut dyn FnMut(&[u8]),
    line: Line,
    head: Vec<u8>,
    has_old: bool,
}

/// What is known of the line that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Not yet how old it is.
    Begins,
    /// It is left out.
    Old,
    /// It has no time, and nothing old stands before it.
    Bare,
    /// It is young enough, as are all behind it.
    Young,
}

/// Where journald keeps what it hears, over restarts and until one.
const JOURNALS: [&str; 2] = ["var/log/journal", "run/log/journal"];

/// Whether a machine keeps a journal.
pub(super) fn has_journal(root: &Path) -> bool {
    JOURNALS.iter().any(|folder| {
        let entries = std::fs::read_dir(root.join(folder));
        entries.is_ok_and(|mut entries| entries.next().is_some())
    })
}

/// Where logs may lie.
pub(super) fn candidates(root: &Path) -> impl Iterator<Item = PathBuf> {
    PATHS.map(|path| root.join(path)).into_iter()
}

/// Reads the last part of a file, as far as it is young enough; how many bytes before it were not read.
pub(super) fn read_tail(path: &Path, since: Since, take: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
    let mut file = plain_file::open(path)?;
    let skipped = file.metadata()?.len().saturating_sub(MAX_READ_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut rest = file.take(MAX_READ_BYTES);
    let mut bytes = vec![0; READ_BYTES];
    let mut sift = Sift::new(since, take);
    if skipped > 0 {
        // What it begins in the middle of has no time.
        sift.line = Line::Old;
    }
    loop {
        match rest.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => sift.push(&bytes[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    sift.finish();
    Ok(skipped)
}

impl Since {
    /// From this moment on. A time without a zone counts as the latest that it can be, where none is said for it.
    pub(super) fn new(at: Moment, context: Context) -> Self {
        let mut context = context;
        if context.utc_offset_seconds == 0 {
            context.utc_offset_seconds = FARTHEST_WEST_S;
        }
        Self { at, context }
    }

    /// Whether a line is older, by its beginning; `None` if it has no time.
    fn is_old(self, head: &[u8]) -> Option<bool> {
        let head = String::from_utf8_lossy(head);
        find_stamp(&head, &self.context).map(|stamp| stamp < self.at)
    }
}

impl<'a> Sift<'a> {
    fn new(since: Since, take: &'a mut dyn FnMut(&[u8])) -> Self {
        Self {
            since,
            take,
            line: Line::Begins,
            head: Vec::new(),
            has_old: false,
        }
    }

    fn push(&mut self, part: &[u8]) {
        if self.line == Line::Young {
            return (self.take)(part);
        }
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            let mut rest = piece;
            if self.line == Line::Begins {
                let (head, behind) = piece.split_at(piece.len().min(HEAD_BYTES - self.head.len()));
                self.head.extend_from_slice(head);
                rest = behind;
                if self.head.len() == HEAD_BYTES || head.ends_with(b"\n") {
                    self.judge();
                }
            }
            if matches!(self.line, Line::Bare | Line::Young) {
                (self.take)(rest);
            }
            if piece.ends_with(b"\n") && self.line != Line::Young {
                self.line = Line::Begins;
            }
        }
    }

    /// The last line may have no end.
    fn finish(mut self) {
        if !self.head.is_empty() {
            self.judge();
        }
    }

    fn judge(&mut self) {
        self.line = match self.since.is_old(&self.head) {
            Some(false) => Line::Young,
            Some(true) => Line::Old,
            None if self.has_old => Line::Old,
            None => Line::Bare,
        };
        self.has_old |= self.line == Line::Old;
        if self.line != Line::Old {
            (self.take)(&self.head);
        }
        self.head.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    /// What is read of a log at ten o'clock, an hour back, in parts of so many bytes.
    fn sifted(log: &str, utc_offset_seconds: i32, part_bytes: usize) -> String {
        let context = Context {
            now: moment("2026-11-21T10:00:00Z"),
            utc_offset_seconds,
        };
        let since = Since::new(moment("2026-11-21T09:00:00Z"), context);
        let mut read = Vec::new();
        let mut take = |part: &[u8]| read.extend_from_slice(part);
        let mut sift = Sift::new(since, &mut take);
        for part in log.as_bytes().chunks(part_bytes) {
            sift.push(part);
        }
        sift.finish();
        String::from_utf8(read).unwrap()
    }

    #[test]
    fn what_is_older_than_is_asked_for_is_left_out_with_what_hangs_on_it() {
        let long = "x".repeat(200);
        let old = format!(
            "Jan  3 16:00:00 app03 dockerd[1]: {long}\n  of it\n2026-11-21T08:59:59.5+00:00 app03 a\n\n"
        );
        let young =
            format!("2026-11-21T10:00:01+01:00 app03 b {long}\n  of it\nJan  3 16:00:00 app03 c");
        for part_bytes in [1, 63, 64, 65, 1_000] {
            assert_eq!(sifted(&format!("{old}{young}"), 0, part_bytes), young);
            assert_eq!(sifted(&old, 0, part_bytes), "");
            let bare = format!("no time {long}\nnor here");
            assert_eq!(sifted(&bare, 0, part_bytes), bare);
        }
    }

    #[test]
    fn a_time_without_a_zone_is_left_out_only_if_it_is_too_old_wherever_that_is() {
        for (time, utc_offset_seconds, is_read) in [
            ("20 20:59:59", 0, false),
            ("20 21:00:01", 0, true),
            ("21 10:30:00", 7_200, false),
            ("21 11:30:00", 7_200, true),
        ] {
            let line = format!("Nov {time} app03 dockerd[1]: x\n");
            let read = sifted(&line, utc_offset_seconds, 1_000);
            assert_eq!(!read.is_empty(), is_read, "{line}");
        }
    }
}
