//! Rows beside journals: what the one tells and the other does not.
//!
//! A change is in both before it is acknowledged. So what only one of them tells was never acknowledged, or the other has lost it:
//! mended, it is kept, whichever it was.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use forebay_content::{Change, HostedEntry, JournalEntry, MAX_APPENDED, Timestamp, journal_pages};
use forebay_oci::{Digest, RepositoryName, Tag};
use futures::TryStreamExt as _;
use tracing::info;

use super::{CheckError, RegistryCheck};
use crate::PushError;
use crate::local_registry::LocalRegistry;
use crate::rebuild::Rebuilt;
use crate::rebuild::replay::{Alive, Replay};

/// The most differences that are told one by one.
const MAX_TOLD: usize = 1000;

/// The most tags that one difference names.
const MAX_TAGS_NAMED: usize = 100;

/// What rows and journal of a repository tell differently.
#[derive(Default)]
struct Differences {
    told: Vec<String>,
    /// What the journal lacks.
    unwritten: Vec<JournalEntry>,
    /// What the rows lack.
    unrecorded: Vec<(Digest, Alive)>,
    /// True if the rows know no such repository.
    is_unknown: bool,
}

/// A repository as its rows tell it.
#[derive(Default)]
struct Rows {
    manifests: BTreeMap<Digest, HostedEntry>,
    tags: BTreeSet<Tag>,
}

impl LocalRegistry {
    pub(super) async fn check_journals(
        &self,
        check: &mut RegistryCheck,
        mend: bool,
    ) -> Result<(), CheckError> {
        let mut names: BTreeSet<RepositoryName> =
            self.repositories_of_rows().await?.into_iter().collect();
        let mut journals = pin!(journal_pages(&*self.stores.journal));
        while let Some(page) = journals.try_next().await.map_err(PushError::from)? {
            check.unreadable_lines += page.unreadable;
            names.extend(page.repositories);
        }
        for repository in names {
            // What is just being changed differs for a moment: it is looked at again while nothing changes.
            let (first, unreadable) = self.compare(&repository).await?;
            check.unreadable_lines += unreadable;
            if first.told.is_empty() {
                continue;
            }
            let turn = self.turn(&repository).await?;
            let (found, _) = self.compare(&repository).await?;
            if mend && !found.told.is_empty() {
                self.settle_differences(&repository, &found).await?;
                check.is_settled = true;
            }
            drop(turn);
            let room = MAX_TOLD.saturating_sub(check.differences.len());
            check.differences.extend(found.told.into_iter().take(room));
        }
        Ok(())
    }

    async fn compare(&self, repository: &RepositoryName) -> Result<(Differences, u64), CheckError> {
        let found = self.stores.rows.find_repository(repository).await?;
        let rows = self.rows_of(repository).await?;
        let (replay, unreadable) = self.replay(repository).await?;
        let mut differences = Differences {
            is_unknown: found.is_none(),
            ..Differences::default()
        };
        match (&found, replay.repository()) {
            (Some(found), told) => {
                let settings = told
                    .map(|(_, settings)| settings.clone())
                    .unwrap_or_default();
                if found.settings != settings {
                    let at = found.created_at;
                    let settings = found.settings.clone();
                    differences.add(
                        format!("{repository}: its settings are not in its journal"),
                        (Change::Settled { settings }, at),
                    );
                }
            }
            (None, Some(_)) => {
                differences.told.push(format!(
                    "{repository}: the rows have lost it, and its journal has it"
                ));
            }
            (None, None) => {}
        }
        differences.of_rows(repository, &rows, &replay);
        for entry in &mut differences.unwritten {
            if let Change::Pushed { digest, absent, .. } = &mut entry.change {
                *absent = self.absent_blobs(repository, digest).await?;
            }
        }
        differences.of_journal(repository, &rows, &replay);
        Ok((differences, unreadable))
    }

    async fn rows_of(&self, repository: &RepositoryName) -> Result<Rows, CheckError> {
        let mut rows = Rows::default();
        let mut pages = pin!(self.entry_pages(repository, None));
        while let Some(page) = pages.try_next().await? {
            for entry in page {
                rows.tags.extend(entry.tags.iter().cloned());
                rows.manifests.insert(entry.manifest.digest.clone(), entry);
            }
        }
        Ok(rows)
    }

    /// Makes both tell what either does. In a turn of the repository.
    async fn settle_differences(
        &self,
        repository: &RepositoryName,
        differences: &Differences,
    ) -> Result<(), CheckError> {
        if differences.is_unknown {
            let (replay, _) = self.replay(repository).await?;
            if let Some((at, settings)) = replay.repository() {
                let rows = &self.stores.rows;
                rows.keep_repository(repository, settings, at).await?;
            }
        }
        for entries in differences.unwritten.chunks(MAX_APPENDED) {
            let appended = self.stores.journal.append(repository, entries).await;
            appended.map_err(PushError::from)?;
        }
        let (mut linked, mut rebuilt) = (BTreeSet::new(), Rebuilt::default());
        for (digest, alive) in &differences.unrecorded {
            self.rebuild_manifest((repository, digest), alive, (&mut linked, &mut rebuilt))
                .await?;
        }
        info!(
            %repository,
            differences = differences.told.len(),
            lost = rebuilt.lost.len(),
            "made the rows and the journal of a repository tell the same"
        );
        Ok(())
    }
}

impl Differences {
    fn add(&mut self, told: String, (change, at): (Change, Timestamp)) {
        self.told.push(told);
        self.unwritten.push(JournalEntry { at, change });
    }

    /// What rows tell and the journal does not.
    fn of_rows(&mut self, repository: &RepositoryName, rows: &Rows, replay: &Replay) {
        for (digest, entry) in &rows.manifests {
            let alive = replay.find(digest);
            let tags: Vec<Tag> = match alive {
                Some(alive) => entry
                    .tags
                    .iter()
                    .filter(|tag| !alive.tags.contains(*tag))
                    .cloned()
                    .collect(),
                None => entry.tags.clone(),
            };
            if alive.is_none() || !tags.is_empty() {
                let names = names(tags.iter());
                let changes = Change::pushed((digest, &entry.manifest.media_type), &tags, &[]);
                let unwritten = changes.into_iter().map(|change| JournalEntry {
                    at: entry.pushed_at,
                    change,
                });
                self.unwritten.extend(unwritten);
                self.told.push(format!(
                    "{repository}{names}@{digest}: the rows have it, and its journal does not"
                ));
            }
            if entry.is_pinned != alive.is_some_and(|alive| alive.is_pinned) {
                let change = Change::Pinned {
                    digest: digest.clone(),
                    is_pinned: entry.is_pinned,
                };
                let told =
                    format!("{repository}@{digest}: whether it is pinned is not in its journal");
                self.add(told, (change, entry.pushed_at));
            }
        }
    }

    /// What the journal tells and the rows do not: manifests, and tags that point at nothing.
    fn of_journal(&mut self, repository: &RepositoryName, rows: &Rows, replay: &Replay) {
        for (digest, alive) in replay.alive() {
            let lost = alive.tags.iter().filter(|tag| !rows.tags.contains(*tag));
            let tags: BTreeSet<Tag> = lost.cloned().collect();
            if rows.manifests.contains_key(digest) && tags.is_empty() {
                continue;
            }
            let names = names(tags.iter());
            self.told.push(format!(
                "{repository}{names}@{digest}: the rows have lost it, and its journal has it"
            ));
            let mut alive = alive.clone();
            alive.tags = tags;
            self.unrecorded.push((digest.clone(), alive));
        }
    }
}

/// The tags behind a repository's name, and how many more there are.
fn names<'t>(tags: impl ExactSizeIterator<Item = &'t Tag>) -> String {
    let more = tags.len().saturating_sub(MAX_TAGS_NAMED);
    let named = tags.take(MAX_TAGS_NAMED).map(|tag| format!(":{tag}"));
    let named: String = named.collect();
    if more == 0 {
        named
    } else {
        format!("{named} and {more} tags more ")
    }
}
