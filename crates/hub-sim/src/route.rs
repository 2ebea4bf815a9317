//! Tells from method, path and host what a request asks for.
//!
//! Pure. Faults are matched and requests recorded by what is found here.

use crate::request::{Request, find_pair};

/// Which of the simulator's hosts a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Plays `registry-1.docker.io`.
    Registry,
    /// Plays `auth.docker.io`.
    Token,
    /// Plays the host of the blobs, to which the registry redirects.
    Blob,
    /// Plays nobody: a host at another address that must never be given a credential.
    Trap,
}

/// What a request asks for, or (for matching faults) a group of such things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
    /// Any request to the registry, the token service or the blob host.
    Any,
    /// Any request to the registry host.
    Registry,
    /// `/v2/`.
    Ping,
    /// `/v2/<name>/manifests/<reference>`.
    Manifest,
    /// `/v2/<name>/blobs/<digest>` at the registry.
    Blob,
    /// The bytes of a blob, wherever they are served from.
    BlobContent,
    /// `/v2/<name>/tags/list`.
    Tags,
    /// `/v2/<name>/referrers/<digest>`.
    Referrers,
    /// The token service.
    Token,
    /// Anything else, for instance a path that nobody knows.
    Other,
}

/// A request, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) endpoint: On,
    pub(crate) repository: Option<String>,
    /// Tag or digest.
    pub(crate) reference: Option<String>,
}

/// Understands a request to the host that plays `role`.
pub(crate) fn route(role: Role, request: &Request) -> Call {
    match role {
        Role::Registry if request.path() == "/token" => route_token(request),
        Role::Registry => route_registry(request.path()),
        Role::Token => route_token(request),
        Role::Blob => route_content(request),
        Role::Trap => call(On::Other, None, None),
    }
}

fn route_registry(path: &str) -> Call {
    let Some(rest) = path.strip_prefix("/v2/") else {
        let endpoint = if path == "/v2" { On::Ping } else { On::Other };
        return call(endpoint, None, None);
    };
    if rest.is_empty() {
        return call(On::Ping, None, None);
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return call(On::Tags, Some(name), None);
    }
    let kinds = [
        ("/manifests/", On::Manifest),
        ("/blobs/", On::Blob),
        ("/referrers/", On::Referrers),
    ];
    for (middle, endpoint) in kinds {
        if let Some((name, reference)) = rest.rsplit_once(middle) {
            return call(endpoint, Some(name), Some(reference));
        }
    }
    call(On::Other, None, None)
}

fn route_token(request: &Request) -> Call {
    let scope = find_pair(&request.form(), "scope").or_else(|| request.find_query("scope"));
    let scope = scope.unwrap_or_default();
    let name = scope
        .strip_prefix("repository:")
        .and_then(|rest| rest.rsplit_once(':'))
        .map(|(name, _)| name);
    call(On::Token, name, None)
}

/// `/registry-v2/docker/registry/v2/blobs/sha256/ab/abcd…/data?repository=…&expires=…&signature=…`.
fn route_content(request: &Request) -> Call {
    let parts: Vec<&str> = request.path().split('/').collect();
    let [
        "",
        "registry-v2",
        "docker",
        "registry",
        "v2",
        "blobs",
        algorithm,
        _,
        hex,
        "data",
    ] = parts[..]
    else {
        return call(On::Other, None, None);
    };
    let repository = request.find_query("repository");
    let digest = format!("{algorithm}:{hex}");
    call(On::BlobContent, repository.as_deref(), Some(&digest))
}

fn call(endpoint: On, repository: Option<&str>, reference: Option<&str>) -> Call {
    Call {
        endpoint,
        repository: repository.map(str::to_owned),
        reference: reference.map(str::to_owned),
    }
}

impl On {
    /// Whether a request for `endpoint` at the host that plays `role` belongs to this.
    pub(crate) fn covers(self, endpoint: On, role: Role) -> bool {
        match self {
            Self::Any => role != Role::Trap,
            Self::Registry => role == Role::Registry && endpoint != Self::Token,
            _ => self == endpoint && role != Role::Trap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{On, route_registry};

    #[test]
    fn a_path_is_split_at_its_last_keyword() {
        let table = [
            ("/v2/", On::Ping, None, None),
            (
                "/v2/library/nginx/manifests/1.27",
                On::Manifest,
                Some("library/nginx"),
                Some("1.27"),
            ),
            (
                "/v2/a/manifests/b/manifests/c",
                On::Manifest,
                Some("a/manifests/b"),
                Some("c"),
            ),
            (
                "/v2/a/b/c/blobs/sha256:00",
                On::Blob,
                Some("a/b/c"),
                Some("sha256:00"),
            ),
            ("/v2/a/tags/list", On::Tags, Some("a"), None),
            (
                "/v2/a/referrers/sha256:00",
                On::Referrers,
                Some("a"),
                Some("sha256:00"),
            ),
            ("/v2/_catalog", On::Other, None, None),
            ("/favicon.ico", On::Other, None, None),
        ];
        for (path, endpoint, repository, reference) in table {
            let call = route_registry(path);
            assert_eq!(call.endpoint, endpoint, "{path}");
            assert_eq!(call.repository.as_deref(), repository, "{path}");
            assert_eq!(call.reference.as_deref(), reference, "{path}");
        }
    }
}
