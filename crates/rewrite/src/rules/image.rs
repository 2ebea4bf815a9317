//! An image reference in its parts, as rules see it.
//!
//! The registry and the repository are the full ones, whatever short form was written; the tag and the digest are there
//! only if they are written, both if both are.

use std::fmt;
use std::str::FromStr;

use forebay_oci::{DOCKER_HUB, ImageName, InvalidImageName, is_docker_hub};

/// An image reference in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The registry; `docker.io` where none is written.
    pub registry: String,
    /// The path before the name, `library` for Docker Hub's official images; empty where there is none.
    pub namespace: String,
    /// The last part of the path.
    pub name: String,
    /// The tag, if one is written.
    pub tag: Option<String>,
    /// The digest, if one is written, with its algorithm.
    pub digest: Option<String>,
}

impl FromStr for Image {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, InvalidImageName> {
        let named: ImageName = text.parse()?;
        if !is_registry(&named.registry) {
            return Err(InvalidImageName);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let tag = rest
            .rsplit_once(':')
            .map(|(_, tag)| tag)
            .filter(|tag| !tag.contains('/'));
        let (registry, repository) = canonical(&named.registry, named.repository.as_str());
        let (namespace, name) = repository.rsplit_once('/').unwrap_or(("", &repository));
        Ok(Self {
            registry,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

impl Image {
    /// The path without the registry.
    pub fn repository(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }

    /// The registry and the path.
    pub fn place(&self) -> String {
        format!("{}/{}", self.registry, self.repository())
    }

    /// The image that is asked for: with the tag `latest` where neither a tag nor a digest is written.
    pub(super) fn asked(&self) -> String {
        let tag = self.asked_tag().map(str::to_owned);
        let image = Self {
            tag,
            ..self.clone()
        };
        image.to_string()
    }

    /// The tag that is asked for: `latest` where neither a tag nor a digest is written.
    pub fn asked_tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some("latest"),
            (None, Some(_)) => None,
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Whether this is written as a registry's host is, with a port or without: what is not would end up in files, and be obeyed
/// by a terminal.
pub(super) fn is_registry(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_digits);
        return !address.is_empty() && address.chars().all(is_of_address) && is_port;
    }
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !host.is_empty() && host.chars().all(is_of_host) && port.is_none_or(is_digits)
}

/// Docker Hub by its one name, and what has one part there in `library`.
fn canonical(registry: &str, repository: &str) -> (String, String) {
    // A host in capitals, with the root's dot or the port that it has anyway, is the same one.
    let host = registry.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let host = host.strip_suffix('.').unwrap_or(host);
    if !is_docker_hub(host) {
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
            ("REGISTRY-1.docker.io/a/b", "docker.io/a/b"),
            ("docker.io:443/library/nginx", "docker.io/library/nginx"),
            ("docker.io./nginx:1", "docker.io/library/nginx:1"),
            ("a/b:2", "docker.io/a/b:2"),
            ("localhost:5000/x", "localhost:5000/x"),
            ("quay.io/a/b/c:1", "quay.io/a/b/c:1"),
        ] {
            let image: Image = text.parse().unwrap();
            assert_eq!(image.to_string(), full);
        }
        for text in [
            "http://x/y",
            "a.b\n/y",
            "a.b\u{1b}[31m/y",
            "a.b c/y",
            "a.b:/y",
            "a.b:x/y",
            "[::1/y",
        ] {
            assert!(text.parse::<Image>().is_err(), "{text:?}");
        }
        assert!("[::1]:5000/y".parse::<Image>().is_ok());
    }

    #[test]
    fn the_tag_asked_for_is_latest_only_where_nothing_is_written() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, tag) in [
            ("nginx", Some("latest")),
            ("nginx:1", Some("1")),
            (&format!("nginx@{digest}"), None),
            (&format!("nginx:1@{digest}"), Some("1")),
        ] {
            let image: Image = text.parse().unwrap();
            assert_eq!(image.asked_tag(), tag, "{text}");
        }
    }
}
