//! What a start makes of the configuration alone, made to see whether it can be.
//!
//! No data directory is opened, nobody is asked, and nothing listens.

use std::sync::Arc;

use forebay_config::{Config, Sources};
use forebay_content::{Clock, SystemClock};
use forebay_jobs::Supervisor;
use forebay_outside::Issuers;
use forebay_terminal::Failure;

use crate::askers::{Asker, Material};
use crate::gate::{prepare_issuers, rules};

/// Makes what `config` says of whom to ask and whom to let in, as a start does, and lets go of it.
///
/// # Errors
/// What a start would be refused for, as certificates of authorities that are none.
pub fn rehearse(sources: &Sources, config: &Config) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tasks = Supervisor::new();
    let asker = Asker::new(sources, Arc::clone(&clock), &tasks);
    for (name, upstream) in &config.upstreams {
        let made_of = Material::of(upstream, config)?;
        asker.client(&name.as_str().into(), &made_of)?;
    }
    if let Some(said) = &config.access {
        rules(said)?;
        prepare_issuers(&Issuers::new(clock, tasks), said, config)?;
    }
    Ok(())
}
