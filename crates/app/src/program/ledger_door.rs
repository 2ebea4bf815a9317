//! The way of a command to the ledger: through the running server, or, where none runs, to the data directory itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_api_admin::{BudgetRequest, Delivery, ExportRequest, Metrics, TopRequest};
use forebay_blobs_fs::RealDisk;
use forebay_cache::Kept;
use forebay_content::{Clock, SystemClock, TellNobody};
use forebay_jobs::Supervisor;
use forebay_ledger::{BudgetsReport, ExportPage, Moment, TopReport};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::control_client::{ask_running, is_running};
use super::data::{DataDir, is_data_dir, with_way_out};
use super::desk::{Desk, NoAnswer, try_webhooks};
use super::ledger::{Ears, no_webhooks, open_ledger, set_webhooks};
use super::upstreams::{Doors, Ground, Upstreams, restore};
use crate::Failure;
use forebay_config::{Config, Sources};

/// How long what a command began may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// The way to the ledger.
pub enum LedgerDoor {
    /// Through the server that runs on this data directory.
    Running(PathBuf),
    /// To the data directory itself, which is locked as long as this lives.
    Stopped(Box<Stopped>),
}

/// A program of which nothing runs but what a command needs.
pub struct Stopped {
    data: DataDir,
    desk: Desk,
    tasks: Supervisor,
}

impl LedgerDoor {
    /// Finds the way to the ledger of `config`.
    ///
    /// # Errors
    /// There is no data directory, or it cannot be used.
    pub async fn open(sources: &Sources, config: &Config) -> Result<Self, Failure> {
        if is_running(&config.data).await {
            return Ok(Self::Running(config.data.clone()));
        }
        if !is_data_dir(&config.data) {
            let dir = config.data.display();
            let what = format!("no server runs on {dir}, and there is no data directory");
            let hint = "name the one to look at with --data, or its configuration with --config";
            return Err(Failure::plain(what).with_hint(hint));
        }
        let stopped = Stopped::open(sources, config).await?;
        Ok(Self::Stopped(Box::new(stopped)))
    }

    /// True if a server runs.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// What is known of budgets.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn budget(&self, request: BudgetRequest) -> Result<BudgetsReport, Failure> {
        match self {
            Self::Running(data) => ask(data, "/budget", &request).await,
            Self::Stopped(stopped) => stopped.desk.budget(request).await.map_err(failure),
        }
    }

    /// Who spent most.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn top(&self, request: TopRequest) -> Result<TopReport, Failure> {
        match self {
            Self::Running(data) => ask(data, "/top", &request).await,
            Self::Stopped(stopped) => stopped.desk.top(request).await.map_err(failure),
        }
    }

    /// A page of an export.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn export(&self, request: ExportRequest) -> Result<ExportPage, Failure> {
        match self {
            Self::Running(data) => ask(data, "/ledger", &request).await,
            Self::Stopped(stopped) => stopped.desk.export(request).await.map_err(failure),
        }
    }

    /// Lets go of the data directory.
    ///
    /// # Errors
    /// What was heard could not be written down.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Running(_) => Ok(()),
            Self::Stopped(stopped) => stopped.close().await,
        }
    }
}

/// Sends an alert to each webhook of the running server, or of `config` where none runs; what came of it.
///
/// # Errors
/// The webhooks cannot be set up, or the server cannot be asked.
pub async fn test_alerts(config: &Config) -> Result<Vec<Delivery>, Failure> {
    if is_running(&config.data).await {
        return ask(&config.data, "/alerts/test", &()).await;
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

impl Stopped {
    async fn open(sources: &Sources, config: &Config) -> Result<Self, Failure> {
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
            config.cache.max_size,
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
        let desk = Desk {
            ledger,
            doors: Arc::new(ArcSwap::from_pointee(doors)),
        };
        Ok(Self { data, desk, tasks })
    }

    async fn close(self) -> Result<(), Failure> {
        self.tasks.stop();
        self.tasks.drain(DRAIN).await;
        let written = self.desk.ledger.flush().await;
        self.data.close().await?;
        written.map_err(|error| Failure::failed("cannot write down what was heard", error))
    }
}

async fn ask<A: DeserializeOwned>(
    data: &Path,
    act: &str,
    what: &impl Serialize,
) -> Result<A, Failure> {
    let answer = ask_running(data, act, what).await?;
    let answer = answer.ok_or_else(|| Failure::plain("the server has stopped meanwhile"))?;
    serde_json::from_value(answer)
        .map_err(|error| Failure::failed("the running server's answer makes no sense", error))
}

fn failure(error: NoAnswer) -> Failure {
    let what = error.to_string();
    match error {
        NoAnswer::NothingToProbe => Failure::plain(what),
        NoAnswer::Probe(source) => Failure::failed(what, source),
        NoAnswer::Rows(source) => Failure::failed(what, source),
    }
}
