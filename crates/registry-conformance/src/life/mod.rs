//! A registry's daily life: clients that push, pull and delete for as long as they are let, each answer judged by a model.
//!
//! What was acknowledged has to be there byte for byte, and what was deleted has to be gone, whatever the registry clears away
//! meanwhile. Layers are of one pool for all, so that a digest that was just given up is pushed again, and repositories are of
//! three kinds (`client.rs`). What is done is drawn from a seed that whoever runs this tells.

mod act;
mod client;
mod drawn;
mod shelf;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};
use tokio::task::JoinSet;

use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::registry::Registry;
use crate::repository::Repository;
use crate::verdict::Verdict;

pub use self::client::{Client, tidy_up};
use self::drawn::Drawn;

/// How many layers there are for all clients.
const LAYERS: u64 = 48;

/// Of a repository in which newer images push out older ones, how many newest stay: what the registry's lifecycle rule has to
/// say of repositories `PREFIX/passing-*` and tags `v*`.
pub const KEPT: usize = 3;

/// What clients do in a registry, and for how long.
#[derive(Debug)]
pub struct Life {
    registry: Registry,
    seed: u64,
    layers: Vec<Arc<Blob>>,
    /// Where all push, each under tags of its own.
    common: Repository,
    /// Read by who does something.
    acting: RwLock<()>,
    is_over: AtomicBool,
    done: watch::Sender<BTreeMap<&'static str, u64>>,
}

impl Life {
    /// A life that begins now; layers have at most `max_layer_bytes`.
    pub fn new(registry: Registry, seed: u64, max_layer_bytes: u64) -> Arc<Self> {
        let mut drawn = Drawn::new(seed);
        let layers = (0..LAYERS).map(|_| {
            // Many small ones and a few large ones, as images have.
            let most = max_layer_bytes >> drawn.below(12);
            let len = 1 + drawn.below(most.max(1));
            Arc::new(Blob::new(Algorithm::Sha256, drawn.bytes(len)))
        });
        let layers = layers.collect();
        Arc::new(Self {
            common: registry.repository("common"),
            registry,
            seed,
            layers,
            acting: RwLock::default(),
            is_over: AtomicBool::new(false),
            done: watch::Sender::default(),
        })
    }

    /// So many clients begin to live, each with its number; each ends with what came of it.
    pub fn begin(self: &Arc<Self>, clients: u64) -> JoinSet<(Client, Verdict)> {
        let mut living = JoinSet::new();
        for number in 0..clients {
            let mut client = Client::new(self, number);
            living.spawn(async move {
                let lived = client.live().await;
                (client, lived)
            });
        }
        living
    }

    /// From now on clients begin nothing more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.done.send_modify(|_| {});
    }

    /// While this is held, nobody is in the middle of anything: time may pass for the registry that no push and no answer must take.
    pub async fn between_acts(&self) -> RwLockWriteGuard<'_, ()> {
        self.acting.write().await
    }

    /// What was done so far, and how often.
    pub fn done(&self) -> BTreeMap<&'static str, u64> {
        self.done.borrow().clone()
    }

    /// Waits until all together have done so much, or the life is over.
    pub async fn until_done(&self, acts: u64) {
        let mut done = self.done.subscribe();
        let is_enough =
            |done: &BTreeMap<_, u64>| self.is_over() || done.values().sum::<u64>() >= acts;
        // The other end is our own.
        let _ = done.wait_for(is_enough).await;
    }

    /// Whether it has ended, be it because a client failed.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    async fn an_act(&self) -> RwLockReadGuard<'_, ()> {
        self.acting.read().await
    }

    fn count(&self, act: &'static str) {
        self.done
            .send_modify(|done| *done.entry(act).or_default() += 1);
    }
}
