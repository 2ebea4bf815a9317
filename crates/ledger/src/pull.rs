//! Which of a client's requests for manifests are one pull.
//!
//! Pure: times are arguments. A client asks more than once for one image: containerd and dockerd HEAD a tag, then GET its
//! index and one manifest of it by digest; podman GETs the tag, then one manifest by digest. Each of these is one pull.

use std::time::Duration;

use forebay_oci::Reference;

/// How long after a request the next ones for the same image belong to the same pull.
pub const PULL_GAP: Duration = Duration::from_mins(1);

/// A request for a manifest.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// By which reference.
    pub reference: &'a Reference,
    /// Whether only for its head.
    pub is_head: bool,
}

/// What is remembered of one client's requests for manifests of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAsked {
    /// When it asked last, by any reference.
    at: Duration,
    /// What the pull began with: the last tag, or the first digest after a gap.
    root: Reference,
    /// When that was asked for last.
    root_at: Duration,
    /// Whether it was asked for by HEAD then.
    is_root_head: bool,
}

/// What a request for a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// It begins a pull.
    pub is_pull: bool,
    /// It asks for what a pull begins with, so that asking so again and again is a storm; not for a part of it.
    pub is_root: bool,
}

/// What a request means, given what the same client asked for of the same image before.
pub fn meaning(asked: Asked<'_>, last: Option<&LastAsked>, now: Duration) -> Meaning {
    let within_gap = |at: Duration| now.saturating_sub(at) <= PULL_GAP;
    let root = last.filter(|last| within_gap(last.root_at));
    let is_same = root.is_some_and(|last| last.root == *asked.reference);
    match asked.reference {
        Reference::Tag(_) => Meaning {
            // A HEAD and then a GET of the same tag are a look and the pull itself.
            is_pull: !(is_same && !asked.is_head && root.is_some_and(|last| last.is_root_head)),
            is_root: true,
        },
        Reference::Digest(_) => Meaning {
            is_pull: !last.is_some_and(|last| within_gap(last.at)),
            is_root: is_same || root.is_none(),
        },
    }
}

impl LastAsked {
    /// Remembers a request, of which `meaning` said what it is.
    pub fn note(last: &mut Option<Self>, asked: Asked<'_>, meaning: Meaning, now: Duration) {
        match last {
            Some(last) if !meaning.is_root => last.at = now,
            Some(last) => {
                last.at = now;
                last.root_at = now;
                last.is_root_head = asked.is_head;
                if last.root != *asked.reference {
                    last.root = asked.reference.clone();
                }
            }
            None => {
                *last = Some(Self {
                    at: now,
                    root: asked.reference.clone(),
                    root_at: now,
                    is_root_head: asked.is_head,
                });
            }
        }
    }

    /// What the last pull began with.
    pub fn root(&self) -> &Reference {
        &self.root
    }
}

#[cfg(test)]
mod tests;
