//! Whose request it is, and whether it is answered at all.
//!
//! Pure. Forwarded addresses are believed of listed proxies only: any client can write the header.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use forebay_http_kit::{Peer, Secured, find_host};
use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, request};
use ipnet::IpNet;

/// The header by which proxies say for whom they ask, each at its end; no standard, but what they all send.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header by which proxies say how the client came to them, as they all send it.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How the headers begin by which most proxies say that they ask for others: `X-Forwarded-For`, `-Host`, `-Port`, `-Server` and what
/// else there is of them.
const FORWARDED_PREFIX: &str = "x-forwarded";

/// Other headers by which proxies say so: RFC 7239; RFC 9110, section 7.6.3; nginx, Apache, Envoy and the clouds' own.
const FORWARDED: [&str; 11] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
    "x-azure-clientip",
];

/// Where a browser says from what page a request comes (W3C, Fetch Metadata Request Headers).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The client of whom a proxy says what cannot be read: no network holds it but that of all addresses.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// How many proxies behind each other are looked through.
const MAX_HOPS: usize = 16;

/// Who may fill and read, and who may say for whom they ask. Loopback always may fill and read.
#[derive(Clone, Debug, Default)]
pub struct ClientRules {
    /// Networks beside loopback.
    pub allow: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` counts; loopback is none unless it is listed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether programs of this machine may change things where no access is configured.
    pub loopback_push: bool,
}

impl ClientRules {
    /// True if a client at `address` may ask; one without an address came over a socket of our own machine.
    pub fn admit(&self, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| {
            let address = address.to_canonical();
            address.is_loopback() || holds(&self.allow, address)
        })
    }

    /// Whose request it is: of a trusted proxy's the last address before it that is no such proxy, or the proxy itself where it says
    /// nothing; 0.0.0.0 where what is written cannot be read, or is more than so many proxies.
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
        // A dual-stack socket shows an IPv4 client as ::ffff:a.b.c.d.
        let peer = peer.address?.ip().to_canonical();
        if self.trusted_proxies.is_empty() || !holds(&self.trusted_proxies, peer) {
            return Some(peer);
        }
        Some(self.find_forwarded(headers).unwrap_or(peer))
    }

    /// True if the request is of a program on this machine that asks for itself, as far as that can be seen, and may change
    /// things where no access is configured: over loopback, by no listed proxy, for a host of this machine, and with no header by
    /// which proxies say that they ask for others.
    ///
    /// A proxy on this machine may say nothing at all, and pass on whatever host it likes: so it is only so where the operator
    /// says it.
    pub(crate) fn may_push_without_access(&self, peer: Peer, head: &request::Parts) -> bool {
        let is_own = peer.address.is_none_or(|address| {
            let address = address.ip().to_canonical();
            address.is_loopback() && !holds(&self.trusted_proxies, address)
        });
        let is_proxied = head.headers.keys().any(is_of_proxies);
        let is_named_so = find_host(head).is_none_or(is_of_this_machine);
        self.loopback_push && is_own && !is_proxied && is_named_so
    }

    /// True if the client came by TLS: to us, or to a trusted proxy that says so.
    pub(crate) fn came_by_tls(&self, peer: Peer, head: &request::Parts) -> bool {
        let is_trusted = peer
            .address
            .is_some_and(|address| holds(&self.trusted_proxies, address.ip().to_canonical()));
        let said = head.headers.get(FORWARDED_PROTO);
        let said = said.and_then(|said| said.to_str().ok());
        // Of several proxies the first one says how the client came to it.
        let first = said.and_then(|said| said.split(',').next());
        let is_said = first.is_some_and(|first| first.trim().eq_ignore_ascii_case("https"));
        head.extensions.get::<Arc<Secured>>().is_some() || (is_trusted && is_said)
    }

    fn find_forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        // Several lines are one list (RFC 9110 §5.3).
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        let mut furthest = None;
        for (hop, entry) in entries.enumerate() {
            // Whoever that is, they are not to pass for a proxy of ours.
            let Some(address) = read_address(entry).filter(|_| hop < MAX_HOPS) else {
                return Some(NOBODY);
            };
            // Another machine's loopback is not ours, which is always admitted: it is the proxy there.
            let elsewhere = Some(address).filter(|address| !address.is_loopback());
            furthest = elsewhere.or(furthest);
            if !holds(&self.trusted_proxies, address) {
                break;
            }
        }
        furthest
    }
}

/// True if only proxies send this header.
fn is_of_proxies(header: &HeaderName) -> bool {
    let name = header.as_str();
    name.starts_with(FORWARDED_PREFIX) || FORWARDED.contains(&name)
}

/// True if a host, with its port where it has one, is a name (RFC 6761, section 6.3) or an address of this machine.
fn is_of_this_machine(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().to_canonical().is_loopback();
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let last = name.trim_end_matches('.').rsplit('.').next();
    last.is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

/// True if a web page asks by its visitor's browser: no client of a registry says where it comes from.
///
/// A page can make any browser ask what its visitor's machine may ask, and so spend its pull budget. A browser says so by these
/// headers; typed into its address bar, a request is the visitor's own (`none`).
pub(crate) fn is_from_page(headers: &HeaderMap) -> bool {
    let site = headers.get(FETCH_SITE);
    headers.contains_key(ORIGIN) || site.is_some_and(|site| site != "none")
}

/// Some proxies write the port as well, or the zone: by which of their links it came (RFC 4007, section 11).
fn read_address(entry: &str) -> Option<IpAddr> {
    let entry = match entry.trim().split_once('%') {
        None => Cow::Borrowed(entry.trim()),
        Some((address, rest)) => {
            let end = rest.find(']').unwrap_or(rest.len());
            Cow::Owned(format!("{address}{}", &rest[end..]))
        }
    };
    let with_port = || Some(entry.parse::<SocketAddr>().ok()?.ip());
    let address = entry.parse().ok().or_else(with_port)?;
    Some(address.to_canonical())
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn rules() -> ClientRules {
        ClientRules {
            allow: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            trusted_proxies: vec!["10.9.0.0/16".parse().unwrap(), "fd99::/16".parse().unwrap()],
            loopback_push: false,
        }
    }

    #[test]
    fn of_this_machine_is_who_asks_over_loopback_for_itself_and_the_operator_lets_push() {
        let asks = |rules: &ClientRules, peer: &str, header: (&str, &str)| {
            let request = Request::get("/v2/").header(header.0, header.1).body(());
            let peer = Peer {
                address: Some(format!("{peer}:5000").parse().unwrap()),
                ..Peer::default()
            };
            rules.may_push_without_access(peer, &request.unwrap().into_parts().0)
        };
        let here = ("host", "localhost:5000");
        let open = ClientRules {
            loopback_push: true,
            ..rules()
        };
        for peer in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(asks(&open, peer, here), "{peer}");
            assert!(!asks(&rules(), peer, here), "{peer}");
        }
        for other in ["10.1.2.3", "10.9.0.1", "[fd00::1]", "192.168.0.1"] {
            assert!(!asks(&open, other, here), "{other}");
        }
        let by_prefix = ["For", "Host", "Port", "Proto", "Server", "By", "Prefix"];
        let by_prefix = by_prefix.map(|end| format!("X-Forwarded-{end}"));
        let by_prefix = by_prefix.iter().map(String::as_str);
        for header in by_prefix.chain(["X-Forwarded"]).chain(FORWARDED) {
            assert!(!asks(&open, "127.0.0.1", (header, "10.1.2.3")), "{header}");
        }
        assert!(asks(&open, "127.0.0.1", ("x-meta-source-client", "docker")));
        let proxied = ClientRules {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..open
        };
        assert!(!asks(&proxied, "127.0.0.1", here));
    }

    #[test]
    fn how_the_client_came_is_believed_of_a_trusted_proxy_alone() {
        for (peer, said, is_tls) in [
            ("10.9.0.1", "https", true),
            ("10.9.0.1", "HTTPS", true),
            ("10.9.0.1", "https, http", true),
            ("[::ffff:10.9.0.1]", "https", true),
            ("10.9.0.1", "http", false),
            ("10.9.0.1", "http, https", false),
            ("10.9.0.1", "", false),
            ("10.1.2.3", "https", false),
            ("127.0.0.1", "https", false),
        ] {
            let request = Request::get("/v2/").header(FORWARDED_PROTO, said).body(());
            let peer = Peer {
                address: Some(format!("{peer}:5000").parse().unwrap()),
                ..Peer::default()
            };
            let head = request.unwrap().into_parts().0;
            assert_eq!(rules().came_by_tls(peer, &head), is_tls, "{peer:?} {said}");
        }
    }

    #[test]
    fn a_host_is_of_this_machine_by_its_own_names_and_addresses() {
        for host in [
            "localhost",
            "localhost:5000",
            "LocalHost",
            "localhost.",
            "a.localhost:1",
            "127.0.0.1",
            "127.255.0.9:80",
            "[::1]",
            "[::1]:5000",
            "[::ffff:127.0.0.1]:5000",
        ] {
            assert!(is_of_this_machine(host), "{host}");
        }
        for host in [
            "",
            "localhost.example",
            "notlocalhost",
            "example:5000",
            "10.0.0.1",
            "0.0.0.0:5000",
            "[::]",
            "[fd00::1]:5000",
            "127.0.0.1.example",
            "2130706433",
        ] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }

    #[test]
    fn only_loopback_and_listed_networks_are_admitted() {
        let rules = rules();
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
            let address = address.parse().unwrap();
            assert_eq!(rules.admit(Some(address)), admitted, "{address}");
        }
        assert!(rules.admit(None));
    }

    fn client(rules: &ClientRules, peer: &str, forwarded: &[&'static str]) -> IpAddr {
        let peer = Peer {
            address: Some(SocketAddr::new(peer.parse().unwrap(), 1234)),
            ..Peer::default()
        };
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
        }
        rules.client(peer, &headers).unwrap()
    }

    #[test]
    fn a_proxy_is_believed_if_it_is_listed_and_as_far_as_proxies_that_are() {
        const PROXY: &str = "10.9.0.1";
        for (peer, forwarded, expected) in [
            // Whoever is not listed speaks for itself, loopback too.
            ("10.1.2.3", vec!["10.4.4.4"], "10.1.2.3"),
            ("127.0.0.1", vec!["10.4.4.4"], "127.0.0.1"),
            ("fd12::1", vec!["10.4.4.4"], "fd12::1"),
            // Of one that is listed, the last that is not: what stands before it anybody may have written.
            (PROXY, vec!["10.4.4.4"], "10.4.4.4"),
            (PROXY, vec!["127.0.0.1, 10.4.4.4"], "10.4.4.4"),
            (PROXY, vec!["127.0.0.1", "10.4.4.4"], "10.4.4.4"),
            (PROXY, vec!["garbage, 10.4.4.4"], "10.4.4.4"),
            (
                PROXY,
                vec!["1.1.1.1, 10.4.4.4, 10.9.0.2,fd99::2"],
                "10.4.4.4",
            ),
            (PROXY, vec!["1.1.1.1, 10.4.4.4", "10.9.0.2"], "10.4.4.4"),
            ("::ffff:10.9.0.1", vec!["10.4.4.4"], "10.4.4.4"),
            ("fd99::1", vec!["::ffff:10.4.4.4"], "10.4.4.4"),
            ("fd99::1", vec!["2001:db8::7"], "2001:db8::7"),
            (PROXY, vec!["10.4.4.4:4711"], "10.4.4.4"),
            (PROXY, vec!["[2001:db8::7]:4711"], "2001:db8::7"),
            (PROXY, vec!["fe80::1%eth0"], "fe80::1"),
            (PROXY, vec!["[fe80::1%25eth0]:4711, 10.9.0.2"], "fe80::1"),
            // Where it names nobody else, or a program beside a proxy, it is that proxy.
            (PROXY, vec!["10.9.0.3, 10.9.0.2"], "10.9.0.3"),
            (PROXY, vec![], PROXY),
            (PROXY, vec!["127.0.0.1"], PROXY),
            (PROXY, vec!["::ffff:127.0.0.1%eth0"], PROXY),
            (PROXY, vec!["::1, 10.9.0.2"], "10.9.0.2"),
            // Where nobody can tell who it is, it is nobody, and no proxy of ours.
            (PROXY, vec![""], "0.0.0.0"),
            (PROXY, vec!["unknown"], "0.0.0.0"),
            (PROXY, vec!["unix:"], "0.0.0.0"),
            (PROXY, vec!["10.4.4.4,"], "0.0.0.0"),
            (PROXY, vec!["10.4.4.4:x"], "0.0.0.0"),
            (PROXY, vec!["10.4.4.4, 10.9.0.2, x"], "0.0.0.0"),
            (PROXY, vec!["garbage, 10.9.0.2"], "0.0.0.0"),
            (PROXY, vec!["10.4.4.4.4"], "0.0.0.0"),
            (PROXY, vec!["0x0a040404"], "0.0.0.0"),
            (PROXY, vec!["%eth0"], "0.0.0.0"),
        ] {
            let found = client(&rules(), peer, &forwarded);
            assert_eq!(found.to_string(), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(
            client(&ClientRules::default(), PROXY, &["1.1.1.1"]).to_string(),
            PROXY
        );
    }

    #[test]
    fn a_proxy_on_this_machine_lets_in_nobody_whom_it_does_not_name() {
        let rules = ClientRules {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..rules()
        };
        for (forwarded, is_admitted) in [
            ("10.1.2.3", true),
            ("192.0.2.7", false),
            ("fe80::1", false),
            ("fe80::1%eth0", false),
            ("[fe80::1%eth0]:4711", false),
            ("unix:", false),
            ("192.0.2.7:x", false),
            // Two proxies behind each other, and a program of this machine.
            ("192.0.2.7, 127.0.0.1", false),
            ("127.0.0.1", true),
        ] {
            let found = client(&rules, "127.0.0.1", &[forwarded]);
            assert_eq!(rules.admit(Some(found)), is_admitted, "{forwarded}");
        }
    }

    #[test]
    fn no_more_than_so_many_proxies_are_looked_through() {
        let chain = |proxies: usize| -> &'static str {
            let proxies = vec!["10.9.0.2"; proxies].join(",");
            Box::leak(format!("10.4.4.4,{proxies}").into_boxed_str())
        };
        let seen = |proxies| client(&rules(), "10.9.0.1", &[chain(proxies)]).to_string();
        assert_eq!(seen(MAX_HOPS - 1), "10.4.4.4");
        assert_eq!(seen(MAX_HOPS), "0.0.0.0");
        assert_eq!(seen(5_000), "0.0.0.0");
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        assert_eq!(rules().find_forwarded(&headers), Some(NOBODY));
    }

    #[test]
    fn what_a_page_asks_is_told_from_what_a_client_asks() {
        for (name, value, is_page) in [
            ("origin", "https://page.example", true),
            ("origin", "null", true),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-site", "same-site", true),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", false),
            ("user-agent", "containerd/2", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(is_from_page(&headers), is_page, "{name}: {value}");
        }
    }
}
