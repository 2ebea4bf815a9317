//! Makes the upstreams of a configuration, and keeps those of the one before that need no change.
//!
//! A reload that touches nothing of an upstream touches nothing of what it knows either: its limits, its breaker, its tokens,
//! the fills that are under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_access::{ClientLogins, RememberedRights, SystemRandom};
use forebay_api_admin::Metrics;
use forebay_api_registry::{AccessPoint, ClientRules, Table};
use forebay_cache::{Allowed, CachingSource, Equivalent, Kept, OnGone, Policy, TtlRule};
use forebay_config::{self as config, Config, Sources};
use forebay_content::{
    Audit, ClientRights, Clock, Event, KeptCoolDown, KeptLimits, NoAudit, Observe,
};
use forebay_jobs::Supervisor;
use forebay_oci::{RouteTable, UpstreamName};
use forebay_registry::LocalRegistry;
use forebay_terminal::Failure;
use forebay_upstream::Upstream;

use crate::askers::{Asker, Material, bad};
use crate::routes::{client_routes, routes};
use crate::voice::Voice;

/// What outlives a configuration and is shared by all upstreams.
pub(crate) struct Ground {
    pub(crate) kept: Arc<Kept>,
    pub(crate) metrics: Arc<Metrics>,
    /// Who hears what upstreams do.
    pub(crate) observe: Arc<dyn Observe>,
    pub(crate) asker: Asker,
    pub(crate) hosted: Hosted,
}

/// The local repositories as clients reach them.
#[derive(Clone)]
pub(crate) struct Hosted {
    /// None where there is no room for any.
    pub(crate) registry: Option<Arc<LocalRegistry>>,
    /// Where changes are written down.
    pub(crate) audit: Arc<dyn Audit>,
}

impl Default for Hosted {
    fn default() -> Self {
        Self {
            registry: None,
            audit: Arc::new(NoAudit),
        }
    }
}

/// One configuration's upstreams, by name.
pub(crate) type Upstreams = BTreeMap<UpstreamName, Arc<Running>>;

/// An upstream with its cache, which stay as they are as long as nothing that they are made of changes.
pub(crate) struct Running {
    made_of: Material,
    upstream: Arc<Upstream>,
    cache: Arc<CachingSource>,
    /// What its clients may read there by logins of their own, if that decides what they may here.
    rights: Option<Arc<RememberedRights>>,
    voice: Arc<Voice>,
}

impl Ground {
    /// With the system's resolver, and a name that no other run of the program has.
    pub(crate) fn new(
        sources: &Sources,
        (kept, clock): (Arc<Kept>, Arc<dyn Clock>),
        (metrics, observe): (Arc<Metrics>, Arc<dyn Observe>),
        supervisor: &Supervisor,
    ) -> Self {
        Self {
            kept,
            metrics,
            observe,
            asker: Asker::new(sources, clock, supervisor),
            hosted: Hosted::default(),
        }
    }

    /// Makes what `config` says of what there is `before`, which is left as it is. Asks nobody.
    pub(crate) fn build(&self, config: &Config, before: &Upstreams) -> Result<Upstreams, Failure> {
        let mut upstreams = Upstreams::new();
        for (name, upstream) in &config.upstreams {
            let named: UpstreamName = name.as_str().into();
            let made_of = Material::of(upstream, config)?;
            let before = before.get(&named);
            let running = match before.filter(|before| before.made_of == made_of) {
                Some(unchanged) => Arc::clone(unchanged),
                None => Arc::new(self.make(&named, made_of, policy(config), before)?),
            };
            upstreams.insert(named, running);
        }
        Ok(upstreams)
    }

    /// Puts `after` in the place of `before`: the cache's rules hold for those that stay, and of those that go no state is told.
    pub(crate) fn replace(&self, before: &Upstreams, after: &Upstreams, config: &Config) {
        tell_equivalents(config, after);
        for (name, running) in before {
            let stays = after.get(name).is_some_and(|new| Arc::ptr_eq(new, running));
            if stays {
                running.cache.set_policy(policy(config));
            } else {
                running.voice.lower();
                self.observe
                    .observe(&Event::UpstreamReplaced { upstream: name });
            }
        }
    }

    fn make(
        &self,
        name: &UpstreamName,
        made_of: Material,
        policy: Policy,
        before: Option<&Arc<Running>>,
    ) -> Result<Running, Failure> {
        let voice = Arc::new(Voice::new(Arc::clone(&self.observe)));
        let upstream = self
            .asker
            .upstream(name, &made_of, Arc::clone(&voice) as _)?;
        let upstream = Arc::new(upstream);
        if let Some(before) = before {
            upstream.inherit_limits(&before.upstream);
        }
        let rights = self.rights(name, &made_of, (&voice, before))?;
        let source = (Arc::clone(&upstream) as _, Arc::clone(&upstream) as _);
        let kept = Arc::clone(&self.kept);
        let names = (Arc::clone(name), upstream.kept_as());
        let cache = CachingSource::new(names, source, kept, policy);
        Ok(Running {
            made_of,
            upstream,
            cache: Arc::new(cache),
            rights: rights.map(Arc::new),
            voice,
        })
    }

    fn rights(
        &self,
        name: &UpstreamName,
        made_of: &Material,
        (voice, before): (&Arc<Voice>, Option<&Arc<Running>>),
    ) -> Result<Option<RememberedRights>, Failure> {
        let Some(given_for) = made_of.rights_given_for() else {
            return Ok(None);
        };
        let asked = self.asker.rights(name, made_of, Arc::clone(voice) as _)?;
        let clock = Arc::clone(&self.asker.clock);
        let before = before.filter(|before| before.made_of.is_same_registry(made_of));
        let logins = if let Some(known) = before.and_then(|before| before.rights.as_ref()) {
            Arc::clone(known.logins())
        } else {
            let logins = ClientLogins::new(&SystemRandom);
            Arc::new(logins.map_err(|error| bad(name, "authorize", error))?)
        };
        let asked = Arc::new(asked);
        Ok(Some(RememberedRights::new(asked, given_for, clock, logins)))
    }
}

/// Gives back to upstreams what was known of their limits before a restart, or before they went. Tells what rests for that.
pub(crate) fn restore<'a>(
    upstreams: impl IntoIterator<Item = (&'a UpstreamName, &'a Arc<Running>)>,
    kept: &KeptLimits,
) -> Vec<KeptCoolDown> {
    let mut resting = Vec::new();
    for (name, running) in upstreams {
        let rests = kept.cool_downs.iter().filter(|rest| rest.upstream == *name);
        let budgets = kept.budgets.iter();
        let budgets = budgets.filter(|budget| budget.key.upstream == *name);
        let (rests, budgets): (Vec<_>, Vec<_>) =
            (rests.cloned().collect(), budgets.cloned().collect());
        resting.extend(running.upstream.restore(&rests, &budgets));
    }
    resting
}

/// One configuration's caches as clients may use them.
pub(crate) struct Doors {
    pub(crate) routes: RouteTable,
    pub(crate) caches: BTreeMap<UpstreamName, Arc<Allowed<CachingSource>>>,
    /// What clients may read, at those upstreams that say so themselves.
    rights: BTreeMap<UpstreamName, Arc<dyn ClientRights>>,
    /// The upstreams themselves, for what is no pull.
    pub(crate) upstreams: BTreeMap<UpstreamName, Arc<Upstream>>,
}

impl Doors {
    pub(crate) fn new(config: &Config, upstreams: &Upstreams) -> Result<Self, Failure> {
        let mut caches = BTreeMap::new();
        let mut rights: BTreeMap<_, Arc<dyn ClientRights>> = BTreeMap::new();
        for (name, running) in upstreams {
            let allow = config.upstreams[&**name].allow.as_deref();
            let bad_list = |error| bad(name, "allow", error);
            let cache = Allowed::new(allow, Arc::clone(&running.cache)).map_err(bad_list)?;
            caches.insert(Arc::clone(name), Arc::new(cache));
            if let Some(own) = &running.rights {
                let own = Allowed::new(allow, Arc::clone(own)).map_err(bad_list)?;
                rights.insert(Arc::clone(name), Arc::new(own));
            }
        }
        Ok(Self {
            routes: routes(config),
            caches,
            rights,
            upstreams: upstreams
                .iter()
                .map(|(name, running)| (Arc::clone(name), Arc::clone(&running.upstream)))
                .collect(),
        })
    }

    /// What the edge answers from.
    pub(crate) fn table(
        &self,
        config: &Config,
        hosted: &Hosted,
        access: Option<AccessPoint>,
    ) -> Table {
        let caches = self.caches.iter();
        Table {
            routes: client_routes(config),
            rights: self.rights.clone(),
            sources: caches
                .map(|(name, cache)| (Arc::clone(name), Arc::clone(cache) as _))
                .collect(),
            local: hosted.registry.clone(),
            audit: Arc::clone(&hosted.audit),
            access,
            clients: ClientRules {
                allow: config.clients.allow.clone(),
                trusted_proxies: config.clients.trusted_proxies.clone(),
                loopback_push: config.clients.loopback_push,
            },
            patience: config.clients.patience,
            limits: config.clients.limits.clone(),
        }
    }
}

impl Running {
    /// Whether this asks the registry of `before`, as somebody else.
    pub(crate) fn is_another_at(&self, before: &Self) -> bool {
        self.upstream.is_another_at(&before.upstream)
    }
}

/// Tells each cache where the same images are.
fn tell_equivalents(config: &Config, upstreams: &Upstreams) {
    for (name, running) in upstreams {
        let own = config.equivalents.iter().filter(|one| one.from == **name);
        let equivalents = own.filter_map(|one| {
            let (there, elsewhere) = upstreams.get_key_value(one.to.as_str())?;
            Some(Equivalent {
                renaming: one.renaming.clone(),
                upstream: Arc::clone(there),
                source: Arc::clone(&elsewhere.upstream) as _,
            })
        });
        running.cache.set_equivalents(equivalents.collect());
    }
}

fn policy(config: &Config) -> Policy {
    let cache = &config.cache;
    Policy {
        ttl_rules: cache
            .tag_rules
            .iter()
            .map(|rule| TtlRule::new(&rule.pattern, rule.ttl))
            .collect(),
        version_ttl: cache.version_ttl,
        tag_ttl: cache.tag_ttl,
        on_gone: match cache.on_gone {
            config::OnGone::Serve => OnGone::Serve,
            config::OnGone::Refuse => OnGone::Refuse,
        },
        revalidate_budget: cache.revalidate_budget,
        negative_ttl: cache.negative_ttl,
        reserve_percent: config.reserve_percent,
    }
}
