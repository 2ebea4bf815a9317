//! Lifecycle rules of local repositories: one table for each.

use forebay_lifecycle_rules::{TagPattern, Written};
use forebay_oci::RepositoryPattern;

use super::table::Table;
use super::{Count, ListItem, Shape, TextValue, TimeSpan, Value};
use crate::error::Wrong;
use crate::node::Node;
use crate::origin::Origin;

/// A rule as it was written.
pub(crate) struct LifecycleFile {
    pub(crate) written: Written,
    /// Where it was written.
    pub(crate) place: Origin,
}

/// The keys of a rule.
const KEYS: [&str; 9] = [
    "repositories",
    "priority",
    "tags",
    "all_tags",
    "untagged",
    "keep_newest",
    "pushed_for",
    "untagged_after",
    "not_pulled_for",
];

impl TextValue for RepositoryPattern {
    const FORM: &'static str = "a pattern of local repositories such as \"team/*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|why| Wrong::new(format!("holds {text:?}, which {why}")))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl ListItem for RepositoryPattern {
    const WANTED_LIST: &'static str = "a list of patterns such as [\"team/*\"]";
}

impl TextValue for TagPattern {
    const FORM: &'static str = "a pattern of tags such as \"v*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|why| Wrong::new(format!("holds {text:?}, which {why}")))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl ListItem for TagPattern {
    const WANTED_LIST: &'static str = "a list of patterns of tags such as [\"v*\"]";
}

impl Value for LifecycleFile {
    const WANTED: &'static str =
        "a rule such as { repositories = [\"team/*\"], tags = [\"v*\"], keep_newest = 10 }";
    const SHAPE: Shape = Shape::PartialTable(&[
        (KEYS[0], Vec::<RepositoryPattern>::SHAPE),
        (KEYS[1], Count::SHAPE),
        (KEYS[2], Vec::<TagPattern>::SHAPE),
        (KEYS[3], Vec::<TagPattern>::SHAPE),
        (KEYS[4], bool::SHAPE),
        (KEYS[5], Count::SHAPE),
        (KEYS[6], TimeSpan::SHAPE),
        (KEYS[7], TimeSpan::SHAPE),
        (KEYS[8], TimeSpan::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let table = Table::read::<Self>(node, "a rule", &KEYS)?;
        let count = |key| {
            table
                .optional::<Count>(key)
                .map(|found| found.map(|one| one.0))
        };
        let span = |key| {
            table
                .optional::<TimeSpan>(key)
                .map(|found| found.map(|one| one.0))
        };
        // An empty list of tags reads like one that says nothing, and would mean every manifest.
        let tags = |key| match table.optional::<Vec<TagPattern>>(key)? {
            Some(patterns) if patterns.is_empty() => Err(table
                .wrong(&format!("whose `{key}` is empty"))
                .hint("leave it out for a rule about every manifest")),
            patterns => Ok(patterns.unwrap_or_default()),
        };
        let written = Written {
            repositories: table.some("repositories")?,
            priority: count("priority")?,
            tags: tags("tags")?,
            all_tags: tags("all_tags")?,
            untagged: table.optional("untagged")?.unwrap_or(false),
            keep_newest: count("keep_newest")?,
            pushed_for: span("pushed_for")?,
            untagged_after: span("untagged_after")?,
            not_pulled_for: span("not_pulled_for")?,
        };
        Ok(Self {
            written,
            place: node.origin.clone(),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let Written {
            repositories,
            priority,
            tags,
            all_tags,
            untagged,
            keep_newest,
            pushed_for,
            untagged_after,
            not_pulled_for,
        } = &self.written;
        let count =
            |number: &Option<u32>| number.map(|number| toml::Value::from(i64::from(number)));
        let span =
            |span: &Option<std::time::Duration>| span.and_then(|span| TimeSpan(span).shown());
        let patterns = |list: &Vec<TagPattern>| list.shown().filter(|_| !list.is_empty());
        let values = [
            repositories.shown(),
            count(priority),
            patterns(tags),
            patterns(all_tags),
            untagged.then_some(toml::Value::Boolean(true)),
            count(keep_newest),
            span(pushed_for),
            span(untagged_after),
            span(not_pulled_for),
        ];
        let written = KEYS.iter().zip(values);
        let entries = written.filter_map(|(key, value)| Some(((*key).to_owned(), value?)));
        Some(toml::Value::Table(entries.collect()))
    }
}

impl ListItem for LifecycleFile {
    const WANTED_LIST: &'static str = "a list of rules such as [{ repositories = [\"team/*\"], tags = [\"v*\"], keep_newest = 10 }]";
}
