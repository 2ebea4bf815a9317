//! Who has heard a limit that does not say whom it counts: a login, or our address.
//!
//! Pure: times are arguments. If it is the address, all who ask there hear it, and nobody is answered.

use std::net::IpAddr;
use std::time::Duration;

use crate::gate::Part;
use crate::login::Fingerprint;

/// The first who has heard one lately, at each part of a registry.
#[derive(Debug, Default)]
pub(super) struct Hearers {
    of: [Option<Heard>; Part::COUNT],
}

/// Whose question met with a limit.
#[derive(Clone, Debug)]
pub(crate) struct Hearer {
    /// The login; `None` for us.
    pub(crate) login: Option<Fingerprint>,
    /// The address that it comes from, as all of one client's count; `None` for us.
    pub(crate) client: Option<IpAddr>,
}

#[derive(Debug)]
struct Heard {
    by: Hearer,
    until: Duration,
}

impl Hearer {
    /// We, with whatever login.
    pub(crate) const OURSELVES: Self = Self {
        login: None,
        client: None,
    };
}

impl Hearers {
    /// This one has heard a limit that lasts `wait` from `now`. True if another has whose limit lasts still: with another login, and
    /// at another address, for one client may have two logins that are limited.
    pub(super) fn hear(
        &mut self,
        part: Part,
        by: Hearer,
        (now, wait): (Duration, Duration),
    ) -> bool {
        let slot = &mut self.of[part as usize];
        slot.take_if(|heard| heard.until <= now);
        let Some(heard) = slot else {
            let until = now + wait;
            *slot = Some(Heard { by, until });
            return false;
        };
        heard.by.login != by.login && heard.by.client != by.client
    }

    /// This one was answered, so that it is not our address that is limited, if another has heard that.
    pub(super) fn note_answered(&mut self, part: Part, by: &Hearer) {
        self.of[part as usize].take_if(|heard| heard.by.login != by.login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hearer(name: &str, host: u8) -> Hearer {
        Hearer {
            login: Some(Fingerprint::of(name, "")),
            client: Some([192, 0, 2, host].into()),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_limit_is_the_addresss_when_two_have_heard_it_who_are_not_one_client() {
        let us = Hearer::OURSELVES;
        let times = (seconds(1), seconds(10));
        for (first, second, is_ours) in [
            (hearer("alice", 1), hearer("bob", 2), true),
            (hearer("alice", 1), hearer("alice", 2), false),
            (hearer("alice", 1), hearer("bob", 1), false),
            (us.clone(), hearer("alice", 1), true),
            (us.clone(), us, false),
        ] {
            let mut hearers = Hearers::default();
            assert!(!hearers.hear(Part::Registry, first, times));
            let said = format!("{second:?}");
            assert!(!hearers.hear(Part::Token, second.clone(), times), "{said}");
            let heard = hearers.hear(Part::Registry, second, times);
            assert_eq!(heard, is_ours, "{said}");
        }
    }

    #[test]
    fn a_limit_is_not_the_addresss_when_it_is_over_or_when_another_was_answered_since() {
        let mut hearers = Hearers::default();
        let [alice, bob] = [hearer("alice", 1), hearer("bob", 2)];
        let hear = |hearers: &mut Hearers, by: &Hearer, at| {
            hearers.hear(Part::Registry, by.clone(), (seconds(at), seconds(10)))
        };
        assert!(!hear(&mut hearers, &alice, 0));
        assert!(!hear(&mut hearers, &bob, 10), "alice's is over");
        assert!(hear(&mut hearers, &alice, 19), "bob's lasts still");
        hearers.note_answered(Part::Registry, &bob);
        assert!(hear(&mut hearers, &alice, 19), "his own says nothing");
        hearers.note_answered(Part::Token, &alice);
        assert!(hear(&mut hearers, &alice, 19), "nor another part's");
        hearers.note_answered(Part::Registry, &alice);
        assert!(!hear(&mut hearers, &alice, 19));
    }
}
