//! One upstream: its address, its hosts, its credentials.

use std::fs;
use std::path::Path;
use std::time::Duration;

use forebay_oci::EcrHost;
use url::{Host, Url};

use super::{allow, bounded, credentials};
use crate::builtin::find_builtin;
use crate::env::Environment;
use crate::error::{ConfigProblem, Problems, Wrong};
use crate::file::UpstreamFile;
use crate::origin::Origin;
use crate::resolved::{CredentialSource, UpstreamConfig};
use crate::section::{Setting, dotted};
use crate::value::{HostPort, TimeSpan};

/// The most requests that a key of the pace may say, and the least is one: far above what any registry lets pass.
const MAX_REQUESTS: u32 = 100_000;

/// How long a client's right may be taken as given without asking, at least and at most.
const AUTHORIZE_FOR: [Duration; 2] = [Duration::from_secs(1), Duration::from_hours(1)];

/// Checks what holds for each of its keys alone.
pub(super) fn check_keys(name: &str, written: &UpstreamFile, problems: &mut Problems) {
    let pace = [
        ("requests_per_minute", &written.requests_per_minute),
        ("burst", &written.burst),
    ];
    for (word, setting) in pace {
        let requests = setting.value.0;
        if !(1..=MAX_REQUESTS).contains(&requests) {
            let key = key(name, word);
            let what = format!("`{key}` is {requests}, wanted 1 to {MAX_REQUESTS}");
            problems.push(ConfigProblem::new(&setting.origin, what));
        }
    }
    let spans = TimeSpan(AUTHORIZE_FOR[0])..=TimeSpan(AUTHORIZE_FOR[1]);
    let authorize_for = key(name, "authorize_for");
    bounded(&authorize_for, &written.authorize_for, &spans, problems);
    check_ca_file(name, written, problems);
}

/// Resolves it, and checks what holds between its keys; `None` with a problem noted if it has no address.
pub(super) fn resolve(
    name: &str,
    written: &UpstreamFile,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<UpstreamConfig> {
    let credentials = credentials::resolve(name, written, environment, problems);
    let url = address(name, written, &credentials, problems)?;
    check_transport(
        &key(name, "url"),
        written,
        (&url, &written.url.origin),
        problems,
    );
    if let Setting {
        value: Some(endpoint),
        origin,
    } = &written.aws_endpoint
    {
        check_transport(
            &key(name, "aws_endpoint"),
            written,
            (endpoint, origin),
            problems,
        );
    }
    allow::check(name, written, &url, problems);
    Some(UpstreamConfig {
        name: name.to_owned(),
        token_hosts: token_hosts(name, written, &url),
        blob_hosts: texts(&written.blob_hosts.value),
        ca_file: written.ca_file.value.clone(),
        proxy: written.proxy.value.clone(),
        insecure: written.insecure.value,
        private: written.private.value || is_near(&url),
        allow: written
            .allow
            .value
            .as_ref()
            .map(|globs| globs.iter().map(|glob| glob.0.clone()).collect()),
        prefix: written.prefix.value.as_ref().map(|prefix| prefix.0.clone()),
        hosts: texts(&written.hosts.value),
        authorize: written.authorize.value,
        authorize_for: written.authorize_for.value.0,
        requests_per_minute: written.requests_per_minute.value.0,
        burst: written.burst.value.0,
        url,
        credentials,
    })
}

/// An upstream's key by its whole path.
pub(super) fn key(name: &str, key: &str) -> String {
    dotted(&["upstreams", name, key])
}

fn texts(hosts: &[HostPort]) -> Vec<String> {
    hosts.iter().map(|host| host.0.clone()).collect()
}

/// Its `url`, or what ECR's account and region make it, or `https://` and its name.
fn address(
    name: &str,
    written: &UpstreamFile,
    credentials: &CredentialSource,
    problems: &mut Problems,
) -> Option<Url> {
    if let Some(url) = &written.url.value {
        return Some(url.clone());
    }
    let host = match credentials {
        CredentialSource::Ecr {
            account, region, ..
        } => EcrHost::named(account, region),
        _ => name.to_owned(),
    };
    let url = Url::parse(&format!("https://{host}"));
    if url.is_err() {
        let what = format!("{name:?} makes no address");
        let problem = ConfigProblem::new(&written.written_at(), what);
        problems.push(problem.hint("write `url`"));
    }
    url.ok()
}

/// The hosts written, and those known of the built-in registry as long as it is that registry that is spoken to.
fn token_hosts(name: &str, written: &UpstreamFile, url: &Url) -> Vec<String> {
    let mut hosts = texts(&written.token_hosts.value);
    let known = find_builtin(name).filter(|builtin| {
        Url::parse(builtin.url).is_ok_and(|builtin| builtin.origin() == url.origin())
    });
    if let Some(builtin) = known {
        for host in builtin.token_hosts {
            if !hosts.iter().any(|listed| listed == host) {
                hosts.push((*host).to_owned());
            }
        }
    } else if written.token_hosts.origin == Origin::Default {
        // The default is the built-in registry's, and this is another registry under its name.
        hosts.clear();
    }
    hosts
}

/// What an address may say of plain http, for the registry and for AWS alike.
fn check_transport(
    key: &str,
    written: &UpstreamFile,
    url: (&Url, &Origin),
    problems: &mut Problems,
) {
    let (url, origin) = url;
    if url.scheme() == "https" || written.insecure.value || is_near(url) {
        return;
    }
    let what = format!(
        "`{key}` is plain http to a host that is neither loopback nor a private address: what goes there can be read and changed on the way"
    );
    problems.push(
        ConfigProblem::new(origin, what)
            .hint("write https://")
            .hint("or, to take the risk, insecure = true"),
    );
}

/// Whether the address itself says loopback or a private network. Link-local is neither: clouds serve secrets there.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(Host::Ipv6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => ip.is_loopback() || ip.is_private(),
            None => ip.is_loopback() || ip.is_unique_local(),
        },
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        None => false,
    }
}

fn check_ca_file(name: &str, written: &UpstreamFile, problems: &mut Problems) {
    let Some(path) = &written.ca_file.value else {
        return;
    };
    if let Err(wrong) = check_pem(path) {
        let what = format!("`{}`: {}", key(name, "ca_file"), path.display());
        problems.push(wrong.of(&what, &written.ca_file.origin));
    }
}

/// The longest file of certificate authorities, in bytes: several times the system's whole bundle.
const MAX_CA_BYTES: u64 = 4 << 20;

pub(super) fn check_pem(path: &Path) -> Result<(), Wrong> {
    let told = |error: std::io::Error| Wrong::unread(&error);
    if fs::metadata(path).map_err(told)?.len() > MAX_CA_BYTES {
        let what = format!("is longer than {MAX_CA_BYTES} bytes");
        return Err(Wrong::new(what));
    }
    let text = fs::read_to_string(path).map_err(told)?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(())
    } else {
        Err(Wrong::new("holds no PEM certificate"))
    }
}
