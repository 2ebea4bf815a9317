//! Which of a client's requests for manifests are one pull.
//!
//! Pure: times are arguments. A client asks more than once for one image: containerd and dockerd HEAD a tag, then GET its
//! index and one manifest of it by digest; podman GETs the tag, then one manifest by digest. Each of these is one pull.

use std::time::Duration;

use forebay_oci::Reference;

/// How long after a request the next ones for the same image belong to the same pull.
pub(crate) const PULL_GAP: Duration = Duration::from_mins(1);

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
pub(crate) struct LastAsked {
    /// When it asked last, by any reference.
    at: Duration,
    /// What the pull began with: the last tag, or the first digest after a gap.
    root: Reference,
    /// When that was asked for last.
    root_at: Duration,
    /// How often it was asked for by HEAD since, without the GET of it that follows: many may ask as one client.
    open_heads: u32,
}

/// What a request for a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// It begins a pull.
    pub(crate) is_pull: bool,
    /// It asks for what a pull begins with, not for a part of it.
    pub(crate) is_root: bool,
    /// It begins a pull, or tries the same one anew: doing so again and again is a storm. Not the GET after a HEAD of the same.
    pub(crate) is_try: bool,
}

/// What a request means, given what the same client asked for of the same image before.
pub(crate) fn meaning(asked: Asked<'_>, last: Option<&LastAsked>, now: Duration) -> Meaning {
    let within_gap = |at: Duration| now.saturating_sub(at) <= PULL_GAP;
    let root = last.filter(|last| within_gap(last.root_at));
    let same = root.filter(|last| last.root == *asked.reference);
    // A HEAD and then a GET of the same are a look and the pull itself.
    let is_after_head = !asked.is_head && same.is_some_and(|last| last.open_heads > 0);
    match asked.reference {
        Reference::Tag(_) => Meaning {
            is_pull: !is_after_head,
            is_root: true,
            is_try: !is_after_head,
        },
        Reference::Digest(_) => {
            let is_root = same.is_some() || root.is_none();
            Meaning {
                is_pull: !last.is_some_and(|last| within_gap(last.at)),
                is_root,
                is_try: is_root && !is_after_head,
            }
        }
    }
}

impl LastAsked {
    /// Remembers a request, of which `meaning` said what it is.
    pub(crate) fn note(last: &mut Option<Self>, asked: Asked<'_>, meaning: Meaning, now: Duration) {
        match last {
            Some(last) if !meaning.is_root => last.at = now,
            Some(last) => {
                let is_old = now.saturating_sub(last.root_at) > PULL_GAP;
                if is_old || last.root != *asked.reference {
                    last.open_heads = 0;
                    last.root = asked.reference.clone();
                }
                last.at = now;
                last.root_at = now;
                last.open_heads = if asked.is_head {
                    last.open_heads.saturating_add(1)
                } else {
                    last.open_heads.saturating_sub(1)
                };
            }
            None => {
                *last = Some(Self {
                    at: now,
                    root: asked.reference.clone(),
                    root_at: now,
                    open_heads: u32::from(asked.is_head),
                });
            }
        }
    }

    /// What the last pull began with.
    pub(crate) fn root(&self) -> &Reference {
        &self.root
    }
}

#[cfg(test)]
mod tests;
