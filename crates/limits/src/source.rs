//! Whom a registry charged: the value of `docker-ratelimit-source`.
//!
//! It tells which budget an answer speaks of; a client that believes itself logged in and reads an address here is not.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::printable::printable;

/// The longest [`Source::Other`], in bytes.
const MAX_OTHER_BYTES: usize = 64;

/// The one whom the registry charges for this request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// An address of ours as the registry sees it.
    Address(IpAddr),
    /// An IPv6 /64, its host bits zero: Docker Hub keys IPv6 on it.
    Prefix64(Ipv6Addr),
    /// An account, by its UUID in lower case.
    Account(String),
    /// Something that no registry is known to send, made printable and cut to 64 bytes.
    Other(String),
}

impl Source {
    /// Reads the header's value; `None` if it is empty.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        if let Some(source) = parse_address(value) {
            return Some(source);
        }
        if is_uuid(value) {
            return Some(Self::Account(value.to_ascii_lowercase()));
        }
        let other = printable(value, MAX_OTHER_BYTES);
        (!other.is_empty()).then_some(Self::Other(other))
    }

    /// Whether the request was charged to an address: it was anonymous, whatever credentials we hold.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Prefix64(_))
    }

    /// The address, or the /64 with its host bits zero; `None` if this is no address.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Prefix64(prefix) => Some(IpAddr::V6(*prefix)),
            Self::Account(_) | Self::Other(_) => None,
        }
    }
}

/// What the registry sent, except that a /64 is marked as one: it reads back as the same source.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Prefix64(prefix) => write!(f, "{prefix}/64"),
            Self::Account(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

fn parse_address(value: &str) -> Option<Source> {
    let (text, is_prefix) = match value.strip_suffix("/64") {
        Some(text) => (text, true),
        None => (value, false),
    };
    match text.parse().ok()? {
        // An address that ends in 64 zero bits is no host's own: the registry means the prefix.
        IpAddr::V6(address) if is_prefix || is_host_zero(address) => {
            Some(Source::Prefix64(network_of(address)))
        }
        address if !is_prefix => Some(Source::Address(address)),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

fn is_host_zero(address: Ipv6Addr) -> bool {
    address == network_of(address)
}

fn network_of(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))
}

fn is_uuid(value: &str) -> bool {
    let groups = [8, 4, 4, 4, 12];
    let mut parts = value.split('-');
    groups.iter().all(|&length| {
        parts
            .next()
            .is_some_and(|part| part.len() == length && is_hex(part))
    }) && parts.next().is_none()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_a_prefix_an_account_and_junk_are_told_apart() {
        let table = [
            ("192.0.2.1", Some(Source::Address([192, 0, 2, 1].into()))),
            (" 192.0.2.1 ", Some(Source::Address([192, 0, 2, 1].into()))),
            (
                "2600:3c00::",
                Some(Source::Prefix64("2600:3c00::".parse().unwrap())),
            ),
            (
                "2001:41d0:801:2000::/64",
                Some(Source::Prefix64("2001:41d0:801:2000::".parse().unwrap())),
            ),
            (
                "2001:db8::7",
                Some(Source::Address("2001:db8::7".parse().unwrap())),
            ),
            (
                "6F0A1B2C-0000-4abc-8def-0123456789ab",
                Some(Source::Account(
                    "6f0a1b2c-0000-4abc-8def-0123456789ab".into(),
                )),
            ),
            (
                "192.0.2.1/64",
                Some(Source::Other("192.0.2.1/64".to_owned())),
            ),
            ("a\u{1b}[31mb\r\nc", Some(Source::Other("ab c".to_owned()))),
            ("", None),
            (" \t", None),
            ("\u{7}", None),
        ];
        for (value, expected) in table {
            assert_eq!(Source::parse(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_source_reads_back_as_itself() {
        for value in ["192.0.2.1", "2600:3c00::", "2001:db8::7", "x y"] {
            let source = Source::parse(value).unwrap();
            assert_eq!(Source::parse(&source.to_string()), Some(source));
        }
    }

    #[test]
    fn an_endless_value_is_cut() {
        let source = Source::parse(&"x".repeat(10_000)).unwrap();
        assert!(source.to_string().len() <= MAX_OTHER_BYTES);
    }
}
