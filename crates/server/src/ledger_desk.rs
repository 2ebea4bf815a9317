//! What commands ask of the ledger and of the alerts, whether a server runs or not.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_api_admin::{BudgetRequest, ControlError, Delivery, ExportRequest, TopRequest};
use forebay_content::{
    CatalogError, ContentSource as _, Request, SourceError, TimeRange, Timestamp,
};
use forebay_ledger::{Alerts, BudgetsReport, ExportPage, Ledger, Moment, TopReport};
use forebay_limits::Priority;
use forebay_oci::{DOCKER_HUB, Reference, RepositoryName, Tag};
use forebay_outside::Webhooks;

use crate::upstreams::Doors;

/// The repository whose HEAD is free and always tells what is left (docs.docker.com/docker-hub/usage/pulls).
const PROBE_REPOSITORY: &str = "ratelimitpreview/test";

/// Its tag.
const PROBE_TAG: &str = "latest";

/// How long a probe waits for its turn.
const PROBE_PATIENCE: Duration = Duration::from_secs(20);

/// Answers commands.
pub(crate) struct LedgerDesk {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) doors: Arc<ArcSwap<Doors>>,
}

/// Why a command gets no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("there is no upstream {DOCKER_HUB} to probe")]
    NothingToProbe,
    #[error("cannot probe {DOCKER_HUB}")]
    Probe(#[source] SourceError),
    #[error("the ledger cannot be read")]
    Rows(#[from] CatalogError),
}

impl From<NoAnswer> for ControlError {
    fn from(error: NoAnswer) -> Self {
        Self::of(&error)
    }
}

impl LedgerDesk {
    pub(crate) async fn budget(&self, request: BudgetRequest) -> Result<BudgetsReport, NoAnswer> {
        let doors = self.doors.load_full();
        if request.probe {
            self.probe(&doors).await?;
        }
        Ok(self
            .ledger
            .budgets_of(doors.upstreams.keys().map(|name| &**name)))
    }

    pub(crate) async fn top(&self, request: TopRequest) -> Result<TopReport, NoAnswer> {
        Ok(tell_top(&self.ledger, &request).await?)
    }

    pub(crate) async fn export(&self, request: ExportRequest) -> Result<ExportPage, NoAnswer> {
        Ok(tell_page(&self.ledger, request).await?)
    }

    /// Asks by a HEAD, which Docker Hub does not count; what it says goes the way of every answer.
    async fn probe(&self, doors: &Doors) -> Result<(), NoAnswer> {
        let hub = doors.upstreams.get(DOCKER_HUB);
        let hub = hub.ok_or(NoAnswer::NothingToProbe)?;
        let (repository, tag) = probed();
        let request = Request {
            priority: Priority::Interactive,
            patience: PROBE_PATIENCE,
            ..Request::in_background(repository)
        };
        let resolved = hub.resolve(&request, &Reference::Tag(tag)).await;
        resolved.map(|_| ()).map_err(NoAnswer::Probe)
    }
}

/// Who spent most.
pub(crate) async fn tell_top(
    ledger: &Ledger,
    request: &TopRequest,
) -> Result<TopReport, CatalogError> {
    let within = Duration::from_millis(request.within_ms);
    let Some(of) = &request.of else {
        let top = ledger.top_report(within, request.order, request.limit);
        return top.await;
    };
    let name = (of.upstream.as_str(), of.repository.as_str());
    ledger.top_report_of(within, request.order, name).await
}

/// A page of an export.
pub(crate) async fn tell_page(
    ledger: &Ledger,
    request: ExportRequest,
) -> Result<ExportPage, CatalogError> {
    let range = TimeRange {
        since: Timestamp(request.since_unix_ms),
        until: Timestamp(request.until_unix_ms),
    };
    ledger.export_page(range, request.after).await
}

/// Sends an alert to each webhook, once; what came of it, in their order.
pub(crate) async fn try_webhooks(webhooks: &Webhooks, now: Moment) -> Vec<Delivery> {
    let tried = webhooks.try_all(&Alerts::test(now)).await;
    let told = tried.into_iter().map(|(webhook, sent)| Delivery {
        webhook,
        trouble: sent.err().map(|error| error.to_string()),
    });
    told.collect()
}

#[expect(clippy::expect_used, reason = "constants, which a test reads")]
pub(crate) fn probed() -> (RepositoryName, Tag) {
    (
        PROBE_REPOSITORY.parse().expect("a repository's name"),
        PROBE_TAG.parse().expect("a tag"),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_probed_has_a_right_name() {
        crate::ledger_desk::probed();
    }
}
