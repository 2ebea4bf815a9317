//! What the edge is given: the names of the upstreams, their sources, and who may ask.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{ClientKind, ContentSource};
use forebay_oci::{RouteTable, UpstreamName};
use ipnet::IpNet;

/// One configuration's worth of answers; replaced as a whole on reload.
pub struct Table {
    /// The names by which clients may mean an upstream.
    pub routes: RouteTable,
    /// The upstreams themselves.
    pub sources: BTreeMap<UpstreamName, Arc<dyn ContentSource>>,
    /// Who may ask.
    pub clients: ClientRules,
    /// How long clients wait for an answer.
    pub patience: Patience,
}

/// How long each kind of client waits for the head of an answer while a limit is waited out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// containerd, which gives up after 30 s without headers.
    pub containerd: Duration,
    /// dockerd.
    pub docker: Duration,
    /// podman, skopeo, buildah and CRI-O, of which some give up after 10 s without progress.
    pub containers_image: Duration,
    /// Any other.
    pub other: Duration,
}

/// Who may fill and read. Loopback always may.
#[derive(Clone, Debug, Default)]
pub struct ClientRules {
    /// Networks beside loopback.
    pub allow: Vec<IpNet>,
}

impl Patience {
    pub(crate) const fn of(self, kind: ClientKind) -> Duration {
        match kind {
            ClientKind::Containerd => self.containerd,
            ClientKind::Docker => self.docker,
            ClientKind::ContainersImage => self.containers_image,
            ClientKind::Other => self.other,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        let usual = Duration::from_secs(20);
        Self {
            containerd: usual,
            docker: usual,
            containers_image: Duration::from_secs(8),
            other: usual,
        }
    }
}

impl ClientRules {
    /// True if a client at `address` may ask.
    pub fn admit(&self, address: IpAddr) -> bool {
        // A dual-stack socket shows an IPv4 client as ::ffff:a.b.c.d.
        let address = address.to_canonical();
        address.is_loopback() || self.allow.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_listed_networks_are_admitted() {
        let rules = ClientRules {
            allow: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        };
        for (address, admitted) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("::ffff:11.0.0.1", false),
            ("fd12::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(rules.admit(address.parse().unwrap()), admitted, "{address}");
        }
    }
}
