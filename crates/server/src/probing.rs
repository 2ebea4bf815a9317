//! Asks a registry what it sees of this machine, by requests that it does not count: `GET /v2/`, and a HEAD.
//!
//! Through the client, the pace and the logins that `serve` would use, and asks no other host than the upstream's own.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forebay_config::{Config, Sources};
use forebay_content::{
    Clock, ContentSource as _, Event, Observe, Request, UpstreamAnswer, UpstreamCall,
};
use forebay_http_kit::{AddressPolicy, Client, Outgoing, Resolver, SendError, TlsCause};
use forebay_jobs::Supervisor;
use forebay_limits::{Reading, Source, read_headers};
use forebay_oci::{DOCKER_HUB, Reference};
use forebay_terminal::Failure;
use http::{HeaderMap, Method, header};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::askers::{Asker, Material, outside_policy};
use crate::ledger_desk::probed;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a connection may take that only shows that there is a way.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long what was begun may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// What a probe found.
#[derive(Debug)]
pub struct Probed {
    /// The registry's host.
    pub host: String,
    /// Its addresses, or why there are none.
    pub addresses: Result<Arc<[IpAddr]>, String>,
    /// One address of each family, and whether there is a way to it; nothing if a proxy stands between.
    pub ways: Vec<(IpAddr, Result<(), String>)>,
    /// How it has to prove who it is.
    pub proof: Proof,
    /// What it answered to `GET /v2/`, without credentials.
    pub ping: Result<Heard, Unanswered>,
    /// What it answered to the free HEAD, as who we are; `None` at registries other than Docker Hub.
    pub head: Option<Result<Heard, String>>,
    /// Whether credentials are configured.
    pub has_credentials: bool,
    /// How far its clock is ahead of ours, in seconds; to the second at best.
    pub clock_ahead_s: Option<i64>,
}

/// How a registry has to prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not at all: its address is plain HTTP.
    PlainHttp,
    /// By any certificate: it is configured as insecure.
    AnyCertificate,
    /// By a certificate for its name, signed by somebody that we trust.
    Certificate,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// In words, with the causes.
    pub why: String,
    /// The host that there is no TLS with (the registry, or a proxy before it), and why; `None` where TLS is not at
    /// fault.
    pub tls: Option<(String, TlsCause)>,
}

/// What an answer said.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The status.
    pub status: u16,
    /// Whom the registry counts.
    pub source: Option<Source>,
    /// What the limit is, and what is left.
    pub limit: Option<(Option<u64>, Option<u64>)>,
}

/// Asks the upstream of this name.
///
/// # Errors
/// There is none, or it cannot be set up.
pub async fn probe(
    (sources, config): (&Sources, &Config),
    name: &str,
    clock: Arc<dyn Clock>,
) -> Result<Probed, Failure> {
    let upstream = config.upstreams.get(name).ok_or_else(|| {
        let names: Vec<&str> = config.upstreams.keys().map(String::as_str).collect();
        Failure::plain(format!("no upstream is called {name}"))
            .with_hint(format!("there are {}", names.join(", ")))
    })?;
    let tasks = Supervisor::new();
    let asker = Asker::new(sources, Arc::clone(&clock), &tasks);
    let made_of = Material::of(upstream, config)?;
    let (reached, policy) = asker.reach(&name.into(), &made_of)?;
    let host = reached.url.host_str().unwrap_or_default().to_owned();
    let port = reached.url.port_or_known_default().unwrap_or(443);
    let addresses = resolve(&policy.resolver, &host).await;
    let ways = if is_proxied(upstream, config) {
        Vec::new()
    } else {
        ways(&addresses, (&host, port), &policy.addresses).await
    };
    let proof = match (reached.url.scheme(), policy.trust.insecure) {
        ("http", _) => Proof::PlainHttp,
        (_, true) => Proof::AnyCertificate,
        _ => Proof::Certificate,
    };
    let client = Client::new(policy)
        .map_err(|error| Failure::failed(format!("cannot set up {name}"), error))?;
    let (ping, clock_ahead_s) = ping(&client, &reached.url, &*clock).await;
    let head = if name == DOCKER_HUB {
        let ears = Arc::new(Ears::default());
        let hub = asker.upstream(&name.into(), &made_of, Arc::clone(&ears) as _)?;
        let (repository, tag) = probed();
        let mut request = Request::in_background(repository);
        request.patience = PATIENCE;
        let resolved = hub.resolve(&request, &Reference::Tag(tag)).await;
        let heard = ears.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Some(match (resolved, heard) {
            (_, Some(heard)) if heard.limit.is_some() || heard.status == 200 => Ok(heard),
            (Err(error), _) => Err(chain(&error)),
            (Ok(_), heard) => Ok(heard.unwrap_or_default()),
        })
    } else {
        None
    };
    tasks.stop();
    tasks.drain(DRAIN).await;
    Ok(Probed {
        host,
        addresses,
        ways,
        proof,
        ping,
        head,
        has_credentials: upstream.credentials != forebay_config::CredentialSource::Anonymous,
        clock_ahead_s,
    })
}

/// What a mirror that a client is configured with answers to `GET /v2/`: the status, or why there is none.
///
/// # Errors
/// Why nobody answers.
pub async fn ask_mirror(config: &Config, url: &Url) -> Result<u16, Unanswered> {
    let mut policy = outside_policy(config);
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    // The operator wrote it into the client's configuration: it may be anywhere.
    policy.addresses = AddressPolicy::public_only()
        .allow_origin(host, port)
        .allow_private_name(host);
    let client = Client::new(policy).map_err(|error| Unanswered::only(chain(&error)))?;
    let reply = send(&client, url).await?;
    Ok(reply.0)
}

async fn resolve(resolver: &Resolver, host: &str) -> Result<Arc<[IpAddr]>, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(Arc::from([address]));
    }
    resolver
        .addresses(bare)
        .await
        .map_err(|error| error.to_string())
}

/// Whether there is a way to one address of each family.
async fn ways(
    addresses: &Result<Arc<[IpAddr]>, String>,
    (host, port): (&str, u16),
    policy: &AddressPolicy,
) -> Vec<(IpAddr, Result<(), String>)> {
    let all = addresses.as_deref().unwrap_or_default();
    let families = [IpAddr::is_ipv4, IpAddr::is_ipv6];
    let firsts = families
        .iter()
        .filter_map(|is| all.iter().find(|address| is(address)));
    let mut ways = Vec::new();
    for address in firsts.filter(|address| policy.allows(host, port, **address)) {
        let tried = timeout(
            CONNECT_LIMIT,
            TcpStream::connect(SocketAddr::new(*address, port)),
        );
        let way = match tried.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it takes too long".to_owned()),
        };
        ways.push((*address, way));
    }
    ways
}

async fn ping(
    client: &Client,
    base: &Url,
    clock: &dyn Clock,
) -> (Result<Heard, Unanswered>, Option<i64>) {
    match send(client, base).await {
        Ok((status, headers)) => {
            let now = i64::try_from(clock.now().unix_seconds()).unwrap_or_default();
            let date = headers
                .get(header::DATE)
                .and_then(|date| date.to_str().ok());
            let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
            let ahead = theirs.map(|at| at.timestamp().as_second().saturating_sub(now));
            let pairs = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()));
            (Ok(Heard::of(status, &read_headers(pairs))), ahead)
        }
        Err(error) => (Err(error), None),
    }
}

async fn send(client: &Client, base: &Url) -> Result<(u16, HeaderMap), Unanswered> {
    let url = base
        .join("/v2/")
        .map_err(|error| Unanswered::only(error.to_string()))?;
    let sent = timeout(PATIENCE, client.send(Outgoing::new(Method::GET, url))).await;
    match sent {
        Ok(Ok(reply)) => Ok((reply.status.as_u16(), reply.headers)),
        Ok(Err(error)) => Err(Unanswered {
            why: chain(&error),
            tls: match error {
                SendError::Tls { host, cause } => Some((host, cause)),
                _ => None,
            },
        }),
        Err(_) => Err(Unanswered::only("it takes too long".to_owned())),
    }
}

fn is_proxied(upstream: &forebay_config::UpstreamConfig, config: &Config) -> bool {
    use forebay_config::ProxyChoice;
    let proxies = &config.proxies;
    match upstream.proxy {
        ProxyChoice::Direct => false,
        ProxyChoice::Through(_) => true,
        ProxyChoice::Environment => {
            proxies.https.is_some() || proxies.http.is_some() || proxies.all.is_some()
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Hears what the registry says to the HEAD.
#[derive(Default)]
struct Ears(Mutex<Option<Heard>>);

impl Observe for Ears {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Upstream(UpstreamAnswer {
            call: UpstreamCall::HeadManifest,
            status: Some(status),
            reading: Some(reading),
            ..
        }) = event
        {
            let heard = Heard::of(*status, reading);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
        }
    }
}

impl Unanswered {
    fn only(why: String) -> Self {
        Self { why, tls: None }
    }
}

impl Heard {
    fn of(status: u16, reading: &Reading) -> Self {
        let allowance = reading.allowance.as_ref();
        Self {
            status,
            source: reading.source.clone(),
            limit: allowance.map(|allowance| (allowance.limit, allowance.remaining)),
        }
    }
}
