//! The same images at other registries, for when the budget at the one that was asked for is empty.
//!
//! Nobody's word is taken for "the same": the registry that was asked for names the digest, by a HEAD that is free, and the
//! bytes from elsewhere must have it.

use std::sync::Arc;

use forebay_content::{ContentSource, Event, ManifestContent, Request};
use forebay_oci::{Digest, Reference, RepositoryName, UpstreamName};
use tracing::debug;

use crate::caching_source::Inner;

/// A registry that has the same images under names that follow from theirs here.
#[derive(Clone)]
pub struct Equivalent {
    /// Which repositories, and what they are called there.
    pub renaming: Renaming,
    /// The other registry's name.
    pub upstream: UpstreamName,
    /// The other registry.
    pub source: Arc<dyn ContentSource>,
}

/// How a repository's name here becomes its name elsewhere: one name for one, or one beginning for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    from: String,
    to: String,
    is_beginning: bool,
}

/// A pattern is a repository's name, or a beginning of names followed by `/*`; and both sides are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an equivalent maps one repository to one, or all below a path (`library/*`) to all below another"
)]
pub struct NotARenaming;

impl Renaming {
    /// From the repositories of the pattern `from` to those of `to`.
    ///
    /// # Errors
    /// One of them is no pattern, or only one has a `*`.
    pub fn new(from: &str, to: &str) -> Result<Self, NotARenaming> {
        let (from, from_all) = read(from)?;
        let (to, to_all) = read(to)?;
        if from_all != to_all {
            return Err(NotARenaming);
        }
        Ok(Self {
            from,
            to,
            is_beginning: from_all,
        })
    }

    /// What `repository` is called elsewhere; `None` if it is not among these.
    pub fn rename(&self, repository: &RepositoryName) -> Option<RepositoryName> {
        if !self.is_beginning {
            return (repository.as_str() == self.from).then(|| self.to.parse().ok())?;
        }
        let rest = repository.as_str().strip_prefix(&self.from)?;
        // `*` is one path part, as everywhere.
        if rest.is_empty() || rest.contains('/') {
            return None;
        }
        format!("{}{rest}", self.to).parse().ok()
    }
}

/// A pattern's fixed part, with its last `/`, and whether anything may follow it.
fn read(pattern: &str) -> Result<(String, bool), NotARenaming> {
    let (fixed, is_beginning) = match pattern.strip_suffix("/*") {
        Some(fixed) => (fixed, true),
        None => (pattern, false),
    };
    let _: RepositoryName = fixed.parse().map_err(|_| NotARenaming)?;
    let slash = if is_beginning { "/" } else { "" };
    Ok((format!("{fixed}{slash}"), is_beginning))
}

impl Inner {
    /// Whether the same repository is to be had elsewhere.
    pub(crate) fn has_equivalent(&self, repository: &RepositoryName) -> bool {
        let equivalents = self.equivalents.load();
        equivalents
            .iter()
            .any(|equivalent| equivalent.renaming.rename(repository).is_some())
    }

    /// The manifest of this digest from where the same images are, if the upstream itself names the digest for this repository.
    pub(crate) async fn manifest_from_elsewhere(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Option<ManifestContent> {
        let wanted = self.wanted(request);
        let named = self.ask_manifest(request, digest).await.ok()?;
        if named.digest != *digest {
            return None;
        }
        for equivalent in self.equivalents.load_full().iter() {
            let Some(repository) = equivalent.renaming.rename(&request.repository) else {
                continue;
            };
            let there = Request {
                repository,
                patience: wanted.patience(&*self.kept.clock),
                ..request.clone()
            };
            let reference = Reference::Digest(digest.clone());
            match equivalent.source.manifest(&there, &reference).await {
                Ok(content) if content.digest == *digest && digest.matches(&content.bytes) => {
                    self.kept.observe.observe(&Event::PulledElsewhere {
                        target: &self.told_target(&request.repository),
                        from: &equivalent.upstream,
                    });
                    // What it is called elsewhere is not what it is here, where its bytes do not say.
                    return Some(ManifestContent {
                        media_type: named.media_type,
                        from: Some(Arc::clone(&equivalent.upstream)),
                        ..content
                    });
                }
                Ok(_) => debug!(from = %equivalent.upstream, %digest, "not the same elsewhere"),
                Err(error) => {
                    debug!(from = %equivalent.upstream, %digest, %error, "not to be had elsewhere");
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(from: &str, to: &str, repository: &str) -> Option<String> {
        let renaming = Renaming::new(from, to).unwrap();
        renaming
            .rename(&repository.parse().unwrap())
            .map(|name| name.to_string())
    }

    #[test]
    fn a_repository_is_renamed_by_its_own_name_or_by_its_beginning() {
        for (from, to, repository, expected) in [
            (
                "library/*",
                "docker/library/*",
                "library/nginx",
                Some("docker/library/nginx"),
            ),
            (
                "library/*",
                "library/*",
                "library/nginx",
                Some("library/nginx"),
            ),
            ("library/*", "docker/library/*", "librarian/nginx", None),
            ("library/*", "docker/library/*", "library/a/b", None),
            ("library/*", "docker/library/*", "library", None),
            (
                "grafana/grafana",
                "mirror/grafana",
                "grafana/grafana",
                Some("mirror/grafana"),
            ),
            ("grafana/grafana", "mirror/grafana", "grafana/loki", None),
        ] {
            assert_eq!(
                rename(from, to, repository).as_deref(),
                expected,
                "{repository}"
            );
        }
    }

    #[test]
    fn what_maps_many_to_one_or_is_no_name_is_no_renaming() {
        for (from, to) in [
            ("library/*", "nginx"),
            ("library/nginx", "mirror/*"),
            ("*", "*"),
            ("lib*", "lib*"),
            ("a/*/b", "a/*/b"),
            ("UPPER/*", "lower/*"),
            ("", ""),
        ] {
            assert_eq!(Renaming::new(from, to), Err(NotARenaming), "{from} {to}");
        }
    }
}
