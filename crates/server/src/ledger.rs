//! The ledger of this program: opened over the catalog's rows, told what happens, and given a look at the disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay_api_admin::{LedgerReadings, Metrics};
use forebay_catalog_sql::SqlCatalog;
use forebay_config::{Config, WebhookForm};
use forebay_content::{Clock, Event, Notify, Observe};
use forebay_jobs::Supervisor;
use forebay_ledger::{AlertRules, Ledger, LedgerConfig, LedgerSeams, StormRules};
use forebay_outside::{Form, Webhook, Webhooks};
use forebay_terminal::Failure;
use tracing::warn;

use crate::askers::outside_policy;
use crate::data_disk::DataDisk;

/// How often the disk is looked at.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_mins(1);

/// Hears what happens: what counts, and what remembers.
pub(crate) struct Ears {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Observe for Ears {
    fn observe(&self, event: &Event<'_>) {
        self.metrics.observe(event);
        self.ledger.observe(event);
    }
}

/// The ledger and what belongs to it, for as long as the program runs.
#[derive(Clone)]
pub(crate) struct Books {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) webhooks: Arc<Webhooks>,
}

impl Books {
    /// Opens the ledger, and begins what it does by itself.
    pub(crate) async fn open(
        config: &Config,
        clock: &Arc<dyn Clock>,
        (catalog, disk): (&Arc<SqlCatalog>, DataDisk),
        tasks: &Supervisor,
    ) -> Result<Self, Failure> {
        let webhooks = no_webhooks(Arc::clone(clock), tasks.clone());
        set_webhooks(&webhooks, config)?;
        let notify = Arc::clone(&webhooks) as _;
        let ledger = open_ledger(config, Arc::clone(clock), catalog, notify).await;
        ledger.start(tasks);
        watch_disk(disk, &ledger, clock, tasks);
        Ok(Self { ledger, webhooks })
    }

    /// Who hears what happens.
    pub(crate) fn ears(&self, metrics: &Arc<Metrics>) -> Arc<dyn Observe> {
        Arc::new(Ears {
            metrics: Arc::clone(metrics),
            ledger: Arc::clone(&self.ledger),
        })
    }

    /// What is known now, for metrics.
    pub(crate) fn readings(&self) -> LedgerReadings {
        let mut storms = BTreeMap::new();
        for storm in self.ledger.storms() {
            *storms.entry(storm.upstream).or_default() += 1;
        }
        let alerts = self.webhooks.counts();
        LedgerReadings {
            budgets: self.ledger.budgets(),
            storms,
            storms_begun: self.ledger.storms_begun(),
            alerts_delivered: alerts.delivered,
            alerts_failed: alerts.failed,
        }
    }

    /// Takes over what a new configuration says.
    pub(crate) fn take_over(&self, config: &Config) -> Result<(), Failure> {
        set_webhooks(&self.webhooks, config)?;
        self.ledger.set_config(ledger_config(config));
        self.ledger
            .keep_upstreams(|name| config.upstreams.contains_key(name));
        Ok(())
    }

    /// Writes down what was counted, once nothing more happens.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.ledger.flush().await {
            warn!(%error, "what was counted last is not written down");
        }
    }
}

/// Opens the ledger over the catalog's rows.
pub(crate) async fn open_ledger(
    config: &Config,
    clock: Arc<dyn Clock>,
    catalog: &Arc<SqlCatalog>,
    notify: Arc<dyn Notify>,
) -> Arc<Ledger> {
    let seams = LedgerSeams {
        clock,
        rows: Arc::clone(catalog) as _,
        notify,
    };
    Arc::new(Ledger::open(ledger_config(config), seams).await)
}

/// What the configuration says of the ledger.
pub(crate) fn ledger_config(config: &Config) -> LedgerConfig {
    let default = LedgerConfig::default();
    LedgerConfig {
        keep: config.ledger.keep,
        storms: StormRules {
            threshold: config.ledger.storm_threshold,
            ..default.storms
        },
        alerts: AlertRules {
            quiet: config.alerts.quiet,
            budget_floor_percent: config.alerts.floor_percent,
            disk_floor_percent: config.alerts.disk_floor_percent,
            ..default.alerts
        },
        ..default
    }
}

/// Has alerts go to the webhooks that the configuration names.
pub(crate) fn set_webhooks(webhooks: &Webhooks, config: &Config) -> Result<(), Failure> {
    let named = config.alerts.webhooks.iter().map(|webhook| {
        let form = match webhook.form {
            WebhookForm::Json => Form::Json,
            WebhookForm::Slack => Form::Slack,
        };
        Webhook::new(webhook.url.expose(), form, webhook.private)
    });
    let policy = outside_policy(config);
    named
        .collect::<Result<_, _>>()
        .and_then(|named| webhooks.set(named, &policy))
        .map_err(|error| Failure::failed("cannot set up alerts.webhooks", error))
}

/// Nobody yet; alerts call this program by the name of its machine.
pub(crate) fn no_webhooks(clock: Arc<dyn Clock>, tasks: Supervisor) -> Arc<Webhooks> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Arc::new(Webhooks::new(clock, tasks, name.trim()))
}

/// Tells the ledger how full the disk of the data directory is, until the program stops.
pub(crate) fn watch_disk(
    disk: DataDisk,
    ledger: &Arc<Ledger>,
    clock: &Arc<dyn Clock>,
    tasks: &Supervisor,
) {
    let (ledger, clock, stop) = (Arc::clone(ledger), Arc::clone(clock), tasks.clone());
    tasks.spawn("disk watch", async move {
        loop {
            match disk.room() {
                Ok(room) => ledger.note_disk(room.free_bytes, room.total_bytes),
                Err(error) => warn!(%error, "how full the disk is cannot be told"),
            }
            tokio::select! {
                () = clock.sleep(LOOK_AT_DISK_EVERY) => {}
                () = stop.stopping() => return,
            }
        }
    });
}
