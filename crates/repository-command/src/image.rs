//! Local images, repositories and patterns of them as they are written on the command line.

use forebay_lifecycle_rules::TagPattern;
use forebay_oci::{Reference, RepositoryName, RepositoryPattern};

/// The tag that is meant where none is written, as everywhere.
const DEFAULT_TAG: &str = "latest";

/// A manifest of a local repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalImage {
    pub(crate) repository: RepositoryName,
    pub(crate) reference: Reference,
}

/// The image that a text says, or what is wrong with it.
pub(crate) fn local_image(text: &str) -> Result<LocalImage, String> {
    let (name, reference) = match text.split_once('@') {
        // With both, the digest says more.
        Some((name, digest)) => (without_tag(name), digest),
        None => match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, DEFAULT_TAG),
        },
    };
    let wanted =
        "wanted a local image such as team/app:1.0, as forebay repo list names its repository";
    let repository = name
        .parse()
        .map_err(|_| format!("{name:?} is no repository's name: {wanted}"))?;
    let reference = reference
        .parse()
        .map_err(|_| format!("{reference:?} is neither a tag nor a digest: {wanted}"))?;
    Ok(LocalImage {
        repository,
        reference,
    })
}

/// A repository's name as it was written, if it is one.
pub(crate) fn repository_name(text: &str) -> Result<String, String> {
    match text.parse::<RepositoryName>() {
        Ok(name) => Ok(name.to_string()),
        Err(_) => Err(format!(
            "{text:?} is no repository's name: it has lower-case letters, digits, '.', '_', '-' and '/'"
        )),
    }
}

/// A pattern of repositories as it was written, if it is one.
pub(crate) fn repository_pattern(text: &str) -> Result<String, String> {
    let read = text.parse::<RepositoryPattern>();
    read.map(|pattern| pattern.to_string())
        .map_err(|why| format!("the pattern {text:?} {why}"))
}

/// A pattern of tags as it was written, if it is one.
pub(crate) fn tag_pattern(text: &str) -> Result<String, String> {
    let read = text.parse::<TagPattern>();
    read.map(|pattern| pattern.to_string())
        .map_err(|why| format!("the pattern of tags {text:?} {why}"))
}

fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_repository_and_a_tag_or_a_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, repository, reference) in [
            ("team/app:1.0", "team/app", "1.0"),
            ("app", "app", "latest"),
            (&format!("team/app@{digest}"), "team/app", &digest),
            (&format!("team/app:1.0@{digest}"), "team/app", &digest),
        ] {
            let found = local_image(text).unwrap();
            assert_eq!(found.repository.as_str(), repository, "{text}");
            assert_eq!(found.reference.to_string(), reference, "{text}");
        }
        for text in [
            "",
            "Team/App:1",
            "localhost:5000/app:1",
            "app:",
            "app@sha256:12",
            ":1",
        ] {
            let wrong = local_image(text).unwrap_err();
            assert!(wrong.contains("forebay repo list"), "{text}: {wrong}");
        }
    }
}
