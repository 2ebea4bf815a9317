//! When a file was written whose ages count from now: who reads it much later, is told what to say.
//!
//! A file's time is only told, not taken: a copy has another one.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use forebay_doctor::{Evidence, Moment};
use forebay_terminal::Printer;

use crate::source::name_of;

/// How long ago a file may have been written for its ages to be those of now.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The most files of which it is told.
const MAX_TOLD: usize = 3;

/// Tells of each file whose ages count from now, though it was written long ago.
pub(crate) fn note_old(files: &[PathBuf], evidence: &Evidence, now: Moment, printer: &Printer) {
    let old = files.iter().filter_map(|file| {
        let written = find_written(file)?;
        let is_old = now.since(written) > MAX_AGE;
        (is_old && tells_ages(evidence, &name_of(file))).then_some((file, written))
    });
    for (file, written) in old.take(MAX_TOLD) {
        printer.note(format_args!(
            "note: {} was written at {written}, and what it tells is counted from now: with --as-of {written} it counts from then",
            name_of(file)
        ));
    }
}

fn find_written(file: &Path) -> Option<Moment> {
    let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let written = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let unix_s = i64::try_from(written.as_secs()).ok()?;
    Some(Moment::from_unix_ms(unix_s.saturating_mul(1_000)))
}

/// Whether a source tells how long ago something was, or how it is at this moment.
fn tells_ages(evidence: &Evidence, name: &str) -> bool {
    let events = evidence.events.iter().chain(&evidence.past);
    let mut aged = events.filter(|event| event.is_by_age);
    aged.any(|event| {
        let source = evidence.sources.get(event.lines.source);
        source.is_some_and(|source| source == name)
    })
}
