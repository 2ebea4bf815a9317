//! Which upstream and which repository there a request means.
//!
//! Pure, and called once, at the edge: authorization and all below see only the [`Target`]. Precedence: `?ns=`, then
//! `Host`, then a host or prefix as the first path part, then the bare root. A name that is not in the table is an
//! error, never a guess and never dialled (dependency confusion, server-side request forgery). An upstream that stands apart is
//! meant by a `Host` of its own and by nothing else, and nothing else is meant there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::image::{is_host, official};
use crate::{LOCAL_UPSTREAM, RepositoryName, RepositoryPattern};

/// The ports of https and http, which no client writes.
const DEFAULT_PORTS: [&str; 2] = ["443", "80"];

/// An upstream registry's name in the config, such as `docker.io`. Cheap to clone.
pub type UpstreamName = Arc<str>;

/// The names by which clients may mean an upstream; a closed world.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    /// `host[:port]` as in an image reference → upstream: for `?ns=` and for the first path part.
    pub names: BTreeMap<String, UpstreamName>,
    /// `Host` header, lower case, with or without port → upstream.
    pub hosts: BTreeMap<String, UpstreamName>,
    /// The operator's own first path part → upstream.
    pub prefixes: BTreeMap<String, UpstreamName>,
    /// What a bare path means that is no local repository's.
    pub root: Option<UpstreamName>,
    /// Upstreams that only a host of their own in `hosts` means: their clients' credentials are the upstream's, and must not be
    /// shown, nor asked for, where anything else is answered.
    pub apart: BTreeSet<UpstreamName>,
    /// Which names of more than one part are local repositories' at the bare root; those of one part always are.
    pub local: Vec<RepositoryPattern>,
}

/// What a request means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The upstream.
    pub upstream: UpstreamName,
    /// The repository there.
    pub repository: RepositoryName,
}

/// How the client said which upstream it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// By `?ns=`.
    Namespace,
    /// By the `Host` header.
    Host,
    /// By an upstream's host as the first path part.
    HostPath,
    /// By the operator's prefix as the first path part.
    Prefix,
    /// Not at all: the bare root.
    Root,
}

/// A target, and how the client addressed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What is meant.
    pub target: Target,
    /// How it was said.
    pub addressing: Addressing,
}

/// Why a request means no upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// It names an upstream that is not in the table.
    #[error("no upstream is called {0}")]
    UnknownUpstream(String),
    /// Nothing is meant by the bare root.
    #[error("no upstream is at the root here: {0} would have to begin with one's name")]
    NoRoot(RepositoryName),
    /// It names an upstream that only a host of its own means.
    #[error(
        "{0} is reached by a host name of its own only, which the operator wrote as its `hosts`"
    )]
    Apart(UpstreamName),
    /// It names another upstream at a host of one that stands apart.
    #[error("only {own} is reached by this host name, and not {named}")]
    AnothersHost {
        /// Whose host it is.
        own: UpstreamName,
        /// What was named.
        named: UpstreamName,
    },
    /// An upstream's host or prefix with no repository after it, or one that grew too long.
    #[error("no repository is named after {0}")]
    NoRepository(String),
}

/// Finds what a request means from its `Host` header, its `?ns=` and the name in its path.
pub fn route(
    host: Option<&str>,
    ns: Option<&str>,
    name: &RepositoryName,
    table: &RouteTable,
) -> Result<Route, RouteError> {
    let at_host = host.and_then(|host| table.find_host(host));
    if let Some(ns) = ns {
        let upstream = table
            .names
            .get(ns)
            .ok_or_else(|| RouteError::UnknownUpstream(ns.to_owned()))?;
        match at_host.filter(|own| table.apart.contains(*own)) {
            None => table.check_not_apart(upstream)?,
            Some(own) if own == upstream => {}
            Some(own) => {
                return Err(RouteError::AnothersHost {
                    own: Arc::clone(own),
                    named: Arc::clone(upstream),
                });
            }
        }
        return at(upstream, name.clone(), Addressing::Namespace);
    }
    if let Some(upstream) = at_host {
        return at(upstream, name.clone(), Addressing::Host);
    }
    by_path(name, table)
}

fn by_path(name: &RepositoryName, table: &RouteTable) -> Result<Route, RouteError> {
    let (first, rest) = match name.as_str().split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (name.as_str(), None),
    };
    let named = table
        .names
        .get(first)
        .map(|upstream| (upstream, Addressing::HostPath));
    let prefixed = || {
        table
            .prefixes
            .get(first)
            .map(|upstream| (upstream, Addressing::Prefix))
    };
    if let Some((upstream, addressing)) = named.or_else(prefixed) {
        table.check_not_apart(upstream)?;
        let nothing_after = || RouteError::NoRepository(first.to_owned());
        let repository = rest
            .ok_or_else(nothing_after)?
            .parse()
            .map_err(|_| nothing_after())?;
        return at(upstream, repository, addressing);
    }
    // Docker Hub's namespaces have no dot: what looks like a host is one that we do not know.
    if rest.is_some() && is_host(first) {
        return Err(RouteError::UnknownUpstream(first.to_owned()));
    }
    if table.is_local(name) {
        return Ok(Route {
            target: Target::local(name.clone()),
            addressing: Addressing::Root,
        });
    }
    match &table.root {
        Some(root) => {
            table.check_not_apart(root)?;
            at(root, name.clone(), Addressing::Root)
        }
        None => Err(RouteError::NoRoot(name.clone())),
    }
}

fn at(
    upstream: &UpstreamName,
    name: RepositoryName,
    addressing: Addressing,
) -> Result<Route, RouteError> {
    let repository =
        official(upstream, name).map_err(|_| RouteError::NoRepository(upstream.to_string()))?;
    Ok(Route {
        target: Target {
            upstream: Arc::clone(upstream),
            repository,
        },
        addressing,
    })
}

impl RouteTable {
    /// The upstream that stands apart whose host this is.
    pub fn find_apart(&self, host: Option<&str>) -> Option<&UpstreamName> {
        let upstream = self.find_host(host?)?;
        self.apart.contains(upstream).then_some(upstream)
    }

    fn check_not_apart(&self, upstream: &UpstreamName) -> Result<(), RouteError> {
        if self.apart.contains(upstream) {
            return Err(RouteError::Apart(Arc::clone(upstream)));
        }
        Ok(())
    }

    /// True if the name, at the bare root, is a local repository's. Such a name never goes to an upstream, found here or not.
    fn is_local(&self, name: &RepositoryName) -> bool {
        name.is_single() || self.local.iter().any(|pattern| pattern.matches(name))
    }

    /// A host is the same host in any case, with its default port spelled out or left out, and with the root's dot. One that is
    /// written without a port is meant at each; one that is written with another port is another host.
    fn find_host(&self, host: &str) -> Option<&UpstreamName> {
        if self.hosts.is_empty() {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (name, Some(port))
            }
            _ => (host.as_str(), None),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let at = |port: &str| self.hosts.get(&format!("{name}:{port}"));
        let with_port = match port {
            Some(port) => at(port),
            // Clients leave the port of their scheme out of `Host` (RFC 9110, section 7.2).
            None => DEFAULT_PORTS.into_iter().find_map(at),
        };
        with_port.or_else(|| self.hosts.get(name))
    }
}

impl Target {
    /// A repository of our own.
    pub fn local(repository: RepositoryName) -> Self {
        Self {
            upstream: LOCAL_UPSTREAM.into(),
            repository,
        }
    }

    /// True if it is a repository of our own.
    pub fn is_local(&self) -> bool {
        &*self.upstream == LOCAL_UPSTREAM
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.upstream, self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> RouteTable {
        let named = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, name)| ((*key).to_owned(), (*name).into()))
                .collect()
        };
        RouteTable {
            names: named(&[
                ("docker.io", "docker.io"),
                ("ghcr.io", "ghcr.io"),
                ("my.registry:5000", "my.registry:5000"),
            ]),
            hosts: named(&[
                ("hub.local", "docker.io"),
                ("git.local:8443", "ghcr.io"),
                ("tls.local:443", "ghcr.io"),
            ]),
            prefixes: named(&[("ecr-public", "public.ecr.aws")]),
            root: Some("docker.io".into()),
            local: vec!["team/*".parse().unwrap(), "acme/**".parse().unwrap()],
            apart: BTreeSet::new(),
        }
    }

    fn find(host: &str, ns: Option<&str>, name: &str) -> Result<(String, Addressing), RouteError> {
        route(Some(host), ns, &name.parse().unwrap(), &table())
            .map(|route| (route.target.to_string(), route.addressing))
    }

    #[test]
    fn each_way_to_address_an_upstream_reaches_it() {
        use Addressing::{Host, HostPath, Namespace, Prefix, Root};
        let ns = Some;
        for (host, ns, name, target, addressing) in [
            ("h", None, "library/nginx", "docker.io/library/nginx", Root),
            (
                "h",
                ns("docker.io"),
                "library/nginx",
                "docker.io/library/nginx",
                Namespace,
            ),
            (
                "h",
                ns("docker.io"),
                "nginx",
                "docker.io/library/nginx",
                Namespace,
            ),
            ("h", ns("ghcr.io"), "app", "ghcr.io/app", Namespace),
            (
                "h",
                ns("my.registry:5000"),
                "a/b",
                "my.registry:5000/a/b",
                Namespace,
            ),
            ("h", None, "ghcr.io/org/app", "ghcr.io/org/app", HostPath),
            (
                "h",
                None,
                "docker.io/nginx",
                "docker.io/library/nginx",
                HostPath,
            ),
            (
                "h",
                None,
                "ecr-public/nginx/nginx",
                "public.ecr.aws/nginx/nginx",
                Prefix,
            ),
            ("hub.local", None, "nginx", "docker.io/library/nginx", Host),
            ("HUB.local.:5000", None, "a/b", "docker.io/a/b", Host),
            ("git.local:8443", None, "a/b", "ghcr.io/a/b", Host),
            ("tls.local", None, "a/b", "ghcr.io/a/b", Host),
            ("tls.local:443", None, "a/b", "ghcr.io/a/b", Host),
            ("TLS.local.", None, "a/b", "ghcr.io/a/b", Host),
            // Another port is another host: the name may lead elsewhere there.
            ("git.local:5000", None, "a/b", "docker.io/a/b", Root),
            ("tls.local:80", None, "a/b", "docker.io/a/b", Root),
        ] {
            assert_eq!(
                find(host, ns, name),
                Ok((target.to_owned(), addressing)),
                "{host} {ns:?} {name}"
            );
        }
    }

    #[test]
    fn namespace_wins_over_host_and_host_over_path() {
        let target = |found: Result<(String, Addressing), RouteError>| found.unwrap().0;
        assert_eq!(
            target(find("hub.local", Some("ghcr.io"), "docker.io/x")),
            "ghcr.io/docker.io/x"
        );
        assert_eq!(
            target(find("hub.local", None, "ghcr.io/org/app")),
            "docker.io/ghcr.io/org/app"
        );
    }

    #[test]
    fn at_the_bare_root_one_part_and_what_is_reserved_are_local_and_never_an_upstreams() {
        let local = |name: &str| Ok((format!("local/{name}"), Addressing::Root));
        for name in ["nginx", "team/app", "acme/a", "acme/a/b/c", "local"] {
            assert_eq!(find("h", None, name), local(name));
        }
        let hub = |name: &str| Ok((format!("docker.io/{name}"), Addressing::Root));
        for name in [
            "team/app/x",
            "teams/app",
            "library/nginx",
            "acmes/a",
            "local/x",
        ] {
            assert_eq!(find("h", None, name), hub(name));
        }
        // Whoever says an upstream gets it.
        let target = |found: Result<(String, Addressing), RouteError>| found.unwrap().0;
        assert_eq!(
            target(find("h", Some("docker.io"), "team/app")),
            "docker.io/team/app"
        );
        assert_eq!(
            target(find("hub.local", None, "nginx")),
            "docker.io/library/nginx"
        );
        assert_eq!(
            target(find("h", None, "docker.io/team/app")),
            "docker.io/team/app"
        );
    }

    #[test]
    fn an_upstream_apart_is_meant_by_its_own_host_alone_and_nothing_else_is_meant_there() {
        let mut table = table();
        let apart: UpstreamName = "my.registry:5000".into();
        table.apart.insert(Arc::clone(&apart));
        table.hosts.insert("my.local".into(), Arc::clone(&apart));
        table.prefixes.insert("mine".into(), Arc::clone(&apart));
        let find = |host: &str, ns: Option<&str>, name: &str| {
            let route = route(Some(host), ns, &name.parse().unwrap(), &table);
            route.map(|route| (route.target.to_string(), route.addressing))
        };
        let named = |addressing| Ok(("my.registry:5000/a/b".to_owned(), addressing));
        assert_eq!(find("my.local", None, "a/b"), named(Addressing::Host));
        assert_eq!(find("MY.local.:443", None, "a/b"), named(Addressing::Host));
        let ns = Some("my.registry:5000");
        assert_eq!(find("my.local", ns, "a/b"), named(Addressing::Namespace));
        // Nothing of a path's is a word there.
        let (target, _) = find("my.local", None, "docker.io/a/b").unwrap();
        assert_eq!(target, "my.registry:5000/docker.io/a/b");
        assert_eq!(find("my.local", None, "a").unwrap().0, "my.registry:5000/a");

        let is_apart = Err(RouteError::Apart(Arc::clone(&apart)));
        assert_eq!(find("h", ns, "a/b"), is_apart);
        assert_eq!(find("hub.local", ns, "a/b"), is_apart);
        assert_eq!(find("h", None, "mine/a/b"), is_apart);
        assert_eq!(
            find("my.local", Some("docker.io"), "a/b"),
            Err(RouteError::AnothersHost {
                own: Arc::clone(&apart),
                named: "docker.io".into()
            })
        );
        let unknown = Err(RouteError::UnknownUpstream("evil.example".to_owned()));
        assert_eq!(find("my.local", Some("evil.example"), "a/b"), unknown);
        assert_eq!(table.find_apart(Some("My.Local:80")), Some(&apart));
        assert_eq!(table.find_apart(Some("hub.local")), None);
        assert_eq!(table.find_apart(None), None);
        let rooted = RouteTable {
            root: Some(Arc::clone(&apart)),
            ..table.clone()
        };
        let at_root = route(None, None, &"a/b".parse().unwrap(), &rooted);
        assert_eq!(at_root, Err(RouteError::Apart(apart)));
    }

    #[test]
    fn what_is_not_in_the_table_is_never_guessed() {
        let unknown = |name: &str| Err(RouteError::UnknownUpstream(name.to_owned()));
        assert_eq!(
            find("h", Some("evil.example"), "a/b"),
            unknown("evil.example")
        );
        for ns in ["GHCR.io", "ghcr.io.", "ghcr.io:443", "", "127.0.0.1"] {
            assert_eq!(find("h", Some(ns), "a/b"), unknown(ns));
        }
        assert_eq!(find("h", None, "evil.example/a/b"), unknown("evil.example"));
        assert_eq!(
            find("git.local:9", None, "localhost/a"),
            unknown("localhost")
        );
        assert_eq!(
            find("h", None, "ghcr.io"),
            Err(RouteError::NoRepository("ghcr.io".into()))
        );
    }
}
