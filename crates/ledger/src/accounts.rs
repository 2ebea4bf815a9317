//! Who asked for what since it was last written down.
//!
//! On the path of every request, so a client and an image that are known cost two look-ups and no allocation. Bounded: who
//! comes when it is full is counted as one of others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Client, Period, Provenance, PullCounts, PullRow, Spender, Spent, Timestamp};
use forebay_oci::{Reference, Target, UpstreamName};

use crate::answered::{Answered, Outcome, What};
use crate::moment::Moment;
use crate::pull::{Asked, LastAsked, Meaning, meaning};

/// The most pairs of client and image that are known at once.
pub(crate) const MAX_ENTRIES: usize = 16_384;

/// The most rows of hours that ended since the last writing; a clock that jumps makes more of them.
pub(crate) const MAX_FINISHED: usize = 16_384;

/// After what time a pair that asks for nothing is forgotten; longer than a pull lasts.
pub(crate) const FORGET_ENTRY_AFTER: Duration = Duration::from_mins(10);

/// Counts by hour, client and image.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    clients: HashMap<Arc<Client>, HashMap<Target, Entry>>,
    /// Pairs in `clients`.
    entries: usize,
    /// By upstream; as many as are configured.
    others: HashMap<UpstreamName, Delta>,
    finished: Vec<PullRow>,
}

/// A request's place in a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It asks for what a pull begins with; `is_try` if it begins one, or the same anew.
    Root {
        /// Whether it does.
        is_try: bool,
    },
    /// It asks for a part of what was asked for by this reference.
    PartOf(Reference),
    /// It is for no manifest, or nobody knows.
    Aside,
}

/// One client's requests for one image.
#[derive(Debug, Default)]
struct Entry {
    delta: Option<Delta>,
    last: Option<LastAsked>,
    used_at: Duration,
}

/// What is not written down yet, of one hour.
#[derive(Clone, Copy, Debug)]
struct Delta {
    start: Timestamp,
    counts: PullCounts,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Accounts {
    /// Counts a request; tells its place in a pull.
    pub(crate) fn note(&mut self, answered: &Answered<'_>, now: Moment) -> Place {
        let Some(entry) = self.entry(answered.client, answered.target, now) else {
            // Too many: each request by tag passes for a pull, those by digest for parts of one.
            let meaning = match answered.what {
                What::Manifest(asked) => Some(meaning_for_others(asked)),
                What::Other => None,
            };
            self.add_to_others(
                &answered.target.upstream,
                counts(answered, meaning),
                now.wall,
            );
            return Place::of(meaning, None);
        };
        let meaning = match answered.what {
            What::Manifest(asked) => Some(entry.note_manifest(asked, now.monotonic)),
            What::Other => None,
        };
        let place = Place::of(meaning, entry.last.as_ref());
        let ended = entry.add(counts(answered, meaning), now.wall);
        if let Some(ended) = ended {
            self.finish(answered.client, answered.target, ended);
        }
        place
    }

    /// Counts what the upstream may have charged for a client's request.
    pub(crate) fn note_charged(
        &mut self,
        client: &Client,
        target: &Target,
        charged: PullCounts,
        now: Moment,
    ) {
        match self.entry(client, target, now) {
            Some(entry) => {
                if let Some(ended) = entry.add(charged, now.wall) {
                    self.finish(client, target, ended);
                }
            }
            None => self.add_to_others(&target.upstream, charged, now.wall),
        }
    }

    /// Takes all that was counted, and forgets who has been quiet for long.
    pub(crate) fn drain(&mut self, now: Duration) -> Vec<PullRow> {
        let mut rows = std::mem::take(&mut self.finished);
        for (upstream, delta) in self.others.drain() {
            rows.push(row(Spender::Others { upstream }, delta, None));
        }
        for (client, images) in &mut self.clients {
            for (image, entry) in images.iter_mut() {
                if let Some(delta) = entry.delta.take() {
                    let spender = Spender::Client {
                        client: Arc::clone(client),
                        image: image.clone(),
                    };
                    rows.push(row(spender, delta, entry.reference()));
                }
            }
            images.retain(|_, entry| now.saturating_sub(entry.used_at) < FORGET_ENTRY_AFTER);
        }
        self.clients.retain(|_, images| !images.is_empty());
        self.entries = self.clients.values().map(HashMap::len).sum();
        rows
    }

    /// The client's own name for itself, shared, if it is known.
    pub(crate) fn find_client(&self, client: &Client) -> Option<Arc<Client>> {
        let (known, _) = self.clients.get_key_value(client)?;
        Some(Arc::clone(known))
    }

    /// The entry of a pair, made if there is room.
    fn entry(&mut self, client: &Client, target: &Target, now: Moment) -> Option<&mut Entry> {
        let is_known = self
            .clients
            .get(client)
            .is_some_and(|images| images.contains_key(target));
        if !is_known {
            if self.entries >= MAX_ENTRIES {
                return None;
            }
            self.entries += 1;
            let key = self
                .find_client(client)
                .unwrap_or_else(|| Arc::new(client.clone()));
            let images = self.clients.entry(key).or_default();
            images.insert(target.clone(), Entry::default());
        }
        let entry = self.clients.get_mut(client)?.get_mut(target)?;
        entry.used_at = now.monotonic;
        Some(entry)
    }

    /// Keeps what was counted of an hour that is over, or of one that a clock has left.
    fn finish(&mut self, client: &Client, target: &Target, ended: Delta) {
        if self.finished.len() >= MAX_FINISHED {
            return self.add_delta_to_others(&target.upstream, ended);
        }
        let reference = self
            .clients
            .get(client)
            .and_then(|images| images.get(target));
        let reference = reference.and_then(Entry::reference);
        let Some(client) = self.find_client(client) else {
            return self.add_delta_to_others(&target.upstream, ended);
        };
        let spender = Spender::Client {
            client,
            image: target.clone(),
        };
        self.finished.push(row(spender, ended, reference));
    }

    fn add_to_others(&mut self, upstream: &UpstreamName, counts: PullCounts, wall: Timestamp) {
        self.add_delta_to_others(upstream, Delta::of(counts, wall));
    }

    /// What others did counts for the hour in which the first of them came since the last writing.
    fn add_delta_to_others(&mut self, upstream: &UpstreamName, more: Delta) {
        if let Some(delta) = self.others.get_mut(upstream) {
            delta.counts.add(more.counts);
            delta.first_at = delta.first_at.min(more.first_at);
            delta.last_at = delta.last_at.max(more.last_at);
        } else {
            self.others.insert(upstream.clone(), more);
        }
    }
}

// === impl Place ===

impl Place {
    fn of(meaning: Option<Meaning>, last: Option<&LastAsked>) -> Self {
        match (meaning, last) {
            (Some(meaning), _) if meaning.is_root => Self::Root {
                is_try: meaning.is_try,
            },
            (Some(_), Some(last)) => Self::PartOf(last.root().clone()),
            _ => Self::Aside,
        }
    }
}

// === impl Entry ===

impl Entry {
    fn note_manifest(&mut self, asked: Asked<'_>, now: Duration) -> Meaning {
        let meaning = meaning(asked, self.last.as_ref(), now);
        LastAsked::note(&mut self.last, asked, meaning, now);
        meaning
    }

    /// Counts; gives back what was counted of another hour.
    fn add(&mut self, counts: PullCounts, wall: Timestamp) -> Option<Delta> {
        let start = Period::Hour.start_of(wall);
        match &mut self.delta {
            Some(delta) if delta.start == start => {
                delta.counts.add(counts);
                delta.first_at = delta.first_at.min(wall);
                delta.last_at = delta.last_at.max(wall);
                None
            }
            delta => delta.replace(Delta::of(counts, wall)),
        }
    }

    fn reference(&self) -> Option<&Reference> {
        self.last.as_ref().map(LastAsked::root)
    }
}

impl Delta {
    fn of(counts: PullCounts, wall: Timestamp) -> Self {
        Self {
            start: Period::Hour.start_of(wall),
            counts,
            first_at: wall,
            last_at: wall,
        }
    }
}

/// What one request adds.
fn counts(answered: &Answered<'_>, meaning: Option<Meaning>) -> PullCounts {
    let mut counts = PullCounts {
        requests: 1,
        ..PullCounts::default()
    };
    match answered.outcome {
        Outcome::Failed(_) => counts.errors = 1,
        Outcome::Served(provenance) => {
            counts.pulls = u64::from(meaning.is_some_and(|meaning| meaning.is_pull));
            counts.stale = u64::from(provenance == Provenance::Stale);
            match provenance {
                Provenance::Kept | Provenance::Confirmed | Provenance::Stale => {
                    counts.bytes_cache = answered.bytes;
                }
                Provenance::Fetched | Provenance::PassedOn => {
                    counts.bytes_upstream = answered.bytes;
                }
            }
        }
    }
    counts
}

fn meaning_for_others(asked: Asked<'_>) -> Meaning {
    let is_tag = matches!(asked.reference, Reference::Tag(_));
    Meaning {
        is_pull: is_tag,
        is_root: is_tag,
        is_try: is_tag,
    }
}

fn row(spender: Spender, delta: Delta, reference: Option<&Reference>) -> PullRow {
    PullRow {
        period: Period::Hour,
        start: delta.start,
        spent: Spent {
            spender,
            counts: delta.counts,
            first_at: delta.first_at,
            last_at: delta.last_at,
            reference: reference.map(|reference| reference.to_string().into()),
        },
    }
}

#[cfg(test)]
mod tests;
