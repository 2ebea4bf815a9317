//! Finds out what a forecast needs of images: what is kept of them, and what their registries say to HEADs, which cost no pull.
//!
//! What cannot be found out is told of each image; nothing fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::FsBlobs;
use forebay_content::{
    BlobStore as _, Catalog, ChildKind, ContentSource as _, KeptManifest, Request, SourceError,
    collect_reader,
};
use forebay_forecast::{
    Budget, Fact, Form, Interval, Kept, Login, Metering, Presence, Survey, SurveyRequest,
};
use forebay_ledger::{BudgetReport, Ledger, Metering as Said, UpstreamReport};
use forebay_limits::Priority;
use forebay_oci::{
    DOCKER_HUB, Digest, ImageName, MAX_MANIFEST_BYTES, Manifest, Reference, Target, UpstreamName,
};
use forebay_upstream::Upstream;
use futures::{StreamExt as _, stream};

use crate::ledger_desk::probed;

/// How long one question waits for its answer, its turn included.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many images are asked for at a time; each registry has its own pace below this.
const ASKED_AT_A_TIME: usize = 8;

/// Who finds it out.
pub(crate) struct Surveyor<'a> {
    pub(crate) upstreams: &'a BTreeMap<UpstreamName, Arc<Upstream>>,
    pub(crate) catalog: &'a dyn Catalog,
    /// Where kept indexes are read from; `None` if they cannot be while nothing holds the data directory.
    pub(crate) blobs: Option<&'a FsBlobs>,
    pub(crate) ledger: &'a Ledger,
}

impl Surveyor<'_> {
    /// All that `request` wants to know. What cannot be found out is told of each image; nothing fails.
    pub(crate) async fn survey(&self, request: &SurveyRequest) -> Survey {
        let names: Vec<Option<ImageName>> = request
            .images
            .iter()
            .map(|image| image.parse().ok())
            .collect();
        let is_of_hub = |name: &Option<ImageName>| {
            name.as_ref()
                .is_some_and(|name| name.registry == DOCKER_HUB)
        };
        let hub_login = if request.ask && names.iter().any(is_of_hub) {
            self.probe().await
        } else {
            Login::Unknown
        };
        let facts = stream::iter(names).map(|name| self.fact(name, request.ask));
        let facts = facts.buffered(ASKED_AT_A_TIME).collect().await;
        let names = self.upstreams.keys().map(|name| &**name);
        let report = self.ledger.budgets_of(names);
        Survey {
            facts,
            budgets: report.upstreams.iter().map(budget).collect(),
            hub_login,
        }
    }

    /// Asks what is left of Docker Hub's budget, by an image that everybody may see: what comes of it is the login's doing.
    /// What is left goes the way of all answers.
    async fn probe(&self) -> Login {
        let Some(hub) = self.upstreams.get(DOCKER_HUB) else {
            return Login::Unknown;
        };
        let (repository, tag) = probed();
        let request = question(Request::in_background(repository));
        match hub.resolve(&request, &Reference::Tag(tag)).await {
            Ok(_) => Login::Taken,
            Err(SourceError::Unauthorized | SourceError::Denied) => Login::Refused,
            Err(_) => Login::Unknown,
        }
    }

    async fn fact(&self, name: Option<ImageName>, ask: bool) -> Fact {
        let Some(name) = &name else {
            return Fact::not_asked(Some("no image name".to_owned()));
        };
        let Some(source) = self.upstreams.get(name.registry.as_str()) else {
            let why = format!("no upstream is configured for {}", name.registry);
            return Fact::not_asked(Some(why));
        };
        let target = Target {
            upstream: source.kept_as(),
            repository: name.repository.clone(),
        };
        let mut fact = Fact::not_asked(None);
        let mut digest = self.last_seen(&target, &name.reference, &mut fact).await;
        if ask {
            let request = question(Request::in_background(name.repository.clone()));
            match source.resolve(&request, &name.reference).await {
                Ok(resolved) => {
                    fact.presence = Presence::There;
                    fact.form = form(resolved.media_type.is_index());
                    digest = Some(resolved.digest);
                }
                Err(error) => tell(&error, &mut fact),
            }
        }
        fact.is_metered = source.find_metering(&name.repository);
        if let Some(digest) = digest {
            self.look_at(&digest, &mut fact).await;
            fact.digest = Some(digest.to_string());
        }
        fact
    }

    /// What the reference was when it was last seen here.
    async fn last_seen(
        &self,
        target: &Target,
        reference: &Reference,
        fact: &mut Fact,
    ) -> Option<Digest> {
        match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => {
                // A catalog that cannot be read is one that has nothing: that costs a pull, and is no reason to say nothing.
                let kept = self.catalog.find_tag(target, tag).await.ok().flatten()?;
                fact.form = form(kept.media_type.is_index());
                Some(kept.digest)
            }
        }
    }

    /// How much of a manifest is kept.
    async fn look_at(&self, digest: &Digest, fact: &mut Fact) {
        let Some(manifest) = self.find(digest).await else {
            return;
        };
        let is_index = manifest.media_type.is_index();
        fact.form = form(is_index);
        if !is_index {
            fact.kept = Kept::All;
            return;
        }
        fact.kept = Kept::Index;
        for child in &manifest.children {
            if child.kind == ChildKind::Manifest && self.find(&child.digest).await.is_some() {
                fact.kept_manifests += 1;
            }
        }
        fact.platforms = self.platforms(digest).await.unwrap_or_default();
    }

    async fn find(&self, digest: &Digest) -> Option<KeptManifest> {
        self.catalog.find_manifest(digest).await.ok().flatten()
    }

    /// The platforms of a kept index.
    async fn platforms(&self, digest: &Digest) -> Option<Vec<String>> {
        let reader = self.blobs?.open(digest).await.ok()?;
        let bytes = collect_reader(&*reader, MAX_MANIFEST_BYTES).await.ok()?;
        let index = Manifest::parse(&bytes).ok()?;
        let platforms = index
            .manifests
            .iter()
            .filter_map(|one| one.platform.as_ref());
        // Attestations are for no platform.
        let named = platforms.filter(|platform| platform.os != "unknown");
        Some(named.map(ToString::to_string).collect())
    }
}

/// As somebody asks who waits for it.
fn question(request: Request) -> Request {
    Request {
        priority: Priority::Interactive,
        patience: PATIENCE,
        ..request
    }
}

fn form(is_index: bool) -> Form {
    if is_index { Form::Index } else { Form::Single }
}

/// What an answer that is none says of an image.
fn tell(error: &SourceError, fact: &mut Fact) {
    fact.presence = match error {
        SourceError::NotFound(_) => Presence::Missing,
        SourceError::Unauthorized | SourceError::Denied => Presence::Refused,
        _ => Presence::Unknown,
    };
    fact.why = Some(error.to_string());
}

/// What is told of an upstream's budget: of several that were heard of, the one that was heard of last.
fn budget(report: &UpstreamReport) -> Budget {
    let mut told = Budget::unknown(&report.upstream);
    told.metering = match report.metering {
        Said::Metered => Metering::Metered,
        Said::Unmetered => Metering::Unmetered,
        Said::Unknown => Metering::Unknown,
    };
    told.pull_cost = Interval {
        least: report.pull_cost.least,
        most: Some(report.pull_cost.most),
    };
    let last = report
        .budgets
        .iter()
        .max_by_key(|budget| budget.seen_unix_ms);
    if last.is_some_and(|last| last.contradicted) {
        // It says that nothing is left and lets pulls through: its number stops none.
        told.metering = Metering::Unmetered;
        return told;
    }
    if let Some(last) = last {
        told.payer = payer(last);
        told.is_of_account = last.account.is_some() && !last.credentials_not_applied;
        told.credentials_not_applied = last.credentials_not_applied;
        told.limit = last.limit;
        told.remaining = Some(last.remaining);
        told.age_seconds = Some(last.age_seconds);
        told.per_hour = last.forecast.per_hour;
        told.opens_in_seconds = last.forecast.opens_in_seconds;
        told.is_full_in_seconds = last.forecast.is_full_in_seconds;
    }
    told
}

fn payer(budget: &BudgetReport) -> Option<String> {
    match (&budget.account, &budget.source) {
        (Some(account), _) if !budget.credentials_not_applied => Some(format!("account {account}")),
        (_, source) => source.clone(),
    }
}
