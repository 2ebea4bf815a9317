//! What an upstream's limits and our own of it leave to be asked, told without asking it; and what is counted for that.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::UpstreamCall;
use forebay_limits::{Identity, Purse};
use forebay_oci::RepositoryName;
use http::HeaderMap;

use super::Wire;
use super::telling::identity_of;
use crate::exchange::{Giver, read};
use crate::gate::hash_of;
use crate::recent::Recent;
use crate::token_cache::pull_scope;

impl Wire {
    /// For how long from now a limit stops calls of this kind about a repository, whoever makes them.
    pub(crate) fn stopped_for(
        &self,
        call: UpstreamCall,
        repository: &RepositoryName,
    ) -> Option<Duration> {
        let now = self.clock.monotonic();
        let here = self
            .gate()
            .find_limit(call, hash_of(repository.as_str()), now);
        let everywhere = self.share.find_rest(now);
        let resting = [here, everywhere].into_iter().flatten();
        resting.map(|resting| resting.left).max()
    }

    /// What may be spent on manifests of a repository.
    pub(crate) fn purse(&self, repository: &RepositoryName) -> Purse {
        let stopped_for = self.stopped_for(UpstreamCall::GetManifest, repository);
        let opens_in = stopped_for.map(|left| Purse::Empty {
            opens_in: Some(left),
        });
        opens_in.unwrap_or_else(|| {
            let now = self.clock.monotonic();
            self.gate().purse(hash_of(repository.as_str()), now)
        })
    }

    /// Whom the registry's limit of pulls counts, as it last said.
    pub(crate) fn counted(&self) -> Option<Identity> {
        self.gate().last_source().map(identity_of)
    }

    /// Whether the registry counts pulls of a repository; `None` where its next answer would tell.
    pub(crate) fn is_metered(&self, repository: &RepositoryName) -> Option<bool> {
        self.gate().is_metered(hash_of(repository.as_str()))
    }

    /// Whether the registry's last word on a repository spoke of a limit of pulls.
    pub(crate) fn find_counted(&self, repository: &RepositoryName) -> Option<bool> {
        self.gate().find_counted(hash_of(repository.as_str()))
    }

    /// An answer gave a manifest of the repository, with these headers.
    pub(crate) fn note_manifest(
        &self,
        repository: &RepositoryName,
        headers: &HeaderMap,
        giver: Giver,
    ) {
        let is_counted = read(headers).speaks_of_pulls;
        let says_something = match giver {
            Giver::Registry => true,
            Giver::Itself => is_counted,
            // Neither its silence nor its words are the registry's.
            Giver::Another => false,
        };
        if says_something {
            self.gate()
                .note_counted(hash_of(repository.as_str()), is_counted);
        }
    }

    /// True while requests of ours wait for a place among those of this kind.
    pub(crate) fn is_crowded(&self, call: UpstreamCall) -> bool {
        self.lanes.is_crowded(call)
    }

    /// How many requests were sent about a repository, those for its tokens counted.
    pub(crate) fn asked_about(&self, repository: &RepositoryName) -> u64 {
        let asked = self.asked();
        let times = |name: &str| asked.find(hash_of(name)).unwrap_or(0);
        times(repository.as_str()) + times(&pull_scope(repository))
    }

    pub(super) fn count(&self, repository: &str) {
        let mut asked = self.asked();
        let hash = hash_of(repository);
        let times = asked.find(hash).unwrap_or(0);
        asked.note(hash, times + 1);
    }

    fn asked(&self) -> MutexGuard<'_, Recent<u64>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True while our own pace keeps back what nobody waits for.
    pub(crate) fn keeps_back(&self) -> bool {
        self.share.keeps_back(self.clock.monotonic())
    }
}
