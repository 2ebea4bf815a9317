//! What can be written: every key with its type, its default and what it means.
//!
//! These comments are the reference page. What the values mean together is `resolve`'s work.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forebay_api_registry::{ClientLimit, Patience};
use ipnet::IpNet;
use tracing::Level;
use url::Url;

use super::access_file::AccessFile;
use super::origin::Origin;
use super::proxy::ProxyChoice;
use super::resolved::{Authorize, ClientAuth, LogFormat, OnGone, TagRule};
use super::secret::Secret;
use super::section::{Key, Reader, Section, Setting, section};
use super::value::{
    ByteSize, Count, EquivalentFile, HostPort, LifecycleFile, ListenAddresses, LocalPattern,
    Percent, Prefix, RepositoryGlob, TimeSpan, Value, WebhookFile,
};

/// All that was written, with defaults where nothing was.
pub(super) struct FileConfig {
    pub(super) top: TopFile,
    pub(super) upstreams: BTreeMap<String, UpstreamFile>,
    pub(super) clients: ClientsFile,
    pub(super) cache: CacheFile,
    pub(super) budget: BudgetFile,
    pub(super) ledger: LedgerFile,
    pub(super) alerts: AlertsFile,
    pub(super) log: LogFile,
    pub(super) server: ServerFile,
    pub(super) tls: TlsFile,
    pub(super) access: AccessFile,
}

section! {
    /// Keys before the first section.
    TopFile {
        /// Where to listen: one address with its port, or a list. With `https://` before it, TLS is spoken there by the
        /// certificate of `[tls]`; without, plain HTTP. Off loopback, `clients.allow` must say who may ask.
        listen: ListenAddresses = "127.0.0.1:5000",
        /// The data directory. It is made when it is not there.
        data: PathBuf = "./forebay-data",
        /// Whether there must be data of Forebay's in the data directory already. With `true`, no start and no command begins a new
        /// one: where a volume is not mounted, or another one is, nothing is pushed to the wrong disk. To be written after the first
        /// start.
        data_must_exist: bool = "false",
        /// The upstream that a bare path means: `/v2/library/nginx/…` is `docker.io/library/nginx`.
        root: HostPort = "docker.io",
        /// The namespaces of local repositories, to which images can be pushed, beside all names of one part. What matches is
        /// never asked of the upstream at the root, there or not: with `["team/*"]`, `team/app` lives here alone.
        local: Vec<LocalPattern>,
        /// Where the same images are, each a table `[[equivalents]]`: images `from` one upstream, a repository or a path with
        /// `/*` behind it, and a list of those that they are `to`. Asked while the budget of pulls is empty, for a digest that
        /// the upstream itself names. `docker.io/library/*` is known to be at `public.ecr.aws/docker/library/*` and at
        /// `mirror.gcr.io/library/*`; who does not want these asked takes those upstreams away.
        equivalents: Vec<EquivalentFile>,
        /// What goes from local repositories by itself, at most 1,000 rules, each a table `[[lifecycle]]`: which `repositories`, a list
        /// of patterns; which manifests there, by `tags` (a list of patterns, of which one is needed, and no other tag), `all_tags`
        /// (all are needed, whatever other tags there are) or `untagged = true`, without these all; and which of them go: all but
        /// the `keep_newest` that were pushed last, those `pushed_for` longer, those without a tag `untagged_after` longer, or
        /// those `not_pulled_for` longer. The first rule that is about a manifest decides of it; a lower `priority` goes first.
        lifecycle: Vec<LifecycleFile>,
    }
}

section! {
    /// One registry that images come from, by the name that image references have. A built-in one keeps what is not
    /// written here; any other name adds an upstream. Nothing but the upstreams is ever asked.
    UpstreamFile {
        /// Whether it is there at all. `false` takes a built-in upstream away.
        enabled: bool = "true",
        /// The registry's address: scheme, host and port. `https://NAME` for an upstream that is not built in. Plain
        /// http is taken for loopback and private addresses; for any other only with `insecure`. What was kept from another
        /// address is not shown.
        url: Option<Url>,
        /// Further hosts that may be asked for its tokens with its credentials. Its own host always may, and those that
        /// a built-in upstream is known to use while `url` is its own.
        token_hosts: Vec<HostPort>,
        /// Further hosts that it may redirect to although they are private or loopback. Public hosts need no listing.
        blob_hosts: Vec<HostPort>,
        /// A PEM file with certificate authorities trusted for this upstream, besides the system's.
        ca_file: Option<PathBuf>,
        /// The proxy before it: its URL, `none`, or `environment` for what `HTTPS_PROXY` and `NO_PROXY` say.
        proxy: ProxyChoice = "environment",
        /// Takes certificates that cannot be verified, and plain http to a public host. Credentials can then be read on
        /// the way.
        insecure: bool = "false",
        /// Whether its name may resolve to private or loopback addresses, as that of a VPC endpoint does. An address
        /// written in `url` itself needs no leave.
        private: bool = "false",
        /// The repositories that may be asked for; without it, all. `*` stays within one path part, `**` does not.
        allow: Option<Vec<RepositoryGlob>>,
        /// The first path part that also means this upstream: with `"ecr-public"`, `/v2/ecr-public/nginx/…`.
        prefix: Option<Prefix>,
        /// `Host` headers that mean this upstream. One without a port stands for every port, one with a port for that alone: at
        /// another port the name means what a bare path does. Clients write neither 443 nor 80. All that is asked for there is this
        /// upstream's, whatever its name: where `local` reserves names or repositories are held, it may not be an address at
        /// which Forebay listens, `localhost` or the host of `access.url`, and must be no other name by which clients reach these.
        hosts: Vec<HostPort>,
        /// Who may pull its images: whomever the rules of `[access]` let, or, with `client`, whomever it lets itself, asked with
        /// the name and password that a client logs in here with. It then has `hosts` of its own and is reached by nothing
        /// else; what clients may read is still fetched with the account below.
        authorize: Authorize = "policy",
        /// With `authorize = "client"`, how long a right that it has confirmed is taken as given: one that is taken back there
        /// ends here within this time. 1s to 1h.
        authorize_for: TimeSpan = "5m",
        /// The most requests of any kind that go to it in a minute, 1 to 100000: HEADs, tokens, blobs and retries count. Of
        /// upstreams at one address, the least of theirs holds for all together.
        requests_per_minute: Count = "1000",
        /// How many of these may go at once after a time of quiet, 1 to 100000.
        burst: Count = "500",
        /// The account there.
        username: Option<String>,
        /// Its password or access token.
        password: Option<Secret>,
        /// A file with the password, of which one line end is dropped. It must not be readable by everybody.
        password_file: Option<PathBuf>,
        /// An AWS Secrets Manager secret, by name or ARN, that holds `{"username","password"}` or
        /// `{"username","accessToken"}`.
        aws_secret: Option<String>,
        /// The secret's region; without it, the ARN's, then `AWS_REGION`.
        aws_secret_region: Option<String>,
        /// The account of a private ECR registry: twelve digits in quotes. With `ecr_region` it gives the `url` and the
        /// credentials.
        ecr_account: Option<String>,
        /// The region of a private ECR registry.
        ecr_region: Option<String>,
        /// Where AWS API calls for this upstream go instead of the region's public endpoint: a VPC endpoint.
        aws_endpoint: Option<Url>,
    }
}

section! {
    /// Who may ask, how often, and how long they wait.
    ClientsFile {
        /// Networks whose clients are answered, besides loopback. It must be written to listen off loopback.
        allow: Vec<IpNet>,
        /// Networks of proxies before Forebay, whose `X-Forwarded-For` is believed: the client is then the last address in
        /// it that is no such proxy. Of anybody else the header means nothing. A proxy must write the header itself.
        trusted_proxies: Vec<IpNet>,
        /// Whether programs of this machine may push and delete over loopback, at localhost or 127.0.0.1, while no `[access]` is
        /// written. Not where a proxy on this machine asks for others: one that does not say so by a header lets them all.
        loopback_push: bool = "false",
        /// How often one client may ask: what is let in counts, each request of a pull, a push or a list, and each token and
        /// password that is asked for or shown; being asked to log in does not. At most 1000 rules, each a table `[[clients.limits]]`: for clients of
        /// a `network`, those let in as `user` (a user, a robot's token or a workload's rule by its name; without `[access]` those that
        /// show a password under it), or those whose program is of a family `agent` such as `containerd`.
        /// Each address may make `requests_per_minute`, and `burst` of them at once (without it, a minute's). The first
        /// rule that is for a client holds. Over it, it is answered 429 with Retry-After, containerd 503.
        limits: Vec<ClientLimit>,
        /// How long each kind of client waits for an answer while a limit is waited out, at most 24s, as a table
        /// `[clients.patience]` with any of `containerd`, `docker`, `containers_image` (podman, skopeo, buildah, CRI-O)
        /// and `other`. Without it 20s, and 8s for `containers_image`, of which some give up after 10s.
        patience: Patience,
    }
}

section! {
    /// How copies age and how much room they get.
    CacheFile {
        /// What a kept tag does when the upstream no longer has it: serve the copy, or refuse as the upstream does.
        on_gone: OnGone = "serve",
        /// The most that blobs take on disk, at least 64MiB. Beyond it the least recently used go.
        max_size: ByteSize = "50GiB",
        /// How long a tag is fresh that neither `version_ttl` nor a rule covers, such as `latest`. At most 30d.
        tag_ttl: TimeSpan = "5m",
        /// How long a version-like tag is fresh, such as `1.27.3`. At most 30d.
        version_ttl: TimeSpan = "6h",
        /// How long tags of a pattern are fresh. The first rule that matches decides, before the two keys above.
        tag_rules: Vec<TagRule>,
        /// How long a client waits for the upstream's word on a tag before the stale copy goes out. At most 1m.
        revalidate_budget: TimeSpan = "1s",
        /// How long "missing" and "denied" are kept as answers. At most 1d.
        negative_ttl: TimeSpan = "60s",
    }
}

section! {
    /// How the pulls that a registry allows are spent.
    BudgetFile {
        /// What of a budget is left to clients by what nobody waits for, such as `forebay refresh`.
        reserve: Percent = "20%",
    }
}

section! {
    /// What is remembered of who pulled what, and what it cost.
    LedgerFile {
        /// How long it is remembered, 1d to 3650d: by the hour for 3 days, then by the day.
        keep: TimeSpan = "90d",
        /// How many times a minute a client pulls the same image, four minutes on average, before that is a storm, 2 to 300.
        storm_threshold: Count = "30",
    }
}

section! {
    /// What an operator is told without asking.
    AlertsFile {
        /// A pull budget is low when less than this part of its limit is left.
        floor: Percent = "10%",
        /// For how long the same is not told again. 1m to 30d.
        quiet: TimeSpan = "1h",
        /// The disk is nearly full when less than this part of it is free.
        disk_floor: Percent = "5%",
        /// Where alerts go, at most 16, each a table `[[alerts.webhooks]]`: its address as `url`, or as `url_file` the
        /// file that holds it, for it is a secret; `form`, `json` (the default) or `slack`; `private = true` if its name
        /// may resolve to private or loopback addresses.
        webhooks: Vec<WebhookFile>,
    }
}

section! {
    /// What is logged: what Forebay does, on standard error, and what it was asked, on standard output.
    LogFile {
        /// How a record looks, of either kind.
        format: LogFormat = "text",
        /// The least severe of Forebay's own records that is logged. Of what its libraries say, warnings and errors are
        /// logged at any level, or errors alone at `error`.
        level: Level = "info",
        /// Whether each request leaves one line on standard output.
        access: bool = "true",
    }
}

section! {
    /// The listener's own limits.
    ServerFile {
        /// The most connections open at once, from 1 to 1000000. Further ones are answered 503 and closed. One client
        /// address, of IPv6 one /64, gets seven eighths of them at most: the rest is for the others.
        /// Each needs two of the open files that the process may have: what does not fit is lowered at the start.
        max_connections: Count = "10000",
        /// How long requests in flight may take to finish after SIGTERM. At most 1h.
        drain: TimeSpan = "30s",
        /// For how long new connections are still taken after SIGTERM, while `/readyz` says 503: the time that a load
        /// balancer or Kubernetes needs to send clients elsewhere. At most 5m.
        stop_delay: TimeSpan = "0s",
    }
}

section! {
    /// The certificate for the addresses of `listen` that begin with `https://`. The files are looked at every few seconds:
    /// what is new in them is taken over for new connections if it is good, else what was there before goes on.
    TlsFile {
        /// A PEM file with Forebay's certificate, and behind it those between it and its authority.
        cert_file: Option<PathBuf>,
        /// A PEM file with the private key of that certificate, not encrypted; the same file, if it holds both.
        key_file: Option<PathBuf>,
        /// A PEM file with certificate authorities. With it, clients are asked for a certificate that one of them has signed.
        client_ca_file: Option<PathBuf>,
        /// Whether a client that shows no certificate may ask: `required` keeps it out, `optional` lets it in. One that
        /// shows another certificate is kept out in any case. Without it, `required`.
        client_auth: Option<ClientAuth>,
    }
}

/// A section as the schema has it: its path, what it is about, its keys.
pub(super) struct SectionInfo {
    /// The path of its table; empty for the top level.
    pub(super) path: &'static [&'static str],
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

/// Stands in a section's path for the name of an upstream.
pub(super) const NAME: &str = "NAME";

/// Every section there is.
pub(super) const SECTIONS: [SectionInfo; 11] = [
    info::<TopFile>(&[]),
    info::<UpstreamFile>(&["upstreams", NAME]),
    info::<ClientsFile>(&["clients"]),
    info::<CacheFile>(&["cache"]),
    info::<BudgetFile>(&["budget"]),
    info::<LedgerFile>(&["ledger"]),
    info::<AlertsFile>(&["alerts"]),
    info::<LogFile>(&["log"]),
    info::<ServerFile>(&["server"]),
    info::<TlsFile>(&["tls"]),
    info::<AccessFile>(&["access"]),
];

const fn info<S: Section>(path: &'static [&'static str]) -> SectionInfo {
    SectionInfo {
        path,
        about: S::ABOUT,
        keys: S::KEYS,
    }
}

impl UpstreamFile {
    /// Where it was written: its header in the file, or whatever was said of it elsewhere.
    pub(super) fn written_at(&self) -> Origin {
        if *self.place() != Origin::Default {
            return self.place().clone();
        }
        let origins = self.shown().into_iter().map(|(_, _, origin)| origin);
        let mut written = origins.filter(|origin| *origin != Origin::Default);
        written.next().unwrap_or(Origin::Default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_has_a_file_to_come_from() {
        for section in &SECTIONS {
            let secrets = section.keys.iter().filter(|key| key.is_secret);
            for secret in secrets {
                let file = format!("{}_file", secret.name);
                assert!(section.keys.iter().any(|key| key.name == file), "{file}");
            }
        }
    }
}
