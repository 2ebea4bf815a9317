//! What is read of journals that were torn, rotted or changed by others.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use forebay_blobs_fs::{FsJournal, RealDisk};
use forebay_content::{BlobError, Change, Journal, JournalEntry};
use forebay_oci::Digest;
use tempfile::TempDir;

use super::story::{entries, open, repository};
use crate::scene::names;

/// A journal with the numbers 2 to 5, closed; where its file is, and what is in it.
async fn written() -> (TempDir, PathBuf, Vec<u8>) {
    let dir = TempDir::new().unwrap();
    let journal = reopen(&dir);
    let app = repository("app");
    journal.append(&app, &entries(&[2, 3, 4, 5])).await.unwrap();
    let path = dir
        .path()
        .join("journal")
        .join(Digest::sha256(b"app").hex());
    let bytes = fs::read(&path).unwrap();
    (dir, path, bytes)
}

fn reopen(dir: &TempDir) -> FsJournal {
    open(dir.path(), Arc::new(RealDisk)).unwrap()
}

async fn read(journal: &FsJournal) -> (Vec<i64>, u64) {
    let opened = journal.open(&repository("app")).await.unwrap();
    let mut reader = opened.unwrap();
    let entries: Vec<JournalEntry> = reader.next(100).await.unwrap();
    let numbers = entries.iter().map(|entry| entry.at.0).collect();
    (numbers, reader.unreadable())
}

#[tokio::test]
async fn a_torn_last_line_is_not_read_and_is_cut_off_by_the_next_append() {
    let (dir, path, bytes) = written().await;
    let last = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for length in [last, last + 1, last + 9, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let journal = reopen(&dir);
        assert_eq!(read(&journal).await, (vec![2, 3, 4], 0), "{length}");
        let next = entries(&[7]);
        journal.append(&repository("app"), &next).await.unwrap();
        assert_eq!(read(&journal).await, (vec![2, 3, 4, 7], 0), "{length}");
    }
}

#[tokio::test]
async fn a_torn_end_of_any_length_is_cut_off() {
    let (dir, path, bytes) = written().await;
    for garbage in [1, 65_535, 65_536, 65_537, 300_000] {
        fs::write(&path, [bytes.as_slice(), &vec![0; garbage]].concat()).unwrap();
        let journal = reopen(&dir);
        assert_eq!(read(&journal).await, (vec![2, 3, 4, 5], 0), "{garbage}");
        let next = entries(&[7]);
        journal.append(&repository("app"), &next).await.unwrap();
        assert_eq!(read(&journal).await, (vec![2, 3, 4, 5, 7], 0), "{garbage}");
    }
}

#[tokio::test]
async fn a_rotten_line_is_told_and_takes_no_other_with_it() {
    let (dir, path, bytes) = written().await;
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    for at in (0..bytes.len()).step_by(7) {
        let mut rotten = bytes.clone();
        rotten[at] ^= 0x40;
        fs::write(&path, &rotten).unwrap();
        let (found, unreadable) = read(&reopen(&dir)).await;
        // The first line is the header. A newline that rots makes one line of two; the last one's makes a torn line.
        let line = ends.iter().filter(|end| **end < at).count();
        let mut left = vec![2, 3, 4, 5];
        if line > 0 {
            left.remove(line - 1);
        }
        if ends.contains(&at) && line < 4 {
            left.remove(line.saturating_sub(1).min(left.len() - 1));
        }
        let is_torn = at == *ends.last().unwrap();
        assert_eq!((found, unreadable), (left, u64::from(!is_torn)), "{at}");
    }
}

#[tokio::test]
async fn a_journal_whose_first_line_is_damaged_is_counted_and_read_by_name_and_mended_by_a_replacement()
 {
    let (dir, path, mut bytes) = written().await;
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let journal = reopen(&dir);
    let page = journal.journals(None, 10).await.unwrap();
    assert_eq!((page.repositories, page.unreadable), (Vec::new(), 1));
    assert_eq!(read(&journal).await, (vec![2, 3, 4, 5], 1));
    let app = repository("app");
    journal.append(&app, &entries(&[7])).await.unwrap();
    assert_eq!(read(&journal).await, (vec![2, 3, 4, 5, 7], 1));
    let mut reader = journal.open(&app).await.unwrap().unwrap();
    let all = reader.next(100).await.unwrap();
    assert!(journal.replace(&app, reader.place(), all).await.unwrap());
    assert_eq!(read(&journal).await, (vec![2, 3, 4, 5, 7], 0));
    let page = journal.journals(None, 10).await.unwrap();
    assert_eq!((page.repositories, page.unreadable), (vec![app], 0));
}

#[tokio::test]
async fn a_journal_under_another_name_is_none_of_that_repository() {
    let (dir, path, _) = written().await;
    let other = path.with_file_name(Digest::sha256(b"other").hex());
    fs::copy(&path, &other).unwrap();
    let journal = reopen(&dir);
    let page = journal.journals(None, 10).await.unwrap();
    assert_eq!(
        (page.repositories, page.unreadable),
        (vec![repository("app")], 1)
    );
    let opened = journal.open(&repository("other")).await.unwrap();
    let mut reader = opened.unwrap();
    assert_eq!(reader.next(10).await.unwrap(), []);
    assert_eq!(reader.unreadable(), 4);
}

#[tokio::test]
async fn a_file_that_lost_all_its_bytes_is_begun_again() {
    let (dir, path, _) = written().await;
    for left in [b"".as_slice(), b"no line"] {
        fs::write(&path, left).unwrap();
        let journal = reopen(&dir);
        assert_eq!(read(&journal).await, (vec![], 0));
        let next = entries(&[7]);
        journal.append(&repository("app"), &next).await.unwrap();
        assert_eq!(read(&journal).await, (vec![7], 0));
    }
}

#[tokio::test]
async fn lines_that_are_far_too_long_are_passed_over_in_a_bounded_memory() {
    let (dir, path, bytes) = written().await;
    let long = [vec![b'x'; 3_000_000], b"\n".to_vec()].concat();
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (header, lines) = bytes.split_at(first);
    fs::write(&path, [header, &long, lines, &long].concat()).unwrap();
    assert_eq!(read(&reopen(&dir)).await, (vec![2, 3, 4, 5], 2));
}

#[tokio::test]
async fn an_entry_that_is_too_long_is_refused_and_nothing_is_written() {
    let (dir, path, bytes) = written().await;
    let journal = reopen(&dir);
    let mut many = entries(&[7, 8]);
    let Change::Pushed { tags, .. } = &mut many[1].change else {
        panic!("a push");
    };
    *tags = (0..3000)
        .map(|tag| format!("v{tag:0120}").parse().unwrap())
        .collect();
    let refused = journal.append(&repository("app"), &many).await;
    assert!(matches!(refused, Err(BlobError::Io(_))));
    let mut reader = journal.open(&repository("app")).await.unwrap().unwrap();
    reader.next(10).await.unwrap();
    let app = repository("app");
    let refused = journal.replace(&app, reader.place(), many);
    assert!(matches!(refused.await, Err(BlobError::Io(_))));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(names(path.parent().unwrap()).len(), 1);
}

#[tokio::test]
async fn what_lies_beside_journals_is_left_alone_but_for_unfinished_ones() {
    let (dir, path, _) = written().await;
    let beside = path.with_file_name("README");
    fs::write(&beside, "a note").unwrap();
    fs::write(path.with_file_name("abc.0.new"), "half").unwrap();
    let journal = reopen(&dir);
    let mut left = names(path.parent().unwrap());
    left.sort();
    assert_eq!(left, ["README".to_owned(), Digest::sha256(b"app").hex()]);
    let page = journal.journals(None, 10).await.unwrap();
    assert_eq!((page.repositories.len(), page.unreadable), (1, 0));
}
