//! SIGHUP: reads the configuration again, and takes it over if it is right.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay_api_registry::Table;
use forebay_config::Advice;
use forebay_config::{Authorize, Config, Sources, load};
use forebay_content::{AuditEntry, BegunAct};
use forebay_oci::UpstreamName;
use forebay_registry::Operator;
use forebay_terminal::Failure;
use forebay_terminal::MAX_CAUSES;
use tracing::{error, info, warn};

use crate::config_changes;
use crate::gate::Gate;
use crate::greeting;
use crate::ledger::Books;
use crate::reserved::{Before, check_reserved_anew};
use crate::tls::{NewTls, Tls};
use crate::upstreams::{Doors, Ground, Running, Upstreams, restore};

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
        info!("the configuration is read again");
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
                begun.end("invalid");
                errors.problems().iter().for_each(say_why_not);
                if errors.left_off() > 0 {
                    error!(
                        more = errors.left_off(),
                        "the configuration has more problems"
                    );
                }
                return false;
            }
        };
        let changes = config_changes::told(&self.current, &config);
        match self.check_and_take_over(&config).await {
            Ok(files) => {
                self.ground.kept.set_max_bytes(config.cache.max_size);
                self.say_what_needs_a_restart(&config);
                self.current = config;
                let changes = config_changes::listed(changes.into_iter().chain(files));
                begun.telling(&changes).end(AuditEntry::DONE);
                info!("the configuration was taken over");
                greeting::say_notes(&self.current);
                true
            }
            Err(failure) => {
                let changes = config_changes::listed(changes);
                begun.telling(&changes).end("refused");
                say_why_not(&failure);
                false
            }
        }
    }

    /// Takes it over unless it has names of repositories that are held here mean an upstream. Whose files are others, where the
    /// configuration says the same of them.
    async fn check_and_take_over(&mut self, config: &Config) -> Result<Vec<String>, Failure> {
        let Some(registry) = self.ground.hosted.registry.clone() else {
            return self.take_over(config);
        };
        let before = Before {
            local: &self.current.local,
            listen: &self.started.listen,
        };
        let clock = self.ground.asker.clock.as_ref();
        let narrowed = check_reserved_anew(&registry, config, (before, clock)).await?;
        let files = self.take_over(config)?;
        narrowed.take_over();
        Ok(files)
    }

    /// Makes everything anew that has changed, then puts all of it in place, or nothing.
    fn take_over(&mut self, config: &Config) -> Result<Vec<String>, Failure> {
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
        let mut files = self.upstreams_with_other_files(config, &after);
        if let (Some(tls), Some(new)) = (&self.tls, new)
            && tls.take_over(new)
        {
            files.push("files of tls".to_owned());
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
        Ok(files)
    }

    /// The upstreams that are made anew although their sections are what they were: authorities lie in files of their own.
    fn upstreams_with_other_files(&self, config: &Config, after: &Upstreams) -> Vec<String> {
        let is_another = |name: &UpstreamName, new: &Arc<Running>| {
            let before = self.upstreams.get(name);
            let is_said_anew = self.current.upstreams.get(&**name) != config.upstreams.get(&**name);
            before.is_some_and(|before| !Arc::ptr_eq(before, new)) && !is_said_anew
        };
        let others = after.iter().filter(|(name, new)| is_another(name, new));
        others
            .map(|(name, _)| format!("files of upstreams.{name}"))
            .collect()
    }

    fn say_what_needs_a_restart(&self, config: &Config) {
        for key in config_changes::of_starts(&self.started, config) {
            warn!(key, "this change is taken over by the next start only");
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
