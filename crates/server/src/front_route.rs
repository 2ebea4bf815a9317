//! What the server answers over the network besides, and to whom: the one table of it.
//!
//! What is below `/v2` has a table of its own, by endpoint and method: `oci/src/verb.rs`.

use forebay_api_registry::TOKEN_PATH;
use forebay_oci::Verb;

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontRoute {
    /// The distribution API.
    Registry,
    /// Tokens for it.
    Token,
    /// What somebody reads who looks here with a browser.
    Page,
    /// Whether the process lives.
    Healthz,
    /// Whether pulls are served.
    Readyz,
    /// Figures, by upstream.
    Metrics,
}

/// Who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Openness {
    /// Whoever reaches the server: it learns little.
    Anybody,
    /// Whom `clients.allow` names, and, where access is configured, only who has the action `admin` on every repository.
    Admins,
    /// Decided behind the route, by what is asked for.
    AsAsked,
}

impl FrontRoute {
    /// What a path means; `None` for what is not there.
    pub fn of(path: &str) -> Option<Self> {
        Some(match path {
            TOKEN_PATH => Self::Token,
            "/" => Self::Page,
            "/healthz" => Self::Healthz,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            path if path.starts_with("/v2") => Self::Registry,
            _ => return None,
        })
    }

    /// Who is answered. A route without a class does not compile.
    pub(crate) const fn openness(self) -> Openness {
        match self {
            Self::Registry | Self::Token => Openness::AsAsked,
            // Probes come from wherever the orchestrator runs.
            Self::Page | Self::Healthz | Self::Readyz => Openness::Anybody,
            Self::Metrics => Openness::Admins,
        }
    }

    /// The methods that it takes, as `Allow` lists them; `None` where they are looked at behind the route.
    const fn methods(self) -> Option<&'static str> {
        match self {
            Self::Registry | Self::Token => None,
            Self::Page | Self::Healthz | Self::Readyz | Self::Metrics => Some("GET, HEAD"),
        }
    }

    /// What it takes, as `Allow` lists it, instead of a request with this method; `None` where it takes that.
    pub(crate) fn methods_instead_of(self, method: &str) -> Option<&'static str> {
        let is_look = matches!(Verb::parse(method), Some(Verb::Get | Verb::Head));
        self.methods().filter(|_| !is_look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_for_those_whom_the_table_names() {
        for (path, openness, post) in [
            ("/v2/", Openness::AsAsked, true),
            ("/v2/app/manifests/1", Openness::AsAsked, true),
            ("/token", Openness::AsAsked, true),
            ("/", Openness::Anybody, false),
            ("/healthz", Openness::Anybody, false),
            ("/readyz", Openness::Anybody, false),
            ("/metrics", Openness::Admins, false),
        ] {
            let route = FrontRoute::of(path).unwrap();
            assert_eq!(route.openness(), openness, "{path}");
            for method in ["GET", "HEAD"] {
                assert_eq!(route.methods_instead_of(method), None, "{path}");
            }
            for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"] {
                let is_taken = route.methods_instead_of(method).is_none();
                assert_eq!(is_taken, post, "{method} {path}");
            }
        }
        for none in ["", "/metrics/", "/debug/pprof", "/token/", "/admin", "//"] {
            assert_eq!(FrontRoute::of(none), None, "{none}");
        }
    }
}
