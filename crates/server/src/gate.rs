//! Who is let in, as the configuration has it: made when it first says so, and replaced in place afterwards, so that what is
//! remembered of logins lasts.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use forebay_access::{Access, AccessSeams, Policy, Rule, Rules, SystemRandom};
use forebay_api_registry::AccessPoint;
use forebay_blobs_fs::Disk;
use forebay_config::{AccessConfig, AccessRule, Config, IssuerConfig};
use forebay_content::memory::MemoryAccounts;
use forebay_content::{Accounts, Clock};
use forebay_jobs::Supervisor;
use forebay_outside::{Issuer, Issuers, NewIssuers};
use forebay_terminal::Failure;
use tracing::warn;

use crate::askers::outside_policy;
use crate::token_key;

/// Who is let in, over all configurations.
pub(crate) struct Gate {
    data: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    accounts: Option<Arc<dyn Accounts>>,
    issuers: Arc<Issuers>,
    /// None where no access is configured.
    access: Arc<ArcSwapOption<Access>>,
}

/// What a configuration says, ready to be taken over.
pub(crate) struct NewAccess(Option<Said>);

/// What a configuration says of access.
struct Said {
    access: Arc<Access>,
    rules: Rules,
    issuers: NewIssuers,
}

impl Gate {
    /// Lets in nobody by credentials yet. Without `accounts`, where the disk has no room for any, there are those of files and
    /// issuers alone.
    pub(crate) fn new(
        (data, disk): (PathBuf, Arc<dyn Disk>),
        accounts: Option<Arc<dyn Accounts>>,
        clock: &Arc<dyn Clock>,
        supervisor: &Supervisor,
    ) -> Self {
        Self {
            data,
            disk,
            clock: Arc::clone(clock),
            accounts,
            issuers: Arc::new(Issuers::new(Arc::clone(clock), supervisor.clone())),
            access: Arc::default(),
        }
    }

    /// Makes what `config` says. What holds is left as it is; the first time, a key for tokens is made.
    ///
    /// # Errors
    /// The key for tokens is not to be used, issuers cannot be asked, or access was configured and is no longer.
    pub(crate) fn prepare(&self, config: &Config) -> Result<NewAccess, Failure> {
        let Some(said) = &config.access else {
            return match &*self.access.load() {
                // A file that was cut short, or a mistyped name, must not let everybody in while nobody looks.
                Some(_) => Err(Failure::plain(
                    "`[access]` is gone from the configuration: without it whoever `clients.allow` lets in may pull everything",
                )
                .with_hint("write it again, or restart Forebay, which then goes without")),
                None => Ok(NewAccess(None)),
            };
        };
        let rules = rules(said)?;
        let access = match self.access.load_full() {
            Some(access) => access,
            None => Arc::new(self.make(rules.clone())?),
        };
        let issuers = prepare_issuers(&self.issuers, said, config)?;
        Ok(NewAccess(Some(Said {
            access,
            rules,
            issuers,
        })))
    }

    /// Takes over what was prepared, all of it: from the next request on.
    pub(crate) fn take_over(&self, new: NewAccess) {
        let Some(said) = new.0 else {
            return;
        };
        self.issuers.take_over(said.issuers);
        said.access.replace_rules(said.rules);
        self.access.store(Some(said.access));
    }

    /// What the edge decides by; `None` where nothing is configured.
    pub(crate) fn point(&self, config: &Config) -> Option<AccessPoint> {
        let (access, said) = self.access.load_full().zip(config.access.as_ref())?;
        let url = said.url.as_ref();
        Some(AccessPoint {
            access,
            url: url.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        })
    }

    /// Who is let in, as it is at each time.
    pub(crate) fn access(&self) -> Arc<ArcSwapOption<Access>> {
        Arc::clone(&self.access)
    }

    fn make(&self, rules: Rules) -> Result<Access, Failure> {
        let key = token_key::open(&self.data, &*self.disk, &SystemRandom)?;
        let accounts = self.accounts.clone().unwrap_or_else(|| {
            warn!("there are no users and robots of our own: the disk is full or read-only");
            Arc::new(MemoryAccounts::default())
        });
        let seams = AccessSeams {
            accounts,
            keys: Arc::clone(&self.issuers) as _,
            clock: Arc::clone(&self.clock),
            random: Arc::new(SystemRandom),
        };
        Access::new(seams, key, rules)
            .map_err(|error| Failure::failed("cannot set up access", error))
    }
}

/// Who vouches for workloads by `config`, which says this of access; those that are asked now are left as they are.
pub(crate) fn prepare_issuers(
    issuers: &Issuers,
    said: &AccessConfig,
    config: &Config,
) -> Result<NewIssuers, Failure> {
    let said = said.issuers.iter().map(issuer);
    let said = said.collect::<Result<_, _>>()?;
    let prepared = issuers.prepare(said, &outside_policy(config));
    prepared.map_err(|error| Failure::failed("cannot set up access.workloads", error))
}

pub(crate) fn rules(said: &AccessConfig) -> Result<Rules, Failure> {
    let given = said.rules.iter().cloned();
    let given = given.map(|AccessRule { who, right }| Rule { who, right });
    let policy = Policy::new(given.collect(), said.groups.clone());
    Ok(Rules {
        service: said.service.clone(),
        policy: policy.map_err(|error| Failure::failed("cannot set up access.allow", error))?,
        htpasswd: said.htpasswd.clone(),
        workloads: said.workloads.clone(),
        token_lifetime: said.token_lifetime,
        ..Rules::default()
    })
}

fn issuer(said: &IssuerConfig) -> Result<Issuer, Failure> {
    let extra_roots_pem = said.ca_file.as_ref().map(std::fs::read).transpose();
    let extra_roots_pem = extra_roots_pem
        .map_err(|error| Failure::failed("cannot read access.workloads: ca_file", error))?;
    let mut issuer = Issuer::new(&said.issuer)
        .map_err(|error| Failure::failed("cannot set up access.workloads", error))?;
    issuer.extra_roots_pem = extra_roots_pem;
    issuer.private = said.private;
    issuer.key_hosts.clone_from(&said.key_hosts);
    issuer.token_file.clone_from(&said.token_file);
    Ok(issuer)
}
