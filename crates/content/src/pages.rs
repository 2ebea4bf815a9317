//! Lists that are read a page at a time, from any place in them to their end.

use forebay_oci::{Digest, RepositoryName};
use futures::stream::{self, Stream};

use crate::{BlobError, BlobStat, BlobStore, CatalogError, HostedUpkeep, Journal, JournalPage};

/// How many rows, blobs or journals are read in one go: so many that going through all of them costs few reads, so few that others
/// have their turn between two.
pub const PAGE: u32 = 500;

/// The pages of a list behind `from`, in their order, up to the one that has nothing in it, which is the last. `read` reads the page
/// behind a place, and `place_of` tells the place of the last thing in a page; `None` if it is empty.
///
/// An error is the last thing that is told.
pub fn pages<P, K, E, F>(
    from: Option<K>,
    read: impl Fn(Option<K>) -> F,
    place_of: impl Fn(&P) -> Option<K>,
) -> impl Stream<Item = Result<P, E>>
where
    F: Future<Output = Result<P, E>>,
{
    let begin = (Some(from), read, place_of);
    stream::try_unfold(begin, |(at, read, place_of)| async move {
        let Some(after) = at else { return Ok(None) };
        let page = read(after).await?;
        let next = place_of(&page).map(Some);
        Ok(Some((page, (next, read, place_of))))
    })
}

/// What is at rest, in the order of digests.
pub fn blob_pages(
    blobs: &(impl BlobStore + ?Sized),
) -> impl Stream<Item = Result<Vec<BlobStat>, BlobError>> + Send {
    pages(
        None,
        move |after: Option<Digest>| async move { blobs.list(after.as_ref(), PAGE as usize).await },
        last_digest,
    )
}

/// What any local repository holds, in the order of digests.
pub fn held_pages(
    rows: &(impl HostedUpkeep + ?Sized),
) -> impl Stream<Item = Result<Vec<BlobStat>, CatalogError>> + Send {
    pages(
        None,
        move |after: Option<Digest>| async move { rows.held_after(after.as_ref(), PAGE).await },
        last_digest,
    )
}

/// The local repositories that have a journal.
pub fn journal_pages(
    journal: &(impl Journal + ?Sized),
) -> impl Stream<Item = Result<JournalPage, BlobError>> + Send {
    pages(
        None,
        move |after: Option<RepositoryName>| async move {
            journal.journals(after.as_ref(), PAGE as usize).await
        },
        |page: &JournalPage| page.repositories.last().cloned(),
    )
}

#[expect(clippy::ptr_arg, reason = "a page is what a read gives")]
fn last_digest(page: &Vec<BlobStat>) -> Option<Digest> {
    page.last().map(|last| last.digest.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::{StreamExt as _, TryStreamExt as _};

    use super::*;

    /// The numbers below seven, two at a time; what was asked is noted.
    fn read(asked: &Mutex<Vec<Option<u32>>>, after: Option<u32>) -> Vec<u32> {
        asked.lock().unwrap().push(after);
        let first = after.map_or(0, |after| after + 1);
        (first..7).take(2).collect()
    }

    #[tokio::test]
    async fn pages_come_in_their_order_up_to_the_empty_one() {
        for (from, first) in [(None, 0), (Some(3), 4), (Some(6), 7)] {
            let asked = Mutex::default();
            let seen = &asked;
            let all = pages(
                from,
                |after| async move { Ok::<_, &'static str>(read(seen, after)) },
                |page: &Vec<u32>| page.last().copied(),
            );
            let all: Vec<Vec<u32>> = all.try_collect().await.unwrap();
            assert_eq!(all.concat(), (first..7).collect::<Vec<_>>());
            assert_eq!(all.last(), Some(&Vec::new()));
            let asked = asked.into_inner().unwrap();
            assert_eq!(asked.first(), Some(&from));
            assert_eq!(asked.len(), all.len(), "{asked:?}");
        }
    }

    #[tokio::test]
    async fn an_error_is_the_end() {
        let asked = &Mutex::default();
        let all = pages(
            None,
            |after| async move {
                let page = read(asked, after);
                if page.contains(&4) {
                    Err("broken")
                } else {
                    Ok(page)
                }
            },
            |page: &Vec<u32>| page.last().copied(),
        );
        let all: Vec<_> = all.collect().await;
        assert_eq!(all, [Ok(vec![0, 1]), Ok(vec![2, 3]), Err("broken")]);
    }
}
