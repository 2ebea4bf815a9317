//! The keys of issuers of tokens: found where `OpenID` Connect says, kept for as long as an issuer lets us, and asked for by one at a
//! time.
//!
//! Source: `OpenID` Connect Discovery 1.0, sections 3 and 4; RFC 7517 for the keys; RFC 9111, section 5.2.2, for how long they hold.

mod error;
mod fetch;
mod issuer;
mod memory;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use forebay_content::{Clock, KeySet, Keys, KeysError};
use forebay_http_kit::ClientPolicy;
use forebay_jobs::Supervisor;
use futures::FutureExt as _;
use futures::future::Shared;
use tokio::sync::oneshot;
use tracing::{info, warn};

pub use error::IssuerError;
pub(crate) use error::Unheard;
pub use fetch::FETCH_WITHIN;
pub use issuer::Issuer;
pub use memory::{MAX_FRESH, MIN_FRESH, MISSING_KEY_WAIT, RETRY_WAIT, STALE_FOR};

use fetch::Way;
use memory::Memory;

/// Asks issuers for their keys.
pub struct Issuers {
    doors: ArcSwap<HashMap<String, Arc<Door>>>,
    clock: Arc<dyn Clock>,
    tasks: Supervisor,
}

/// Issuers that may be asked, once they are [taken over](Issuers::take_over).
pub struct NewIssuers(Arc<HashMap<String, Arc<Door>>>);

/// One issuer, and what it said.
struct Door {
    way: Way,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    memory: Memory,
    /// The fetch that is under way, for all who wait.
    flight: Option<Shared<oneshot::Receiver<()>>>,
}

impl Issuers {
    /// No issuer yet.
    pub fn new(clock: Arc<dyn Clock>, tasks: Supervisor) -> Self {
        Self {
            doors: ArcSwap::default(),
            clock,
            tasks,
        }
    }

    /// Asks these from now on, by `policy` apart from whom it trusts and its addresses. What those said that stay as they are is
    /// kept.
    ///
    /// # Errors
    /// A client cannot be made; then all stays as it was.
    pub fn set(&self, issuers: Vec<Issuer>, policy: &ClientPolicy) -> Result<(), IssuerError> {
        self.take_over(self.prepare(issuers, policy)?);
        Ok(())
    }

    /// What [`set`](Self::set) would put in place; all stays as it is until it is [taken over](Self::take_over).
    ///
    /// # Errors
    /// A client cannot be made.
    pub fn prepare(
        &self,
        issuers: Vec<Issuer>,
        policy: &ClientPolicy,
    ) -> Result<NewIssuers, IssuerError> {
        let before = self.doors.load();
        let doors = issuers.into_iter().map(|issuer| {
            let name = issuer.issuer().to_owned();
            let door = match before
                .get(&name)
                .filter(|door| door.way.is_to(&issuer, policy))
            {
                Some(unchanged) => Arc::clone(unchanged),
                None => Arc::new(Door {
                    way: Way::to(issuer, policy)?,
                    state: Mutex::default(),
                }),
            };
            Ok((name, door))
        });
        let doors = doors.collect::<Result<HashMap<_, _>, IssuerError>>()?;
        Ok(NewIssuers(Arc::new(doors)))
    }

    /// Asks these from now on.
    pub fn take_over(&self, new: NewIssuers) {
        self.doors.store(new.0);
    }

    /// The fetch to wait for, if one is needed.
    fn flight(
        &self,
        door: &Arc<Door>,
        missing: Option<&str>,
    ) -> Option<Shared<oneshot::Receiver<()>>> {
        let mut state = door.lock();
        if !state.memory.is_to_ask(self.clock.monotonic(), missing) {
            return None;
        }
        if let Some(flight) = &state.flight {
            return Some(flight.clone());
        }
        let (landed, flight) = oneshot::channel();
        let flight = flight.shared();
        state.flight = Some(flight.clone());
        drop(state);
        let (door, clock, stop) = (
            Arc::clone(door),
            Arc::clone(&self.clock),
            self.tasks.clone(),
        );
        // A task of its own: whoever asked first may go, and others still wait.
        self.tasks.spawn("issuer keys", async move {
            // Taken off whatever becomes of the task, so that the next one may begin.
            let _landing = Landing {
                door: &door,
                _landed: landed,
            };
            tokio::select! {
                fetched = door.way.fetch(&*clock) => door.note(fetched, &*clock),
                () = stop.stopping() => {}
            }
        });
        Some(flight)
    }
}

/// Ends a flight: those who wait look at what is known by then.
struct Landing<'a> {
    door: &'a Door,
    _landed: oneshot::Sender<()>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.door.lock().flight = None;
    }
}

impl Door {
    fn note(&self, fetched: Result<fetch::Fetched, Unheard>, clock: &dyn Clock) {
        let issuer = self.way.issuer().issuer();
        let (was_heard, now) = (self.lock().memory.was_heard(), clock.monotonic());
        match fetched {
            Ok(fetched) => {
                let keys = fetched.keys.keys.len();
                self.lock().memory.note(fetched, now);
                if was_heard != Some(true) {
                    info!(issuer, keys, "the issuer's keys are known");
                }
            }
            Err(error) => {
                let error: Arc<Unheard> = Arc::new(error);
                self.lock().memory.note_failure(Arc::clone(&error), now);
                if was_heard != Some(false) {
                    let cause = std::error::Error::source(&*error).map(ToString::to_string);
                    warn!(issuer, %error, cause, "the issuer's keys cannot be had; those known before are used for a while");
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Keys for Issuers {
    async fn keys(&self, issuer: &str, missing: Option<&str>) -> Result<Arc<KeySet>, KeysError> {
        let failed = |cause: Arc<Unheard>| KeysError {
            issuer: issuer.to_owned(),
            cause,
        };
        let door = self.doors.load().get(issuer).cloned();
        let door = door.ok_or_else(|| failed(Arc::new(Unheard::Unknown)))?;
        if let Some(flight) = self.flight(&door, missing) {
            // An error is a task that was cut: what is known by then is all there is.
            let _ = flight.await;
        }
        let now = self.clock.monotonic();
        let state = door.lock();
        state.memory.usable(now).map_err(failed)
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers").finish_non_exhaustive()
    }
}
