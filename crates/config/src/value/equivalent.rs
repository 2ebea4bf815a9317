//! Where the same images are: one table for the images of one pattern.

use super::{ListItem, Shape, TextValue, Value, unwanted};
use crate::error::Wrong;
use crate::nearest::find_nearest;
use crate::node::{Node, Raw};
use crate::origin::Origin;

/// Images by their registry and repository: `docker.io/library/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImagePattern {
    /// The upstream's name.
    pub(crate) upstream: String,
    /// A repository, or a path with `/*` behind it.
    pub(crate) repositories: String,
}

/// Equivalents as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EquivalentFile {
    pub(crate) from: ImagePattern,
    pub(crate) to: Vec<ImagePattern>,
    /// Where it was written.
    pub(crate) place: Origin,
}

/// The keys of one.
const KEYS: [&str; 2] = ["from", "to"];

// === impl ImagePattern ===

impl TextValue for ImagePattern {
    const FORM: &'static str = "images such as \"docker.io/library/*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.split_once('/') {
            Some((upstream, repositories)) if !upstream.is_empty() && !repositories.is_empty() => {
                Ok(Self {
                    upstream: upstream.to_ascii_lowercase(),
                    repositories: repositories.to_owned(),
                })
            }
            _ => Err(Wrong::new(format!("is {text:?}, wanted {}", Self::FORM))
                .hint("write the registry, `/`, and a repository or a path with `/*` behind it")),
        }
    }

    fn text(&self) -> String {
        format!("{}/{}", self.upstream, self.repositories)
    }
}

impl ListItem for ImagePattern {
    const WANTED_LIST: &'static str =
        "a list of images such as [\"public.ecr.aws/docker/library/*\"]";
}

// === impl EquivalentFile ===

impl Value for EquivalentFile {
    const WANTED: &'static str = "equivalents such as { from = \"docker.io/library/*\", to = [\"public.ecr.aws/docker/library/*\"] }";
    const SHAPE: Shape = Shape::Table(&[
        (KEYS[0], ImagePattern::SHAPE),
        (KEYS[1], Vec::<ImagePattern>::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Raw::Table(entries) = &node.raw else {
            return Err(unwanted(node, Self::WANTED));
        };
        if let Some(stray) = entries
            .iter()
            .find(|entry| !KEYS.contains(&entry.key.as_str()))
        {
            let wrong = Wrong::new(format!(
                "has an equivalent with the unknown key `{}`",
                stray.key
            ));
            return Err(match find_nearest(&stray.key, KEYS) {
                Some(key) => wrong.hint(format!("the nearest key is `{key}`")),
                None => wrong.hint("an equivalent has `from` and `to`"),
            }
            .at(&stray.origin));
        }
        let find = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key);
            entry.ok_or_else(|| {
                Wrong::new(format!("has an equivalent without `{key}`")).at(&node.origin)
            })
        };
        Ok(Self {
            from: ImagePattern::read(&find("from")?.node)
                .map_err(|w| w.within("has an equivalent whose", "from"))?,
            to: Vec::read(&find("to")?.node)
                .map_err(|w| w.within("has an equivalent whose", "to"))?,
            place: node.origin.clone(),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let mut table = toml::Table::new();
        table.insert("from".to_owned(), self.from.text().into());
        let to = self.to.iter().map(|to| to.text().into()).collect();
        table.insert("to".to_owned(), toml::Value::Array(to));
        Some(toml::Value::Table(table))
    }
}

impl ListItem for EquivalentFile {
    const WANTED_LIST: &'static str = "a list of equivalents such as [{ from = \"docker.io/library/*\", to = [\"public.ecr.aws/docker/library/*\"] }]";
}
