//! What is done to journals before something goes wrong, and what must be left of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forebay_blobs_fs::{Disk, FsJournal};
use forebay_content::{BlobError, Change, Journal, JournalEntry, Timestamp};
use forebay_oci::{Digest, MediaType, RepositoryName};

/// The repositories of the stories.
pub(super) const NAMES: [&str; 3] = ["app", "team/app", "old"];

/// A step of the story.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Appends these numbers.
    Append(&'static str, Vec<i64>),
    /// Puts these numbers in the place of all that is there.
    Replace(&'static str, Vec<i64>),
    /// The same, of what was there before these numbers were appended.
    ReplaceBefore(&'static str, Vec<i64>, Vec<i64>),
}

/// Journals begin, grow by little and by much, are replaced, taken away, and begun again.
pub(super) fn steps() -> Vec<Step> {
    use Step::{Append, Replace, ReplaceBefore};
    vec![
        Append("app", vec![1]),
        Append("app", vec![2, 3]),
        Append("team/app", vec![4]),
        Append("old", (5..60).collect()),
        Append("app", vec![60]),
        Replace("app", vec![2, 60]),
        Append("app", vec![61]),
        ReplaceBefore("team/app", vec![62], vec![63]),
        Replace("old", vec![]),
        Append("team/app", vec![64]),
        Append("old", vec![65]),
        Append("app", vec![66]),
    ]
}

/// The numbers of each repository.
pub(super) type Numbers = BTreeMap<&'static str, Vec<i64>>;

impl Step {
    /// Does it to journals.
    pub(super) async fn play(&self, journal: &FsJournal) -> Result<(), BlobError> {
        match self {
            Self::Append(name, numbers) => {
                journal.append(&repository(name), &entries(numbers)).await?;
            }
            Self::Replace(name, numbers) => {
                replace(journal, name, &[], numbers).await?;
            }
            Self::ReplaceBefore(name, appended, numbers) => {
                replace(journal, name, appended, numbers).await?;
            }
        }
        Ok(())
    }

    /// What is allowed to be left if this step is broken off, beside what was there before and what is there after it.
    pub(super) fn halves(&self, before: &Numbers) -> Vec<Numbers> {
        let (name, numbers) = match self {
            Self::Append(name, numbers) | Self::ReplaceBefore(name, numbers, _) => (*name, numbers),
            Self::Replace(..) => return Vec::new(),
        };
        let halves = (1..=numbers.len()).map(|count| {
            let mut half = before.clone();
            half.entry(name).or_default().extend(&numbers[..count]);
            half
        });
        halves.collect()
    }

    /// Does it to the numbers that must be there.
    pub(super) fn count(&self, to: &mut Numbers) {
        match self {
            Self::Append(name, numbers) => to.entry(name).or_default().extend(numbers),
            Self::Replace(name, numbers) => {
                to.insert(name, numbers.clone());
            }
            Self::ReplaceBefore(name, appended, numbers) => {
                to.insert(name, [numbers.as_slice(), appended].concat());
            }
        }
        to.retain(|_, numbers| !numbers.is_empty());
    }
}

async fn replace(
    journal: &FsJournal,
    name: &str,
    appended: &[i64],
    numbers: &[i64],
) -> Result<(), BlobError> {
    let mut reader = journal.open(&repository(name)).await?.unwrap();
    while !reader.next(10).await?.is_empty() {}
    journal
        .append(&repository(name), &entries(appended))
        .await?;
    let name = repository(name);
    let is_done = journal.replace(&name, reader.place(), entries(numbers));
    assert!(is_done.await?);
    Ok(())
}

pub(super) fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

/// An entry for each number, which is its time; some are longer than a page of memory.
pub(super) fn entries(numbers: &[i64]) -> Vec<JournalEntry> {
    let entry = |number: &i64| {
        let count = if number % 5 == 1 { 100 } else { 1 };
        let tags = (0..count).map(|tag| format!("v{number}-{tag:0100}").parse().unwrap());
        JournalEntry {
            at: Timestamp(*number),
            change: Change::Pushed {
                digest: Digest::sha256(&number.to_le_bytes()),
                media_type: MediaType::OCI_MANIFEST,
                tags: tags.collect(),
                absent: Vec::new(),
            },
        }
    };
    numbers.iter().map(entry).collect()
}

pub(super) fn open(root: &Path, disk: Arc<dyn Disk>) -> Result<FsJournal, BlobError> {
    FsJournal::open(root, disk)
}

/// All that the journals hold, each entry as it was written; and how many lines cannot be read.
pub(super) async fn read_all(journal: &FsJournal) -> (Numbers, u64) {
    let mut found = Numbers::new();
    let page = journal.journals(None, 10).await.unwrap();
    let mut unreadable = page.unreadable;
    for name in NAMES {
        let is_listed = page.repositories.contains(&repository(name));
        let Some(mut reader) = journal.open(&repository(name)).await.unwrap() else {
            assert!(!is_listed, "{name}");
            continue;
        };
        let mut numbers = Vec::new();
        loop {
            let next = reader.next(9).await.unwrap();
            if next.is_empty() {
                break;
            }
            let told: Vec<i64> = next.iter().map(|entry| entry.at.0).collect();
            assert_eq!(next, entries(&told), "{name}");
            numbers.extend(told);
        }
        unreadable += reader.unreadable();
        found.insert(name, numbers);
    }
    (found, unreadable)
}
