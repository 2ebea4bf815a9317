//! The way of a command to local repositories: through the running server, or, where none runs, to the data directory itself.

use std::sync::Arc;

use forebay_config::{Config, find_nearest};
use forebay_content::Ignore;
use forebay_registry::{Operator, RepositoryOrder, RepositoryOrderError, RepositoryOutcome};
use forebay_terminal::Failure;

use crate::audit_log::AuditLog;
use crate::control_client::ask_running;
use crate::data::{has_other_files, is_data_dir, no_data_dir};
use crate::routes::local_names;
use crate::stopped::{Stopped, WHO};

/// The most names that a mistyped one is compared with.
const MAX_COMPARED: usize = 10_000;

/// The local repositories of a configuration's data directory, for a command.
pub struct Repositories<'a> {
    config: &'a Config,
    held: Option<Held>,
}

/// A data directory that no server runs on, held by the command.
struct Held {
    operator: Arc<Operator>,
    stopped: Stopped,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("{error}; did you mean {nearest}?")]
    Mistyped {
        error: RepositoryOrderError,
        nearest: String,
    },
    #[error(transparent)]
    RepositoryOrder(#[from] RepositoryOrderError),
}

impl<'a> Repositories<'a> {
    /// Those of `config`. Nothing is opened before there is something to do.
    pub fn of(config: &'a Config) -> Self {
        Self { config, held: None }
    }

    /// Has the server that runs on the data directory carry out `order`; where none runs, does it there, and holds the directory
    /// from then on.
    ///
    /// # Errors
    /// The order cannot be carried out, or the data directory is not there, another's, or damaged.
    pub async fn order(&mut self, order: RepositoryOrder) -> Result<RepositoryOutcome, Failure> {
        if self.held.is_none() {
            let data = &self.config.data;
            if let Some(told) = ask_running(data, "/repositories", &order).await? {
                return Ok(told);
            }
            let may_make_one = order.creates().is_some() && !has_other_files(data);
            if !may_make_one && !is_data_dir(data) {
                return Err(no_data_dir(data));
            }
        }
        let held = match self.held.take() {
            Some(held) => held,
            None => Held::open(self.config).await?,
        };
        let operator = &self.held.insert(held).operator;
        let what = order.to_string();
        let told = carry_out(operator, (order, WHO)).await;
        told.map_err(|error| Failure::failed(format!("cannot {what}"), error))
    }

    /// Lets go of the data directory, if it is held, once `done` is what came of the orders.
    ///
    /// # Errors
    /// The orders', or else that the last writes failed.
    pub async fn close<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        let closed = match self.held {
            Some(held) => held.stopped.close().await,
            None => Ok(()),
        };
        let done = done?;
        closed.map(|()| done)
    }
}

impl Held {
    async fn open(config: &Config) -> Result<Self, Failure> {
        let stopped = Stopped::open(&config.data).await?;
        let registry = Arc::clone(&stopped.hosting.registry);
        registry.set_names(local_names(config));
        let audit = Arc::new(AuditLog::new(&config.data, Arc::clone(&stopped.clock)));
        let told = (audit as _, Arc::new(Ignore) as _);
        Ok(Self {
            operator: Arc::new(Operator::new(registry, config.lifecycle.clone(), told)),
            stopped,
        })
    }
}

/// Carries out an order of `who`.
pub(crate) async fn carry_out(
    operator: &Arc<Operator>,
    (order, who): (RepositoryOrder, &str),
) -> Result<RepositoryOutcome, NotDone> {
    match operator.carry_out(order, who).await {
        Ok(told) => Ok(told),
        Err(error) => Err(match find_meant(operator, &error, who).await {
            Some(nearest) => NotDone::Mistyped { error, nearest },
            None => error.into(),
        }),
    }
}

/// The repository that was meant, where there is none of the name that was given.
async fn find_meant(
    operator: &Arc<Operator>,
    error: &RepositoryOrderError,
    who: &str,
) -> Option<String> {
    let RepositoryOrderError::NoRepository(name) = error else {
        return None;
    };
    let mut names: Vec<String> = Vec::new();
    let mut after = None;
    while names.len() < MAX_COMPARED {
        let order = RepositoryOrder::ListRepositories {
            pattern: None,
            after,
        };
        let Ok(RepositoryOutcome::Repositories { repositories, next }) =
            operator.carry_out(order, who).await
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
