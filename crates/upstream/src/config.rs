//! What an upstream is, as the operator configured it.
//!
//! Plain data. Also the one place that derives from it which addresses may be dialled.

use std::sync::Arc;

use forebay_http_kit::AddressPolicy;
use forebay_oci::UpstreamName;
use url::Url;

use crate::{AwsAccess, HostPort, Secret};

/// A registry that we pull from.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Its name, such as `docker.io`.
    pub name: UpstreamName,
    /// Its address: scheme, host and port; what follows is ignored.
    pub url: Url,
    /// Further hosts that may be asked for its tokens with its credentials, the known one of a well-known registry
    /// included. The host of `url` always may.
    pub token_hosts: Vec<HostPort>,
    /// Hosts that it may redirect blobs to although their addresses are private or loopback.
    pub blob_hosts: Vec<HostPort>,
    /// True if its name and those of its token hosts may resolve to private addresses: a VPC endpoint.
    pub private: bool,
    /// True if the operator waives TLS's promises for it: then its token service may be plain http too.
    pub insecure: bool,
    /// Who we are there.
    pub credentials: CredentialSource,
    /// The most requests of any kind that are sent to it in a minute, at least 1. Of upstreams at the same address, the least of
    /// what they have here holds for all of them together.
    pub requests_per_minute: u32,
    /// Of these, how many may be sent at once after a time of quiet, at least 1.
    pub burst: u32,
}

/// Where an upstream's credentials come from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// We are nobody.
    Anonymous,
    /// A name with a password or access token.
    Password {
        /// The account.
        username: String,
        /// Its password or token.
        secret: Secret,
    },
    /// A secret of AWS Secrets Manager that holds `{"username","password"}` or `{"username","accessToken"}`.
    AwsSecret {
        /// The secret's name or ARN.
        id: String,
        /// The region to ask in.
        region: String,
        /// Where to ask instead of the region's public endpoint.
        endpoint: Option<Url>,
        /// How to reach AWS, and who we are there.
        access: AwsAccess,
    },
    /// A private ECR registry: its password is what `GetAuthorizationToken` answers.
    Ecr {
        /// The registry's account, twelve digits.
        account: String,
        /// The registry's region.
        region: String,
        /// Where to ask instead of the region's public endpoint.
        endpoint: Option<Url>,
        /// How to reach AWS, and who we are there.
        access: AwsAccess,
    },
}

/// Whom a registry takes us for, as far as that can be known without asking: what it counts, it counts by this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Nobody.
    Nobody,
    /// An account by its name: another password makes no other account.
    Named(String),
    /// Whoever a secret of AWS Secrets Manager says, by its name and region.
    OfSecret(String, String),
    /// A registry's owner, by account and region.
    OfEcr(String, String),
}

impl Account {
    /// What it is called in reports; `None` for nobody. No secret.
    pub(crate) fn word(&self) -> Option<Arc<str>> {
        match self {
            Self::Nobody => None,
            Self::Named(name) => Some(name.as_str().into()),
            Self::OfSecret(id, _) => Some(id.as_str().into()),
            Self::OfEcr(account, _) => Some(account.as_str().into()),
        }
    }
}

impl CredentialSource {
    /// Whom a registry takes us for.
    pub(crate) fn account(&self) -> Account {
        match self {
            Self::Anonymous => Account::Nobody,
            Self::Password { username, .. } => Account::Named(username.clone()),
            Self::AwsSecret { id, region, .. } => Account::OfSecret(id.clone(), region.clone()),
            Self::Ecr {
                account, region, ..
            } => Account::OfEcr(account.clone(), region.clone()),
        }
    }
}

impl UpstreamConfig {
    /// Which addresses may be dialled for this upstream, beside public ones.
    ///
    /// An address that the operator wrote down counts as listed, with its port. A name may turn out to be a private address
    /// only if it is listed in `blob_hosts`, or is the registry's or a token host's and `private` is set.
    pub fn addresses(&self) -> AddressPolicy {
        let own = HostPort::of(&self.url);
        let mut policy = AddressPolicy::public_only();
        for host in own.iter().chain(&self.token_hosts) {
            if host.is_literal() {
                policy = allow(policy, host);
            } else if self.private {
                policy = policy.allow_private_name(&host.host());
            }
        }
        // By port also where it is a name: the registry chooses where its redirects lead, the operator where they may.
        self.blob_hosts.iter().fold(policy, allow)
    }
}

fn allow(policy: AddressPolicy, host: &HostPort) -> AddressPolicy {
    host.ports().fold(policy, |policy, port| {
        policy.allow_origin(&host.host(), port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(
        url: &str,
        token_hosts: &[&str],
        blob_hosts: &[&str],
        private: bool,
    ) -> UpstreamConfig {
        let parse = |hosts: &[&str]| hosts.iter().map(|host| host.parse().unwrap()).collect();
        UpstreamConfig {
            name: "example".into(),
            url: Url::parse(url).unwrap(),
            token_hosts: parse(token_hosts),
            blob_hosts: parse(blob_hosts),
            private,
            insecure: false,
            credentials: CredentialSource::Anonymous,
            requests_per_minute: 1_000,
            burst: 250,
        }
    }

    #[test]
    fn only_what_the_operator_listed_may_be_private() {
        let public_config = || config("https://registry.example", &["auth.example"], &[], false);
        let private_config = || config("https://registry.example", &["auth.example"], &[], true);
        let literal = || {
            config(
                "http://127.0.0.1:7000",
                &["10.0.0.1:7001"],
                &["127.0.0.9:7002"],
                false,
            )
        };
        let named_blobs = || {
            config(
                "https://registry.example",
                &[],
                &["blobs.example:9000"],
                false,
            )
        };
        for (config, host, port, address, expected) in [
            (
                public_config(),
                "registry.example",
                443,
                "203.0.114.1",
                true,
            ),
            (public_config(), "registry.example", 443, "10.0.0.1", false),
            (public_config(), "auth.example", 443, "127.0.0.1", false),
            (private_config(), "registry.example", 443, "10.0.0.1", true),
            (private_config(), "auth.example", 443, "fd00::1", true),
            (
                private_config(),
                "registry.example",
                443,
                "169.254.169.254",
                false,
            ),
            (private_config(), "other.example", 443, "10.0.0.1", false),
            (literal(), "127.0.0.1", 7000, "127.0.0.1", true),
            (literal(), "127.0.0.1", 7003, "127.0.0.1", false),
            (literal(), "10.0.0.1", 7001, "10.0.0.1", true),
            (literal(), "127.0.0.9", 7002, "127.0.0.9", true),
            (literal(), "127.0.0.9", 80, "127.0.0.9", false),
            (literal(), "evil.example", 7000, "127.0.0.1", false),
            (named_blobs(), "blobs.example", 9000, "10.0.0.1", true),
            (named_blobs(), "blobs.example", 443, "10.0.0.1", false),
            (named_blobs(), "registry.example", 443, "10.0.0.1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                config.addresses().allows(host, port, address),
                expected,
                "{host}:{port} at {address}"
            );
        }
    }
}
