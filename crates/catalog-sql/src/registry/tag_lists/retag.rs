//! Acts that change tags: what is remembered of their repository's is forgotten with them.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_oci::RepositoryName;

use super::TagLists;
use crate::error::SqlError;
use crate::layout::Act;
use crate::registry::Session;
use crate::registry::layout::RegistryLayout;

/// An act that may change tags of a repository: what is kept of them goes with it, when it has ended.
pub(in crate::registry) struct Retag<A> {
    act: A,
    _changing: Option<Changing>,
}

/// Until it is dropped, tags of the repository may change; what was kept of them is forgotten then.
struct Changing {
    lists: Arc<TagLists>,
    repository: RepositoryName,
}

impl<A> Retag<A> {
    /// The act, by which what `lists` keep of the repository's tags will be out of date.
    pub(in crate::registry) fn of(
        lists: Option<&Arc<TagLists>>,
        act: A,
        repository: &RepositoryName,
    ) -> Self {
        let changing = lists.map(|lists| Changing {
            lists: Arc::clone(lists),
            repository: repository.clone(),
        });
        Self {
            act,
            _changing: changing,
        }
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.lists.shelf().forget(&self.repository);
    }
}

#[async_trait]
impl<A: Act<Layout = RegistryLayout>> Act for Retag<A> {
    type Layout = RegistryLayout;
    type Told = A::Told;

    async fn apply(&self, session: &mut Session<'_>) -> Result<A::Told, SqlError> {
        self.act.apply(session).await
    }
}
