//! What names images and tags: patterns, prefixes, and rules by tag.

use forebay_oci::{RepositoryName, RepositoryPattern};
use globset::{Glob, GlobBuilder};

use super::{ListItem, Shape, TextValue, TimeSpan, Value, unwanted};
use crate::error::Wrong;
use crate::nearest::find_nearest;
use crate::node::{Node, Raw};
use crate::resolved::TagRule;

/// The longest pattern, in bytes: as long as the longest repository name.
const MAX_PATTERN_BYTES: usize = 255;

/// A pattern of repositories: `*` within one path part, `**` across them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryGlob(pub(crate) Glob);

/// A pattern of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagGlob(pub(crate) Glob);

/// The operator's own first path part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(pub(crate) String);

impl TextValue for RepositoryGlob {
    const FORM: &'static str = "a pattern of repositories such as \"library/*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let is_name_byte =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/');
        let is_pattern_byte = |byte| b"*?[]{},!^".contains(&byte) || is_name_byte(byte);
        let wrong = |why: &str| Wrong::new(format!("holds {text:?}, which {why}"));
        if text.bytes().any(|byte| byte == b':' || byte == b'@') {
            return Err(wrong("has a tag or digest").hint("patterns are of repositories"));
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong("matches nothing: repositories are lower case"));
        }
        if !text.bytes().all(is_pattern_byte) || text.starts_with('/') || text.ends_with('/') {
            return Err(wrong("can match no repository"));
        }
        glob(text, wrong).map(Self)
    }

    fn text(&self) -> String {
        self.0.glob().to_owned()
    }
}

impl ListItem for RepositoryGlob {
    const WANTED_LIST: &'static str = "a list of patterns such as [\"library/*\"]";
}

/// A namespace of local repositories: a first path part in full, and a pattern of what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalPattern(pub(crate) RepositoryPattern);

impl TextValue for LocalPattern {
    const FORM: &'static str = "a pattern of local repositories such as \"team/*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("holds {text:?}, which {why}"));
        let Some((first, _)) = text.split_once('/') else {
            return Err(wrong("has one part")
                .hint("names of one part are local anyway; a namespace is written \"team/*\""));
        };
        let namespace: RepositoryName = first.parse().map_err(|_| {
            wrong("does not begin with a namespace").hint("only what comes after it may have a `*`")
        })?;
        let namespace = namespace.as_str();
        if namespace.contains('.') || namespace == "localhost" {
            return Err(wrong("looks like a host"));
        }
        // Whoever may push there would push over everyone's nginx.
        if namespace == "library" {
            return Err(wrong("is where docker.io has its official images"));
        }
        let pattern = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        Ok(Self(pattern))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

impl ListItem for LocalPattern {
    const WANTED_LIST: &'static str = "a list of patterns such as [\"team/*\"]";
}

impl TextValue for TagGlob {
    const FORM: &'static str = "a pattern of tags such as \"v*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("is {text:?}, which {why}"));
        // OCI distribution-spec, "Pulling manifests": [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
        let is_tag_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !text
            .bytes()
            .all(|byte| b"*?[]{},!^".contains(&byte) || is_tag_byte(byte))
        {
            return Err(wrong("can match no tag"));
        }
        glob(text, wrong).map(Self)
    }

    fn text(&self) -> String {
        self.0.glob().to_owned()
    }
}

fn glob(text: &str, wrong: impl Fn(&str) -> Wrong) -> Result<Glob, Wrong> {
    if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
        return Err(wrong("is empty or too long"));
    }
    let built = GlobBuilder::new(text).literal_separator(true).build();
    built.map_err(|error| wrong(&format!("is no pattern: {}", error.kind())))
}

impl TextValue for Prefix {
    const FORM: &'static str = "one path part such as \"ecr-public\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong =
            |why: &str| Wrong::new(format!("is {text:?}, which {why}, wanted {}", Self::FORM));
        let name: RepositoryName = text
            .parse()
            .map_err(|_| wrong("can be no part of an image's name"))?;
        if !name.is_single() {
            return Err(wrong("has several parts"));
        }
        if text.contains('.') || text == "localhost" {
            return Err(wrong("looks like a host"));
        }
        if text == "v2" {
            return Err(wrong("is the API's own"));
        }
        // It would take the official images' place: library/nginx would be another image.
        if text == "library" {
            return Err(wrong("is where docker.io has its official images"));
        }
        Ok(Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

// === TagRule ===

/// The keys of one rule.
const RULE_KEYS: [&str; 2] = ["pattern", "ttl"];

impl Value for TagRule {
    const WANTED: &'static str = "a rule such as { pattern = \"v*\", ttl = \"6h\" }";
    const SHAPE: Shape = Shape::Table(&[
        (RULE_KEYS[0], TagGlob::SHAPE),
        (RULE_KEYS[1], TimeSpan::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Raw::Table(entries) = &node.raw else {
            return Err(unwanted(node, Self::WANTED));
        };
        if let Some(stray) = entries
            .iter()
            .find(|entry| !RULE_KEYS.contains(&entry.key.as_str()))
        {
            let wrong = Wrong::new(format!("has a rule with the unknown key `{}`", stray.key));
            return Err(match find_nearest(&stray.key, RULE_KEYS) {
                Some(key) => wrong.hint(format!("the nearest key is `{key}`")),
                None => wrong.hint("a rule has `pattern` and `ttl`"),
            }
            .at(&stray.origin));
        }
        let find = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key);
            entry.ok_or_else(|| Wrong::new(format!("has a rule without `{key}`")).at(&node.origin))
        };
        Ok(Self {
            pattern: TagGlob::read(&find("pattern")?.node)
                .map_err(|w| w.within("has a rule whose", "pattern"))?
                .0,
            ttl: TimeSpan::read(&find("ttl")?.node)
                .map_err(|w| w.within("has a rule whose", "ttl"))?
                .0,
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let mut table = toml::Table::new();
        table.insert("pattern".to_owned(), self.pattern.glob().into());
        table.insert("ttl".to_owned(), TimeSpan(self.ttl).text().into());
        Some(toml::Value::Table(table))
    }
}

impl ListItem for TagRule {
    const WANTED_LIST: &'static str =
        "a list of rules such as [{ pattern = \"v*\", ttl = \"6h\" }]";
}
