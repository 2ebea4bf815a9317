//! What a rule makes of an image: a text with `{registry}`, `{namespace}`, `{repository}`, `{name}`, `{tag}`, `{digest}`.
//!
//! A template that says nothing of the tag or the digest leaves them as they are written.

use std::str::FromStr;

use super::image::Image;

/// The longest template, in bytes: an image name with placeholders.
const MAX_TEMPLATE_BYTES: usize = 1024;

/// A template for image references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    head: Vec<Part>,
    tag: Option<Vec<Part>>,
    digest: Option<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Registry,
    Namespace,
    Repository,
    Name,
    Tag,
    Digest,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A placeholder that there is not.
    #[error(
        "there is no {{{0}}}: a template takes {{registry}}, {{namespace}}, {{repository}}, {{name}}, {{tag}} and {{digest}}"
    )]
    Placeholder(String),
    /// A brace without its other.
    #[error("a brace of the template is not closed")]
    Brace,
    /// White space, or what a terminal would obey.
    #[error("a template has no {0:?} in it")]
    Character(char),
    /// Nothing that could be a repository is in it, or it is too long.
    #[error("a template is written [registry/]path[:tag][@digest]")]
    Form,
}

/// A template asks for a part that the image does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rule asks for a {0}, which the image does not have")]
pub struct Lacking(pub &'static str);

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(InvalidTemplate::Form);
        }
        if let Some(odd) = text.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidTemplate::Character(odd));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (head, tag) = match rest.rsplit_once(':') {
            Some((head, tag)) if !tag.contains('/') => (head, Some(tag)),
            _ => (rest, None),
        };
        if head.is_empty() || head.starts_with('/') || head.ends_with('/') {
            return Err(InvalidTemplate::Form);
        }
        Ok(Self {
            head: parts(head)?,
            tag: tag.map(parts).transpose()?,
            digest: digest.map(parts).transpose()?,
        })
    }
}

impl Template {
    /// The reference that it makes of `image`.
    ///
    /// # Errors
    /// It asks for a tag or a digest where there is none.
    pub fn fill(&self, image: &Image) -> Result<String, Lacking> {
        let filled = |parts: &Option<Vec<Part>>, written: &Option<String>| match parts {
            Some(parts) => fill(parts, image).map(Some),
            None => Ok(written.clone()),
        };
        let mut text = fill(&self.head, image)?;
        for (sign, part) in [
            (':', filled(&self.tag, &image.tag)?),
            ('@', filled(&self.digest, &image.digest)?),
        ] {
            if let Some(part) = part {
                text.push(sign);
                text.push_str(&part);
            }
        }
        Ok(text)
    }
}

impl Template {
    /// True if it leaves tag and digest as they are written, whatever they are.
    pub(super) fn leaves_tag(&self) -> bool {
        let asks = |part: &Part| matches!(part, Part::Tag | Part::Digest);
        self.tag.is_none() && self.digest.is_none() && !self.head.iter().any(asks)
    }
}

fn fill(parts: &[Part], image: &Image) -> Result<String, Lacking> {
    let mut text = String::new();
    for part in parts {
        match part {
            // Where there is no namespace, there is no slash after it either.
            Part::Text(fixed) if is_empty_namespace(&text, image) => {
                text.push_str(fixed.strip_prefix('/').unwrap_or(fixed));
            }
            Part::Text(fixed) => text.push_str(fixed),
            Part::Registry => text.push_str(&image.registry),
            Part::Namespace => text.push_str(&image.namespace),
            Part::Repository => text.push_str(&image.repository()),
            Part::Name => text.push_str(&image.name),
            Part::Tag => text.push_str(image.asked_tag().ok_or(Lacking("tag"))?),
            Part::Digest => text.push_str(image.digest.as_deref().ok_or(Lacking("digest"))?),
        }
    }
    Ok(text)
}

fn is_empty_namespace(text: &str, image: &Image) -> bool {
    image.namespace.is_empty() && (text.is_empty() || text.ends_with('/'))
}

fn parts(text: &str) -> Result<Vec<Part>, InvalidTemplate> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        if rest[open..].starts_with('}') {
            return Err(InvalidTemplate::Brace);
        }
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        let (name, after) = rest[open + 1..]
            .split_once('}')
            .ok_or(InvalidTemplate::Brace)?;
        parts.push(match name {
            "registry" => Part::Registry,
            "namespace" => Part::Namespace,
            "repository" => Part::Repository,
            "name" => Part::Name,
            "tag" => Part::Tag,
            "digest" => Part::Digest,
            _ => return Err(InvalidTemplate::Placeholder(name.to_owned())),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(template: &str, image: &str) -> Result<String, Lacking> {
        let template: Template = template.parse().unwrap();
        template.fill(&image.parse().unwrap())
    }

    #[test]
    fn what_a_template_does_not_say_stays_as_written() {
        for (template, image, expected) in [
            ("ghcr.io/me/{name}", "a/b:1", "ghcr.io/me/b:1"),
            ("ghcr.io/me/{name}", "a/b", "ghcr.io/me/b"),
            (
                "h:5000/{registry}/{repository}",
                "nginx:1",
                "h:5000/docker.io/library/nginx:1",
            ),
            ("h/{namespace}/{name}", "gcr.io/app:1", "h/app:1"),
            ("h/{name}:{tag}-slim", "nginx", "h/nginx:latest-slim"),
            ("h/{name}:2", "nginx:1", "h/nginx:2"),
        ] {
            assert_eq!(made(template, image), Ok(expected.to_owned()), "{template}");
        }
        assert_eq!(made("h/{name}@{digest}", "nginx:1"), Err(Lacking("digest")));
    }

    #[test]
    fn wrong_templates_are_told_by_what_is_wrong() {
        let wrong = |text: &str| text.parse::<Template>().unwrap_err();
        assert_eq!(wrong("h/{nme}"), InvalidTemplate::Placeholder("nme".into()));
        assert_eq!(wrong("h/{name"), InvalidTemplate::Brace);
        assert_eq!(wrong("h/name}"), InvalidTemplate::Brace);
        assert_eq!(wrong("/x"), InvalidTemplate::Form);
        assert_eq!(wrong(""), InvalidTemplate::Form);
    }
}
