//! Clients' logins at an upstream: which have worked, whose turn it is to be shown, and how often those that have not may be.
//!
//! It is the upstream's, and no configuration's: what is known of logins outlives a change of that, as long as the same upstream is
//! asked.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_content::{ClientRight, Clock, SourceError};
use forebay_limits::{Debts, Limiter, Rate};
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::attempts::{Attempt, Attempts};
use crate::handle::{Handle, Handles};
use crate::lock::lock;
use crate::random::{NoRandomness, Random};
use crate::turns::Turns;

/// How many logins that were never seen to work are shown at once: what comes of these counts before the next.
const MAX_UNPROVEN: usize = 4;

/// Of these, those from one address (of IPv6: from a /64).
const MAX_UNPROVEN_OF_ONE: usize = 1;

/// So long after a login has worked it is shown as often at once as it comes. Later one shows first whether it does still: a password
/// that was changed would fail as often at once as there are questions, and lock its account.
const PROOF_FRESH: Duration = Duration::from_secs(10);

/// So long a login counts as one that works although the upstream does not say so any more, where it does not say either that it
/// is wrong.
const PROOF_GOOD: Duration = Duration::from_mins(5);

/// So long an address counts as one at which a login works.
const KNOWN_FOR: Duration = Duration::from_hours(24);

/// The most logins that are known to have been good, and the most addresses at which one was.
const MAX_PROVEN: u64 = 10_000;

/// One address (of IPv6: a /64) has one in so many of the questions that are asked for strangers.
const ADDRESS_PART: u32 = 4;

/// What is known of clients' logins at one upstream.
pub struct ClientLogins {
    pub(crate) handles: Handles,
    /// When each was seen to work last.
    proven: Cache<Handle, Duration>,
    /// Addresses at which one has worked, and when.
    known: Cache<IpAddr, Duration>,
    attempts: Mutex<Attempts>,
    /// By login, the shows of it.
    shows: Turns<Handle>,
    /// By address, the shows of logins that were never seen to work.
    unproven_of: Turns<IpAddr>,
    unproven: Arc<Semaphore>,
    /// What strangers have asked.
    asked: Mutex<Debts<Asker>>,
}

/// A login as it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) who: Handle,
    pub(crate) name: Handle,
    /// The address that it comes from, as all of one client's count.
    pub(crate) from: Option<IpAddr>,
}

/// Who shows no login, or one that was never seen to work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stranger {
    /// The address, as all of one client's count.
    pub(crate) from: Option<IpAddr>,
    /// Whether no login is shown.
    pub(crate) is_nobody: bool,
}

/// Whose questions are counted together. Those who show a login wait for none who does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asker {
    One { from: IpAddr, is_nobody: bool },
    All { is_nobody: bool },
}

/// A turn to show a login; it ends when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    _permits: [Option<OwnedSemaphorePermit>; 3],
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
            known: Cache::new(MAX_PROVEN),
            attempts: Mutex::default(),
            shows: Turns::of_each(1),
            unproven_of: Turns::of_each(MAX_UNPROVEN_OF_ONE),
            unproven: Arc::new(Semaphore::new(MAX_UNPROVEN)),
            asked: Mutex::default(),
        })
    }

    /// True if the upstream took the login when it last told.
    pub(crate) fn is_proven(&self, who: Handle) -> bool {
        self.proven.contains_key(&who)
    }

    /// True if the login was seen to work so lately that it is not doubted.
    pub(crate) fn has_just_worked(&self, who: Handle, clock: &dyn Clock) -> bool {
        let worked = self.proven.get(&who);
        worked.is_some_and(|at| clock.monotonic() < at + PROOF_FRESH)
    }

    /// Waits until it is this login's turn: one after the other, and where it was never seen to work, few of one address and of all.
    /// One that has just worked waits for nobody.
    pub(crate) async fn turn(&self, shown: &Shown, clock: &dyn Clock) -> Turn {
        if self.has_just_worked(shown.who, clock) {
            return Turn::default();
        }
        let own = self.shows.take(shown.who).await;
        // After the wait, in which another may have found out that it works.
        if self.has_just_worked(shown.who, clock) {
            return Turn::default();
        }
        if self.is_proven(shown.who) {
            return Turn {
                _permits: [own, None, None],
            };
        }
        let of_address = match shown.from {
            Some(from) => self.unproven_of.take(from).await,
            None => None,
        };
        let place = Arc::clone(&self.unproven).acquire_owned().await.ok();
        Turn {
            _permits: [own, of_address, place],
        }
    }

    /// How long a login has to wait that was never seen to work, because too many have failed; `None` if it may be shown.
    pub(crate) fn wait_for(&self, shown: &Shown, now: Duration) -> Option<Duration> {
        if self.is_proven(shown.who) {
            return None;
        }
        lock(&self.attempts).wait_for(&self.attempt(shown, now), now)
    }

    /// Counts a question of a stranger's; `all` is how often it is asked for all of them together.
    ///
    /// # Errors
    /// Too many were asked: how long it is to wait.
    pub(crate) fn count_stranger(
        &self,
        who: Stranger,
        all: Rate,
        now: Duration,
    ) -> Result<(), Duration> {
        let is_nobody = who.is_nobody;
        let mut asked = lock(&self.asked);
        if let Some(from) = who.from {
            let one = Asker::One { from, is_nobody };
            asked.count(one, all.part(ADDRESS_PART), now)?;
        }
        asked.count(Asker::All { is_nobody }, all, now)
    }

    /// Takes note of what came of showing a login.
    pub(crate) fn note(
        &self,
        shown: &Shown,
        answer: &Result<ClientRight, SourceError>,
        now: Duration,
    ) {
        match answer {
            Ok(
                ClientRight::Given {
                    is_login_good: true,
                }
                | ClientRight::Refused {
                    is_login_good: true,
                },
            ) => {
                self.proven.insert(shown.who, now);
                if let Some(from) = shown.from {
                    self.known.insert(from, now);
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
        if self.may_have_failed(shown, answer) {
            lock(&self.attempts).note_failed(self.attempt(shown, now), now);
        }
    }

    /// True if the upstream may have counted it as a failed login.
    fn may_have_failed(&self, shown: &Shown, answer: &Result<ClientRight, SourceError>) -> bool {
        match answer {
            Ok(ClientRight::Refused { is_login_good }) => {
                !is_login_good && !self.is_proven(shown.who)
            }
            Ok(right) => *right == ClientRight::WrongLogin,
            Err(SourceError::Limited { limited, .. }) => limited.limiter == Limiter::LoginLockout,
            Err(_) => false,
        }
    }

    fn attempt(&self, shown: &Shown, now: Duration) -> Attempt {
        let worked = shown.from.and_then(|from| self.known.get(&from));
        Attempt {
            name: shown.name,
            from: shown.from,
            is_known: worked.is_some_and(|at| now < at + KNOWN_FOR),
        }
    }
}

impl std::fmt::Debug for ClientLogins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientLogins").finish_non_exhaustive()
    }
}
