//! Counts by minute, source and address; which addresses are registries' is looked up at the end.
//!
//! Bounded: what finds no place is counted in one number.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use forebay_oci::EcrHost;
use serde::Serialize;

/// The most that is told apart.
pub const MAX_CONVERSATIONS: usize = 100_000;

/// The most notes.
pub const MAX_NOTES: usize = 20;

/// The most addresses whose names are remembered.
const MAX_NAMES: usize = 50_000;

/// Hosts of registries, beside those that the caller names: `(part of the name, what it is called)`. A host is one if it is
/// this or ends with a dot and this.
const REGISTRIES: [(&str, &str); 16] = [
    ("docker.io", "docker.io"),
    ("docker.com", "docker.io"),
    ("ghcr.io", "ghcr.io"),
    ("pkg-containers.githubusercontent.com", "ghcr.io"),
    ("quay.io", "quay.io"),
    ("gcr.io", "gcr.io"),
    ("pkg.dev", "pkg.dev"),
    ("registry.k8s.io", "registry.k8s.io"),
    ("public.ecr.aws", "public.ecr.aws"),
    ("mcr.microsoft.com", "mcr.microsoft.com"),
    ("azurecr.io", "azurecr.io"),
    ("registry.gitlab.com", "registry.gitlab.com"),
    ("nvcr.io", "nvcr.io"),
    ("cgr.dev", "cgr.dev"),
    ("registry.redhat.io", "registry.redhat.io"),
    ("docker.elastic.co", "docker.elastic.co"),
];

/// Who spoke to whom, in which minute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conversation {
    /// Minutes since the UNIX epoch.
    pub minute: u64,
    /// From where.
    pub source: IpAddr,
    /// What is known there: a process, a container, a machine.
    pub who: Option<String>,
    /// To where.
    pub destination: IpAddr,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    counts: HashMap<Conversation, (u64, u64)>,
    names: HashMap<IpAddr, String>,
    registries: BTreeMap<String, String>,
    hidden_names: u64,
    elsewhere: u64,
    uncounted: u64,
    notes: BTreeSet<&'static str>,
}

/// One source's connections to one registry in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Minutes since the UNIX epoch.
    pub minute: u64,
    /// From where.
    pub source: IpAddr,
    /// What is known there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// To which registry.
    pub registry: Arc<str>,
    /// Connections that began.
    pub connections: u64,
    /// Packets sent; 0 where nobody counts them.
    pub packets: u64,
}

/// What it came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// By minute, source and registry.
    pub rows: Vec<Row>,
    /// Connections to addresses that are nobody's whom we know.
    pub elsewhere: u64,
    /// Conversations that found no place.
    pub uncounted: u64,
    /// What could not be read.
    pub notes: Vec<&'static str>,
    /// What nobody can see from outside.
    pub hidden: Vec<&'static str>,
}

impl Row {
    /// What tells rows apart, in their order.
    fn key(&self) -> (u64, IpAddr, Option<&str>, &str) {
        (
            self.minute,
            self.source,
            self.who.as_deref(),
            &self.registry,
        )
    }

    /// Adds another's counts to this one, if it tells of the same.
    fn merge(&mut self, other: &Self) -> bool {
        let is_same = self.key() == other.key();
        if is_same {
            self.connections = self.connections.saturating_add(other.connections);
            self.packets = self.packets.saturating_add(other.packets);
        }
        is_same
    }
}

impl Tally {
    /// Nothing counted, and only well-known registries known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an address for a registry's.
    pub fn know(&mut self, address: IpAddr, registry: &str) {
        self.learn(address, registry);
        let registry = registry.to_ascii_lowercase();
        self.registries.insert(registry.clone(), registry);
    }

    /// Takes a host, and those below it, for a registry's.
    pub fn know_host(&mut self, host: &str, registry: &str) {
        let host = host.to_ascii_lowercase();
        self.registries.insert(host, registry.to_owned());
    }

    /// An address is what this name stands for. What was learnt as a registry's stays one.
    pub fn learn(&mut self, address: IpAddr, name: &str) {
        let address = address.to_canonical();
        let is_known = self
            .names
            .get(&address)
            .is_some_and(|name| self.registry_of(name).is_some());
        if !is_known && (self.names.len() < MAX_NAMES || self.names.contains_key(&address)) {
            self.names.insert(address, name.to_ascii_lowercase());
        }
    }

    /// Counts connections and packets to a conversation.
    pub fn add(&mut self, conversation: &Conversation, connections: u64, packets: u64) {
        if let Some(known) = self.counts.get_mut(conversation) {
            known.0 = known.0.saturating_add(connections);
            known.1 = known.1.saturating_add(packets);
        } else if self.counts.len() < MAX_CONVERSATIONS {
            self.counts
                .insert(conversation.clone(), (connections, packets));
        } else {
            self.uncounted += 1;
        }
    }

    /// The same where no name is learnt any more: those to nobody whom we know take no place from those to registries.
    pub(crate) fn add_settled(
        &mut self,
        conversation: &Conversation,
        connections: u64,
        packets: u64,
    ) {
        if self.find_registry(conversation.destination).is_some() {
            self.add(conversation, connections, packets);
        } else {
            self.elsewhere = self.elsewhere.saturating_add(connections);
        }
    }

    /// Notes what could not be read, once.
    pub fn note(&mut self, text: &'static str) {
        if self.notes.len() < MAX_NOTES {
            self.notes.insert(text);
        }
    }

    /// Somebody hides the name of whom they speak to.
    pub(crate) fn hide_name(&mut self) {
        self.hidden_names += 1;
    }

    /// What it all came to. Nothing is held twice: it may be much.
    pub fn told(mut self) -> Told {
        let counts = std::mem::take(&mut self.counts);
        let mut rows = Vec::with_capacity(counts.len());
        let mut elsewhere = self.elsewhere;
        let mut registries: BTreeMap<&str, Arc<str>> = BTreeMap::new();
        for (conversation, (connections, packets)) in counts {
            let Some(registry) = self.find_registry(conversation.destination) else {
                elsewhere = elsewhere.saturating_add(connections);
                continue;
            };
            let registry = registries
                .entry(registry)
                .or_insert_with(|| registry.into());
            rows.push(Row {
                minute: conversation.minute,
                source: conversation.source,
                who: conversation.who,
                registry: Arc::clone(registry),
                connections,
                packets,
            });
        }
        rows.sort_unstable_by(|one, other| one.key().cmp(&other.key()));
        rows.dedup_by(|later, earlier| earlier.merge(later));
        Told {
            rows,
            elsewhere,
            uncounted: self.uncounted,
            notes: self.notes.iter().copied().collect(),
            hidden: self.hidden(),
        }
    }

    fn hidden(&self) -> Vec<&'static str> {
        let mut hidden = vec![
            "TLS hides which repository and tag was asked for, whether it was a HEAD or a GET, and as which account: only \
             the registry and a cache in front of it know",
            "one connection may carry many requests: connections are the least that was asked, not how much",
        ];
        if self.hidden_names > 0 {
            hidden.push(
                "some clients encrypt the name of the server (Encrypted Client Hello): they are counted by address alone",
            );
        }
        hidden
    }

    fn find_registry(&self, address: IpAddr) -> Option<&str> {
        self.registry_of(self.names.get(&address.to_canonical())?)
    }

    fn registry_of(&self, name: &str) -> Option<&str> {
        let mut rest = Some(name);
        while let Some(host) = rest {
            if let Some(registry) = self.registries.get(host) {
                return Some(registry);
            }
            if let Some((_, registry)) = REGISTRIES.iter().find(|(known, _)| *known == host) {
                return Some(registry);
            }
            rest = host.split_once('.').map(|(_, above)| above);
        }
        EcrHost::parse(name).map(|_| "ECR")
    }
}
