//! Opens TCP connections to addresses that the policy allows.
//!
//! The address that is dialled is the one that was checked: nothing resolves the name a second time in between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::policy::ClientPolicy;
use super::reach::AddressPolicy;
use super::resolve::Resolver;
use crate::error::{SendError, Stage};

/// Addresses of one name that are tried; each gets its share of the time that is left.
const ADDRESSES_TRIED: usize = 4;

/// Where to connect to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// As the URL has it, IPv6 in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) secure: bool,
}

impl Target {
    /// What an absolute URI leads to.
    pub(super) fn of(uri: &Uri) -> Result<Self, SendError> {
        let host = uri.host().unwrap_or_default().to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                let why = "its scheme is neither http nor https";
                return Err(SendError::Unsendable { host, why });
            }
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { host, port, secure })
    }

    fn find_literal(&self) -> Option<IpAddr> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare.parse().ok()
    }
}

/// Dials within an address policy.
pub(super) struct Dialer {
    addresses: AddressPolicy,
    resolver: Resolver,
    limit: Duration,
}

impl Dialer {
    pub(super) fn new(policy: &ClientPolicy) -> Self {
        Self {
            addresses: policy.addresses.clone(),
            resolver: policy.resolver.clone(),
            limit: policy.timeouts.connect,
        }
    }

    /// Connects to an allowed address of `target`.
    pub(super) async fn dial(&self, target: &Target) -> Result<(TcpStream, SocketAddr), SendError> {
        let found = self.resolve(target).await?;
        let allowed: Vec<IpAddr> = found
            .iter()
            .copied()
            .filter(|ip| self.allows(target, *ip))
            .collect();
        match (allowed.is_empty(), found.first()) {
            (true, Some(first)) => Err(refused(target, *first)),
            _ => self.try_in_turn(target, &allowed).await,
        }
    }

    /// Connects to `target` whatever its address is: the operator chose it.
    pub(super) async fn dial_unchecked(
        &self,
        target: &Target,
    ) -> Result<(TcpStream, SocketAddr), SendError> {
        let found = self.resolve(target).await?;
        self.try_in_turn(target, &found).await
    }

    /// Fails where `target` is a literal address that may not be dialled.
    pub(super) fn check_literal(&self, target: &Target) -> Result<(), SendError> {
        match target.find_literal() {
            Some(literal) if !self.allows(target, literal) => Err(refused(target, literal)),
            _ => Ok(()),
        }
    }

    fn allows(&self, target: &Target, address: IpAddr) -> bool {
        self.addresses.allows(&target.host, target.port, address)
    }

    async fn resolve(&self, target: &Target) -> Result<Arc<[IpAddr]>, SendError> {
        if let Some(literal) = target.find_literal() {
            return Ok(Arc::from([literal]));
        }
        let host = target.host.clone();
        self.resolver
            .addresses(&target.host)
            .await
            .map_err(|source| {
                if source.kind() == io::ErrorKind::TimedOut {
                    let stage = Stage::Resolve;
                    SendError::TimedOut { host, stage }
                } else {
                    SendError::Resolve { host, source }
                }
            })
    }

    async fn try_in_turn(
        &self,
        target: &Target,
        addresses: &[IpAddr],
    ) -> Result<(TcpStream, SocketAddr), SendError> {
        let deadline = Instant::now() + self.limit;
        let candidates = alternate_families(addresses);
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for (tried, ip) in candidates.iter().enumerate() {
            let left = u32::try_from(candidates.len() - tried).unwrap_or(1);
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            let remote = SocketAddr::new(*ip, target.port);
            match timeout(share, connect(remote)).await {
                Ok(Ok(stream)) => return Ok((stream, remote)),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        let host = target.host.clone();
        if last.kind() == io::ErrorKind::TimedOut {
            let stage = Stage::Connect;
            return Err(SendError::TimedOut { host, stage });
        }
        Err(SendError::Connect {
            host,
            port: target.port,
            source: Arc::new(last),
        })
    }
}

async fn connect(remote: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(remote).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn refused(target: &Target, address: IpAddr) -> SendError {
    SendError::Refused {
        host: target.host.clone(),
        port: target.port,
        address,
    }
}

/// The first few addresses, the families by turns: a family without a route then costs one share, not all of them.
fn alternate_families(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let leads_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut lead, mut follow): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .rev()
        .copied()
        .partition(|ip| ip.is_ipv6() == leads_v6);
    let mut ordered = Vec::new();
    while ordered.len() < ADDRESSES_TRIED && !(lead.is_empty() && follow.is_empty()) {
        ordered.extend(lead.pop());
        ordered.extend(follow.pop());
    }
    ordered.truncate(ADDRESSES_TRIED);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_first_stays_first() {
        let table = [
            ("::1 ::2 1.1.1.1 2.2.2.2 ::3", "::1 1.1.1.1 ::2 2.2.2.2"),
            ("1.1.1.1 ::1", "1.1.1.1 ::1"),
            (
                "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4 5.5.5.5",
                "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4",
            ),
            ("", ""),
        ];
        let parse = |text: &str| -> Vec<IpAddr> {
            text.split_whitespace()
                .map(|ip| ip.parse().unwrap())
                .collect()
        };
        for (given, expected) in table {
            assert_eq!(
                alternate_families(&parse(given)),
                parse(expected),
                "{given}"
            );
        }
    }
}
