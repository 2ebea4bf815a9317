//! Addresses: where to listen, who may ask, which hosts.
//!
//! A host is written in one way only (lower case, no trailing dot, no user, no path), so that two texts are two hosts.

use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv4Net};
use url::Url;

use super::{ListItem, Shape, TextValue, Value, unwanted};
use crate::error::Wrong;
use crate::node::{Node, Raw};
use crate::proxy::ProxyChoice;
use crate::resolved::ListenAddress;

/// The most addresses to listen on.
const MAX_LISTEN: usize = 16;

/// The longest host name (RFC 1035, section 2.3.4, in its text form).
const MAX_HOST_BYTES: usize = 253;

/// The longest part of a host name between dots (RFC 1035, section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// Addresses to listen on: one text or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenAddresses(pub(crate) Vec<ListenAddress>);

/// `host` or `host:port`, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPort(pub(crate) String);

// === impl ListenAddresses ===

impl Value for ListenAddresses {
    const WANTED: &'static str = "an address such as \"127.0.0.1:5000\", or a list of them";
    const SHAPE: Shape = Shape::TextOrList;

    fn read(node: &Node) -> Result<Self, Wrong> {
        let addresses = match &node.raw {
            Raw::Text(text) => {
                vec![ListenAddress::from_text(text).map_err(|w| w.at(&node.origin))?]
            }
            Raw::List(_) | Raw::Untyped(_) => Vec::<ListenAddress>::read(node)?,
            _ => return Err(unwanted(node, Self::WANTED)),
        };
        let mut seen = Vec::new();
        for address in &addresses {
            // Port 0 is a new port each time it is asked for.
            let socket = address.socket;
            if socket.port() != 0 && seen.contains(&socket) {
                return Err(Wrong::new(format!("names {socket} twice")).at(&node.origin));
            }
            seen.push(socket);
        }
        match addresses.len() {
            0 => Err(Wrong::new("is empty").hint("write listen = \"127.0.0.1:5000\"")),
            1..=MAX_LISTEN => Ok(Self(addresses)),
            _ => Err(Wrong::new(format!(
                "names more than {MAX_LISTEN} addresses"
            ))),
        }
        .map_err(|wrong| wrong.at(&node.origin))
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        match self.0.as_slice() {
            [one] => one.shown(),
            several => several.to_vec().shown(),
        }
    }
}

impl TextValue for ListenAddress {
    const FORM: &'static str =
        "an address and port such as \"127.0.0.1:5000\" or \"https://0.0.0.0:5443\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let plain = text.strip_prefix("http://").unwrap_or(text);
        let secure = text.strip_prefix("https://");
        let scheme = secure.map_or("", |_| "https://");
        let bare = secure.unwrap_or(plain);
        let socket = bare.parse().map_err(|_| {
            let wrong = Wrong::new(format!("is {text:?}, wanted {}", Self::FORM));
            let port = bare.rsplit(':').next().unwrap_or_default();
            let port = port.parse::<u16>().ok();
            match (bare.split_once(':'), port) {
                _ if bare.parse::<Ipv6Addr>().is_ok() => {
                    wrong.hint(format!("write \"{scheme}[{bare}]:5000\""))
                }
                (Some(("", _)) | None, Some(port)) => wrong.hint(format!(
                    "write \"{scheme}127.0.0.1:{port}\" for this machine, \"{scheme}0.0.0.0:{port}\" for every address"
                )),
                (Some(("localhost", _)), Some(port)) => wrong.hint(format!(
                    "names are not looked up: write \"{scheme}127.0.0.1:{port}\""
                )),
                _ => wrong,
            }
        })?;
        Ok(Self {
            socket,
            is_tls: secure.is_some(),
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl ListItem for ListenAddress {
    const WANTED_LIST: &'static str = "a list of addresses such as [\"127.0.0.1:5000\"]";
}

// === IpNet ===

impl TextValue for IpNet {
    const FORM: &'static str = "a network such as \"10.0.0.0/8\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::new(format!("holds {text:?}, wanted {}", Self::FORM));
        match text.parse::<Self>() {
            Ok(net) if net.addr() == net.network() => Ok(canonical(net)),
            // Taken as it is, it would mean more addresses than it says.
            Ok(net) => Err(wrong().hint(format!(
                "write \"{}\" for the network or \"{}/{}\" for the one address",
                net.trunc(),
                net.addr(),
                net.max_prefix_len()
            ))),
            Err(_) => Err(match text.parse::<std::net::IpAddr>() {
                Ok(address) => wrong().hint(format!("write \"{}\"", Self::from(address))),
                Err(_) => wrong(),
            }),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// Bits of an IPv4-mapped IPv6 address before the IPv4 address (RFC 4291, section 2.5.5.2).
const MAPPED_PREFIX_BITS: u8 = 96;

/// `::ffff:192.0.2.0/120` as `192.0.2.0/24`: clients are judged by their IPv4 addresses, which no mapped network holds.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(mapped) = net else {
        return net;
    };
    let bits = mapped.prefix_len().checked_sub(MAPPED_PREFIX_BITS);
    let (Some(address), Some(bits)) = (mapped.addr().to_ipv4_mapped(), bits) else {
        return net;
    };
    Ipv4Net::new(address, bits).map_or(net, IpNet::V4)
}

impl ListItem for IpNet {
    const WANTED_LIST: &'static str = "a list of networks such as [\"10.0.0.0/8\"]";
}

// === impl HostPort ===

impl HostPort {
    /// The part before the port.
    pub(crate) fn host(&self) -> &str {
        let (host, _) = split_port(&self.0);
        host
    }

    /// Whether it is an IPv6 address.
    pub(crate) fn is_ipv6(&self) -> bool {
        self.0.starts_with('[')
    }
}

impl TextValue for HostPort {
    const FORM: &'static str = "a host such as \"ghcr.io\" or \"registry.internal:5000\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("holds {text:?}, which {why}"));
        if text.contains('/') {
            return Err(wrong("is not a host alone").hint("write no scheme and no path"));
        }
        if !text.is_ascii() {
            return Err(wrong(
                "has letters outside ASCII: it only looks like another host",
            ));
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let lower = text.to_ascii_lowercase();
            return Err(wrong("is not lower case").hint(format!("write \"{lower}\"")));
        }
        let (host, port) = split_port(text);
        if port.is_some_and(|port| !is_port(port)) {
            return Err(wrong("has a port that is not a number from 1 to 65535"));
        }
        if text.starts_with('[') {
            return if is_ipv6(host) {
                Ok(Self(text.to_owned()))
            } else {
                Err(wrong("is no IPv6 address in its short form"))
            };
        }
        if host.starts_with('.') || host.ends_with('.') {
            let bare = text.replacen(host, host.trim_matches('.'), 1);
            return Err(wrong("begins or ends with a dot").hint(format!("write \"{bare}\"")));
        }
        if host.len() > MAX_HOST_BYTES || !host.split('.').all(is_label) {
            return Err(wrong("is not a host"));
        }
        // Punycode is ASCII that stands for other letters, made to look like another name.
        if host.split('.').any(|label| label.starts_with("xn--")) {
            return Err(wrong("is an internationalized name"));
        }
        Ok(Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl ListItem for HostPort {
    const WANTED_LIST: &'static str = "a list of hosts such as [\"auth.example.com\"]";
}

/// The host and the port after it. The colons of an IPv6 address stand in brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let after_address = text.rfind(']').map_or(0, |bracket| bracket + 1);
    match text[after_address..].find(':') {
        Some(colon) => {
            let (host, port) = text.split_at(after_address + colon);
            (host, Some(&port[1..]))
        }
        None => (text, None),
    }
}

/// Whether it is an address in brackets, written in the one canonical way (RFC 5952).
fn is_ipv6(host: &str) -> bool {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| {
        let address = inner.parse::<Ipv6Addr>();
        address.is_ok_and(|address| address.to_string() == inner)
    })
}

fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_port(port: &str) -> bool {
    // No leading zero or sign: one port, one text.
    port.parse::<u16>()
        .is_ok_and(|number| number > 0 && number.to_string() == port)
}

// === URLs ===

impl TextValue for Url {
    const FORM: &'static str = "an address such as \"https://registry.example.com\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        // The text itself is not repeated: it may hold a password.
        let wrong = |why: &str| Wrong::new(format!("{why}, wanted {}", Self::FORM));
        let url = Self::parse(text).map_err(|_| {
            wrong("is not a URL").hint("write it with its scheme, https:// or http://")
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("is neither https:// nor http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a user or password")
                .hint("write them as `username` and `password_file`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or fragment"));
        }
        if url.path() != "/" {
            return Err(wrong("has a path").hint("write the scheme, the host and its port only"));
        }
        if url.host_str().is_none_or(|host| host.ends_with('.')) {
            return Err(wrong("has no host, or one that ends with a dot"));
        }
        Ok(url)
    }

    fn text(&self) -> String {
        self.as_str().trim_end_matches('/').to_owned()
    }
}

impl TextValue for ProxyChoice {
    const FORM: &'static str =
        "a proxy such as \"http://proxy.internal:3128\", \"none\" or \"environment\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "none" => Ok(Self::Direct),
            "environment" => Ok(Self::Environment),
            text => crate::ProxyUrl::parse(text)
                .map(Self::Through)
                .map_err(|why| Wrong::new(format!("{why}, wanted {}", Self::FORM))),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Direct => "none".to_owned(),
            Self::Environment => "environment".to_owned(),
            Self::Through(url) => url.to_string(),
        }
    }
}
