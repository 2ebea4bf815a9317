//! Manifests and rules for tests.

use std::time::Duration;

use forebay_content::{HostedEntry, HostedManifest, Timestamp};
use forebay_lifecycle_rules::{Expiry, Rule, Selection, Tagged};
use forebay_oci::{Digest, MediaType};

use super::Candidate;

/// The time of all plans: day 100.
pub(in crate::lifecycle) const NOW: Timestamp = Timestamp(100 * DAY);

const DAY: i64 = 24 * 3600 * 1000;

/// An untagged manifest that was pushed so many days ago.
pub(in crate::lifecycle) fn manifest(name: &str, days: i64) -> Candidate {
    Candidate {
        entry: HostedEntry {
            manifest: HostedManifest {
                digest: digest(name),
                media_type: MediaType::OCI_MANIFEST,
                size: 1,
            },
            tags: Vec::new(),
            pushed_at: Timestamp(NOW.0 - days * DAY),
            pulled_at: None,
            is_pinned: false,
            is_child: false,
            subject: None,
        },
        children: Vec::new(),
    }
}

pub(in crate::lifecycle) fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

pub(in crate::lifecycle) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}

pub(in crate::lifecycle) fn rule(selection: Selection, expiry: Expiry) -> Rule {
    Rule {
        name: "rule".to_owned(),
        priority: 1,
        repositories: vec!["**".parse().unwrap()],
        selection,
        expiry,
    }
}

/// With any of these tags; other tags spare nothing.
pub(in crate::lifecycle) fn tagged(patterns: &[&str]) -> Selection {
    Selection::Tagged(Tagged {
        patterns: patterns
            .iter()
            .map(|pattern| pattern.parse().unwrap())
            .collect(),
        needs_every: false,
        spares_other_tags: false,
    })
}

impl Candidate {
    pub(in crate::lifecycle) fn with_tags(mut self, tags: &[&str]) -> Self {
        self.entry.tags = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        self
    }

    pub(super) fn pulled(mut self, days: i64) -> Self {
        self.entry.pulled_at = Some(Timestamp(NOW.0 - days * DAY));
        self
    }

    pub(super) fn pinned(mut self) -> Self {
        self.entry.is_pinned = true;
        self
    }

    pub(in crate::lifecycle) fn about(mut self, subject: &str) -> Self {
        self.entry.subject = Some(digest(subject));
        self
    }

    pub(in crate::lifecycle) fn child(mut self) -> Self {
        self.entry.is_child = true;
        self
    }

    pub(in crate::lifecycle) fn naming(mut self, children: &[&str]) -> Self {
        self.entry.manifest.media_type = MediaType::OCI_INDEX;
        self.children = children.iter().map(|child| digest(child)).collect();
        self
    }
}
