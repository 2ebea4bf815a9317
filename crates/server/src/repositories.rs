//! The way of a command to local repositories: through the running server, or, where none runs, to the data directory itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::{DataLock, RealDisk, ensure_format};
use forebay_config::{Config, find_nearest};
use forebay_content::{Clock, Ignore, SystemClock};
use forebay_jobs::Supervisor;
use forebay_oci::{RepositoryName, RouteTable, route};
use forebay_registry::{Operator, Order, OrderError, Told};
use forebay_terminal::Failure;

use crate::audit_log::AuditLog;
use crate::control_client::ask_running;
use crate::data::{is_data_dir, lock, no_data_dir};
use crate::hosting::Hosting;
use crate::routes::routes;

/// Who changes something, in the audit log, where no server runs: whoever may write to the data directory.
const WHO: &str = "command line";

/// How long what a command began may take to end.
const DRAIN: Duration = Duration::from_secs(30);

/// The most names that a mistyped one is compared with.
const MAX_COMPARED: usize = 10_000;

/// The local repositories of a configuration's data directory, for a command.
pub struct Repositories<'a> {
    config: &'a Config,
    stopped: Option<Stopped>,
}

/// A data directory that no server runs on, held by the command.
struct Stopped {
    operator: Arc<Operator>,
    hosting: Hosting,
    routes: RouteTable,
    tasks: Supervisor,
    _held: DataLock,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error(
        "{0} could not be pushed to: names of one part are local repositories', and those that `local` in the configuration reserves"
    )]
    NotLocal(RepositoryName),
    #[error("{error}; did you mean {nearest}?")]
    Mistyped { error: OrderError, nearest: String },
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl<'a> Repositories<'a> {
    /// Those of `config`. Nothing is opened before there is something to do.
    pub fn of(config: &'a Config) -> Self {
        Self {
            config,
            stopped: None,
        }
    }

    /// Has the server that runs on the data directory carry out `order`; where none runs, does it there, and holds the directory
    /// from then on.
    ///
    /// # Errors
    /// The order cannot be carried out, or the data directory is not there, another's, or damaged.
    pub async fn order(&mut self, order: Order) -> Result<Told, Failure> {
        if self.stopped.is_none() {
            let data = &self.config.data;
            if let Some(told) = ask_running(data, "/repositories", &order).await? {
                return Ok(told);
            }
            if order.creates().is_none() && !is_data_dir(data) {
                return Err(no_data_dir(data));
            }
        }
        let stopped = match self.stopped.take() {
            Some(stopped) => stopped,
            None => Stopped::open(self.config).await?,
        };
        let Stopped {
            operator, routes, ..
        } = self.stopped.insert(stopped);
        let what = order.to_string();
        let told = carry_out(operator, routes, (order, WHO)).await;
        told.map_err(|error| Failure::failed(format!("cannot {what}"), error))
    }

    /// Lets go of the data directory, if it is held, once `done` is what came of the orders.
    ///
    /// # Errors
    /// The orders', or else that the last writes failed.
    pub async fn close<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        let closed = match self.stopped {
            Some(stopped) => stopped.close().await,
            None => Ok(()),
        };
        let done = done?;
        closed.map(|()| done)
    }
}

impl Stopped {
    async fn open(config: &Config) -> Result<Self, Failure> {
        let data: &PathBuf = &config.data;
        let unusable = |why: String| {
            let what = format!("cannot use the local repositories in {}", data.display());
            Failure::failed(what, why)
        };
        let held = lock(data, Duration::ZERO).await?;
        ensure_format(data, &RealDisk).map_err(|error| unusable(error.to_string()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tasks = Supervisor::new();
        let hosting = Hosting::open(data, Arc::new(RealDisk), Arc::clone(&clock), &tasks).await?;
        let hosting =
            hosting.ok_or_else(|| unusable("the disk is full or read-only".to_owned()))?;
        let audit = Arc::new(AuditLog::new(data, clock));
        let rules = config.lifecycle.clone();
        let registry = Arc::clone(&hosting.registry);
        Ok(Self {
            operator: Arc::new(Operator::new(registry, rules, (audit, Arc::new(Ignore)))),
            hosting,
            routes: routes(config),
            tasks,
            _held: held,
        })
    }

    async fn close(self) -> Result<(), Failure> {
        self.tasks.stop();
        self.tasks.drain(DRAIN).await;
        self.hosting.close().await
    }
}

/// Carries out an order of `who`, if what it makes would be a local repository's name.
pub(crate) async fn carry_out(
    operator: &Arc<Operator>,
    routes: &RouteTable,
    (order, who): (Order, &str),
) -> Result<Told, NotDone> {
    if let Some(name) = order
        .creates()
        .and_then(|name| name.parse::<RepositoryName>().ok())
    {
        let target = route(None, None, &name, routes);
        if !target.is_ok_and(|route| route.target.is_local()) {
            return Err(NotDone::NotLocal(name));
        }
    }
    match operator.carry_out(order, who).await {
        Ok(told) => Ok(told),
        Err(error) => Err(match find_meant(operator, &error, who).await {
            Some(nearest) => NotDone::Mistyped { error, nearest },
            None => error.into(),
        }),
    }
}

/// The repository that was meant, where there is none of the name that was given.
async fn find_meant(operator: &Arc<Operator>, error: &OrderError, who: &str) -> Option<String> {
    let OrderError::NoRepository(name) = error else {
        return None;
    };
    let mut names: Vec<String> = Vec::new();
    let mut after = None;
    while names.len() < MAX_COMPARED {
        let order = Order::ListRepositories {
            pattern: None,
            after,
        };
        let Ok(Told::Repositories { repositories, next }) = operator.carry_out(order, who).await
        else {
            break;
        };
        names.extend(repositories.into_iter().map(|found| found.name));
        after = next;
        if after.is_none() {
            break;
        }
    }
    find_nearest(name.as_str(), names.iter().map(String::as_str)).map(str::to_owned)
}
