//! Makes what asks registries and webhooks: clients, logins, and all that an upstream is made of.
//!
//! Nothing here needs a data directory, so that commands may ask where no server has ever run.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use forebay_config::{self as config, Config, ProxyChoice, Sources};
use forebay_content::{Clock, ContentSource as _, Ignore, Observe, Request, SystemClock};
use forebay_http_kit::{Client, ClientPolicy, ProxyEnvironment, ProxyRule, Resolver, Trust};
use forebay_jobs::Supervisor;
use forebay_oci::{Digest, ImageName, Reference, UpstreamName};
use forebay_terminal::Failure;
use forebay_upstream::{
    AwsAccess, AwsEnvironment, CredentialSource, HostPort, Pacers, Upstream, UpstreamConfig,
    UpstreamRights, UpstreamSeams,
};
use futures::{StreamExt as _, stream};
use http::HeaderValue;

/// The User-Agent of all that we ask.
const USER_AGENT: &str = concat!("forebay/", env!("CARGO_PKG_VERSION"));

/// How long a command waits for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many images a command asks for at a time; each registry has its own pace below this.
const MAX_ASKED_AT_ONCE: usize = 8;

/// How long what a command began may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// What all that asks has in common.
pub(crate) struct Asker {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) supervisor: Supervisor,
    resolver: Resolver,
    aws: AwsEnvironment,
    /// How fast each registry is asked, whatever the configuration calls it.
    pacers: Pacers,
    /// What our requests carry, so that they are known where they come back.
    pub(crate) instance: HeaderValue,
}

/// All that an upstream is made of.
#[derive(PartialEq, Eq)]
pub(crate) struct Material {
    /// Without what is not the upstream's own: how clients may name it, and what they may have of it.
    config: config::UpstreamConfig,
    extra_roots_pem: Option<Vec<u8>>,
    proxies: config::ProxyEnvironment,
}

/// The digests that tags have now, by a HEAD each, which Docker Hub does not count. Images without an upstream of their
/// registry, and failures, are told in one clause each.
///
/// # Errors
/// The upstreams cannot be set up.
pub async fn find_digests(
    sources: &Sources,
    config: &Config,
    images: &BTreeSet<String>,
) -> Result<BTreeMap<String, Result<Digest, String>>, Failure> {
    let tasks = Supervisor::new();
    let asker = Asker::new(sources, Arc::new(SystemClock::new()), &tasks);
    let mut upstreams = BTreeMap::new();
    for (name, upstream) in &config.upstreams {
        let made_of = Material::of(upstream, config)?;
        let upstream = asker.upstream(&name.as_str().into(), &made_of, Arc::new(Ignore))?;
        upstreams.insert(name.as_str(), upstream);
    }
    let upstreams = &upstreams;
    let ask = |image: &String| {
        let image = image.clone();
        async move {
            let digest = find_digest(upstreams, &image).await;
            (image, digest)
        }
    };
    let digests = stream::iter(images)
        .map(ask)
        .buffer_unordered(MAX_ASKED_AT_ONCE)
        .collect()
        .await;
    tasks.stop();
    tasks.drain(DRAIN).await;
    Ok(digests)
}

async fn find_digest(upstreams: &BTreeMap<&str, Upstream>, image: &str) -> Result<Digest, String> {
    let name: ImageName = image.parse().map_err(|_| "no image name".to_owned())?;
    let upstream = upstreams
        .get(name.registry.as_str())
        .ok_or_else(|| format!("no upstream is configured for {}", name.registry))?;
    let tag = match name.reference {
        Reference::Digest(digest) => return Ok(digest),
        tag @ Reference::Tag(_) => tag,
    };
    let mut request = Request::in_background(name.repository);
    request.patience = PATIENCE;
    let resolved = upstream.resolve(&request, &tag).await;
    resolved
        .map(|resolved| resolved.digest)
        .map_err(|error| format!("its digest is not known: {error}"))
}

impl Asker {
    /// With the system's resolver, and a name that no other run of the program has.
    pub(crate) fn new(sources: &Sources, clock: Arc<dyn Clock>, supervisor: &Supervisor) -> Self {
        Self {
            clock,
            supervisor: supervisor.clone(),
            resolver: Resolver::system(),
            aws: sources.environment.aws(),
            pacers: Pacers::default(),
            instance: instance(),
        }
    }

    /// An upstream of which `observe` hears. Asks nobody.
    pub(crate) fn upstream(
        &self,
        name: &UpstreamName,
        made_of: &Material,
        observe: Arc<dyn Observe>,
    ) -> Result<Upstream, Failure> {
        let (upstream, client) = self.client(name, made_of)?;
        Ok(Upstream::new(upstream, client, self.seams(observe)))
    }

    /// The same upstream, asked as its clients: over connections of its own, which never carry our credentials.
    pub(crate) fn rights(
        &self,
        name: &UpstreamName,
        made_of: &Material,
        observe: Arc<dyn Observe>,
    ) -> Result<UpstreamRights, Failure> {
        let (upstream, client) = self.client(name, made_of)?;
        Ok(UpstreamRights::new(upstream, client, self.seams(observe)))
    }

    /// How an upstream is asked, and what asks it.
    pub(crate) fn client(
        &self,
        name: &UpstreamName,
        made_of: &Material,
    ) -> Result<(UpstreamConfig, Client), Failure> {
        let (upstream, policy) = self.reach(name, made_of)?;
        let client = Client::new(policy).map_err(|error| bad(name, "url", error))?;
        Ok((upstream, client))
    }

    fn seams(&self, observe: Arc<dyn Observe>) -> UpstreamSeams {
        UpstreamSeams {
            clock: Arc::clone(&self.clock),
            observe,
            supervisor: self.supervisor.clone(),
            pacers: self.pacers.clone(),
        }
    }

    /// How an upstream is asked, and within which policy.
    pub(crate) fn reach(
        &self,
        name: &UpstreamName,
        made_of: &Material,
    ) -> Result<(UpstreamConfig, ClientPolicy), Failure> {
        let mut policy = self.client_policy(made_of);
        let upstream = &made_of.config;
        let upstream = UpstreamConfig {
            name: Arc::clone(name),
            url: upstream.url.clone(),
            token_hosts: hosts(name, "token_hosts", &upstream.token_hosts)?,
            blob_hosts: hosts(name, "blob_hosts", &upstream.blob_hosts)?,
            private: upstream.private,
            insecure: upstream.insecure,
            credentials: self.credentials(name, &upstream.credentials, &policy)?,
            requests_per_minute: upstream.requests_per_minute,
            burst: upstream.burst,
        };
        policy.addresses = upstream.addresses();
        Ok((upstream, policy))
    }

    fn client_policy(&self, made_of: &Material) -> ClientPolicy {
        let (upstream, proxies) = (&made_of.config, &made_of.proxies);
        let mut policy = ClientPolicy::new(HeaderValue::from_static(USER_AGENT));
        policy.trust = Trust {
            extra_roots_pem: made_of.extra_roots_pem.clone(),
            insecure: upstream.insecure,
        };
        policy.instance = Some(self.instance.clone());
        policy.resolver = self.resolver.clone();
        policy.proxy = match &upstream.proxy {
            ProxyChoice::Direct => ProxyRule::None,
            ProxyChoice::Environment => ProxyRule::Environment(environment(proxies)),
            ProxyChoice::Through(url) => {
                let no_proxy = proxies.no_proxy.clone().unwrap_or_default();
                ProxyRule::Url {
                    url: url.expose().to_string(),
                    no_proxy,
                }
            }
        };
        policy
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

impl Material {
    pub(crate) fn of(upstream: &config::UpstreamConfig, config: &Config) -> Result<Self, Failure> {
        let extra_roots_pem = upstream.ca_file.as_ref().map(std::fs::read).transpose();
        let extra_roots_pem =
            extra_roots_pem.map_err(|error| bad(&upstream.name, "ca_file", error))?;
        Ok(Self {
            config: config::UpstreamConfig {
                allow: None,
                prefix: None,
                hosts: Vec::new(),
                ..upstream.clone()
            },
            extra_roots_pem,
            proxies: config.proxies.clone(),
        })
    }

    /// For how long the upstream's word on what its clients may is taken, where it is asked for it.
    pub(crate) fn rights_given_for(&self) -> Option<Duration> {
        let is_asked = self.config.authorize == config::Authorize::Client;
        is_asked.then_some(self.config.authorize_for)
    }

    /// Whether it is the same registry with the same logins, however else it is asked.
    pub(crate) fn is_same_registry(&self, other: &Self) -> bool {
        let is_of = |material: &Self| {
            let config = &material.config;
            (config.url.clone(), config.token_hosts.clone())
        };
        is_of(self) == is_of(other)
    }
}

/// How what is no registry is asked: webhooks.
pub(crate) fn outside_policy(config: &Config) -> ClientPolicy {
    let mut policy = ClientPolicy::new(HeaderValue::from_static(USER_AGENT));
    policy.proxy = ProxyRule::Environment(environment(&config.proxies));
    policy
}

/// A name for this run of the program that no other has.
fn instance() -> HeaderValue {
    // The hasher's random keys are the standard library's only source of randomness. No secret depends on it.
    HeaderValue::from(RandomState::new().hash_one(0_u8))
}

fn environment(proxies: &config::ProxyEnvironment) -> ProxyEnvironment {
    let text = |url: &Option<config::ProxyUrl>| {
        url.as_ref()
            .map(|url| url.expose().to_string())
            .unwrap_or_default()
    };
    ProxyEnvironment {
        http: text(&proxies.http),
        https: text(&proxies.https),
        all: text(&proxies.all),
        no: proxies.no_proxy.clone().unwrap_or_default(),
    }
}

fn hosts(name: &str, key: &str, hosts: &[String]) -> Result<Vec<HostPort>, Failure> {
    hosts
        .iter()
        .map(|host| host.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| bad(name, key, error))
}

pub(crate) fn bad(
    name: &str,
    key: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Failure {
    Failure::failed(format!("cannot set up upstreams.\"{name}\": {key}"), error)
}
