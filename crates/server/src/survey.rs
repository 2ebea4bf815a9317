//! The way of a forecast to what is known: through the running server, or, where none runs, to what was written down.
//!
//! Without a server nothing is locked, made or changed: what registries say is heard and forgotten again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_config::{Config, Sources};
use forebay_content::memory::{MemoryCatalog, MemoryLedger};
use forebay_content::{Catalog, CatalogError, Clock, LedgerRows, SystemClock, TellNobody};
use forebay_forecast::{Survey, SurveyRequest};
use forebay_jobs::Supervisor;
use forebay_ledger::{Ledger, LedgerSeams};
use forebay_oci::UpstreamName;
use forebay_terminal::Failure;

use crate::askers::{Asker, Material};
use crate::control_client::ask_running;
use crate::data::{is_data_dir, with_way_out};
use crate::ledger::ledger_config;
use crate::surveyor::Surveyor;

/// How long what a command began may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// The most images of one question over the control socket.
const AT_ONCE: usize = 64;

/// What `request` wants to know, from the server that runs on the data directory, or from what was written down there.
///
/// # Errors
/// The upstreams cannot be set up, what was written down cannot be read, or the server refused.
pub async fn survey(
    sources: &Sources,
    config: &Config,
    request: SurveyRequest,
) -> Result<Survey, Failure> {
    if let Some(answer) = ask_in_parts(&config.data, &request).await? {
        return Ok(answer);
    }
    let tasks = Supervisor::new();
    let looked = look(sources, config, &request, &tasks).await;
    tasks.stop();
    tasks.drain(DRAIN).await;
    looked
}

/// Asks the running server, some images at once; `None` if none runs.
async fn ask_in_parts(data: &Path, request: &SurveyRequest) -> Result<Option<Survey>, Failure> {
    let mut all = Survey::default();
    let parts = request.images.chunks(AT_ONCE);
    // Without an image it is asked, too: whether one runs, and its budgets.
    let empty = request.images.is_empty().then_some(&[][..]);
    for part in parts.chain(empty) {
        let part = SurveyRequest {
            images: part.to_vec(),
            ask: request.ask,
        };
        let answer: Option<Survey> = ask_running(data, "/survey", &part).await?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        all.facts.extend(answer.facts);
        all.budgets = answer.budgets;
        all.hub_login = all.hub_login.max(answer.hub_login);
    }
    Ok(Some(all))
}

async fn look(
    sources: &Sources,
    config: &Config,
    request: &SurveyRequest,
    tasks: &Supervisor,
) -> Result<Survey, Failure> {
    let (catalog, rows) = kept(&config.data)
        .await
        .map_err(|error| with_way_out("cannot read the catalog", &config.data, error))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let seams = LedgerSeams {
        clock: Arc::clone(&clock),
        rows,
        notify: Arc::new(TellNobody),
    };
    let ledger = Arc::new(Ledger::open(ledger_config(config), seams).await);
    let asker = Asker::new(sources, clock, tasks);
    let limits = ledger.kept_limits();
    let mut upstreams = BTreeMap::new();
    for (name, upstream) in &config.upstreams {
        let made_of = Material::of(upstream, config)?;
        let name: UpstreamName = name.as_str().into();
        let upstream = asker.upstream(&name, &made_of, Arc::clone(&ledger) as _)?;
        let rests: Vec<_> = limits
            .cool_downs
            .iter()
            .filter(|rest| rest.upstream == name)
            .cloned()
            .collect();
        let budgets: Vec<_> = limits
            .budgets
            .iter()
            .filter(|one| one.key.upstream == name)
            .cloned()
            .collect();
        upstream.restore(&rests, &budgets);
        upstreams.insert(name, Arc::new(upstream));
    }
    let surveyor = Surveyor {
        upstreams: &upstreams,
        catalog: &*catalog,
        blobs: None,
        ledger: &ledger,
    };
    Ok(surveyor.survey(request).await)
}

/// What was written down in the data directory, to be looked at; nothing where there is none.
async fn kept(data: &Path) -> Result<(Arc<dyn Catalog>, Arc<dyn LedgerRows>), CatalogError> {
    let file = data.join(FILE_NAME);
    if !is_data_dir(data) || !file.exists() {
        return Ok((
            Arc::new(MemoryCatalog::new()),
            Arc::new(MemoryLedger::new()),
        ));
    }
    let catalog = Arc::new(SqlCatalog::look(&file).await?);
    Ok((Arc::clone(&catalog) as _, catalog))
}
