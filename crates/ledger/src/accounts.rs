//! Who asked for what since it was last written down.
//!
//! On the path of every request, so a client and an image that are known cost two look-ups and no allocation. Bounded, for each
//! origin and in all: whoever has too many names and images is told by image alone, then by address alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Client, Period, Provenance, PullCounts, PullRow, Spender, Spent, Timestamp};
use forebay_oci::{Reference, Target, UpstreamName};

use crate::answered::{Answered, Outcome, What};
use crate::moment::Moment;
use crate::origin::Origin;
use crate::pending::Pending;
use crate::pull::{Asked, LastAsked, Meaning, meaning};

/// The most pairs of client and image that are known at once.
pub(crate) const MAX_ENTRIES: usize = 16_384;

/// The most of them from one origin by what clients call themselves, and as many more by the image alone.
pub(crate) const MAX_ENTRIES_OF_ORIGIN: usize = 256;

/// After what time a pair that asks for nothing is forgotten; longer than a pull lasts.
pub(crate) const FORGET_ENTRY_AFTER: Duration = Duration::from_mins(10);

/// Counts by hour, client and image.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    clients: HashMap<Arc<Client>, HashMap<Target, Entry>>,
    /// Pairs in `clients`.
    entries: usize,
    /// The same by origin; those of our own work aside, which nobody makes up.
    held: HashMap<Origin, Held>,
    /// Rows of hours that ended since the last writing, or that a clock has left; and of who is not told apart.
    finished: Pending,
}

/// How many pairs there are of one origin.
#[derive(Debug, Default)]
struct Held {
    named: usize,
    nameless: usize,
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
#[derive(Debug)]
struct Entry {
    client: Arc<Client>,
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
        let Answered { client, target, .. } = *answered;
        let asked = match answered.what {
            What::Manifest(asked) => Some(asked),
            What::Other => None,
        };
        let Some(entry) = self.entry(client, target, now.monotonic) else {
            let meaning = asked.map(meaning_by_itself);
            self.add_to_rest(
                client,
                &target.upstream,
                counts(answered, meaning),
                now.wall,
            );
            return Place::of(meaning, None);
        };
        let meaning = asked.map(|asked| entry.note_manifest(asked, now.monotonic));
        let place = Place::of(meaning, entry.last.as_ref());
        let ended = entry.add(target, counts(answered, meaning), now.wall);
        self.finished.add(ended);
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
        match self.entry(client, target, now.monotonic) {
            Some(entry) => {
                let ended = entry.add(target, charged, now.wall);
                self.finished.add(ended);
            }
            None => self.add_to_rest(client, &target.upstream, charged, now.wall),
        }
    }

    /// Takes all that was counted, and forgets who has been quiet for long.
    pub(crate) fn drain(&mut self, now: Duration) -> Vec<PullRow> {
        let mut rows = self.finished.take();
        self.entries = 0;
        self.held.clear();
        self.clients.retain(|client, images| {
            images.retain(|image, entry| {
                rows.extend(entry.take_row(image));
                now.saturating_sub(entry.used_at) < FORGET_ENTRY_AFTER
            });
            self.entries += images.len();
            if let Some(origin) = Origin::of(client) {
                let held = self.held.entry(origin).or_default();
                *held.of(client, origin) += images.len();
            }
            !images.is_empty()
        });
        self.held.retain(|_, held| held.named + held.nameless > 0);
        rows
    }

    /// The entry of a pair, made if there is room: for the client by its names, else for all without names at its origin.
    fn entry(&mut self, client: &Client, target: &Target, now: Duration) -> Option<&mut Entry> {
        let nameless;
        let client = if self.has(client, target) || self.make(client, target) {
            client
        } else {
            nameless = Origin::of(client)?.nameless();
            if !self.has(&nameless, target) && !self.make(&nameless, target) {
                return None;
            }
            &nameless
        };
        let entry = self.clients.get_mut(client)?.get_mut(target)?;
        entry.used_at = now;
        Some(entry)
    }

    fn has(&self, client: &Client, target: &Target) -> bool {
        let images = self.clients.get(client);
        images.is_some_and(|images| images.contains_key(target))
    }

    /// Makes the entry of a pair; false if there is no room.
    fn make(&mut self, client: &Client, target: &Target) -> bool {
        if self.entries >= MAX_ENTRIES {
            return false;
        }
        if let Some(origin) = Origin::of(client) {
            let held = self.held.entry(origin).or_default().of(client, origin);
            if *held >= MAX_ENTRIES_OF_ORIGIN {
                return false;
            }
            *held += 1;
        }
        self.entries += 1;
        let known = self.clients.get_key_value(client);
        let client = known.map_or_else(|| Arc::new(client.clone()), |(known, _)| Arc::clone(known));
        let images = self.clients.entry(Arc::clone(&client)).or_default();
        images.insert(target.clone(), Entry::of(client));
        true
    }

    /// Counts for the rest of an origin; where there is none, for others.
    fn add_to_rest(
        &mut self,
        client: &Client,
        upstream: &UpstreamName,
        counts: PullCounts,
        wall: Timestamp,
    ) {
        let upstream = upstream.clone();
        let spender = match Origin::of(client) {
            Some(origin) => Spender::Address {
                address: origin.address(),
                upstream,
            },
            None => Spender::Others { upstream },
        };
        let row = row(spender, Delta::of(counts, wall), None);
        self.finished.add([row]);
    }
}

// === impl Held ===

impl Held {
    /// Those among which a client counts.
    fn of(&mut self, client: &Client, origin: Origin) -> &mut usize {
        if *client == origin.nameless() {
            &mut self.nameless
        } else {
            &mut self.named
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
    /// Nothing is counted yet.
    const fn of(client: Arc<Client>) -> Self {
        Self {
            client,
            delta: None,
            last: None,
            used_at: Duration::ZERO,
        }
    }

    fn note_manifest(&mut self, asked: Asked<'_>, now: Duration) -> Meaning {
        let meaning = meaning(asked, self.last.as_ref(), now);
        LastAsked::note(&mut self.last, asked, meaning, now);
        meaning
    }

    /// Counts; gives back what was counted of another hour.
    fn add(&mut self, image: &Target, counts: PullCounts, wall: Timestamp) -> Option<PullRow> {
        let start = Period::Hour.start_of(wall);
        match &mut self.delta {
            Some(delta) if delta.start == start => {
                delta.counts.add(counts);
                delta.first_at = delta.first_at.min(wall);
                delta.last_at = delta.last_at.max(wall);
                None
            }
            _ => {
                let ended = self.take_row(image);
                self.delta = Some(Delta::of(counts, wall));
                ended
            }
        }
    }

    /// Takes what was counted.
    fn take_row(&mut self, image: &Target) -> Option<PullRow> {
        let delta = self.delta.take()?;
        let spender = Spender::Client {
            client: Arc::clone(&self.client),
            image: image.clone(),
        };
        Some(row(spender, delta, self.last.as_ref().map(LastAsked::root)))
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

/// Where images are not told apart, what was asked before does not tell: each request by tag passes for a pull. By digest each
/// GET may be one that is tried again and again.
fn meaning_by_itself(asked: Asked<'_>) -> Meaning {
    let is_tag = matches!(asked.reference, Reference::Tag(_));
    let is_try = is_tag || !asked.is_head;
    Meaning {
        is_pull: is_tag,
        is_root: is_try,
        is_try,
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
