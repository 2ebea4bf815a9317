//! The way of a command to the ledger: through the running server, or, where none runs, to what was written down.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_api_admin::{
    BudgetRequest, CONTROL_SOCKET, Delivery, ExportRequest, Metrics, TopRequest,
};
use forebay_blobs_fs::RealDisk;
use forebay_cache::{Kept, Unwatched};
use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_config::{Config, Sources};
use forebay_content::{CatalogError, Clock, SystemClock, TellNobody};
use forebay_jobs::Supervisor;
use forebay_ledger::{BudgetsReport, ExportPage, Ledger, LedgerSeams, Moment, TopReport};
use forebay_terminal::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::control_client::{ask_running, is_running};
use crate::data::{DataDir, is_data_dir, with_way_out};
use crate::ledger::{Ears, ledger_config, no_webhooks, open_ledger, set_webhooks};
use crate::ledger_desk::{LedgerDesk, NoAnswer, tell_page, tell_top, try_webhooks};
use crate::upstreams::{Doors, Ground, Upstreams, restore};

/// How long what a command began may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// The way to the ledger: each question goes to the server that runs on the data directory; where none runs, what was written
/// down is looked at, and nothing is locked, made or changed.
pub struct LedgerDoor<'a> {
    sources: &'a Sources,
    config: &'a Config,
}

/// A program of which nothing runs but what a probe needs. It holds the data directory.
pub(crate) struct Quiet {
    data: DataDir,
    pub(crate) desk: LedgerDesk,
    tasks: Supervisor,
}

impl<'a> LedgerDoor<'a> {
    /// Finds the way to the ledger of `config`.
    ///
    /// # Errors
    /// The data directory is another user's; or no server runs, and there is nothing to look at.
    pub async fn open(sources: &'a Sources, config: &'a Config) -> Result<Self, Failure> {
        let dir = config.data.display();
        refuse_barred(&config.data).await?;
        let missing = if is_running(&config.data).await {
            None
        } else if !is_data_dir(&config.data) {
            Some("there is no data directory")
        } else if !config.data.join(FILE_NAME).exists() {
            Some("nothing was written down there")
        } else {
            None
        };
        match missing {
            None => Ok(Self { sources, config }),
            Some(missing) => {
                let what = format!("no server runs on {dir}, and {missing}");
                let hint =
                    "name the one to look at with --data, or its configuration with --config";
                Err(Failure::plain(what).with_hint(hint))
            }
        }
    }

    /// What is known of budgets. A probe without a server holds the data directory meanwhile, and writes down what it hears.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn budget(&self, request: BudgetRequest) -> Result<BudgetsReport, Failure> {
        let names = self.config.upstreams.keys().map(String::as_str);
        if !request.probe {
            return self
                .ask_or_look("/budget", &request, async |ledger| {
                    Ok(ledger.budgets_of(names))
                })
                .await;
        }
        if let Some(answer) = self.ask("/budget", &request).await? {
            return Ok(answer);
        }
        let quiet = Quiet::open(self.sources, self.config).await?;
        let told = quiet.desk.budget(request).await.map_err(failure);
        let closed = quiet.close().await;
        let told = told?;
        closed.map(|()| told)
    }

    /// Who spent most.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn top(&self, request: TopRequest) -> Result<TopReport, Failure> {
        self.ask_or_look("/top", &request, async |ledger| {
            tell_top(ledger, &request).await
        })
        .await
    }

    /// A page of an export.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn export(&self, request: ExportRequest) -> Result<ExportPage, Failure> {
        self.ask_or_look("/ledger", &request, async |ledger| {
            tell_page(ledger, request).await
        })
        .await
    }

    /// What the server answers; `None` if none runs.
    async fn ask<A: DeserializeOwned>(
        &self,
        act: &str,
        what: &impl Serialize,
    ) -> Result<Option<A>, Failure> {
        ask_running(&self.config.data, act, what).await
    }

    async fn ask_or_look<A: DeserializeOwned>(
        &self,
        act: &str,
        what: &impl Serialize,
        tell: impl AsyncFnOnce(&Ledger) -> Result<A, CatalogError>,
    ) -> Result<A, Failure> {
        if let Some(answer) = self.ask(act, what).await? {
            return Ok(answer);
        }
        let looked = self.look(tell).await;
        // A server that has begun meanwhile knows better, and may have changed what was being read.
        if let Some(answer) = self.ask(act, what).await? {
            return Ok(answer);
        }
        let dir = &self.config.data;
        looked.map_err(|error| {
            let what = format!("cannot read the catalog in {}", dir.display());
            with_way_out(what, dir, error)
        })
    }

    async fn look<A>(
        &self,
        tell: impl AsyncFnOnce(&Ledger) -> Result<A, CatalogError>,
    ) -> Result<A, CatalogError> {
        let catalog = Arc::new(SqlCatalog::look(&self.config.data.join(FILE_NAME)).await?);
        let seams = LedgerSeams {
            clock: Arc::new(SystemClock::new()),
            rows: Arc::clone(&catalog) as _,
            notify: Arc::new(TellNobody),
        };
        let told = match Ledger::read(ledger_config(self.config), seams).await {
            Ok(ledger) => tell(&ledger).await,
            Err(error) => Err(error),
        };
        catalog.close().await?;
        told
    }
}

/// Of what this user may not see nobody says that it is not there.
///
/// # Errors
/// The data directory, its socket or its catalog is another user's.
async fn refuse_barred(data: &Path) -> Result<(), Failure> {
    let seen = match UnixStream::connect(data.join(CONTROL_SOCKET)).await {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
            std::fs::File::open(data.join(FILE_NAME)).map(drop)
        }
        heard => heard.map(drop),
    };
    if !seen.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        return Ok(());
    }
    let what = format!("permission denied: {} is another user's", data.display());
    Err(Failure::plain(what).with_hint("run it as the server's user, or as root: with sudo, say"))
}

/// Sends an alert to each webhook of the running server, or of `config` where none runs; what came of it.
///
/// # Errors
/// The webhooks cannot be set up, or the server cannot be asked.
pub async fn test_alerts(config: &Config) -> Result<Vec<Delivery>, Failure> {
    refuse_barred(&config.data).await?;
    if is_running(&config.data).await {
        let told = ask_running(&config.data, "/alerts/test", &()).await?;
        return told.ok_or_else(|| Failure::plain("the server has stopped meanwhile"));
    }
    let (clock, tasks) = (
        Arc::new(SystemClock::new()) as Arc<dyn Clock>,
        Supervisor::new(),
    );
    let webhooks = no_webhooks(Arc::clone(&clock), tasks.clone());
    set_webhooks(&webhooks, config)?;
    let tried = try_webhooks(&webhooks, Moment::of(&*clock)).await;
    tasks.stop();
    tasks.drain(DRAIN).await;
    Ok(tried)
}

impl Quiet {
    pub(crate) async fn open(sources: &Sources, config: &Config) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tasks = Supervisor::new();
        let data = DataDir::open(&config.data, Arc::new(RealDisk), Duration::ZERO).await?;
        let ledger = open_ledger(
            config,
            Arc::clone(&clock),
            &data.catalog,
            Arc::new(TellNobody),
        )
        .await;
        let metrics = Arc::new(Metrics::new());
        let kept = Kept::open(
            data.stores(),
            // Nothing is kept here, and nothing goes: the server's configuration may be another one.
            (u64::MAX, Arc::new(Unwatched)),
            Arc::clone(&clock),
            Arc::clone(&metrics) as _,
            tasks.clone(),
        );
        let kept = kept
            .await
            .map_err(|error| with_way_out("cannot read the catalog", &config.data, error))?;
        let ears = Arc::new(Ears {
            metrics: Arc::clone(&metrics),
            ledger: Arc::clone(&ledger),
        });
        let ground = Ground::new(sources, (kept, Arc::clone(&clock)), (metrics, ears), &tasks);
        let upstreams = ground.build(config, &Upstreams::new())?;
        // A probe keeps to what the server was told, too.
        restore(&upstreams, &ledger.kept_limits());
        let doors = Doors::new(config, &upstreams)?;
        let desk = LedgerDesk {
            ledger,
            doors: Arc::new(ArcSwap::from_pointee(doors)),
        };
        Ok(Self { data, desk, tasks })
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.tasks.stop();
        self.tasks.drain(DRAIN).await;
        let written = self.desk.ledger.flush().await;
        self.data.close().await?;
        written.map_err(|error| Failure::failed("cannot write down what was heard", error))
    }
}

fn failure(error: NoAnswer) -> Failure {
    let what = error.to_string();
    match error {
        NoAnswer::NothingToProbe => Failure::plain(what),
        NoAnswer::Probe(source) => Failure::failed(what, source),
        NoAnswer::Rows(source) => Failure::failed(what, source),
    }
}
