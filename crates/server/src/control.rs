//! What commands may have the running server do.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use forebay_access::{Access, AccountOrder, AccountOutcome};
use forebay_api_admin::{
    BackupProgress, BackupRequest, BudgetRequest, Control, ControlError, Delivery, ExportRequest,
    FsckRequest, TopRequest, WarmRequest, Warmed,
};
use forebay_backup::{BackupFailed, BackupReport};
use forebay_blobs_fs::FsBlobs;
use forebay_cache::{FsckError, FsckReport, Kept, Refreshed};
use forebay_catalog_sql::SqlCatalog;
use forebay_config::find_nearest;
use forebay_content::{Audit, Request, SourceError};
use forebay_forecast::{Survey, SurveyRequest};
use forebay_jobs::Supervisor;
use forebay_ledger::{BudgetsReport, ExportPage, TopReport};
use forebay_oci::{ImageName, Reference, RouteError, RouteTable, Tag, Target, route};
use forebay_outside::Webhooks;
use forebay_registry::{Operator, RepositoryOrder, RepositoryOutcome};
use tokio::sync::Mutex;
use tracing::{error, info};

use crate::accounts::carry_out_and_record;
use crate::backing::Backing;
use crate::check::{CheckMode, CheckReport, check_running, in_words};
use crate::ledger_desk::{LedgerDesk, try_webhooks};
use crate::repositories::carry_out;
use crate::surveyor::Surveyor;
use crate::upstreams::Doors;
use crate::warm::warm_by;

/// Acts on the running server.
pub(crate) struct Controls {
    pub(crate) doors: Arc<ArcSwap<Doors>>,
    pub(crate) desk: LedgerDesk,
    /// Where accounts are changed; none where the disk has no room for any.
    pub(crate) accounts: Option<Arc<forebay_access::Desk>>,
    /// Who has things done in local repositories; none where the disk has no room for any.
    pub(crate) operator: Option<Arc<Operator>>,
    /// Who is let in: a change of accounts at its own desk counts at once.
    pub(crate) access: Arc<ArcSwapOption<Access>>,
    /// Where changes are written down.
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) blobs: Arc<FsBlobs>,
    pub(crate) catalog: Arc<SqlCatalog>,
    pub(crate) supervisor: Supervisor,
    /// The local repositories, to be backed up; none where the disk has no room for any.
    pub(crate) backing: Option<Backing>,
    /// Held by the check or the backup that is under way: a second one would only take the disk from the first.
    pub(crate) checking: Mutex<()>,
}

/// Why an act could not be done.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0} is no image name: an image is written [registry/]repository[:tag]")]
    NoImage(String),
    #[error("{error}{}", meant(.nearest.as_deref()))]
    NoUpstream {
        error: RouteError,
        nearest: Option<String>,
    },
    #[error("{target} is not on the allow-list, so nothing was asked{}", meant(.nearest.as_deref()))]
    NotAllowed {
        target: Target,
        nearest: Option<String>,
    },
    #[error("a digest never changes: name a tag")]
    Digest,
    #[error("cannot refresh {image}")]
    Refresh { image: String, source: SourceError },
    #[error(
        "there are no local repositories and no accounts: the disk was full or read-only when the server started; make room, or have it written to, and restart Forebay"
    )]
    NothingHosted,
    #[error("the local repositories cannot be backed up")]
    Backup(#[from] BackupFailed),
    #[error("a check or a backup is under way already")]
    Checking,
    #[error("the server is stopping")]
    Stopping,
    #[error("{0} was broken off, and whether it was done is not known: look, and do it again")]
    BrokenOff(String),
    #[error("the check could not be finished")]
    Unfinished(#[from] FsckError),
}

/// Why an order was not carried out, and which.
fn cannot(what: &str, error: &dyn std::error::Error) -> ControlError {
    let mut told = ControlError::of(error);
    told.messages.insert(0, format!("cannot {what}"));
    told
}

impl Control for Controls {
    async fn refresh(&self, image: &str) -> Result<String, ControlError> {
        self.refresh_tag(image)
            .await
            .map_err(|refusal| ControlError::of(&refusal))
    }

    async fn fsck(
        &self,
        request: FsckRequest,
        who: &str,
    ) -> Result<serde_json::Value, ControlError> {
        let report = self.check(request, who).await;
        let report = report.map_err(|refusal| ControlError::of(&refusal))?;
        serde_json::to_value(&report).map_err(|error| ControlError::of(&error))
    }

    async fn budget(&self, request: BudgetRequest) -> Result<BudgetsReport, ControlError> {
        Ok(self.desk.budget(request).await?)
    }

    async fn top(&self, request: TopRequest) -> Result<TopReport, ControlError> {
        Ok(self.desk.top(request).await?)
    }

    async fn export(&self, request: ExportRequest) -> Result<ExportPage, ControlError> {
        Ok(self.desk.export(request).await?)
    }

    async fn survey(&self, request: SurveyRequest) -> Result<Survey, ControlError> {
        let doors = self.doors.load_full();
        let surveyor = Surveyor {
            upstreams: &doors.upstreams,
            catalog: &*self.catalog,
            blobs: Some(&self.blobs),
            ledger: &self.desk.ledger,
        };
        Ok(surveyor.survey(&request).await)
    }

    async fn warm(&self, request: WarmRequest) -> Result<Warmed, ControlError> {
        let doors = self.doors.load_full();
        let warmed = tokio::select! {
            warmed = warm_by(&doors.caches, &request) => warmed,
            () = self.supervisor.stopping() => return Err(ControlError::of(&Refusal::Stopping)),
        };
        warmed.map_err(|error| ControlError::of(&error))
    }

    async fn accounts(
        &self,
        order: AccountOrder,
        who: &str,
    ) -> Result<AccountOutcome, ControlError> {
        let access = self.access.load_full();
        let desk = access.as_ref().map(|access| access.desk());
        let desk = self.accounts.as_ref().map(|own| desk.unwrap_or(own));
        let desk = desk.ok_or_else(|| ControlError::of(&Refusal::NothingHosted))?;
        let what = order.to_string();
        let (desk, audit, who) = (Arc::clone(desk), Arc::clone(&self.audit), who.to_owned());
        // To its end, and into the audit log, though the command is cut.
        let change = async move { carry_out_and_record(&desk, &*audit, (order, &who)).await };
        let carried_out = self.supervisor.to_the_end("change of accounts", change);
        let carried_out = carried_out.await;
        let carried_out =
            carried_out.ok_or_else(|| ControlError::of(&Refusal::BrokenOff(what.clone())))?;
        carried_out.map_err(|error| cannot(&what, &error))
    }

    async fn repositories(
        &self,
        order: RepositoryOrder,
        who: &str,
    ) -> Result<RepositoryOutcome, ControlError> {
        let operator = self.operator.as_ref();
        let operator = operator.ok_or_else(|| ControlError::of(&Refusal::NothingHosted))?;
        let what = order.to_string();
        // A change goes on to its end though the server stops, and is told as it ended.
        let may_be_left = !order.goes_on();
        let carried_out = tokio::select! {
            carried_out = carry_out(operator, (order, who)) => carried_out,
            () = self.supervisor.stopping(), if may_be_left => {
                return Err(ControlError::of(&Refusal::Stopping));
            }
        };
        carried_out.map_err(|error| cannot(&what, &error))
    }

    async fn back_up(&self, request: BackupRequest) -> Result<serde_json::Value, ControlError> {
        let report = self.back_up_to(&request).await;
        let report = report.map_err(|refusal| ControlError::of(&refusal))?;
        serde_json::to_value(&report).map_err(|error| ControlError::of(&error))
    }

    fn backup_progress(&self) -> Option<BackupProgress> {
        self.backing.as_ref()?.progress()
    }

    async fn test_alerts(&self) -> Result<Vec<Delivery>, ControlError> {
        Ok(try_webhooks(&self.webhooks, self.desk.ledger.moment()).await)
    }
}

impl Controls {
    async fn check(&self, request: FsckRequest, who: &str) -> Result<CheckReport, Refusal> {
        let Ok(_only_one) = self.checking.try_lock() else {
            return Err(Refusal::Checking);
        };
        let tell = |so_far: &FsckReport| {
            info!(
                blobs = so_far.sound,
                bytes = so_far.bytes,
                "checking what is at rest"
            );
        };
        let mode = CheckMode {
            asked: request,
            rebuild: false,
            tell: &tell,
        };
        let hosted = (self.backing.as_ref(), (&*self.audit, who));
        let report = tokio::select! {
            report = check_running((&self.kept, &self.blobs, &self.catalog), mode, hosted) => report?,
            () = self.supervisor.stopping() => return Err(Refusal::Stopping),
        };
        let clean = report.is_clean();
        info!(
            blobs = report.content.sound,
            clean, "checked what is at rest"
        );
        Ok(report)
    }

    async fn back_up_to(&self, request: &BackupRequest) -> Result<BackupReport, Refusal> {
        let backing = self.backing.as_ref().ok_or(Refusal::NothingHosted)?;
        let Ok(_only_one) = self.checking.try_lock() else {
            return Err(Refusal::Checking);
        };
        let to = Path::new(&request.to);
        let backed_up = tokio::select! {
            report = backing.back_up(to, request.verify) => report.map_err(Refusal::from),
            () = self.supervisor.stopping() => Err(Refusal::Stopping),
        };
        if let Err(refusal) = &backed_up {
            let why = in_words(refusal);
            error!(to = %to.display(), why, "no new backup of the local repositories");
        }
        backed_up
    }

    async fn refresh_tag(&self, image: &str) -> Result<String, Refusal> {
        let doors = self.doors.load_full();
        let (target, tag) = find_target(image, &doors.routes)?;
        let missing = || RouteError::UnknownUpstream(target.upstream.to_string());
        let cache = doors.caches.get(&target.upstream);
        let cache = cache.ok_or_else(|| Refusal::no_upstream(missing(), &doors.routes))?;
        let request = Request::in_background(target.repository.clone());
        match cache.refresh(&request, &tag).await {
            Ok(refreshed) => Ok(tell(&target, &tag, &refreshed)),
            Err(SourceError::NotAllowed { nearest }) => {
                let nearest = nearest.map(|name| format!("{}/{name}", target.upstream));
                Err(Refusal::NotAllowed { target, nearest })
            }
            Err(source) => {
                let image = format!("{target}:{tag}");
                Err(Refusal::Refresh { image, source })
            }
        }
    }
}

impl Refusal {
    fn no_upstream(error: RouteError, routes: &RouteTable) -> Self {
        let nearest = match &error {
            RouteError::UnknownUpstream(name) => {
                find_nearest(name, routes.names.keys().map(String::as_str)).map(str::to_owned)
            }
            _ => None,
        };
        Self::NoUpstream { error, nearest }
    }
}

/// What an image means, by the rules that hold for its pulls.
fn find_target(image: &str, routes: &RouteTable) -> Result<(Target, Tag), Refusal> {
    let name: ImageName = image
        .parse()
        .map_err(|_| Refusal::NoImage(image.to_owned()))?;
    let Reference::Tag(tag) = &name.reference else {
        return Err(Refusal::Digest);
    };
    // One word is Docker Hub's, as everywhere; a path without a registry is what it is here, by prefix or root.
    let says_registry = image.starts_with(&format!("{}/", name.registry));
    let ns = (says_registry || !image.contains('/')).then_some(name.registry.as_str());
    let route = route(None, ns, &name.repository, routes)
        .map_err(|error| Refusal::no_upstream(error, routes))?;
    Ok((route.target, tag.clone()))
}

/// What came of it, for the person who asked.
fn tell(target: &Target, tag: &Tag, refreshed: &Refreshed) -> String {
    let Refreshed {
        before,
        now,
        fetched,
    } = refreshed;
    let what = match (before, fetched) {
        (Some(before), true) if before != now => format!("moved from {before}, fetched"),
        (Some(before), false) if before != now => format!("moved from {before}, here already"),
        (Some(_), true) => "unchanged, fetched anew".to_owned(),
        (Some(_), false) => "unchanged".to_owned(),
        (None, true) => "new here, fetched".to_owned(),
        (None, false) => "new here, under a digest that is here already".to_owned(),
    };
    format!("{target}:{tag} is {now}: {what}")
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}
