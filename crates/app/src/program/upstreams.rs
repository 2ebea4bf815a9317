//! Builds the sources and the route table from a configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use forebay_api_registry::{ClientRules, Table};
use forebay_cache::{Allowed, CachingSource, Kept, OnGone, Policy, TtlRule};
use forebay_content::{Clock, ContentSource, Observe};
use forebay_http_kit::{Client, ClientPolicy, ProxyEnvironment, ProxyRule, Resolver, Trust};
use forebay_jobs::Supervisor;
use forebay_oci::{DOCKER_HUB, RouteTable, UpstreamName};
use forebay_upstream::{
    AwsAccess, AwsEnvironment, CredentialSource, HostPort, Upstream, UpstreamConfig,
};
use http::HeaderValue;

use crate::Failure;
use crate::config::{self, Config, ProxyChoice};

/// The User-Agent of all that we ask.
const USER_AGENT: &str = concat!("forebay/", env!("CARGO_PKG_VERSION"));

/// Other names by which clients mean Docker Hub: what older configurations and `docker info` call it.
const DOCKER_HUB_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];

/// What outlives a configuration and is shared by all upstreams.
pub(super) struct Ground {
    pub(super) kept: Arc<Kept>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observe: Arc<dyn Observe>,
    pub(super) supervisor: Supervisor,
    pub(super) resolver: Resolver,
    pub(super) aws: AwsEnvironment,
}

/// One configuration's upstreams.
pub(super) struct Upstreams {
    /// What the edge answers from.
    pub(super) table: Table,
    /// The caches themselves, for acts that are no pulls.
    pub(super) caches: BTreeMap<UpstreamName, Arc<CachingSource>>,
}

impl Ground {
    /// Builds what `config` says. Asks nobody.
    pub(super) fn build(&self, config: &Config) -> Result<Upstreams, Failure> {
        let mut sources: BTreeMap<UpstreamName, Arc<dyn ContentSource>> = BTreeMap::new();
        let mut caches = BTreeMap::new();
        for (name, upstream) in &config.upstreams {
            let named: UpstreamName = name.as_str().into();
            let source = self.upstream(&named, upstream, config)?;
            let kept = Arc::clone(&self.kept);
            let cache = Arc::new(CachingSource::new(
                Arc::clone(&named),
                (Arc::clone(&source) as _, source),
                kept,
                policy(config),
            ));
            caches.insert(Arc::clone(&named), Arc::clone(&cache));
            let source: Arc<dyn ContentSource> = match &upstream.allow {
                Some(patterns) => Arc::new(
                    Allowed::new(patterns, cache).map_err(|error| bad(name, "allow", error))?,
                ),
                None => cache,
            };
            sources.insert(named, source);
        }
        let clients = ClientRules {
            allow: config.clients.allow.clone(),
        };
        Ok(Upstreams {
            table: Table {
                routes: routes(config),
                sources,
                clients,
            },
            caches,
        })
    }

    fn upstream(
        &self,
        name: &UpstreamName,
        upstream: &config::UpstreamConfig,
        config: &Config,
    ) -> Result<Arc<Upstream>, Failure> {
        let mut policy = self.client_policy(upstream, config)?;
        let upstream = UpstreamConfig {
            name: Arc::clone(name),
            url: upstream.url.clone(),
            token_hosts: hosts(name, "token_hosts", &upstream.token_hosts)?,
            blob_hosts: hosts(name, "blob_hosts", &upstream.blob_hosts)?,
            private: upstream.private,
            insecure: upstream.insecure,
            credentials: self.credentials(name, &upstream.credentials, &policy)?,
        };
        policy.addresses = upstream.addresses();
        let client = Client::new(policy).map_err(|error| bad(name, "url", error))?;
        let (clock, observe) = (Arc::clone(&self.clock), Arc::clone(&self.observe));
        Ok(Arc::new(Upstream::new(
            upstream,
            client,
            clock,
            observe,
            self.supervisor.clone(),
        )))
    }

    fn client_policy(
        &self,
        upstream: &config::UpstreamConfig,
        config: &Config,
    ) -> Result<ClientPolicy, Failure> {
        let extra_roots_pem = upstream.ca_file.as_ref().map(std::fs::read).transpose();
        let extra_roots_pem =
            extra_roots_pem.map_err(|error| bad(&upstream.name, "ca_file", error))?;
        let mut policy = ClientPolicy::new(HeaderValue::from_static(USER_AGENT));
        policy.trust = Trust {
            extra_roots_pem,
            insecure: upstream.insecure,
        };
        policy.resolver = self.resolver.clone();
        policy.proxy = match &upstream.proxy {
            ProxyChoice::Direct => ProxyRule::None,
            ProxyChoice::Environment => ProxyRule::Environment(proxies(&config.proxies)),
            ProxyChoice::Through(url) => {
                let no_proxy = config.proxies.no_proxy.clone().unwrap_or_default();
                ProxyRule::Url {
                    url: url.expose().to_string(),
                    no_proxy,
                }
            }
        };
        Ok(policy)
    }

    fn credentials(
        &self,
        name: &str,
        source: &config::CredentialSource,
        policy: &ClientPolicy,
    ) -> Result<CredentialSource, Failure> {
        let access = |region: &str, endpoint: &Option<url::Url>| {
            AwsAccess::new(policy.clone(), self.aws.clone(), region, endpoint.as_ref())
                .map_err(|error| bad(name, "aws_endpoint", error))
        };
        Ok(match source.clone() {
            config::CredentialSource::Anonymous => CredentialSource::Anonymous,
            config::CredentialSource::Password { username, password } => {
                CredentialSource::Password {
                    username,
                    secret: password,
                }
            }
            config::CredentialSource::SecretsManager {
                id,
                region,
                endpoint,
            } => CredentialSource::AwsSecret {
                access: access(&region, &endpoint)?,
                id,
                region,
                endpoint,
            },
            config::CredentialSource::Ecr {
                account,
                region,
                endpoint,
            } => CredentialSource::Ecr {
                access: access(&region, &endpoint)?,
                account,
                region,
                endpoint,
            },
        })
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
    }
}

fn routes(config: &Config) -> RouteTable {
    let names: HashMap<&String, UpstreamName> = config
        .upstreams
        .keys()
        .map(|name| (name, UpstreamName::from(name.as_str())))
        .collect();
    let mut table = RouteTable {
        root: names.get(&config.root).cloned(),
        ..RouteTable::default()
    };
    for (name, upstream) in &config.upstreams {
        let meant = &names[name];
        table.names.insert(name.clone(), Arc::clone(meant));
        table.hosts.extend(
            upstream
                .hosts
                .iter()
                .map(|host| (host.clone(), Arc::clone(meant))),
        );
        table.prefixes.extend(
            upstream
                .prefix
                .iter()
                .map(|prefix| (prefix.clone(), Arc::clone(meant))),
        );
    }
    if let Some(hub) = table.names.get(DOCKER_HUB).cloned() {
        for alias in DOCKER_HUB_ALIASES {
            table
                .names
                .entry(alias.to_owned())
                .or_insert_with(|| Arc::clone(&hub));
        }
    }
    table
}

fn proxies(environment: &config::ProxyEnvironment) -> ProxyEnvironment {
    let text = |url: &Option<config::ProxyUrl>| {
        url.as_ref()
            .map(|url| url.expose().to_string())
            .unwrap_or_default()
    };
    ProxyEnvironment {
        http: text(&environment.http),
        https: text(&environment.https),
        all: text(&environment.all),
        no: environment.no_proxy.clone().unwrap_or_default(),
    }
}

fn hosts(name: &str, key: &str, hosts: &[String]) -> Result<Vec<HostPort>, Failure> {
    hosts
        .iter()
        .map(|host| host.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| bad(name, key, error))
}

fn bad(name: &str, key: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::failed(format!("cannot set up upstreams.\"{name}\": {key}"), error)
}
