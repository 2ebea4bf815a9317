//! What every journal does, one sentence a function.
//!
//! `journal_suite!(fresh)` makes a test of each; `fresh` is an async function that gives journals without an entry and whatever
//! must outlive them: `async fn fresh() -> (FsJournal, TempDir)`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite tells by panics what does not hold"
)]

use forebay_content::{
    BlobError, Change, Journal, JournalEntry, JournalPlace, MAX_APPENDED, RepositorySettings,
    Timestamp,
};
use forebay_oci::{Digest, MediaType, RepositoryName};
use futures::future::join_all;

/// Makes a test of every sentence about journals.
#[macro_export]
macro_rules! journal_suite {
    ($fresh:path) => {
        $crate::journal_suite!(@each $fresh;
            entries_are_read_as_they_were_appended,
            every_kind_of_change_is_read_as_it_was_written,
            entries_of_different_repositories_do_not_mix,
            an_append_of_nothing_makes_no_journal,
            too_many_entries_at_once_are_refused_and_none_is_kept,
            appends_at_once_are_all_kept,
            appends_of_one_batch_stay_together_and_in_order,
            a_reader_goes_on_where_something_was_appended,
            journals_are_listed_page_by_page_each_once,
            a_page_of_journals_may_begin_after_one_that_is_gone,
            a_replaced_journal_has_what_it_was_given_and_no_more,
            what_was_appended_behind_the_place_stays,
            a_reader_reads_on_what_was_replaced,
            a_place_from_before_a_replacement_replaces_nothing,
            a_journal_replaced_by_nothing_is_gone,
            a_journal_replaced_by_nothing_keeps_what_was_appended_behind,
            a_journal_that_was_taken_away_can_begin_again,
            a_journal_grows_with_its_entries_and_shrinks_when_replaced,
        );
    };
    (@each $fresh:path; $($sentence:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                let (journal, _guard) = $fresh().await;
                $crate::journal::$sentence(&journal).await;
            }
        )+
    };
}

/// Twice is as good as once, and order is kept over many appends.
pub async fn entries_are_read_as_they_were_appended<J: Journal>(journal: &J) {
    let app = name("team/app");
    assert!(journal.open(&app).await.unwrap().is_none());
    assert_eq!(journal.size(&app).await.unwrap(), 0);
    for number in 0..10 {
        journal.append(&app, &[pushed(number)]).await.unwrap();
    }
    journal.append(&app, &[pushed(3)]).await.unwrap();
    let mut written = several(0..10);
    written.push(pushed(3));
    assert_eq!(read(journal, &app).await, written);
}

/// Nothing of a change is lost, whatever it is.
pub async fn every_kind_of_change_is_read_as_it_was_written<J: Journal>(journal: &J) {
    let app = name("app");
    let digest = Digest::sha256(b"x");
    let settings = RepositorySettings {
        immutable_tags: vec!["v*".to_owned(), "\n\"".to_owned()],
        quota_bytes: Some(u64::MAX),
    };
    let pinned = |is_pinned| Change::Pinned {
        digest: digest.clone(),
        is_pinned,
    };
    let changes = [
        Change::Settled { settings },
        Change::Pushed {
            digest: Digest::of(forebay_oci::Algorithm::Sha512, b"x"),
            media_type: MediaType::OCI_INDEX,
            tags: vec!["a".parse().unwrap(), "b".parse().unwrap()],
            absent: vec![digest.clone(), Digest::sha256(b"y")],
        },
        Change::Given {
            digest: digest.clone(),
        },
        pinned(true),
        pinned(false),
        Change::Untagged {
            tag: "a".parse().unwrap(),
        },
        Change::Dropped {
            digest: digest.clone(),
        },
        Change::Cleared,
    ];
    let entries: Vec<JournalEntry> = (0..)
        .zip(changes)
        .map(|(at, change)| JournalEntry {
            at: Timestamp(at),
            change,
        })
        .collect();
    journal.append(&app, &entries).await.unwrap();
    assert_eq!(read(journal, &app).await, entries);
}

/// Each repository has its own, whatever they are called.
pub async fn entries_of_different_repositories_do_not_mix<J: Journal>(journal: &J) {
    let long = "a/".repeat(127) + "b";
    let names = ["app", "team/app", "team/app/new", "team__app", &long];
    for (number, text) in (0..).zip(names) {
        journal
            .append(&name(text), &[pushed(number)])
            .await
            .unwrap();
    }
    for (number, text) in (0..).zip(names) {
        assert_eq!(read(journal, &name(text)).await, [pushed(number)], "{text}");
    }
}

/// Nothing is nothing.
pub async fn an_append_of_nothing_makes_no_journal<J: Journal>(journal: &J) {
    journal.append(&name("app"), &[]).await.unwrap();
    assert!(journal.open(&name("app")).await.unwrap().is_none());
    assert_eq!(listed(journal, 10).await, []);
}

/// Whole or not at all.
pub async fn too_many_entries_at_once_are_refused_and_none_is_kept<J: Journal>(journal: &J) {
    let app = name("app");
    let most = several(0..MAX_APPENDED);
    journal.append(&app, &most).await.unwrap();
    let refused = journal.append(&app, &several(0..=MAX_APPENDED)).await;
    assert!(matches!(refused, Err(BlobError::Io(_))));
    assert_eq!(read(journal, &app).await, most);
}

/// Appends of one repository wait for one another, those of several lose nothing either.
pub async fn appends_at_once_are_all_kept<J: Journal>(journal: &J) {
    let names = ["a", "b", "c"].map(name);
    let appends = (0..90).map(|number| {
        let repository = &names[number % 3];
        async move { journal.append(repository, &[pushed(number)]).await }
    });
    for outcome in join_all(appends).await {
        outcome.unwrap();
    }
    for (rest, repository) in names.iter().enumerate() {
        let mut found = read(journal, repository).await;
        found.sort_by_key(|entry| entry.at);
        let appended: Vec<JournalEntry> = (0..90).skip(rest).step_by(3).map(pushed).collect();
        assert_eq!(found, appended);
    }
}

/// Nobody's entry comes between those that were given together.
pub async fn appends_of_one_batch_stay_together_and_in_order<J: Journal>(journal: &J) {
    let app = name("app");
    let batches: Vec<Vec<JournalEntry>> = (0..8)
        .map(|batch| several(batch * 10..batch * 10 + 10))
        .collect();
    let appends = batches.iter().map(|batch| journal.append(&app, batch));
    for outcome in join_all(appends).await {
        outcome.unwrap();
    }
    let found = read(journal, &app).await;
    let mut found: Vec<Vec<JournalEntry>> = found.chunks(10).map(<[_]>::to_vec).collect();
    found.sort_by_key(|batch| batch[0].at);
    assert_eq!(found, batches);
}

/// The end of what was read is no end.
pub async fn a_reader_goes_on_where_something_was_appended<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..3)).await.unwrap();
    let mut reader = journal.open(&app).await.unwrap().unwrap();
    assert_eq!(reader.next(2).await.unwrap(), several(0..2));
    assert_eq!(reader.next(2).await.unwrap(), several(2..3));
    assert_eq!(reader.next(2).await.unwrap(), []);
    journal.append(&app, &several(3..5)).await.unwrap();
    assert_eq!(reader.next(5).await.unwrap(), several(3..5));
    assert_eq!(reader.unreadable(), 0);
}

/// Pages of any length make the same list.
pub async fn journals_are_listed_page_by_page_each_once<J: Journal>(journal: &J) {
    assert_eq!(listed(journal, 10).await, []);
    let mut names: Vec<RepositoryName> = (0..20).map(|n| name(&format!("team/a{n}"))).collect();
    for repository in &names {
        journal.append(repository, &[pushed(0)]).await.unwrap();
        journal.append(repository, &[pushed(1)]).await.unwrap();
    }
    let whole = listed(journal, 100).await;
    for limit in [1, 7, 20] {
        assert_eq!(listed(journal, limit).await, whole, "by {limit}");
    }
    let mut sorted = whole;
    sorted.sort();
    names.sort();
    assert_eq!(sorted, names);
    assert_eq!(journal.journals(None, 0).await.unwrap().repositories, []);
}

/// A list goes on although the journal where it stopped was taken away.
pub async fn a_page_of_journals_may_begin_after_one_that_is_gone<J: Journal>(journal: &J) {
    for number in 0..9 {
        let repository = name(&format!("r{number}"));
        journal.append(&repository, &[pushed(0)]).await.unwrap();
    }
    let whole = listed(journal, 10).await;
    take_away(journal, &whole[4]).await;
    let rest = journal.journals(Some(&whole[4]), 10).await.unwrap();
    assert_eq!(rest.repositories, whole[5..]);
}

/// What no longer counts is gone.
pub async fn a_replaced_journal_has_what_it_was_given_and_no_more<J: Journal>(journal: &J) {
    let (app, other) = (name("app"), name("other"));
    journal.append(&app, &several(0..100)).await.unwrap();
    journal.append(&other, &several(0..3)).await.unwrap();
    let end = end_of(journal, &app).await;
    let left = several(50..60);
    assert!(journal.replace(&app, end, left.clone()).await.unwrap());
    assert_eq!(read(journal, &app).await, left);
    assert_eq!(read(journal, &other).await, several(0..3));
    journal.append(&app, &[pushed(7)]).await.unwrap();
    assert_eq!(read(journal, &app).await, [left, several(7..8)].concat());
}

/// Nobody is told that an entry is durable and then loses it to a replacement that did not know it.
pub async fn what_was_appended_behind_the_place_stays<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..10)).await.unwrap();
    let mut reader = journal.open(&app).await.unwrap().unwrap();
    reader.next(4).await.unwrap();
    let place = reader.place();
    journal.append(&app, &several(10..12)).await.unwrap();
    let left = several(2..3);
    assert!(journal.replace(&app, place, left.clone()).await.unwrap());
    assert_eq!(read(journal, &app).await, [left, several(4..12)].concat());
}

/// A reader sees one journal, whatever takes its place.
pub async fn a_reader_reads_on_what_was_replaced<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..5)).await.unwrap();
    let end = end_of(journal, &app).await;
    let mut reader = journal.open(&app).await.unwrap().unwrap();
    assert_eq!(reader.next(2).await.unwrap(), several(0..2));
    assert!(journal.replace(&app, end, several(9..10)).await.unwrap());
    assert_eq!(reader.next(10).await.unwrap(), several(2..5));
}

/// Of two who replace the same, one does.
pub async fn a_place_from_before_a_replacement_replaces_nothing<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..5)).await.unwrap();
    let place = end_of(journal, &app).await;
    assert!(journal.replace(&app, place, several(0..2)).await.unwrap());
    journal.append(&app, &several(5..9)).await.unwrap();
    assert!(!journal.replace(&app, place, several(0..1)).await.unwrap());
    let kept = [several(0..2), several(5..9)].concat();
    assert_eq!(read(journal, &app).await, kept);
}

/// No entries, no journal.
pub async fn a_journal_replaced_by_nothing_is_gone<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..5)).await.unwrap();
    take_away(journal, &app).await;
    assert!(journal.open(&app).await.unwrap().is_none());
    assert_eq!(journal.size(&app).await.unwrap(), 0);
    assert_eq!(listed(journal, 10).await, []);
}

/// A repository that is used again while its journal goes keeps what is new.
pub async fn a_journal_replaced_by_nothing_keeps_what_was_appended_behind<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..5)).await.unwrap();
    let end = end_of(journal, &app).await;
    journal.append(&app, &[pushed(8)]).await.unwrap();
    assert!(journal.replace(&app, end, Vec::new()).await.unwrap());
    assert_eq!(read(journal, &app).await, [pushed(8)]);
}

/// A name may be used again, and what is known of the old journal does not hold for the new.
pub async fn a_journal_that_was_taken_away_can_begin_again<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..5)).await.unwrap();
    let old = end_of(journal, &app).await;
    take_away(journal, &app).await;
    journal.append(&app, &several(5..12)).await.unwrap();
    assert!(!journal.replace(&app, old, Vec::new()).await.unwrap());
    assert_eq!(read(journal, &app).await, several(5..12));
}

/// Its size tells when it is worth replacing.
pub async fn a_journal_grows_with_its_entries_and_shrinks_when_replaced<J: Journal>(journal: &J) {
    let app = name("app");
    journal.append(&app, &several(0..10)).await.unwrap();
    let ten = journal.size(&app).await.unwrap();
    journal.append(&app, &several(10..100)).await.unwrap();
    let hundred = journal.size(&app).await.unwrap();
    assert!(hundred > ten);
    let end = end_of(journal, &app).await;
    assert!(journal.replace(&app, end, several(0..10)).await.unwrap());
    assert_eq!(journal.size(&app).await.unwrap(), ten);
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

/// A push that differs from those of other numbers.
fn pushed(number: usize) -> JournalEntry {
    let tag = format!("v{number}").parse().unwrap();
    JournalEntry {
        at: Timestamp(i64::try_from(number).unwrap()),
        change: Change::Pushed {
            digest: Digest::sha256(&number.to_le_bytes()),
            media_type: MediaType::OCI_MANIFEST,
            tags: vec![tag],
            absent: Vec::new(),
        },
    }
}

fn several(numbers: impl IntoIterator<Item = usize>) -> Vec<JournalEntry> {
    numbers.into_iter().map(pushed).collect()
}

/// All of a repository's entries, none of them unreadable.
async fn read<J: Journal>(journal: &J, repository: &RepositoryName) -> Vec<JournalEntry> {
    let mut reader = journal.open(repository).await.unwrap().unwrap();
    let mut entries = Vec::new();
    loop {
        let next = reader.next(7).await.unwrap();
        if next.is_empty() {
            assert_eq!(reader.unreadable(), 0);
            return entries;
        }
        assert!(next.len() <= 7);
        entries.extend(next);
    }
}

async fn end_of<J: Journal>(journal: &J, repository: &RepositoryName) -> JournalPlace {
    let mut reader = journal.open(repository).await.unwrap().unwrap();
    while !reader.next(100).await.unwrap().is_empty() {}
    reader.place()
}

async fn take_away<J: Journal>(journal: &J, repository: &RepositoryName) {
    let end = end_of(journal, repository).await;
    let is_done = journal.replace(repository, end, Vec::new()).await;
    assert!(is_done.unwrap());
}

/// All journals, by pages of `limit`.
async fn listed<J: Journal>(journal: &J, limit: usize) -> Vec<RepositoryName> {
    let mut names: Vec<RepositoryName> = Vec::new();
    loop {
        let page = journal.journals(names.last(), limit).await.unwrap();
        assert_eq!(page.unreadable, 0);
        if page.repositories.is_empty() {
            return names;
        }
        assert!(page.repositories.len() <= limit);
        names.extend(page.repositories);
    }
}
