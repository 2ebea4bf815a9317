//! SIGHUP: reads the configuration again, and takes it over if it is right.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay_api_registry::Table;
use forebay_config::Advice;
use forebay_config::{Authorize, Config, Sources, load};
use forebay_content::{AuditEntry, BegunAct};
use forebay_registry::Operator;
use forebay_terminal::Failure;
use forebay_terminal::MAX_CAUSES;
use tracing::{error, info, warn};

use crate::config_changes;
use crate::gate::Gate;
use crate::greeting;
use crate::ledger::Books;
use crate::reserved::check_reserved_anew;
use crate::tls::{NewTls, Tls};
use crate::upstreams::{Doors, Ground, Upstreams, restore};

/// Who reloads, in the audit log: whoever may send the process a signal.
const WHO: &str = "operator";

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
    pub(crate) guarded: Guarded,
    pub(crate) current: Config,
    /// With what the program was started: what only a start takes over is still so.
    pub(crate) started: Config,
}

/// The upstreams that showed clients what they had a right to there and nothing else, at any time since the start. What is kept of one
/// stays here when its section goes, and is shown again when that comes back.
pub(crate) struct Guarded(BTreeSet<String>);

impl Reload {
    /// Takes the configuration over, or says why not and leaves everything as it is.
    pub(crate) async fn run(&mut self) {
        let audit = Arc::clone(&self.ground.hosted.audit);
        let entry = AuditEntry::of(WHO, "reload-configuration", "configuration");
        let begun = BegunAct::new(&*audit, entry);
        let is_taken_over = self.try_to_take_over(begun).await;
        let now = self.ground.asker.clock.now().unix_seconds();
        self.ground.metrics.note_reload(is_taken_over, now);
    }

    /// Who reads in the log what came of it finds it in the audit log, too: that is written before.
    async fn try_to_take_over(&mut self, begun: BegunAct<'_>) -> bool {
        let config = match load(&self.sources) {
            Ok(config) => config,
            Err(errors) => {
                begun.end_telling("invalid", None);
                errors.problems().iter().for_each(say_why_not);
                return false;
            }
        };
        let changes = config_changes::told(&self.current, &config);
        match self.check_and_take_over(&config).await {
            Ok(()) => {
                self.ground.kept.set_max_bytes(config.cache.max_size);
                self.say_what_needs_a_restart(&config);
                self.current = config;
                begun.end_telling(AuditEntry::DONE, Some(&changes));
                info!("the configuration was taken over");
                greeting::say_notes(&self.current);
                true
            }
            Err(failure) => {
                begun.end_telling("refused", Some(&changes));
                say_why_not(&failure);
                false
            }
        }
    }

    /// Takes it over unless it has names of repositories that are held here mean an upstream.
    async fn check_and_take_over(&mut self, config: &Config) -> Result<(), Failure> {
        let Some(registry) = self.ground.hosted.registry.clone() else {
            return self.take_over(config);
        };
        let before = &*self.current.local;
        let clock = self.ground.asker.clock.as_ref();
        let narrowed = check_reserved_anew(&registry, config, (before, clock)).await?;
        self.take_over(config)?;
        narrowed.take_over();
        Ok(())
    }

    /// Makes everything anew that has changed, then puts all of it in place, or nothing.
    fn take_over(&mut self, config: &Config) -> Result<(), Failure> {
        self.guarded.check(config)?;
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
        self.guarded.add(config);
        Ok(())
    }

    fn say_what_needs_a_restart(&self, config: &Config) {
        let started = &self.started;
        for (key, changed) in [
            ("listen", started.listen != config.listen),
            ("data", started.data != config.data),
            ("log", started.log != config.log),
            ("server", started.server != config.server),
        ] {
            if changed {
                warn!(key, "this change is taken over by the next start only");
            }
        }
    }
}

impl Guarded {
    pub(crate) fn of(config: &Config) -> Self {
        let mut guarded = Self(BTreeSet::new());
        guarded.add(config);
        guarded
    }

    /// From now on, those of this configuration too.
    fn add(&mut self, config: &Config) {
        let upstreams = config.upstreams.iter();
        let asked = upstreams.filter(|(_, upstream)| upstream.authorize == Authorize::Client);
        self.0.extend(asked.map(|(name, _)| name.clone()));
    }

    /// Refuses to show by rules alone what clients had to have a right to: a line that was lost must not open it while nobody looks.
    fn check(&self, config: &Config) -> Result<(), Failure> {
        for name in &self.0 {
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
