//! What was written, and what stood there before: enough to undo it, and to see whether somebody changed it since.

use serde::{Deserialize, Serialize};

use crate::plan::FileChange;

/// The form of a record that this program writes.
const FORM: u32 = 1;

/// What a set-up wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    form: u32,
    /// The files, in the order in which they were written.
    pub files: Vec<Written>,
    /// Folders that were made for them, the outer before the inner.
    #[serde(default)]
    pub folders: Vec<String>,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Its path, as the client knows it.
    pub path: String,
    /// What stood there; `None` if there was no such file.
    pub before: Option<String>,
    /// What was written.
    pub after: String,
}

/// What undoing means for a file, by what stands there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// It is as it was before: nothing is to be done.
    Done,
    /// This text is written back.
    Restore(String),
    /// It is taken away.
    Remove,
    /// Somebody changed it since.
    Refuse,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoRecord {
    /// It is no record.
    #[error("it is no record of a set-up")]
    Broken(#[source] serde_json::Error),
    /// A newer Forebay wrote it.
    #[error("a newer forebay wrote it, in form {0}")]
    Newer(u32),
}

/// A file was changed since it was written: put that change back, or take the set-up out by hand.
#[derive(Debug, thiserror::Error)]
#[error("{} was changed since it was set up", .0.path)]
pub struct ChangedSince(pub Written);

impl Record {
    /// A record of nothing.
    pub fn new() -> Self {
        Self {
            form: FORM,
            files: Vec::new(),
            folders: Vec::new(),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, NoRecord> {
        let record: Self = serde_json::from_str(text).map_err(NoRecord::Broken)?;
        if record.form > FORM {
            return Err(NoRecord::Newer(record.form));
        }
        Ok(record)
    }

    /// The record as text.
    pub fn to_text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// What a plan starts from where `now` stands at `path`: what stood there before us, unless somebody changed the file
    /// since. So a second set-up takes the place of the first.
    pub fn original(&self, path: &str, now: Option<String>) -> Option<String> {
        match self.find(path) {
            Some(written) if now.as_deref() == Some(&written.after) => written.before.clone(),
            _ => now,
        }
    }

    /// Notes what is about to be written where `now` stands there. What a plan leaves as it was before us is forgotten, and what
    /// somebody changed since and the plan leaves as it is keeps the way back that it has.
    ///
    /// # Errors
    /// The file was changed since, and the plan changes it: then there would be no way back to what stood there before us.
    pub fn note(&mut self, change: &FileChange, now: Option<&str>) -> Result<(), ChangedSince> {
        if let Some(written) = self.find(&change.path)
            && written.undo(now) == Undo::Refuse
        {
            return if change.is_change() {
                Err(ChangedSince(written.clone()))
            } else {
                Ok(())
            };
        }
        self.files.retain(|written| written.path != change.path);
        if change.is_change() {
            self.files.push(Written {
                path: change.path.clone(),
                before: change.before.clone(),
                after: change.after.clone(),
            });
        }
        Ok(())
    }

    fn find(&self, path: &str) -> Option<&Written> {
        self.files.iter().find(|written| written.path == path)
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

impl Written {
    /// What undoing means where `now` stands there.
    pub fn undo(&self, now: Option<&str>) -> Undo {
        if now == self.before.as_deref() {
            return Undo::Done;
        }
        if now != Some(&self.after) {
            return Undo::Refuse;
        }
        self.before.clone().map_or(Undo::Remove, Undo::Restore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<&str>, after: &str) -> FileChange {
        FileChange {
            path: "/f".to_owned(),
            before: before.map(str::to_owned),
            after: after.to_owned(),
        }
    }

    fn note(record: &mut Record, change: &FileChange) {
        let noted = record.note(change, change.before.as_deref());
        assert!(noted.is_ok());
    }

    #[test]
    fn undoing_depends_on_what_stands_there_now() {
        let mut record = Record::new();
        note(&mut record, &change(Some("old"), "new"));
        let record = Record::parse(&record.to_text()).expect("a record");
        let written = &record.files[0];
        assert_eq!(written.undo(Some("new")), Undo::Restore("old".to_owned()));
        assert_eq!(written.undo(Some("old")), Undo::Done);
        assert_eq!(written.undo(Some("else")), Undo::Refuse);
        assert_eq!(written.undo(None), Undo::Refuse);
        record_of_a_new_file();
    }

    fn record_of_a_new_file() {
        let mut record = Record::new();
        note(&mut record, &change(None, "new"));
        assert_eq!(record.files[0].undo(Some("new")), Undo::Remove);
        assert_eq!(record.files[0].undo(None), Undo::Done);
    }

    #[test]
    fn a_second_set_up_starts_where_the_first_did() {
        let mut record = Record::new();
        note(&mut record, &change(Some("old"), "new"));
        let original = |now: &str| record.original("/f", Some(now.to_owned()));
        assert_eq!(original("new").as_deref(), Some("old"));
        assert_eq!(original("changed").as_deref(), Some("changed"));
    }

    #[test]
    fn what_was_changed_since_keeps_its_way_back() {
        let mut record = Record::new();
        note(&mut record, &change(None, "new"));
        let first = record.clone();
        let now = Some("new, changed");
        assert!(record.note(&change(now, "new, changed"), now).is_ok());
        assert_eq!(record, first, "the plan leaves it as it is");
        let refused = record.note(&change(now, "newer"), now);
        assert_eq!(
            refused.map_err(|error| error.0),
            Err(first.files[0].clone())
        );
        assert_eq!(record, first);
        // Taken away by hand, and set up anew.
        note(&mut record, &change(None, "newer"));
        assert_eq!(record.files[0].after, "newer");
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert!(Record::parse("{}").is_err());
        assert!(Record::parse("{\"form\": 2, \"files\": []}").is_err());
    }
}
