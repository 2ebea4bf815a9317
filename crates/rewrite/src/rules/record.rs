//! What was written, so that it can be taken back: of each file its digest before and after, and what stood there.

use forebay_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Edit, Refusal, apply};

/// The version of the record's form.
const FORM: u32 = 1;

/// How each record begins, by which one is known among other files.
pub const RECORD_HEAD: &str = "{\n  \"form\": ";

/// The most runs that are kept; the oldest goes first.
const MAX_RUNS: usize = 100;

/// The record of what was written below one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    form: u32,
    /// The oldest first.
    pub runs: Vec<Run>,
}

/// One run that wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Where images were sent.
    pub to: String,
    /// When, in milliseconds since the UNIX epoch: runs of several records may have written one file.
    #[serde(default)]
    pub at_ms: i64,
    /// Each file that was written.
    pub files: Vec<FileRecord>,
}

/// What was done to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its path from the record's folder.
    pub path: String,
    /// The digest of its bytes before.
    pub before: String,
    /// The digest of its bytes after.
    pub after: String,
    /// What was replaced, in the order of the file.
    pub edits: Vec<Replaced>,
}

/// What stands where in the file as it was written, and what stood there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Where it begins, in bytes.
    pub start: usize,
    /// What was written.
    pub new: String,
    /// What stood there.
    pub old: String,
}

/// Why nothing can be taken back.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record is none.
    #[error("the record cannot be read")]
    Json(#[source] serde_json::Error),
    /// A later version wrote it.
    #[error("the record is of form {0}, which this version does not know")]
    Form(u32),
    /// The file is not what was written.
    #[error("{0} has changed since")]
    Changed(String),
    /// What would come out is not what was there.
    #[error("what was recorded of {0} does not give back what it was")]
    Mismatch(String),
    /// What no rewrite writes.
    #[error("the record has {old:?} put in the place of {new:?} in {path}, which no rewrite wrote")]
    Foreign {
        /// Its path.
        path: String,
        /// What would go.
        new: String,
        /// What would take its place.
        old: String,
    },
    /// What may be an image's, where none is found.
    #[error("the record has {text:?} put back in {path} where no image is found")]
    Unfound {
        /// Its path.
        path: String,
        /// What would be put there.
        text: String,
    },
    /// What was recorded does not fit the file.
    #[error("what was recorded of {path} does not fit it")]
    Refused {
        /// Its path.
        path: String,
        /// Why.
        source: Refusal,
    },
}

impl Default for Record {
    fn default() -> Self {
        Self {
            form: FORM,
            runs: Vec::new(),
        }
    }
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// It is none, or of another form.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_str(text).map_err(RecordError::Json)?;
        if record.form == FORM {
            Ok(record)
        } else {
            Err(RecordError::Form(record.form))
        }
    }

    /// The record as it is written.
    ///
    /// # Errors
    /// None in practice: nothing in it has no form in JSON.
    pub fn to_json(&self) -> Result<String, RecordError> {
        let text = serde_json::to_string_pretty(self).map_err(RecordError::Json)?;
        Ok(text + "\n")
    }

    /// Adds a run that wrote something.
    pub fn push(&mut self, run: Run) {
        if !run.files.is_empty() {
            self.runs.push(run);
        }
        let surplus = self.runs.len().saturating_sub(MAX_RUNS);
        self.runs.drain(..surplus);
    }
}

impl FileRecord {
    /// What is recorded of a file that these sorted edits made `after` of `before`.
    pub fn new(path: String, before: &str, after: &str, edits: &[Edit]) -> Self {
        let mut shift = 0_isize;
        let mut replaced = Vec::with_capacity(edits.len());
        for edit in edits {
            let old = before.get(edit.start..edit.end).unwrap_or_default();
            replaced.push(Replaced {
                start: edit.start.saturating_add_signed(shift),
                new: edit.new.clone(),
                old: old.to_owned(),
            });
            shift += edit.new.len().cast_signed() - old.len().cast_signed();
        }
        Self {
            path,
            before: digest(before),
            after: digest(after),
            edits: replaced,
        }
    }

    /// True if this is the file as it was written.
    pub fn is_after(&self, text: &str) -> bool {
        digest(text) == self.after
    }

    /// True if this is the file as it was before.
    pub fn is_before(&self, text: &str) -> bool {
        digest(text) == self.before
    }

    /// The file as it was before.
    ///
    /// # Errors
    /// It has changed since, or the record is not of it.
    pub fn undo(&self, now: &str) -> Result<String, RecordError> {
        if digest(now) != self.after {
            return Err(RecordError::Changed(self.path.clone()));
        }
        let stands = |replaced: &Replaced| {
            let end = replaced.start.saturating_add(replaced.new.len());
            now.get(replaced.start..end) == Some(replaced.new.as_str())
        };
        if !self.edits.iter().all(stands) {
            return Err(RecordError::Mismatch(self.path.clone()));
        }
        let edits = self.edits.iter().map(|replaced| Edit {
            start: replaced.start,
            end: replaced.start.saturating_add(replaced.new.len()),
            new: replaced.old.clone(),
        });
        let before = apply(now, edits.collect()).map_err(|source| RecordError::Refused {
            path: self.path.clone(),
            source,
        })?;
        if digest(&before) == self.before {
            Ok(before)
        } else {
            Err(RecordError::Mismatch(self.path.clone()))
        }
    }
}

fn digest(text: &str) -> String {
    Digest::sha256(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> (FileRecord, &'static str, String) {
        let before = "a: nginx\nb: redis\n";
        let edits = [(3, 8, "h/nginx"), (12, 17, "h/redis"), (18, 18, "c: x\n")];
        let edits: Vec<Edit> = edits
            .into_iter()
            .map(|(start, end, new)| Edit {
                start,
                end,
                new: new.to_owned(),
            })
            .collect();
        let after = apply(before, edits.clone()).unwrap();
        let record = FileRecord::new("x.yml".to_owned(), before, &after, &edits);
        (record, before, after)
    }

    #[test]
    fn what_was_written_can_be_taken_back() {
        let (record, before, after) = recorded();
        assert_eq!(record.undo(&after).unwrap(), before);
    }

    #[test]
    fn a_file_that_has_changed_since_is_left_alone() {
        let (record, _, after) = recorded();
        let changed = after + "# mine\n";
        assert!(matches!(
            record.undo(&changed),
            Err(RecordError::Changed(_))
        ));
    }

    #[test]
    fn a_record_that_was_tampered_with_gives_nothing_back() {
        let (mut record, _, after) = recorded();
        record.edits[0].old = "evil".to_owned();
        assert!(matches!(record.undo(&after), Err(RecordError::Mismatch(_))));
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_another_form_is_refused() {
        let (file, ..) = recorded();
        let mut record = Record::default();
        let to = "quay:me".to_owned();
        record.push(Run {
            to,
            at_ms: 1,
            files: vec![file],
        });
        let text = record.to_json().unwrap();
        assert!(text.starts_with(RECORD_HEAD));
        assert_eq!(Record::parse(&text).unwrap(), record);
        let newer = text.replace("\"form\": 1", "\"form\": 2");
        assert!(matches!(Record::parse(&newer), Err(RecordError::Form(2))));
    }
}
