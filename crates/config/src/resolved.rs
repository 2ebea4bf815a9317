//! What the configuration means: every decision made, every name checked, every secret read.
//!
//! Plain data, never changed after [`load`](super::load) made it; the wiring takes it apart once.

mod access;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use forebay_api_registry::{ClientLimit, Patience};
use forebay_cache::Renaming;
use forebay_lifecycle_rules::Policy;
use forebay_oci::RepositoryPattern;
use globset::Glob;
use ipnet::IpNet;
use url::Url;

pub use access::{AccessConfig, AccessRule, IssuerConfig};

use super::proxy::{ProxyChoice, ProxyEnvironment};
use super::secret::Secret;

/// The whole effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on, at least one, each once. Port 0 asks the system for a free one.
    pub listen: Vec<ListenAddress>,
    /// The data directory. It need not exist yet, unless `data_must_exist`.
    pub data: PathBuf,
    /// Whether nothing may be begun where there is no data yet.
    pub data_must_exist: bool,
    /// The upstream that a bare path (`/v2/library/nginx/…`) means: a key of `upstreams`.
    pub root: String,
    /// The namespaces of local repositories.
    pub local: Vec<RepositoryPattern>,
    /// What goes from local repositories by itself.
    pub lifecycle: Policy,
    /// Every upstream there is, by name (lower-case `host` or `host:port`). Nothing else is ever dialled.
    pub upstreams: BTreeMap<String, UpstreamConfig>,
    /// Where the same images are, the operator's own before those that are known.
    pub equivalents: Vec<EquivalentConfig>,
    /// What of a budget of pulls is left to clients by what nobody waits for, in per cent, 0 to 100.
    pub reserve_percent: u8,
    /// Who may ask.
    pub clients: ClientsConfig,
    /// How copies age and how much room they get.
    pub cache: CacheConfig,
    /// What is remembered of pulls.
    pub ledger: LedgerConfig,
    /// What an operator is told.
    pub alerts: AlertsConfig,
    /// What is logged and how.
    pub log: LogConfig,
    /// The listener's own limits.
    pub server: ServerConfig,
    /// What TLS is made of, where it is spoken at an address of `listen`.
    pub tls: Option<TlsConfig>,
    /// Who may do what, once anything is written of it.
    pub access: Option<AccessConfig>,
    /// The proxies that the environment names, for upstreams with [`ProxyChoice::Environment`].
    pub proxies: ProxyEnvironment,
}

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress {
    /// The address and port.
    pub socket: SocketAddr,
    /// Whether TLS is spoken there.
    pub is_tls: bool,
}

impl fmt::Display for ListenAddress {
    /// As it is written: `127.0.0.1:5000` or `https://0.0.0.0:5443`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https://" } else { "" };
        write!(f, "{scheme}{}", self.socket)
    }
}

/// The files that TLS is made of. They were good when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The server's certificate, and behind it those between it and its authority.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// The authorities of clients, if these are asked for certificates.
    pub client_ca_file: Option<PathBuf>,
    /// Whether they must show one then.
    pub client_auth: ClientAuth,
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Who shows none may ask as well.
    Optional,
    /// Nobody comes in without.
    Required,
}

/// One registry that images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Its name, as clients write it and as `?ns=` carries it: the key in [`Config::upstreams`].
    pub name: String,
    /// Its address: `http` or `https`, a host and perhaps a port; no user, path, query or fragment.
    pub url: Url,
    /// Further hosts (`host` or `host:port`, IPv6 in brackets) that may be asked for its tokens with its credentials,
    /// those that the registry is known to use included. The host of `url` always may and is not listed.
    pub token_hosts: Vec<String>,
    /// Hosts (`host` or `host:port`) that it may redirect to although they are private or loopback.
    pub blob_hosts: Vec<String>,
    /// A PEM file of certificate authorities trusted for this upstream besides the system's. It was there when checked.
    pub ca_file: Option<PathBuf>,
    /// Which proxy stands between.
    pub proxy: ProxyChoice,
    /// Certificates that cannot be verified are accepted, and plain http to a public host.
    pub insecure: bool,
    /// Whether its name may resolve to private or loopback addresses. Also true where `url` itself says such an address.
    pub private: bool,
    /// Which repositories may be asked for; `None` is all of them. `*` stays within one path part, `**` does not.
    pub allow: Option<Vec<Glob>>,
    /// The operator's own first path part that means this upstream (`ecr-public`): one component of a repository name.
    pub prefix: Option<String>,
    /// `Host` headers that mean this upstream; one without a port stands for every port.
    pub hosts: Vec<String>,
    /// Who says which clients may pull its images.
    pub authorize: Authorize,
    /// How long a right of a client's that it has confirmed is taken as given.
    pub authorize_for: Duration,
    /// The most requests of any kind that go to it in a minute, at least 1.
    pub requests_per_minute: u32,
    /// How many of these may go at once after a time of quiet, at least 1.
    pub burst: u32,
    /// Who we are there.
    pub credentials: CredentialSource,
}

/// Who says which clients may pull an upstream's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorize {
    /// The rules of `[access]`.
    Policy,
    /// The upstream itself, asked with each client's own login.
    Client,
}

/// Images of one upstream that another has as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EquivalentConfig {
    /// The upstream: a key of [`Config::upstreams`].
    pub from: String,
    /// The other: a key of [`Config::upstreams`].
    pub to: String,
    /// Which repositories, and what they are called there.
    pub renaming: Renaming,
}

/// Where an upstream's credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// Nobody.
    Anonymous,
    /// A name and a password or access token, from the configuration or a file.
    Password {
        /// The account.
        username: String,
        /// Its password or token.
        password: Secret,
    },
    /// An AWS Secrets Manager secret holding `{"username","password"}` or `{"username","accessToken"}`.
    SecretsManager {
        /// The secret's name or ARN.
        id: String,
        /// The region to ask in.
        region: String,
        /// Where to send API calls instead of the region's public endpoint (a VPC endpoint, a test server).
        endpoint: Option<Url>,
    },
    /// A private ECR registry: a token from `GetAuthorizationToken`, by AWS's standard credential chain.
    Ecr {
        /// The registry's account: twelve digits.
        account: String,
        /// The registry's region.
        region: String,
        /// Where to send API calls instead of the region's public endpoint (a VPC endpoint, a test server).
        endpoint: Option<Url>,
    },
}

/// Who may ask, how often, and how long they wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientsConfig {
    /// Networks whose addresses are answered, beside loopback, which always is.
    /// An IPv4-mapped IPv6 peer is to be judged by its IPv4 address.
    pub allow: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` is believed; none of them is everybody.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether programs of this machine may change things over loopback while no access is configured.
    pub loopback_push: bool,
    /// How often one client may ask; the first that is for it holds.
    pub limits: Vec<ClientLimit>,
    /// How long clients wait while a limit is waited out.
    pub patience: Patience,
}

/// What is remembered of who pulled what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerConfig {
    /// How long it is remembered.
    pub keep: Duration,
    /// Pulls of the same image a minute, over four minutes, that make a storm.
    pub storm_threshold: usize,
}

/// What an operator is told without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsConfig {
    /// A budget is low when less of its limit is left, in per cent.
    pub floor_percent: u8,
    /// For how long the same is not told again.
    pub quiet: Duration,
    /// The disk is nearly full when less of it is free, in per cent.
    pub disk_floor_percent: u8,
    /// Where alerts go.
    pub webhooks: Vec<WebhookConfig>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Its address: http or https, without user and password.
    pub url: Secret,
    /// The shape of what is posted.
    pub form: WebhookForm,
    /// Whether its name may resolve to private or loopback addresses.
    pub private: bool,
}

/// The shape of what is posted to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookForm {
    /// The alert's own fields.
    Json,
    /// One text, as Slack takes it.
    Slack,
}

/// How copies age and how much room they get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// What a kept tag does when the upstream no longer has it.
    pub on_gone: OnGone,
    /// The most that kept blobs take on disk, in bytes.
    pub max_size: u64,
    /// How long a tag is fresh that neither `version_ttl` nor a rule covers.
    pub tag_ttl: Duration,
    /// How long a version-like tag is fresh.
    pub version_ttl: Duration,
    /// Rules by pattern: the first whose pattern matches decides, before `version_ttl` and `tag_ttl`.
    pub tag_rules: Vec<TagRule>,
    /// How long a client waits for a revalidation before the stale copy goes out.
    pub revalidate_budget: Duration,
    /// How long "missing" and "denied" are kept as answers.
    pub negative_ttl: Duration,
}

/// One rule of how long some tags are fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    /// Which tags.
    pub pattern: Glob,
    /// How long they are fresh.
    pub ttl: Duration,
}

/// What a kept tag does when the upstream no longer has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnGone {
    /// The kept copy is served.
    Serve,
    /// The upstream's answer is served.
    Refuse,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How a record looks.
    pub format: LogFormat,
    /// The least severe of Forebay's own records to log.
    pub level: tracing::Level,
    /// Whether each request leaves one line.
    pub access: bool,
}

/// How a log record looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The listener's own limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The most connections open at once, at least 1.
    pub max_connections: usize,
    /// How long requests in flight may take to finish after SIGTERM.
    pub drain: Duration,
    /// For how long new connections are still taken after SIGTERM.
    pub stop_delay: Duration,
}
