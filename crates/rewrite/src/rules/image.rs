//! An image reference in its parts, as rules see it: nothing of how it was written is lost.
//!
//! A text from source code may hold values that nobody knows, each as one [`HOLE`]; they may stand in the tag or the
//! digest, where most rules do not look, and nowhere else.

use std::ops::Range;

use forebay_oci::{DOCKER_HUB, ImageName};

/// Stands for a value that is not known. It can be part of no image, so that it cannot be mistaken.
pub const HOLE: char = '\u{FFFC}';

/// Other names of Docker Hub in image references.
const DOCKER_HUB_ALIASES: [&str; 3] = [
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// An image reference in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The registry; `docker.io` where none is written.
    pub registry: String,
    /// The path before the name, `library` for Docker Hub's official images; empty where there is none.
    pub namespace: String,
    /// The last part of the path.
    pub name: String,
    /// The tag, if one is written; with a [`HOLE`] for each value in it that is not known.
    pub tag: Option<String>,
    /// The digest, if one is written, with its algorithm.
    pub digest: Option<String>,
    /// Where registry and path lie in the text.
    head: Range<usize>,
}

/// Why a text is no image that rules could judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoImage {
    /// It breaks the grammar.
    #[error("this is no image name")]
    Grammar,
    /// A value that is not known decides which repository it is.
    #[error("its registry or repository is not known")]
    Unknown,
}

impl Image {
    /// Takes a reference apart.
    ///
    /// # Errors
    /// It is none, or a hole decides which repository it means.
    pub fn parse(text: &str) -> Result<Self, NoImage> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (head, tag) = match rest.rsplit_once(':') {
            Some((head, tag)) if !tag.contains('/') => (head, Some(tag)),
            _ => (rest, None),
        };
        if head.contains(HOLE) {
            return Err(NoImage::Unknown);
        }
        // What is not known is checked as if it were a letter: a tag may hold one anywhere.
        let filled = tag.map_or_else(|| head.to_owned(), |tag| format!("{head}:{tag}"));
        let filled = filled.replace(HOLE, "x");
        let known_digest = digest.filter(|digest| !digest.contains(HOLE));
        let checked = match known_digest {
            Some(digest) => format!("{filled}@{digest}"),
            None => filled,
        };
        let named: ImageName = checked.parse().map_err(|_| NoImage::Grammar)?;
        let repository = named.repository.as_str();
        let (registry, repository) = canonical(&named.registry, repository);
        let (namespace, name) = repository.rsplit_once('/').unwrap_or(("", &repository));
        Ok(Self {
            registry,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
            head: 0..head.len(),
        })
    }

    /// The path without the registry.
    pub fn repository(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }

    /// The tag that is asked for, if it is one and it is known: `latest` where neither tag nor digest is written.
    pub fn known_tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) if tag.contains(HOLE) => None,
            (Some(tag), _) => Some(tag),
            (None, None) => Some("latest"),
            (None, Some(_)) => None,
        }
    }

    /// True if a tag is written that is not known.
    pub fn has_unknown_tag(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| tag.contains(HOLE))
    }

    /// Where registry and path lie in the text that it was made of.
    pub(crate) fn head(&self) -> Range<usize> {
        self.head.clone()
    }

    /// In full, for people and for comparing.
    pub fn full(&self) -> String {
        let mut text = format!("{}/{}", self.registry, self.repository());
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }
}

/// Docker Hub by its one name, and what has one part there in `library`.
fn canonical(registry: &str, repository: &str) -> (String, String) {
    if !DOCKER_HUB_ALIASES.contains(&registry) {
        return (registry.to_owned(), repository.to_owned());
    }
    let repository = if repository.contains('/') {
        repository.to_owned()
    } else {
        format!("library/{repository}")
    };
    (DOCKER_HUB.to_owned(), repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_taken_apart_as_docker_means_it() {
        for (text, full) in [
            ("nginx", "docker.io/library/nginx"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("a/b:2", "docker.io/a/b:2"),
            ("localhost:5000/x", "localhost:5000/x"),
            ("quay.io/a/b/c:1", "quay.io/a/b/c:1"),
            ("nginx:\u{FFFC}", "docker.io/library/nginx:\u{FFFC}"),
            (
                "nginx@sha256:\u{FFFC}",
                "docker.io/library/nginx@sha256:\u{FFFC}",
            ),
        ] {
            assert_eq!(Image::parse(text).map(|image| image.full()), Ok(full.into()));
        }
    }

    #[test]
    fn a_hole_in_the_path_leaves_the_image_unknown() {
        for text in ["\u{FFFC}/nginx:1", "nginx\u{FFFC}", "a/\u{FFFC}:1"] {
            assert_eq!(Image::parse(text), Err(NoImage::Unknown), "{text}");
        }
        assert_eq!(Image::parse("http://x/y"), Err(NoImage::Grammar));
    }
}
