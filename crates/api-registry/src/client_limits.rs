//! How often one client may ask: the operator's limits, and what each client has used of them.
//!
//! The rules are pure.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use forebay_content::{Client, lock};
use forebay_limits::{Debts, Rate};
use ipnet::IpNet;

/// A limit for each client of some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimit {
    /// Whose.
    pub of: LimitedClients,
    /// How often each of them may ask in the long run, in requests a minute.
    pub per_minute: NonZeroU32,
    /// How many requests may come at once after a time of quiet.
    pub burst: NonZeroU32,
}

/// Which clients a limit is for. What a client says of itself is a claim, its program and, where no access is configured, its name: who
/// says nothing, or another, is not limited by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitedClients {
    /// Those of a network.
    Network(IpNet),
    /// Those that are let in by this name: a user's, that of a robot's token, or of a workload's rule. Where no access is configured,
    /// those that show a password under it.
    User(String),
    /// Those whose program is of this family, such as `containerd`.
    Agent(String),
}

/// What clients have used of their limits. Outlives the configuration that the limits are of.
#[derive(Debug, Default)]
pub(crate) struct Used {
    debts: Mutex<Debts<Payer>>,
}

/// One client under one limit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Payer {
    /// What all its addresses count as: nobody gets a new account with each address of a network that is its own.
    address: Option<IpAddr>,
    /// Which of the limits, by its place.
    limit: usize,
}

impl LimitedClients {
    fn hold(&self, client: &Client) -> bool {
        match self {
            Self::Network(network) => client
                .address
                .is_some_and(|address| network.contains(&address)),
            Self::User(user) => client.user.as_deref() == Some(user),
            Self::Agent(agent) => *client.agent == **agent,
        }
    }
}

impl ClientLimit {
    const fn rate(&self) -> Rate {
        Rate {
            per_minute: self.per_minute,
            burst: self.burst,
        }
    }
}

impl Used {
    /// Counts a request of `client` under the one of `limits` that is for it.
    ///
    /// # Errors
    /// It has asked too often: how long it is to wait.
    pub(crate) fn count(
        &self,
        client: &Client,
        limits: &[ClientLimit],
        now: Duration,
    ) -> Result<(), Duration> {
        let Some(place) = find_limit(client, limits) else {
            return Ok(());
        };
        let limit = &limits[place];
        let payer = Payer {
            address: client.network(),
            limit: place,
        };
        let mut debts = lock(&self.debts);
        debts.count(payer, limit.rate(), now)
    }
}

/// The place of the first of `limits` that is for `client`.
pub(crate) fn find_limit(client: &Client, limits: &[ClientLimit]) -> Option<usize> {
    limits.iter().position(|limit| limit.of.hold(client))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(of: LimitedClients, per_minute: u32, burst: u32) -> ClientLimit {
        ClientLimit {
            of,
            per_minute: NonZeroU32::new(per_minute).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    fn network(text: &str) -> LimitedClients {
        LimitedClients::Network(text.parse().unwrap())
    }

    fn client(address: &str, user: Option<&str>, agent: &str) -> Client {
        Client {
            address: Some(address.parse().unwrap()),
            user: user.map(Into::into),
            agent: agent.into(),
            workload: None,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_client_over_its_limit_waits_and_others_do_not() {
        let limits = [limit(network("10.0.0.0/8"), 60, 5)];
        let used = Used::default();
        let (busy, other) = (client("10.1.1.1", None, ""), client("10.1.1.2", None, ""));
        for _ in 0..5 {
            assert_eq!(used.count(&busy, &limits, seconds(100)), Ok(()));
        }
        for _ in 0..1_000 {
            assert_eq!(used.count(&busy, &limits, seconds(100)), Err(seconds(1)));
        }
        assert_eq!(used.count(&other, &limits, seconds(100)), Ok(()));
        assert_eq!(used.count(&busy, &limits, seconds(101)), Ok(()));
        assert_eq!(used.count(&busy, &limits, seconds(101)), Err(seconds(1)));
        let outside = client("11.1.1.1", None, "");
        for _ in 0..1_000 {
            assert_eq!(used.count(&outside, &limits, seconds(100)), Ok(()));
        }
    }

    #[test]
    fn the_first_limit_that_is_for_a_client_holds() {
        let limits = [
            limit(LimitedClients::User("ci".into()), 60, 3),
            limit(LimitedClients::Agent("curl".into()), 60, 2),
            limit(network("10.0.0.0/8"), 60, 1),
        ];
        for (who, expected) in [
            (client("10.1.1.1", Some("ci"), "curl"), 3),
            (client("10.1.1.1", Some("di"), "curl"), 2),
            (client("10.1.1.1", None, "docker"), 1),
        ] {
            let used = Used::default();
            let let_through = (0..10)
                .filter(|_| used.count(&who, &limits, seconds(1)).is_ok())
                .count();
            assert_eq!(let_through, expected, "{who:?}");
        }
    }

    #[test]
    fn a_limit_that_was_changed_holds_at_once() {
        let (used, who) = (Used::default(), client("10.1.1.1", None, ""));
        let slow = [limit(network("10.0.0.0/8"), 1, 1)];
        assert_eq!(used.count(&who, &slow, seconds(1)), Ok(()));
        assert_eq!(used.count(&who, &slow, seconds(1)), Err(seconds(60)));
        let fast = [limit(network("10.0.0.0/8"), 600, 1)];
        let wait = used.count(&who, &fast, seconds(1)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(used.count(&who, &fast, seconds(1) + wait), Ok(()));
    }

    #[test]
    fn a_client_of_ipv6_is_its_network_of_64_bits() {
        let limits = [limit(network("2001:db8::/32"), 60, 5)];
        let used = Used::default();
        let host = |n: u32| client(&format!("2001:db8:1:1::{n:x}"), None, "");
        let let_through = (1..1_000).filter(|&n| used.count(&host(n), &limits, seconds(1)).is_ok());
        assert_eq!(let_through.count(), 5);
        let other = client("2001:db8:1:2::1", None, "");
        assert_eq!(used.count(&other, &limits, seconds(1)), Ok(()));
    }

    #[test]
    fn an_address_of_ipv4_is_the_same_client_however_it_is_written() {
        let limits = [limit(LimitedClients::Agent("curl".into()), 60, 1)];
        let used = Used::default();
        let plain = client("10.1.1.1", None, "curl");
        assert_eq!(used.count(&plain, &limits, seconds(1)), Ok(()));
        let mapped = client("::ffff:10.1.1.1", None, "curl");
        assert!(used.count(&mapped, &limits, seconds(1)).is_err());
    }
}
