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

/// Which clients a limit is for. What a client says of itself is a claim, its program and, where nobody looks at passwords, its name: who
/// says nothing, or another, is not limited by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitedClients {
    /// Those of a network.
    Network(IpNet),
    /// Those that are let in by this name: a user's, that of a robot's token, or of a workload's rule; at the host of an upstream that
    /// says itself who may pull, those whose login it has taken. Where nobody looks at passwords, those that show one under it.
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
    /// Counts a request of `client` under the one of `limits` that is for it. Where it was counted before it was known whose it is, as of
    /// `before`, and another limit was for that, it is given back there.
    ///
    /// # Errors
    /// It has asked too often: how long it is to wait.
    pub(crate) fn count(
        &self,
        (before, client): (Option<&Client>, &Client),
        limits: &[ClientLimit],
        now: Duration,
    ) -> Result<(), Duration> {
        let place = find_limit(client, limits);
        let mut debts = lock(&self.debts);
        if let Some(before) = before {
            let counted = find_limit(before, limits);
            if counted == place {
                return Ok(());
            }
            if let Some(place) = counted {
                debts.give_back(&Payer::of(before, place), limits[place].rate(), 1);
            }
        }
        place.map_or(Ok(()), |place| {
            debts.count(Payer::of(client, place), limits[place].rate(), now)
        })
    }
}

impl Payer {
    fn of(client: &Client, limit: usize) -> Self {
        Self {
            address: client.network(),
            limit,
        }
    }
}

/// The place of the first of `limits` that is for `client`.
fn find_limit(client: &Client, limits: &[ClientLimit]) -> Option<usize> {
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
            assert_eq!(used.count((None, &busy), &limits, seconds(100)), Ok(()));
        }
        for _ in 0..1_000 {
            assert_eq!(
                used.count((None, &busy), &limits, seconds(100)),
                Err(seconds(1))
            );
        }
        assert_eq!(used.count((None, &other), &limits, seconds(100)), Ok(()));
        assert_eq!(used.count((None, &busy), &limits, seconds(101)), Ok(()));
        assert_eq!(
            used.count((None, &busy), &limits, seconds(101)),
            Err(seconds(1))
        );
        let outside = client("11.1.1.1", None, "");
        for _ in 0..1_000 {
            assert_eq!(used.count((None, &outside), &limits, seconds(100)), Ok(()));
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
                .filter(|_| used.count((None, &who), &limits, seconds(1)).is_ok())
                .count();
            assert_eq!(let_through, expected, "{who:?}");
        }
    }

    #[test]
    fn what_was_counted_before_it_was_known_whose_it_is_is_given_back() {
        let limits = [
            limit(LimitedClients::User("ci".into()), 60, 3),
            limit(network("10.0.0.0/8"), 60, 1),
        ];
        let used = Used::default();
        let now = seconds(1);
        let (stranger, ci) = (
            client("10.1.1.1", None, ""),
            client("10.1.1.1", Some("ci"), ""),
        );
        for _ in 0..3 {
            assert_eq!(used.count((None, &stranger), &limits, now), Ok(()));
            assert_eq!(used.count((Some(&stranger), &ci), &limits, now), Ok(()));
        }
        assert_eq!(used.count((None, &stranger), &limits, now), Ok(()));
        let counted = used.count((Some(&stranger), &ci), &limits, now);
        assert_eq!(counted, Err(seconds(1)));
        // Who turns out to be nobody else has been counted, and is so once.
        assert_eq!(used.count((None, &stranger), &limits, now), Ok(()));
        let other = client("10.1.1.1", Some("di"), "");
        assert_eq!(used.count((Some(&stranger), &other), &limits, now), Ok(()));
        let counted = used.count((None, &stranger), &limits, now);
        assert_eq!(counted, Err(seconds(1)));
    }

    #[test]
    fn a_limit_that_was_changed_holds_at_once() {
        let (used, who) = (Used::default(), client("10.1.1.1", None, ""));
        let slow = [limit(network("10.0.0.0/8"), 1, 1)];
        assert_eq!(used.count((None, &who), &slow, seconds(1)), Ok(()));
        assert_eq!(
            used.count((None, &who), &slow, seconds(1)),
            Err(seconds(60))
        );
        let fast = [limit(network("10.0.0.0/8"), 600, 1)];
        let wait = used.count((None, &who), &fast, seconds(1)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(used.count((None, &who), &fast, seconds(1) + wait), Ok(()));
    }

    #[test]
    fn a_client_of_ipv6_is_its_network_of_64_bits() {
        let limits = [limit(network("2001:db8::/32"), 60, 5)];
        let used = Used::default();
        let host = |n: u32| client(&format!("2001:db8:1:1::{n:x}"), None, "");
        let let_through =
            (1..1_000).filter(|&n| used.count((None, &host(n)), &limits, seconds(1)).is_ok());
        assert_eq!(let_through.count(), 5);
        let other = client("2001:db8:1:2::1", None, "");
        assert_eq!(used.count((None, &other), &limits, seconds(1)), Ok(()));
    }

    #[test]
    fn an_address_of_ipv4_is_the_same_client_however_it_is_written() {
        let limits = [limit(LimitedClients::Agent("curl".into()), 60, 1)];
        let used = Used::default();
        let plain = client("10.1.1.1", None, "curl");
        assert_eq!(used.count((None, &plain), &limits, seconds(1)), Ok(()));
        let mapped = client("::ffff:10.1.1.1", None, "curl");
        assert!(used.count((None, &mapped), &limits, seconds(1)).is_err());
    }
}
