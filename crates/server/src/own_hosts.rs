//! Hosts of ours that a configuration gives to an upstream.
//!
//! What is asked for at a host of an upstream is always the upstream's. So where the address at which we listen is one, clients that
//! pull a repository of ours by it would be given what somebody else pushed under its name; so is the address in `access.url`. By what
//! other names clients reach us, nobody says.

use std::net::{IpAddr, SocketAddr};

use forebay_config::{Config, ListenAddress};
use http::uri::Authority;
use url::Url;

/// The first of `hosts` in the configuration by which clients reach us, who listen there, and whose it is.
pub(crate) fn find_given_away<'c>(
    config: &'c Config,
    listen: &[ListenAddress],
) -> Option<(&'c str, &'c str)> {
    let upstreams = config.upstreams.values();
    let mut hosts = upstreams.flat_map(|upstream| {
        let hosts = upstream.hosts.iter();
        hosts.map(|host| (host.as_str(), upstream.name.as_str()))
    });
    let access = config.access.as_ref();
    let url = access.and_then(|access| access.url.as_ref());
    hosts.find(|(host, _)| {
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
