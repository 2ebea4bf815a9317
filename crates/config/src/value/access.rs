//! Who may do what: rules, groups, and programs that others vouch for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forebay_access::{Who, Wildcard};
use forebay_content::{AccountName, Right};
use forebay_oci::{Act, Acts, TargetPattern};

use super::table::Table;
use super::{HostPort, ListItem, Shape, TextValue, Value, unwanted};
use crate::error::Wrong;
use crate::node::{Entry, Node, Raw, read_inline};
use crate::origin::Origin;
use crate::resolved::AccessRule;

/// A rule, and where it was written.
pub(crate) struct AllowFile {
    pub(crate) rule: AccessRule,
    pub(crate) place: Origin,
}

/// Groups with their members.
pub(crate) struct Groups(pub(crate) BTreeMap<String, Vec<Who>>);

/// What must stand in a token: of each claim one of the patterns.
pub(crate) struct Claims(pub(crate) BTreeMap<String, Vec<Wildcard>>);

/// Programs that an issuer vouches for, as it was written.
pub(crate) struct WorkloadFile {
    pub(crate) name: AccountName,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) claims: Claims,
    /// None where `access.allow` alone says what they may do.
    pub(crate) right: Option<Right>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) private: bool,
    pub(crate) key_hosts: Vec<HostPort>,
    pub(crate) token_file: Option<PathBuf>,
    /// Where it was written.
    pub(crate) place: Origin,
}

/// The keys of a rule.
const ALLOW_KEYS: [&str; 3] = ["who", "repositories", "actions"];

/// The keys of a workload.
const WORKLOAD_KEYS: [&str; 10] = [
    "name",
    "issuer",
    "audience",
    "claims",
    "repositories",
    "actions",
    "ca_file",
    "private",
    "key_hosts",
    "token_file",
];

/// The most names of a table whose names are the operator's own.
const MAX_NAMES: usize = 1000;

// === Texts ===

impl TextValue for Who {
    const FORM: &'static str = "who, such as \"user:alice\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|error| {
            let wrong = Wrong::new(format!("holds {text:?}: {error}"));
            let named = format!("user:{text}");
            match named.parse::<Self>() {
                Ok(_) => wrong.hint(format!("a user is written {named:?}")),
                Err(_) => wrong,
            }
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl ListItem for Who {
    const WANTED_LIST: &'static str = "a list such as [\"user:alice\", \"group:dev\"]";
}

impl TextValue for TargetPattern {
    const FORM: &'static str =
        "a pattern of repositories such as \"team/*\" or \"docker.io/library/*\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(format!("holds {text:?}, which {why}"));
        if text.starts_with("library/") {
            let hint = format!("write \"docker.io/{text}\"");
            return Err(wrong("means local repositories, and none is called so").hint(hint));
        }
        text.parse()
            .map_err(|error: forebay_oci::InvalidPattern| wrong(&error.to_string()))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl ListItem for TargetPattern {
    const WANTED_LIST: &'static str = "a list of patterns such as [\"team/*\", \"docker.io/**\"]";
}

impl ListItem for Act {
    const WANTED_LIST: &'static str = "a list of actions such as [\"pull\", \"push\"]";
}

impl TextValue for AccountName {
    const FORM: &'static str = "a name such as \"deploy\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|error| Wrong::new(format!("is {text:?}: {error}")))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl TextValue for Wildcard {
    const FORM: &'static str = "a text, in which * is any run of characters";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        String::from_text(text)?
            .parse()
            .map_err(|error| Wrong::new(format!("is {text:?}: {error}")))
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl ListItem for Wildcard {
    const WANTED_LIST: &'static str = "a list of texts such as [\"refs/heads/main\"]";
}

// === Tables ===

impl Value for AllowFile {
    const WANTED: &'static str = "a rule such as { who = [\"user:alice\"], repositories = [\"team/*\"], actions = [\"pull\"] }";
    const SHAPE: Shape = Shape::Table(&[
        (ALLOW_KEYS[0], Vec::<Who>::SHAPE),
        (ALLOW_KEYS[1], Vec::<TargetPattern>::SHAPE),
        (ALLOW_KEYS[2], Vec::<Act>::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let table = Table::read::<Self>(node, "a rule", &ALLOW_KEYS)?;
        let who = table.some("who")?;
        let right = right_of(&table)?;
        Ok(Self {
            rule: AccessRule { who, right },
            place: node.origin.clone(),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let mut table = toml::Table::new();
        table.insert("who".to_owned(), self.rule.who.shown()?);
        show_right(&mut table, &self.rule.right);
        Some(toml::Value::Table(table))
    }
}

impl ListItem for AllowFile {
    const WANTED_LIST: &'static str = "a list of rules such as [{ who = [\"user:alice\"], repositories = [\"team/*\"], actions = [\"pull\"] }]";
}

impl Value for WorkloadFile {
    const WANTED: &'static str = "a table such as { name = \"main\", issuer = \"https://gitlab.example\", audience = \"registry\", claims = { ref = \"main\" } }";
    const SHAPE: Shape = Shape::PartialTable(&[
        (WORKLOAD_KEYS[0], AccountName::SHAPE),
        (WORKLOAD_KEYS[1], String::SHAPE),
        (WORKLOAD_KEYS[2], String::SHAPE),
        (WORKLOAD_KEYS[3], Claims::SHAPE),
        (WORKLOAD_KEYS[4], Vec::<TargetPattern>::SHAPE),
        (WORKLOAD_KEYS[5], Vec::<Act>::SHAPE),
        (WORKLOAD_KEYS[6], PathBuf::SHAPE),
        (WORKLOAD_KEYS[7], bool::SHAPE),
        (WORKLOAD_KEYS[8], Vec::<HostPort>::SHAPE),
        (WORKLOAD_KEYS[9], PathBuf::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let table = Table::read::<Self>(node, "a workload", &WORKLOAD_KEYS)?;
        let repositories = table.optional::<Vec<TargetPattern>>("repositories")?;
        let actions = table.optional::<Vec<Act>>("actions")?;
        let right = match (repositories, actions) {
            (None, None) => None,
            _ => Some(right_of(&table)?),
        };
        Ok(Self {
            name: table.required("name")?,
            issuer: table.required("issuer")?,
            audience: table.required("audience")?,
            claims: table.required("claims")?,
            right,
            ca_file: table.optional("ca_file")?,
            private: table.optional("private")?.unwrap_or(false),
            key_hosts: table.optional("key_hosts")?.unwrap_or_default(),
            token_file: table.optional("token_file")?,
            place: node.origin.clone(),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let mut table = toml::Table::new();
        let texts = [
            ("name", self.name.text()),
            ("issuer", self.issuer.clone()),
            ("audience", self.audience.clone()),
        ];
        for (key, text) in texts {
            table.insert(key.to_owned(), text.into());
        }
        table.insert("claims".to_owned(), self.claims.shown()?);
        if let Some(right) = &self.right {
            show_right(&mut table, right);
        }
        if let Some(file) = self.ca_file.as_ref().and_then(Value::shown) {
            table.insert("ca_file".to_owned(), file);
        }
        table.insert("private".to_owned(), self.private.into());
        table.insert("key_hosts".to_owned(), self.key_hosts.shown()?);
        if let Some(file) = self.token_file.as_ref().and_then(Value::shown) {
            table.insert("token_file".to_owned(), file);
        }
        Some(toml::Value::Table(table))
    }
}

impl ListItem for WorkloadFile {
    const WANTED_LIST: &'static str = "a list of tables such as [{ name = \"main\", issuer = \"https://gitlab.example\", audience = \"registry\", claims = { ref = \"main\" } }]";
}

fn right_of(table: &Table<'_>) -> Result<Right, Wrong> {
    let acts: Vec<Act> = table.some("actions")?;
    Ok(Right {
        repositories: table.some("repositories")?,
        acts: acts.into_iter().collect::<Acts>(),
    })
}

fn show_right(table: &mut toml::Table, right: &Right) {
    let acts: Vec<Act> = right.acts.iter().collect();
    for (key, value) in [
        ("repositories", right.repositories.shown()),
        ("actions", acts.shown()),
    ] {
        table.extend(value.map(|value| (key.to_owned(), value)));
    }
}

// === Tables whose names are the operator's own ===

impl Value for Groups {
    const WANTED: &'static str = "a table such as { dev = [\"user:alice\", \"user:bob\"] }";
    const SHAPE: Shape = Shape::Named(&Vec::<Who>::SHAPE);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let members = |entry: &Entry| {
            // As rules name it.
            if format!("group:{}", entry.key).parse::<Who>().is_err() {
                let what = format!(
                    "has a group {:?}, and a name has letters, digits, '.', '_', '-', '+' and '@' only",
                    entry.key
                );
                return Err(Wrong::new(what).at(&entry.origin));
            }
            Vec::read(&entry.node)
        };
        named::<Self, _>(node, "a group", members).map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self(BTreeMap::new()))
    }

    fn shown(&self) -> Option<toml::Value> {
        Some(show_named(&self.0))
    }
}

impl Value for Claims {
    const WANTED: &'static str =
        "a table such as { repository = \"org/*\", ref = \"refs/heads/main\" }";
    const SHAPE: Shape = Shape::Named(&Shape::TextOrList);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let patterns = |entry: &Entry| match &entry.node.raw {
            Raw::List(_) => Vec::read(&entry.node),
            _ => Wildcard::read(&entry.node).map(|one| vec![one]),
        };
        named::<Self, _>(node, "a claim", patterns).map(Self)
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        Some(show_named(&self.0))
    }
}

/// A table of `noun`s by name.
fn named<T: Value, V>(
    node: &Node,
    noun: &str,
    read: impl Fn(&Entry) -> Result<V, Wrong>,
) -> Result<BTreeMap<String, V>, Wrong> {
    let inline;
    let raw = match &node.raw {
        Raw::Untyped(text) if text.trim_start().starts_with('{') => {
            inline = read_inline(text.trim(), &node.origin)?.raw;
            &inline
        }
        raw => raw,
    };
    let Raw::Table(entries) = raw else {
        return Err(unwanted(node, T::WANTED));
    };
    if entries.len() > MAX_NAMES {
        let what = format!("has {} names, at most {MAX_NAMES} are taken", entries.len());
        return Err(Wrong::new(what).at(&node.origin));
    }
    let one = |entry: &Entry| match read(entry) {
        Ok(value) => Ok((entry.key.clone(), value)),
        Err(mut wrong) => {
            wrong.what = format!("has {noun} `{}` that {}", entry.key, wrong.what);
            Err(wrong.at(&entry.origin))
        }
    };
    entries.iter().map(one).collect()
}

fn show_named<V>(names: &BTreeMap<String, Vec<V>>) -> toml::Value
where
    Vec<V>: Value,
{
    let entries = names
        .iter()
        .filter_map(|(name, list)| Some((name.clone(), list.shown()?)));
    toml::Value::Table(entries.collect())
}
