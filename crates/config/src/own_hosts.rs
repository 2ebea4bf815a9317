//! Hosts of ours that a configuration gives to an upstream.
//!
//! What is asked for at a host of an upstream is always the upstream's. So where the address at which we listen is one, clients that
//! pull a repository of ours by it would be given what somebody else pushed under its name; so is the address in `access.url`. By what
//! other names clients reach us, nobody says.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use url::Url;

use crate::error::{ConfigProblem, Problems};
use crate::file::FileConfig;
use crate::resolved::{Config, ListenAddress};

/// A host of ours that is given to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenAway<'c> {
    /// The host, as clients write it.
    pub host: &'c str,
    /// The upstream's name.
    pub upstream: &'c str,
}

impl GivenAway<'_> {
    /// What is wrong with that where there are local repositories, or names reserved for them: these.
    pub fn told(&self, names: &str) -> String {
        let Self { host, upstream } = self;
        format!(
            "clients reach Forebay at {host}, which `upstreams.\"{upstream}\".hosts` gives to {upstream}: who asks there for local repositories would be given what others may have pushed under their names: {names}"
        )
    }

    /// What can be done about it.
    pub fn hint(&self) -> String {
        format!(
            "give {} a host name of its own, by which nobody reaches your repositories, such as docker.localhost",
            self.upstream
        )
    }
}

/// Finds one in a configuration that reserves names for local repositories; where it reserves none, there may be none.
pub(super) fn check(file: &FileConfig, config: &Config, problems: &mut Problems) {
    if config.local.is_empty() || problems.is_doubtful(&["listen"]) {
        return;
    }
    let Some(given_away) = find_given_away(config, &config.listen) else {
        return;
    };
    let Some(written) = file.upstreams.get(given_away.upstream) else {
        return;
    };
    let names: Vec<String> = config.local.iter().map(ToString::to_string).collect();
    let what = given_away.told(&names.join(", "));
    problems.push(ConfigProblem::new(&written.hosts.origin, what).hint(given_away.hint()));
}

/// The first of `hosts` in the configuration by which clients reach us, who listen there, and whose it is.
pub fn find_given_away<'c>(config: &'c Config, listen: &[ListenAddress]) -> Option<GivenAway<'c>> {
    let upstreams = config.upstreams.values();
    let mut hosts = upstreams.flat_map(|upstream| {
        let hosts = upstream.hosts.iter();
        hosts.map(|host| GivenAway {
            host,
            upstream: &upstream.name,
        })
    });
    let access = config.access.as_ref();
    let url = access.and_then(|access| access.url.as_ref());
    hosts.find(|GivenAway { host, .. }| {
        let mut addresses = listen.iter().map(|address| address.socket);
        url.is_some_and(|url| is_of(host, url)) || addresses.any(|address| leads_to(host, address))
    })
}

/// Whether a `Host` header of this text is the one of requests to `url`.
fn is_of(host: &str, url: &Url) -> bool {
    let Ok(host) = host.parse::<Authority>() else {
        return false;
    };
    let is_its_port = |port| url.port_or_known_default() == Some(port);
    url.host_str() == Some(host.host()) && host.port_u16().is_none_or(is_its_port)
}

/// Whether a `Host` header of this text may lead to who listens at `address`.
fn leads_to(host: &str, address: SocketAddr) -> bool {
    let Ok(host) = host.parse::<Authority>() else {
        return false;
    };
    let is_another_port = |port| port != address.port();
    if host.port_u16().is_some_and(is_another_port) {
        return false;
    }
    let ip = address.ip().to_canonical();
    if host.host() == "localhost" {
        return ip.is_loopback() || ip.is_unspecified();
    }
    let named: Result<IpAddr, _> = host.host().trim_matches(['[', ']']).parse();
    named.is_ok_and(|named| ip.is_unspecified() || named.to_canonical() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_are_told_to_reach_us_by_is_a_host_of_ours() {
        let url = "https://registry.example".parse().unwrap();
        for host in ["registry.example", "registry.example:443"] {
            assert!(is_of(host, &url), "{host}");
        }
        for host in [
            "registry.example:5000",
            "hub.registry.example",
            "docker.localhost",
        ] {
            assert!(!is_of(host, &url), "{host}");
        }
    }

    #[test]
    fn an_address_at_which_we_listen_is_a_host_of_ours_and_a_name_of_dns_is_not_known_to_be() {
        for (listen, ours, others) in [
            (
                "127.0.0.1:5000",
                &["127.0.0.1", "127.0.0.1:5000", "localhost", "localhost:5000"][..],
                &[
                    "127.0.0.1:5001",
                    "127.0.0.2",
                    "localhost:80",
                    "10.0.0.1",
                    "hub.localhost",
                ][..],
            ),
            (
                "10.0.0.1:443",
                &["10.0.0.1", "10.0.0.1:443", "[::ffff:10.0.0.1]:443"],
                &["localhost", "127.0.0.1", "10.0.0.1:5000", "[::1]"],
            ),
            (
                "0.0.0.0:5000",
                &["10.0.0.1", "192.0.2.7:5000", "localhost", "127.0.0.1:5000"],
                &["10.0.0.1:5001", "forebay.example:5000"],
            ),
            (
                "[::]:5000",
                &["[2001:db8::1]:5000", "[::1]", "10.0.0.1:5000"],
                &["[2001:db8::1]:5001", "docker.localhost"],
            ),
        ] {
            let address = listen.parse().unwrap();
            for host in ours {
                assert!(leads_to(host, address), "{host} at {listen}");
            }
            for host in others {
                assert!(!leads_to(host, address), "{host} at {listen}");
            }
        }
    }
}
