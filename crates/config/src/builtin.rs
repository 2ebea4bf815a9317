//! The upstreams that need no configuration.
//!
//! Addresses and token services are those that the registries name in `WWW-Authenticate`. Where a registry hands out
//! tokens at its own host, or none, nothing is listed.

/// An upstream that is known without being configured.
#[derive(Debug)]
pub(super) struct Builtin {
    /// Its name in image references.
    pub(super) name: &'static str,
    /// Its address.
    pub(super) url: &'static str,
    /// Hosts other than its own that hand out its tokens.
    pub(super) token_hosts: &'static [&'static str],
}

/// All of them.
pub(super) const BUILTINS: [Builtin; 9] = [
    // docker.io itself is a web site; the registry and its token service have hosts of their own.
    Builtin {
        name: "docker.io",
        url: "https://registry-1.docker.io",
        token_hosts: &["auth.docker.io"],
    },
    own_tokens("ghcr.io", "https://ghcr.io"),
    own_tokens("quay.io", "https://quay.io"),
    own_tokens("registry.k8s.io", "https://registry.k8s.io"),
    own_tokens("public.ecr.aws", "https://public.ecr.aws"),
    own_tokens("gcr.io", "https://gcr.io"),
    own_tokens("mcr.microsoft.com", "https://mcr.microsoft.com"),
    own_tokens("mirror.gcr.io", "https://mirror.gcr.io"),
    // https://gitlab.com/jwt/auth
    Builtin {
        name: "registry.gitlab.com",
        url: "https://registry.gitlab.com",
        token_hosts: &["gitlab.com"],
    },
];

const fn own_tokens(name: &'static str, url: &'static str) -> Builtin {
    Builtin {
        name,
        url,
        token_hosts: &[],
    }
}

/// The built-in upstream of a name.
pub(super) fn find_builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}
