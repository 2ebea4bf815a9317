//! The classes of what goes wrong with a pull.
//!
//! Sixteen names that people and programs read; what each is recognised by stands in `rules`.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a text says went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Docker Hub's limit on pulls, of an address or an account.
    PullLimit,
    /// Docker Hub's limit on requests of any kind, of an address.
    AbuseLimit,
    /// Docker Hub's lockout after failed logins, of an account.
    LoginLockout,
    /// The limit of hub.docker.com's web API.
    HubApiLimit,
    /// A limit of another registry, or of a proxy.
    OtherRegistryLimit,
    /// The registry refused: no credentials, wrong or old ones, or not enough rights.
    Auth,
    /// The image, its tag or its platform is not there.
    NotFound,
    /// A name could not be looked up.
    Dns,
    /// The certificate or the protocol of a secure connection is wrong.
    Tls,
    /// Nobody answered in time.
    Timeout,
    /// The connection was refused or broke, or the registry, or a proxy before it, answered with trouble of its own: any 5xx.
    Network,
    /// The disk is full, or what may be used of it.
    NoSpace,
    /// The kubelet's own limit on how many pulls it begins.
    KubeletThrottle,
    /// The image is there, but the container does not start or does not stay.
    StartFailure,
    /// A consequence, or a failure that is told without its cause: the cause stands elsewhere.
    SymptomOnly,
    /// A failed pull whose cause is none of these.
    Other,
}

impl Class {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 16] = [
        Self::PullLimit,
        Self::AbuseLimit,
        Self::LoginLockout,
        Self::HubApiLimit,
        Self::OtherRegistryLimit,
        Self::Auth,
        Self::NotFound,
        Self::Dns,
        Self::Tls,
        Self::Timeout,
        Self::Network,
        Self::NoSpace,
        Self::KubeletThrottle,
        Self::StartFailure,
        Self::SymptomOnly,
        Self::Other,
    ];

    /// The name, in kebab case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PullLimit => "pull-limit",
            Self::AbuseLimit => "abuse-limit",
            Self::LoginLockout => "login-lockout",
            Self::HubApiLimit => "hub-api-limit",
            Self::OtherRegistryLimit => "other-registry-limit",
            Self::Auth => "auth",
            Self::NotFound => "not-found",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::NoSpace => "no-space",
            Self::KubeletThrottle => "kubelet-throttle",
            Self::StartFailure => "start-failure",
            Self::SymptomOnly => "symptom-only",
            Self::Other => "other",
        }
    }

    /// Whether a registry's limiter spoke.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::PullLimit
                | Self::AbuseLimit
                | Self::LoginLockout
                | Self::HubApiLimit
                | Self::OtherRegistryLimit
        )
    }

    /// Whether it says why: a symptom, or a reason that nobody knows, does not.
    pub fn is_cause(self) -> bool {
        !matches!(self, Self::SymptomOnly | Self::Other)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
