//! Which registry a text speaks of.
//!
//! The address that was asked tells it, else the image does. Docker Hub's many hosts are one registry; a proxy on this
//! machine that has the registry in its path stands for that one; hosts that only deliver blobs stand for theirs.

use std::cmp::Reverse;
use std::sync::LazyLock;

use forebay_oci::{DOCKER_HUB, ecr_domains};
use regex::Regex;

use crate::views::Views;

/// Docker Hub's hosts: registry, tokens, web, and who delivers its blobs.
const DOCKER_HUB_HOSTS: [&str; 12] = [
    "docker.io",
    "registry-1.docker.io",
    "registry.docker.io",
    "index.docker.io",
    "auth.docker.io",
    "hub.docker.com",
    "registry.hub.docker.com",
    "login.docker.com",
    "api.docker.com",
    "production.cloudflare.docker.com",
    "production.cloudfront.docker.com",
    "cdn.docker.com",
];

/// Hosts that deliver another's blobs, by their end.
const DELIVERERS: [(&str, &str); 5] = [
    ("pkg-containers.githubusercontent.com", "ghcr.io"),
    (".quay.io", "quay.io"),
    (".data.mcr.microsoft.com", "mcr.microsoft.com"),
    (".r2.cloudflarestorage.com", DOCKER_HUB),
    ("-docker.pkg.dev/artifacts-downloads", "pkg.dev"),
];

/// Hosts of many services, by their end: whose blobs they deliver, only the image tells.
const ANYBODYS: [&str; 5] = [
    ".cloudfront.net",
    ".amazonaws.com",
    ".blob.core.windows.net",
    "storage.googleapis.com",
    ".backblazeb2.com",
];

/// An address: its host, and its path as far as it tells whose it is.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"https?://(\[[0-9a-f:]+\](?::[0-9]{1,5})?|[a-z0-9.*_-]+(?::[0-9]{1,5})?)(/[^"'\s?,;)]*)?(\?[^"'\s)]*)?"#,
    )
});

/// A registry named in words.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?:pinging(?:container|docker)registry|pullingfromhost|loggingin(?:to)?"?|authenticatingcredsfor"?|registry"?https?://|fromtheregistry')([a-z0-9.-]+\.[a-z0-9-]+?(?::[0-9]{1,5})?)(?:["':,/]|failed|$)"#,
    )
});

/// A host whose name could not be looked up.
static LOOKED_UP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:lookup|could not resolve host:|unknownhostexception:|getaddrinfo enotfound) ([a-z0-9-]+(?:\.[a-z0-9-]+)+)",
    )
});

/// Hosts that serve images and nothing else, wherever they stand.
static WELL_KNOWN: LazyLock<Regex> = LazyLock::new(|| {
    const BUT_ECR: &str = concat!(
        r"(?:^|[^a-z0-9.-])((?:[a-z0-9-]+\.)*(?:docker\.io|ghcr\.io|quay\.io|gcr\.io|azurecr\.(?:io|cn|us)|",
        r"pkg\.dev|jfrog\.io|icr\.io|nvcr\.io|cgr\.dev|lscr\.io)|mcr\.microsoft\.com|public\.ecr\.aws|registry\.k8s\.io|",
        r"registry\.gitlab\.com|registry\.redhat\.io|registry\.access\.redhat\.com|docker\.elastic\.co|hub\.docker\.com|wave\.seqera\.io",
    );
    // The longest first: one domain begins with another.
    let mut domains: Vec<(&str, &str)> = ecr_domains().collect();
    domains.sort_by_key(|(_, domain)| Reverse(domain.len()));
    let ecr = domains.into_iter().map(|(service, domain)| {
        let [service, domain] = [service, domain].map(regex::escape);
        format!(r"|[a-z0-9*-]+\.{service}(?:-fips)?\.[a-z0-9-]+\.{domain}")
    });
    pattern(&format!("{BUT_ECR}{})", ecr.collect::<String>()))
});

/// Whose limit a limiter says that it is, in words like Docker Hub's.
static LIMITER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)pull rate limit (?:for|at|of|on) (?:registry )?["'`]?((?:[a-z0-9-]+\.)+[a-z]{2,24})(?:[^a-z0-9-]|$)"#,
    )
});

/// The repository in a path names the registry behind a proxy.
static BEHIND: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^/(?:v2/)?((?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]{1,5})?)/[a-z0-9]"));

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and every test of the crate builds them"
)]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a regular expression")
}

/// One address that a text names.
#[derive(Debug)]
pub(crate) struct Address<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    query: &'a str,
}

/// The addresses in a text, in order, at most eight.
pub(crate) fn addresses(tight: &str) -> impl Iterator<Item = Address<'_>> {
    const MAX_ADDRESSES: usize = 8;
    let part = |found: Option<regex::Match<'_>>| found.map(|found| found.range());
    ADDRESS
        .captures_iter(tight)
        .take(MAX_ADDRESSES)
        .map(move |found| {
            let text = |index| part(found.get(index)).map_or("", |range| &tight[range]);
            Address {
                host: text(1),
                path: text(2),
                query: text(3),
            }
        })
}

/// The registry that a text names by an address or in words, without looking at images.
pub(crate) fn find_asked(views: &Views) -> Option<String> {
    let tight = views.tight.as_str();
    let folded = views.spaced.to_ascii_lowercase();
    // With its ends first; where that is none, it may have been wrapped.
    let by_address = [folded.as_str(), tight]
        .into_iter()
        .find_map(|text| addresses(text).find_map(|address| address.registry()));
    by_address.or_else(|| {
        let named = NAMED.captures(tight).and_then(|found| found.get(1));
        named.and_then(|host| normalise(host.as_str()))
    })
}

/// The registry that a limiter calls its own.
pub(crate) fn find_limiter(views: &Views) -> Option<String> {
    let found = LIMITER.captures(&views.spaced)?;
    normalise(found.get(1)?.as_str())
}

/// The registry by a name that was looked up, or by a well-known host that stands somewhere.
pub(crate) fn find_mentioned(views: &Views) -> Option<String> {
    let folded = views.spaced.to_ascii_lowercase();
    let looked_up = LOOKED_UP.captures(&folded);
    let looked_up = looked_up.and_then(|found| normalise(found.get(1)?.as_str()));
    looked_up.or_else(|| {
        let known = WELL_KNOWN.captures(&folded)?.get(1)?.as_str();
        normalise(known)
    })
}

impl Address<'_> {
    /// The registry that is asked at this address; `None` if it is none's, or anybody's.
    pub(crate) fn registry(&self) -> Option<String> {
        let is_asked = is_registry_path(self.path) || is_known(self.host);
        if !is_asked && !self.is_token_service() {
            return None;
        }
        if is_private(self.host) {
            return self.behind().or_else(|| normalise(self.host));
        }
        normalise(self.host)
    }

    /// Whom a proxy on this machine or in this network stands for.
    fn behind(&self) -> Option<String> {
        if let Some(namespace) = self
            .query
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("ns="))
        {
            let end = namespace
                .find(|c: char| !is_host_char(c))
                .unwrap_or(namespace.len());
            return normalise(namespace[..end].trim_end_matches([':', '.']));
        }
        let host = BEHIND.captures(self.path)?.get(1)?.as_str();
        normalise(host)
    }

    /// Whether it is a service's that serves no images: neither a registry's, nor a host's of many services, nor a page of
    /// those who run registries, which their refusals name.
    pub(crate) fn is_anothers(&self) -> bool {
        const PAGES: [&str; 2] = ["docker.com", "aka.ms"];
        let is_page = PAGES.iter().any(|page| self.host.ends_with(page));
        let is_masked = self.host.contains('*') || !self.host.contains('.');
        !is_page && !is_masked && self.registry().is_none() && normalise(self.host).is_some()
    }

    pub(crate) fn is_token_service(&self) -> bool {
        self.query.contains("scope=") || self.query.contains("service=")
    }
}

/// The registry's name for one of its hosts; `None` for a host that only the image tells apart.
pub(crate) fn normalise(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let plain = host.strip_suffix(":443").unwrap_or(host);
    if DOCKER_HUB_HOSTS.contains(&plain) || plain.ends_with(".docker.io") {
        return Some(DOCKER_HUB.to_owned());
    }
    if let Some((_, registry)) = DELIVERERS.iter().find(|(end, _)| plain.ends_with(end)) {
        return Some((*registry).to_owned());
    }
    if plain.starts_with("api.ecr.") {
        return Some("ecr".to_owned());
    }
    let is_anybodys =
        ANYBODYS.iter().any(|end| plain.ends_with(end)) && !plain.contains(".dkr.ecr");
    (!is_anybodys && !plain.is_empty()).then(|| plain.to_owned())
}

/// The registry of an image as people write it.
pub(crate) fn of_image(image: &str) -> Option<String> {
    let name = image.split('@').next()?;
    let host = match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => return Some(DOCKER_HUB.to_owned()),
    };
    if is_private(host) {
        let behind = BEHIND.captures(&name[host.len()..]);
        if let Some(behind) = behind.and_then(|found| normalise(found.get(1)?.as_str())) {
            return Some(behind);
        }
    }
    normalise(host)
}

fn is_registry_path(path: &str) -> bool {
    // Others have a first version, too.
    const FIRST_PROTOCOL: [&str; 5] = [
        "/v1/_ping",
        "/v1/repositories/",
        "/v1/images/",
        "/v1/search",
        "/v1/users",
    ];
    let protocol = path.find("/v2/").map(|at| &path[at..]);
    let by_protocol = protocol.is_some_and(|path| {
        let rest = path[4..].trim_end_matches([':', '`', '\\']);
        rest.is_empty()
            || ["manifests", "blobs", "tags/list", "token", "referrers"]
                .iter()
                .any(|part| rest.contains(part))
    });
    by_protocol
        || path.trim_end_matches(':').ends_with("/v2")
        || FIRST_PROTOCOL.iter().any(|part| path.starts_with(part))
        || path.starts_with("/oauth2/")
}

/// Whether it is a registry of somebody's who runs it for all: what answers wrongly in its place stands in between.
pub fn is_public_registry(host: &str) -> bool {
    is_known(&host.to_ascii_lowercase())
}

fn is_known(host: &str) -> bool {
    DOCKER_HUB_HOSTS.contains(&host)
        || host.starts_with("api.ecr.")
        || WELL_KNOWN
            .find(host)
            .is_some_and(|found| found.start() == 0 && found.end() == host.len())
        || DELIVERERS.iter().any(|(end, _)| host.ends_with(end))
}

/// A host of this machine or of a private network: nobody's registry by its name.
fn is_private(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name.starts_with('[')
        || name.parse::<std::net::IpAddr>().is_ok()
        || !name.contains('.')
        || [".local", ".internal", ".svc", ".lan"]
            .iter()
            .any(|end| name.ends_with(end))
}

fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_ecr_is_known_by_each_of_its_names_wherever_it_stands() {
        for host in [
            "730335557645.dkr.ecr.eu-west-1.amazonaws.com",
            "730335557645.dkr.ecr-fips.us-east-1.amazonaws.com",
            "***.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "730335557645.dkr-ecr.eu-west-1.on.aws",
            "730335557645.dkr-ecr-fips.us-east-2.on.aws",
            "730335557645.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
        ] {
            let views = Views::of(&format!("no basic auth credentials for {host}: x"));
            assert_eq!(find_mentioned(&views).as_deref(), Some(host));
        }
        let views = Views::of("730335557645.dkr.s3.eu-west-1.amazonaws.com: x");
        assert_eq!(find_mentioned(&views), None);
    }

    #[test]
    fn the_registry_is_the_one_that_was_asked() {
        for (text, expected) in [
            ("Get https://registry-1.docker.io/v2/: x", Some("docker.io")),
            (
                "Get \"http://localhost:7439/registry.hub.docker.com/v2/library/x/manifests/1\"",
                Some("docker.io"),
            ),
            (
                "Head \"http://127.0.0.1:5000/v2/ghcr.io/org/app/manifests/1\"",
                Some("ghcr.io"),
            ),
            (
                "Head \"http://10.0.0.9:5000/v2/a/b/manifests/1?ns=docker.io\": x",
                Some("docker.io"),
            ),
            (
                "Head \"http://10.0.0.9:5000/v2/a/b/manifests/1\": x",
                Some("10.0.0.9:5000"),
            ),
            (
                "https://us-docker.pkg.dev/v2/p/r/i/manifests/1",
                Some("us-docker.pkg.dev"),
            ),
            (
                "https://d1.cloudfront.net/docker/registry/v2/blobs/sha256/aa",
                None,
            ),
            (
                "https://pkg-containers.githubusercontent.com/ghcr1/blobs/x",
                Some("ghcr.io"),
            ),
            ("pinging container registry quay.io: x", Some("quay.io")),
            ("https://api.example.com/v2/users", None),
            ("https://api.github.com/repos", None),
        ] {
            let views = Views::of(text);
            assert_eq!(find_asked(&views).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_image_tells_its_registry() {
        for (image, expected) in [
            ("nginx", "docker.io"),
            ("acme/app:1", "docker.io"),
            ("index.docker.io/acme/app", "docker.io"),
            ("ghcr.io/acme/app:1", "ghcr.io"),
            ("localhost:5000/app", "localhost:5000"),
            (
                "localhost:7439/registry.hub.docker.com/library/x",
                "docker.io",
            ),
        ] {
            assert_eq!(of_image(image).as_deref(), Some(expected), "{image}");
        }
    }
}
