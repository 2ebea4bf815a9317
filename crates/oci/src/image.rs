//! An image as people write it: `nginx`, `ghcr.io/org/app:v1`, `quay.io/a/b@sha256:…`.
//!
//! Normalised as Docker does it: no host means `docker.io`, one component there means `library/`, no tag means `latest`.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, Reference, RepositoryName, Tag};

/// Docker Hub's name in image references.
pub const DOCKER_HUB: &str = "docker.io";

/// Other names of the same registry: what older configurations, `docker info` and the web call it.
pub const DOCKER_HUB_ALIASES: [&str; 3] = [
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// Whether a host in an image reference is Docker Hub's, by any of its names.
pub fn is_docker_hub(host: &str) -> bool {
    host == DOCKER_HUB || DOCKER_HUB_ALIASES.contains(&host)
}

/// A fully named image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// `host[:port]` of the registry.
    pub registry: String,
    /// The repository there.
    pub repository: RepositoryName,
    /// What is asked for; a digest wins over a tag beside it.
    pub reference: Reference,
}

impl ImageName {
    /// An image without what may be left out of its name: Docker Hub's host, by any of its names, `library/` there, and the tag
    /// `latest`.
    ///
    /// Nothing is parsed: what names no image is as it was.
    pub fn familiar(image: &str) -> &str {
        let (host, path) = match image.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => (DOCKER_HUB, image),
        };
        let is_here = is_docker_hub(host);
        let path = if is_here { path } else { image };
        let official = path.strip_prefix("library/");
        let path = match official {
            Some(name) if is_here && !name.contains('/') => name,
            _ => path,
        };
        path.strip_suffix(":latest").unwrap_or(path)
    }

    /// The full name of an image, by which its spellings are one; what names no image is as it was.
    pub fn full(image: &str) -> String {
        let Ok(mut name) = image.parse::<Self>() else {
            return image.to_owned();
        };
        if name.registry != DOCKER_HUB && is_docker_hub(&name.registry) {
            DOCKER_HUB.clone_into(&mut name.registry);
            name.repository =
                official(DOCKER_HUB, name.repository.clone()).unwrap_or(name.repository);
        }
        name.to_string()
    }
}

/// A text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an image is written [registry/]repository[:tag][@digest]")]
pub struct InvalidImageName;

impl FromStr for ImageName {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, InvalidImageName> {
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (
                name,
                Some(digest.parse::<Digest>().map_err(|_| InvalidImageName)?),
            ),
            None => (text, None),
        };
        // A colon after the last slash starts a tag; one before it, a port.
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (
                path,
                Some(tag.parse::<Tag>().map_err(|_| InvalidImageName)?),
            ),
            _ => (text, None),
        };
        let (registry, repository) = match path.split_once('/') {
            Some((first, rest)) if is_host(first) => (registry(first)?, rest),
            _ => (DOCKER_HUB, path),
        };
        let repository: RepositoryName = repository.parse().map_err(|_| InvalidImageName)?;
        let latest = || "latest".parse().map_err(|_| InvalidImageName);
        Ok(Self {
            registry: registry.to_owned(),
            repository: official(registry, repository).map_err(|_| InvalidImageName)?,
            reference: match (digest, tag) {
                (Some(digest), _) => digest.into(),
                (None, Some(tag)) => tag.into(),
                (None, None) => Reference::Tag(latest()?),
            },
        })
    }
}

/// A host as a reference may have one: letters, digits, dots and hyphens or an address of IPv6 in brackets, and a port
/// (distribution's reference grammar, `domain`).
fn registry(text: &str) -> Result<&str, InvalidImageName> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = address.map_or_else(
        || !host.is_empty() && host.chars().all(is_of_name),
        |address| !address.is_empty() && address.chars().all(is_of_address),
    );
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    (is_host && is_port).then_some(text).ok_or(InvalidImageName)
}

/// Docker's rule: the first component is a registry if it could not be a user's name.
pub(crate) fn is_host(component: &str) -> bool {
    component.contains(['.', ':']) || component == "localhost"
}

/// Docker Hub's official images live in `library/`.
pub(crate) fn official(
    registry: &str,
    repository: RepositoryName,
) -> Result<RepositoryName, crate::InvalidName> {
    if registry == DOCKER_HUB && repository.is_single() {
        repository.below("library")
    } else {
        Ok(repository)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if matches!(self.reference, Reference::Digest(_)) {
            '@'
        } else {
            ':'
        };
        write!(
            f,
            "{}/{}{separator}{}",
            self.registry, self.repository, self.reference
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_mean_what_docker_means_by_them() {
        let digest = Digest::sha256(b"");
        for (text, full) in [
            ("nginx", "docker.io/library/nginx:latest".to_owned()),
            ("nginx:1.27", "docker.io/library/nginx:1.27".to_owned()),
            (
                "hashicorp/vault",
                "docker.io/hashicorp/vault:latest".to_owned(),
            ),
            (
                "docker.io/nginx",
                "docker.io/library/nginx:latest".to_owned(),
            ),
            ("ghcr.io/org/app:v1", "ghcr.io/org/app:v1".to_owned()),
            ("localhost:5000/app", "localhost:5000/app:latest".to_owned()),
            ("localhost/app", "localhost/app:latest".to_owned()),
            (
                &format!("quay.io/a/b:t@{digest}"),
                format!("quay.io/a/b@{digest}"),
            ),
        ] {
            assert_eq!(text.parse::<ImageName>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn the_spellings_of_an_image_have_one_familiar_and_one_full_name() {
        let digest = Digest::sha256(b"");
        let by_digest = format!("nginx@{digest}");
        for (spellings, familiar, full) in [
            (
                &[
                    "nginx",
                    "nginx:latest",
                    "library/nginx",
                    "docker.io/nginx",
                    "docker.io/library/nginx:latest",
                    "index.docker.io/library/nginx",
                    "registry-1.docker.io/nginx",
                ][..],
                "nginx",
                "docker.io/library/nginx:latest",
            ),
            (
                &["acme/web:1", "docker.io/acme/web:1"],
                "acme/web:1",
                "docker.io/acme/web:1",
            ),
            (
                &["ghcr.io/library/web:1"],
                "ghcr.io/library/web:1",
                "ghcr.io/library/web:1",
            ),
            (
                &["localhost:5000/web"],
                "localhost:5000/web",
                "localhost:5000/web:latest",
            ),
            (
                &[&by_digest],
                &by_digest,
                &format!("docker.io/library/{by_digest}"),
            ),
        ] {
            for spelling in spellings {
                assert_eq!(ImageName::familiar(spelling), familiar, "{spelling}");
                assert_eq!(ImageName::full(spelling), full, "{spelling}");
            }
        }
        for none in ["", "No such image", "/", "docker.io/"] {
            assert_eq!(ImageName::full(none), none);
        }
    }

    #[test]
    fn a_registry_is_a_host_with_or_without_a_port() {
        for host in [
            "reg.example",
            "localhost:5000",
            "[2001:db8::1]:5000",
            "10.0.0.1:5000",
        ] {
            let image: ImageName = format!("{host}/team/app:1").parse().unwrap();
            assert_eq!(image.registry, host);
        }
    }

    #[test]
    fn nonsense_names_no_image() {
        for text in [
            "",
            ":",
            "@",
            "nginx:",
            "nginx@sha256:1",
            "Nginx",
            "a//b",
            "ghcr.io/",
            "nginx:a b",
            "http://x/y",
            "u:p@reg.example/x:1",
            "reg.example$(id)/x",
            "reg.example;id/x",
            "reg.example:port/x",
            "reg.example:99999/x",
            "[::1/x",
            "[reg.example]:5000/x",
        ] {
            assert_eq!(text.parse::<ImageName>(), Err(InvalidImageName), "{text}");
        }
    }
}
