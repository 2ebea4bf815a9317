//! Lists of tags that were read, kept until an act changes the tags of their repository.
//!
//! What is kept was compared with its seals as it was read. Only this process may write to the file: whoever looks at one that
//! another writes to keeps nothing.

mod retag;
mod shelf;

use std::sync::{Arc, Mutex, MutexGuard};

use forebay_content::{TagNames, lock};
use forebay_oci::RepositoryName;

pub(super) use self::retag::Retag;
use self::shelf::{Known, Remembered, Shelf};
use super::tags::{self, TagPage};
use crate::error::SqlError;
use crate::readers::Readers;

/// The most tags that are read so that they can be kept, where less was asked for.
const MAX_TAGS: u32 = 20_000;

/// Lists of tags that were read.
#[derive(Default)]
pub(super) struct TagLists(Mutex<Shelf>);

impl TagLists {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.0)
    }
}

/// A page of the repository's tags in the order of their bytes; `None` if there is no such repository.
///
/// A whole list is kept. Where parts are asked for, as by who goes from page to page, all is read with the second one, if no tag
/// has changed in between.
pub(super) async fn page(
    lists: Option<&Arc<TagLists>>,
    readers: &Readers,
    (repository, after): (&RepositoryName, Option<&str>),
    limit: u32,
) -> Result<Option<TagNames>, SqlError> {
    let Some(lists) = lists else {
        let page = tags::after(readers, repository, after, limit).await?;
        return Ok(page.map(|page| page.names));
    };
    let question = match lists.shelf().look_up(repository) {
        Known::List(names) => return Ok(Some(names.after(after, size(limit)))),
        Known::Not(question) => question,
    };
    if question.is_worth_all() {
        let all = tags::after(readers, repository, None, MAX_TAGS).await?;
        let Some(TagPage { names, counted }) = all else {
            return Ok(None);
        };
        if names.len() < size(MAX_TAGS) {
            lists
                .shelf()
                .keep(repository, question, Remembered::of(&names, counted));
            return Ok(Some(names.after(after, size(limit))));
        }
    }
    let page = tags::after(readers, repository, after, limit).await?;
    Ok(page.map(|TagPage { names, counted }| {
        let is_all = after.is_none_or(str::is_empty) && names.len() < size(limit);
        let what = if is_all {
            Remembered::of(&names, counted)
        } else {
            Remembered::PartOf(counted)
        };
        lists.shelf().keep(repository, question, what);
        names
    }))
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
