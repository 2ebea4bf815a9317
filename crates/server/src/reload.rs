//! SIGHUP: reads the configuration again, and takes it over if it is right.

use std::error::Error;
use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay_api_registry::Table;
use forebay_config::Advice;
use forebay_config::{Authorize, Config, Sources, load};
use forebay_registry::Operator;
use forebay_terminal::Failure;
use forebay_terminal::MAX_CAUSES;
use tracing::{error, info, warn};

use crate::gate::Gate;
use crate::greeting;
use crate::ledger::Books;
use crate::reserved::check_reserved;
use crate::tls::{NewTls, Tls};
use crate::upstreams::{Doors, Ground, Upstreams, restore};

/// What a reload replaces.
pub(crate) struct Reload {
    pub(crate) sources: Sources,
    pub(crate) ground: Ground,
    pub(crate) table: Arc<ArcSwap<Table>>,
    pub(crate) doors: Arc<ArcSwap<Doors>>,
    pub(crate) upstreams: Upstreams,
    pub(crate) books: Books,
    pub(crate) gate: Gate,
    pub(crate) operator: Option<Arc<Operator>>,
    pub(crate) tls: Option<Tls>,
    pub(crate) current: Config,
}

impl Reload {
    /// Takes the configuration over, or says why not and leaves everything as it is.
    pub(crate) async fn run(&mut self) {
        let is_taken_over = self.try_to_take_over().await;
        let now = self.ground.asker.clock.now().unix_seconds();
        self.ground.metrics.note_reload(is_taken_over, now);
    }

    async fn try_to_take_over(&mut self) -> bool {
        let config = match load(&self.sources) {
            Ok(config) => config,
            Err(errors) => {
                errors.problems().iter().for_each(say_why_not);
                return false;
            }
        };
        let checked = self.check_names_of_ours(&config).await;
        match checked.and_then(|()| self.take_over(&config)) {
            Ok(()) => {
                self.ground.kept.set_max_bytes(config.cache.max_size);
                self.say_what_needs_a_restart(&config);
                self.current = config;
                info!("the configuration was taken over");
                true
            }
            Err(failure) => {
                say_why_not(&failure);
                false
            }
        }
    }

    /// Makes everything anew that has changed, then puts all of it in place, or nothing.
    fn take_over(&mut self, config: &Config) -> Result<(), Failure> {
        self.check_still_guarded(config)?;
        let after = self.ground.build(config, &self.upstreams)?;
        let doors = Doors::new(config, &after)?;
        // Where TLS is begun or ended, `listen` has changed, and a restart does it.
        let tls = self.tls.as_ref().zip(config.tls.as_ref());
        let new = tls.map(|(_, config)| NewTls::read(config)).transpose()?;
        let access = self.gate.prepare(config)?;
        self.books.take_over(config)?;
        self.gate.take_over(access);
        if let Some(operator) = &self.operator {
            operator.set_rules(config.lifecycle.clone());
        }
        if let (Some(tls), Some(new)) = (&self.tls, new) {
            tls.take_over(new);
        }
        // One that was away has heard of limits before it went, and so has an account that we were before this one.
        let new = after.iter().filter(|(name, running)| {
            let before = self.upstreams.get(*name);
            before.is_none_or(|before| running.is_another_at(before))
        });
        let resting = restore(new, &self.books.ledger.kept_limits());
        greeting::say_rests(&resting, self.ground.asker.clock.now());
        self.ground.replace(&self.upstreams, &after, config);
        self.upstreams = after;
        let table = doors.table(config, &self.ground.hosted, self.gate.point(config));
        self.table.store(Arc::new(table));
        self.doors.store(Arc::new(doors));
        Ok(())
    }

    /// Refuses to have names of repositories that are held here mean an upstream.
    async fn check_names_of_ours(&self, config: &Config) -> Result<(), Failure> {
        match &self.ground.hosted.registry {
            Some(registry) => check_reserved(registry, config, Some(&self.current.local)).await,
            None => Ok(()),
        }
    }

    /// Refuses to show by rules alone what clients had to have a right to: a line that was lost must not open it while nobody looks.
    fn check_still_guarded(&self, config: &Config) -> Result<(), Failure> {
        let guarded = self.current.upstreams.iter();
        let guarded = guarded.filter(|(_, upstream)| upstream.authorize == Authorize::Client);
        for (name, _) in guarded {
            let new = config.upstreams.get(name);
            if new.is_some_and(|new| new.authorize != Authorize::Client) {
                let what = format!(
                    "`upstreams.\"{name}\".authorize` is \"client\" no longer: what is kept of it would be shown to all whom rules let"
                );
                return Err(Failure::plain(what)
                    .with_hint("write it again, or restart Forebay, which then goes by rules"));
            }
        }
        Ok(())
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

/// What is wrong, why, and what can be done, as a failed start tells it.
fn say_why_not<E: Error + Advice + 'static>(problem: &E) {
    let causes = std::iter::successors(problem.source(), |&cause| cause.source());
    let cause = joined(causes.take(MAX_CAUSES), ": ");
    let hint = joined(problem.hints(), "; ");
    error!(%problem, cause, hint, "the configuration was not taken over");
}

/// `None` if there is nothing to join: a field of a record that says nothing is left out.
fn joined(texts: impl IntoIterator<Item = impl ToString>, between: &str) -> Option<String> {
    let texts: Vec<_> = texts.into_iter().map(|text| text.to_string()).collect();
    (!texts.is_empty()).then(|| texts.join(between))
}
