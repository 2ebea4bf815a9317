//! Finds a name's addresses: one look-up a name at a time, kept for a while, the last good answer when it fails.
//!
//! The cache spares the system's resolver; it is no part of the address policy, which judges every dial anew.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long an answer is used without asking again.
pub const KEEP_ANSWER: Duration = Duration::from_secs(30);
/// How long a look-up may take.
pub const LOOKUP_LIMIT: Duration = Duration::from_secs(5);
/// How many look-ups run at once: each holds a thread of the blocking pool.
pub const LOOKUPS_AT_ONCE: usize = 16;
/// How many names are remembered; the stalest go first.
pub const NAMES_KEPT: usize = 1024;

/// Asks somebody for a name's addresses.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `name`, best first. An error or none means that it has none that we know of.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver, as `getaddrinfo` is.
#[derive(Clone, Debug)]
pub struct SystemResolve {
    permits: Arc<Semaphore>,
}

impl Default for SystemResolve {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)),
        }
    }
}

#[async_trait]
impl Resolve for SystemResolve {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permits = self.permits.clone();
        let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            // The thread is busy until the system answers, also when nobody waits any more: so long it keeps the permit.
            let _permit = permit;
            (name.as_str(), 0).to_socket_addrs()
        });
        Ok(found.await??.map(|socket| socket.ip()).collect())
    }
}

type Answer = Result<Arc<[IpAddr]>, Arc<io::Error>>;
type Lookup = BoxFuture<'static, Answer>;

/// A [`Resolve`] with a cache and bounds around it. Clones share them.
#[derive(Clone)]
pub struct Resolver {
    shared: Arc<Names>,
}

struct Names {
    inner: Arc<dyn Resolve>,
    keep: Duration,
    limit: Duration,
    entries: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    good: Option<(Arc<[IpAddr]>, Instant)>,
    /// Alive as long as somebody waits for it.
    running: Option<WeakShared<Lookup>>,
}

impl Resolver {
    /// Asks the system.
    pub fn system() -> Self {
        Self::new(SystemResolve::default())
    }

    /// Asks `inner`, and keeps what it says for [`KEEP_ANSWER`].
    pub fn new(inner: impl Resolve) -> Self {
        Self::keeping(inner, KEEP_ANSWER)
    }

    /// Asks `inner`, and keeps what it says for `keep`.
    pub fn keeping(inner: impl Resolve, keep: Duration) -> Self {
        Self {
            shared: Arc::new(Names {
                inner: Arc::new(inner),
                keep,
                limit: LOOKUP_LIMIT,
                entries: Mutex::new(HashMap::new()),
            }),
        }
    }

    /// The addresses of `name`: kept ones, else those of one look-up that all who ask meanwhile share.
    ///
    /// Where the look-up fails, the last good answer is given, however old. At least one address is in an `Ok`.
    pub async fn addresses(&self, name: &str) -> Result<Arc<[IpAddr]>, Arc<io::Error>> {
        match self.find_fresh_or_join(name) {
            Ok(kept) => Ok(kept),
            Err(lookup) => self.keep(name, lookup.await),
        }
    }

    fn find_fresh_or_join(&self, name: &str) -> Result<Arc<[IpAddr]>, Shared<Lookup>> {
        let mut entries = self.entries();
        if entries.len() >= NAMES_KEPT && !entries.contains_key(name) {
            drop_stalest(&mut entries);
        }
        let entry = entries.entry(name.to_owned()).or_default();
        if let Some((addresses, since)) = &entry.good
            && since.elapsed() < self.shared.keep
        {
            return Ok(addresses.clone());
        }
        // A finished look-up is not joined: its answer was kept already, or it failed.
        let running = entry.running.as_ref().and_then(WeakShared::upgrade);
        Err(running
            .filter(|lookup| lookup.peek().is_none())
            .unwrap_or_else(|| {
                let lookup = self.look_up(name).shared();
                entry.running = lookup.downgrade();
                lookup
            }))
    }

    fn look_up(&self, name: &str) -> Lookup {
        let (inner, limit) = (self.shared.inner.clone(), self.shared.limit);
        let name = name.to_owned();
        async move {
            let found = tokio::time::timeout(limit, inner.resolve(&name)).await;
            match found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(found) if found.is_empty() => Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "the name has no address",
                )),
                found => found.map(Arc::from),
            }
            .map_err(Arc::new)
        }
        .boxed()
    }

    fn keep(&self, name: &str, answer: Answer) -> Answer {
        let mut entries = self.entries();
        let entry = entries.entry(name.to_owned()).or_default();
        match &answer {
            Ok(addresses) => entry.good = Some((addresses.clone(), Instant::now())),
            Err(_) if entry.good.is_none() => drop(entries.remove(name)),
            Err(_) => {}
        }
        match (
            &answer,
            entries.get(name).and_then(|entry| entry.good.as_ref()),
        ) {
            (Err(_), Some((last, _))) => Ok(last.clone()),
            _ => answer,
        }
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        // The map is whole between any two statements that can panic.
        self.shared
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the entry whose answer is oldest; those that have none yet are being looked up, and go first of all.
fn drop_stalest(entries: &mut HashMap<String, Entry>) {
    let stalest = entries
        .iter()
        .min_by_key(|(_, entry)| entry.good.as_ref().map(|(_, since)| *since))
        .map(|(name, _)| name.clone());
    if let Some(name) = stalest {
        entries.remove(&name);
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

#[cfg(test)]
mod tests;
