//! SIGHUP: reads the configuration again, and takes it over if it is right.

use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay_api_registry::Table;
use tracing::{error, info, warn};

use super::control::Caches;
use super::upstreams::Ground;
use crate::config::{Config, Sources, load};

/// What a reload replaces.
pub(super) struct Reload {
    pub(super) sources: Sources,
    pub(super) ground: Ground,
    pub(super) table: Arc<ArcSwap<Table>>,
    pub(super) caches: Arc<ArcSwap<Caches>>,
    pub(super) current: Config,
}

impl Reload {
    /// Takes the configuration over, or says why not and leaves everything as it is.
    pub(super) fn run(&mut self) {
        let config = match load(&self.sources) {
            Ok(config) => config,
            Err(errors) => {
                for problem in errors.problems() {
                    error!(%problem, "the configuration was not taken over");
                }
                return;
            }
        };
        match self.ground.build(&config) {
            Ok(upstreams) => {
                self.caches.store(upstreams.caches());
                self.table.store(Arc::new(upstreams.table));
                self.ground
                    .kept
                    .set_max_bytes(super::serve::max_bytes(&config));
                self.say_what_needs_a_restart(&config);
                self.current = config;
                info!("the configuration was taken over");
            }
            Err(failure) => error!(%failure, "the configuration was not taken over"),
        }
    }

    fn say_what_needs_a_restart(&self, config: &Config) {
        let current = &self.current;
        for (key, changed) in [
            ("listen", current.listen != config.listen),
            ("data", current.data != config.data),
            ("log", current.log != config.log),
            ("server", current.server != config.server),
        ] {
            if changed {
                warn!(key, "this change is taken over by the next start only");
            }
        }
    }
}
