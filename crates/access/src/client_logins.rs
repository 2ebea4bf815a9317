//! Clients' logins at an upstream: which have worked, whose turn it is to be shown, and how often those that have not may be.
//!
//! It is the upstream's, and no configuration's: what is known of logins outlives a change of that, as long as the same upstream is
//! asked.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use forebay_content::{ClientRight, Clock, SourceError, Standing, lock};
use forebay_limits::Limiter;
use moka::sync::Cache;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::addresses::Addresses;
use crate::attempts::{Attempt, Attempts, Number, Wait};
use crate::handle::{Handle, Handles};
use crate::random::{NoRandomness, Random};
use crate::turns::Turns;

/// How many logins that were never seen to work are shown at once of those from one address (of IPv6: from a /64). Of all together
/// no more are than may fail.
const MAX_UNPROVEN_OF_ONE: usize = 1;

/// So long after a login has worked it is shown as often at once as it comes. Later one shows first whether it does still: a password
/// that was changed would fail as often at once as there are questions, and lock its account.
const PROOF_FRESH: Duration = Duration::from_secs(10);

/// So long a login counts as one that works although the upstream does not say so any more, where it does not say either that it
/// is wrong.
const PROOF_GOOD: Duration = Duration::from_mins(5);

/// The most logins that are known to have been good.
const MAX_PROVEN: u64 = 10_000;

/// What is known of clients' logins at one upstream.
pub struct ClientLogins {
    pub(crate) handles: Handles,
    /// When each was seen to work last.
    proven: Cache<Handle, Duration>,
    addresses: Addresses,
    attempts: Mutex<Attempts>,
    /// An attempt is no longer under way.
    settled: Notify,
    /// By login, the shows of it.
    shows: Turns<Handle>,
    /// By address, the shows of logins that were never seen to work.
    unproven_of: Turns<IpAddr>,
}

/// A login as it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) who: Handle,
    pub(crate) name: Handle,
    /// The address that it comes from, as all of one client's count.
    pub(crate) from: Option<IpAddr>,
}

/// A turn to show a login; it ends when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

/// A login that is being shown. Dropped before it is known what came of it, it has failed: the upstream may have counted it, and
/// whoever tries passwords may leave before each answer.
pub(crate) struct Trial<'a> {
    logins: &'a ClientLogins,
    shown: Shown,
    clock: &'a dyn Clock,
    /// `None` if it has worked before, and takes nothing of what may fail.
    number: Option<Number>,
}

impl ClientLogins {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(random: &dyn Random) -> Result<Self, NoRandomness> {
        Ok(Self {
            handles: Handles::new(random)?,
            proven: Cache::new(MAX_PROVEN),
            addresses: Addresses::new(),
            attempts: Mutex::default(),
            settled: Notify::new(),
            shows: Turns::of_each(1),
            unproven_of: Turns::of_each(MAX_UNPROVEN_OF_ONE),
        })
    }

    /// What is known of a login: whether the upstream took it when it last told, and whether that was so lately that it is not doubted.
    pub(crate) fn standing(&self, who: Handle, now: Duration) -> Standing {
        match self.proven.get(&who) {
            None => Standing::Unproven,
            Some(at) if now < at + PROOF_FRESH => Standing::Fresh,
            Some(_) => Standing::Proven,
        }
    }

    /// Waits until it is this login's turn: one after the other, and where it was never seen to work, one of its address. One that has
    /// just worked waits for nobody.
    pub(crate) async fn turn(&self, shown: &Shown, clock: &dyn Clock) -> Turn {
        let standing = || self.standing(shown.who, clock.monotonic());
        if standing() == Standing::Fresh {
            return Turn::default();
        }
        let own = self.shows.take(shown.who).await;
        // After the wait, in which another may have found out that it works.
        let of_address = match (standing(), shown.from) {
            (Standing::Fresh, _) => return Turn::default(),
            (Standing::Unproven, Some(from)) => self.unproven_of.take(from).await,
            (Standing::Unproven, None) | (Standing::Proven, _) => None,
        };
        Turn {
            _permits: [own, of_address],
        }
    }

    /// Begins to show a login. One that was never seen to work waits while so many are being shown that all which may fail would have,
    /// if they did.
    ///
    /// # Errors
    /// Too many have failed: how long it has to wait.
    pub(crate) async fn begin<'a>(
        &'a self,
        shown: &Shown,
        clock: &'a dyn Clock,
    ) -> Result<Trial<'a>, Duration> {
        let trial = |number| Trial {
            logins: self,
            shown: *shown,
            clock,
            number,
        };
        loop {
            let mut settled = pin!(self.settled.notified());
            // Before the look: what is settled after it wakes us.
            settled.as_mut().enable();
            let now = clock.monotonic();
            if self.standing(shown.who, now) != Standing::Unproven {
                return Ok(trial(None));
            }
            let begun = lock(&self.attempts).begin(self.attempt(shown, now), now);
            match begun {
                Ok(number) => return Ok(trial(Some(number))),
                Err(Wait::For(wait)) => return Err(wait),
                Err(Wait::ForOthers) => settled.await,
            }
        }
    }

    /// Takes note of what came of showing a login.
    pub(crate) fn note(&self, mut trial: Trial<'_>, answer: &Result<ClientRight, SourceError>) {
        let (shown, now) = (trial.shown, trial.clock.monotonic());
        match answer {
            Ok(
                ClientRight::Given {
                    is_login_proven: true,
                }
                | ClientRight::Refused {
                    is_login_proven: true,
                },
            ) => {
                self.proven.insert(shown.who, now);
                if let Some(from) = shown.from {
                    self.addresses.note_worked(from, now);
                }
            }
            Ok(ClientRight::WrongLogin) => self.proven.invalidate(&shown.who),
            Ok(ClientRight::Refused { .. }) => {
                let proven = self.proven.get(&shown.who);
                if proven.is_some_and(|at| at + PROOF_GOOD <= now) {
                    self.proven.invalidate(&shown.who);
                }
            }
            _ => {}
        }
        let has_failed = self.may_have_failed(&shown, answer, now);
        let number = trial.number.take();
        self.settle(&shown, (number, has_failed), now);
    }

    /// True if the upstream may have counted it as a failed login.
    fn may_have_failed(
        &self,
        shown: &Shown,
        answer: &Result<ClientRight, SourceError>,
        now: Duration,
    ) -> bool {
        match answer {
            Ok(ClientRight::Refused { is_login_proven }) => {
                !is_login_proven && self.standing(shown.who, now) == Standing::Unproven
            }
            Ok(right) => *right == ClientRight::WrongLogin,
            Err(SourceError::Limited { limited, .. }) => limited.limiter == Limiter::LoginLockout,
            Err(_) => false,
        }
    }

    fn settle(&self, shown: &Shown, (number, has_failed): (Option<Number>, bool), now: Duration) {
        if let Some(from) = shown.from.filter(|_| has_failed) {
            self.addresses.note_failed(from, now);
        }
        let mut attempts = lock(&self.attempts);
        match number {
            Some(number) => attempts.settle(number, has_failed, now),
            None if has_failed => attempts.note_failed(shown.name, now),
            None => return,
        }
        drop(attempts);
        self.settled.notify_waiters();
    }

    fn attempt(&self, shown: &Shown, now: Duration) -> Attempt {
        Attempt {
            name: shown.name,
            address: self.addresses.find(shown.from, now),
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if self.number.is_some() {
            let now = self.clock.monotonic();
            self.logins.settle(&self.shown, (self.number, true), now);
        }
    }
}

impl std::fmt::Debug for ClientLogins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientLogins").finish_non_exhaustive()
    }
}
