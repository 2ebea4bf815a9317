//! Tag and referrer lists: kept like tags, page by page.

use std::sync::Arc;

use forebay_content::{KeptList, List, ListKey, Provenance, Request, SourceError};

use crate::caching_source::Inner;
use crate::freshness::is_fresh;
use crate::negative::Asked;
use crate::policy::OnGone;

impl Inner {
    /// The page of this key: kept while it is fresh, asked for once by all who want it, stale when that takes long.
    pub(crate) async fn list(
        self: &Arc<Self>,
        request: &Request,
        key: ListKey,
    ) -> Result<List, SourceError> {
        let target = self.target(&request.repository);
        let Some(kept) = self
            .kept
            .catalog
            .find_list(&target, &key)
            .await
            .ok()
            .flatten()
        else {
            return self.ask_list(request, key).await;
        };
        if is_fresh(
            kept.checked_at,
            self.kept.clock.now(),
            self.policy().tag_ttl,
        ) {
            return Ok(given(kept, Provenance::Kept));
        }
        let patience = self.patience(self.pages.age(&Asked::list(request, &key)));
        let answer = tokio::select! {
            answer = self.ask_list(request, key) => answer,
            () = self.kept.clock.sleep(patience) => return Ok(given(kept, Provenance::Stale)),
        };
        match answer {
            Err(error) if error.is_answer() && self.policy().on_gone == OnGone::Refuse => {
                Err(error)
            }
            Err(_) => Ok(given(kept, Provenance::Stale)),
            fetched => fetched,
        }
    }

    async fn ask_list(
        self: &Arc<Self>,
        request: &Request,
        key: ListKey,
    ) -> Result<List, SourceError> {
        let asked = Asked::list(request, &key);
        self.absent(&asked)?;
        let ticket = self.pages.join(asked.clone(), self.wanted(request), |_| {
            let (inner, request) = (Arc::clone(self), request.clone());
            async move {
                inner.absent(&asked)?;
                let before = inner.budget.asked_about(&asked.repository);
                let answer = inner.fetch_list(request, key).await;
                if let Err(error) = &answer {
                    inner.remember_absence(asked, error, before);
                }
                answer
            }
        });
        ticket.result().await?
    }

    async fn fetch_list(&self, request: Request, key: ListKey) -> Result<List, SourceError> {
        let list = match &key {
            ListKey::Tags { n, last } => {
                let page = forebay_oci::Page {
                    n: *n,
                    last: last.clone(),
                };
                self.source.tags(&request, &page).await?
            }
            ListKey::Referrers {
                digest,
                artifact_type,
            } => {
                self.source
                    .referrers(&request, digest, artifact_type.as_deref())
                    .await?
            }
        };
        let kept = KeptList {
            json: list.json.clone(),
            more: list.more.clone(),
            filtered: list.filtered,
            checked_at: self.kept.clock.now(),
        };
        if let Err(error) = self
            .kept
            .catalog
            .keep_list(&self.target(&request.repository), &key, &kept)
            .await
        {
            self.kept.health.catalog_not_written(&error);
        }
        Ok(list)
    }
}

fn given(kept: KeptList, provenance: Provenance) -> List {
    List {
        json: kept.json,
        more: kept.more,
        filtered: kept.filtered,
        provenance,
    }
}
