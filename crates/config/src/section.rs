//! Sections: groups of keys, each declared once with its type, default and documentation.
//!
//! From that one declaration come the reader, the names of variables, `config show` and the reference page.

use super::error::Problems;
use super::layers::Layers;
use super::node::{Node, Raw};
use super::origin::Origin;
use super::value::{Shape, Value};

/// A value and where it came from.
#[derive(Clone)]
pub(super) struct Setting<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it takes, with its article.
    pub(super) wanted: &'static str,
    /// What it looks like in TOML.
    pub(super) shape: Shape,
    /// Whether its value is never shown.
    pub(super) is_secret: bool,
    /// The default as a variable would have it; `None` if it is unset, or differs between upstreams.
    pub(super) default: Option<&'static str>,
    /// The field's documentation.
    pub(super) about: &'static str,
}

/// A group of keys.
pub(super) trait Section: Sized {
    /// What the section is about.
    const ABOUT: &'static str;
    /// Its keys, in the order of the reference page.
    const KEYS: &'static [Key];

    /// Reads all its keys.
    fn read(reader: &mut Reader<'_>) -> Self;

    /// Where its header stands; `Default` if nothing in the file is of it.
    fn place(&self) -> &Origin;

    /// Each key that has a value to show: its name, the value, and where that came from.
    fn shown(&self) -> Vec<(&'static str, toml::Value, Origin)>;
}

/// Reads the keys of one section and notes what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) problems: &'a mut Problems,
    /// The section's own path.
    pub(super) path: Vec<String>,
    /// Defaults that hold for this one section only: what is built in of an upstream.
    pub(super) defaults: Vec<(&'static str, String)>,
}

impl Reader<'_> {
    /// Where the section's header stands.
    pub(super) fn place(&self) -> Origin {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        self.layers.place(&path)
    }

    /// The value of a key, or its default where what was written is wrong: the start stops anyway, and reading on finds
    /// what else is. The key is then in doubt.
    pub(super) fn read<T: Value>(&mut self, key: &str, default: Option<&str>) -> Setting<T> {
        let mut path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        path.push(key);
        if let Some(node) = self.layers.find(&path) {
            match T::read(node) {
                Ok(value) => {
                    return Setting {
                        value,
                        origin: node.origin.clone(),
                    };
                }
                Err(wrong) => {
                    let name = format!("`{}`", dotted(&path));
                    self.problems.doubt(&path);
                    self.problems.push(wrong.of(&name, &node.origin));
                }
            }
        }
        self.default(key, default)
    }

    #[expect(
        clippy::expect_used,
        reason = "defaults are constants, all of which a test reads"
    )]
    fn default<T: Value>(&self, key: &str, default: Option<&str>) -> Setting<T> {
        let own = self.defaults.iter().find(|(name, _)| *name == key);
        let text = own.map(|(_, text)| text.as_str()).or(default);
        let value = match text {
            Some(text) => T::read(&Node {
                origin: Origin::Default,
                raw: Raw::Untyped(text.to_owned()),
            })
            .ok(),
            None => T::absent(),
        };
        Setting {
            value: value.expect("a key's default is a value that the key takes"),
            origin: Origin::Default,
        }
    }
}

/// A key's path as TOML has it: `upstreams."docker.io".url`.
pub(super) fn dotted(path: &[&str]) -> String {
    let parts: Vec<String> = path.iter().map(|part| quoted(part)).collect();
    parts.join(".")
}

fn quoted(part: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !part.is_empty() && part.chars().all(is_bare) {
        part.to_owned()
    } else {
        toml::Value::from(part).to_string()
    }
}

/// Declares a section: its keys with their types and, where they have one, their defaults.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $type:ty $(= $default:literal)?,)+
        }
    ) => {
        $(#[doc = $about])+
        pub(super) struct $name {
            place: Origin,
            $($(#[doc = $doc])+ pub(super) $key: Setting<$type>,)+
        }

        impl Section for $name {
            const ABOUT: &'static str = concat!($($about, "\n"),+);
            const KEYS: &'static [Key] = &[$(Key {
                name: stringify!($key),
                wanted: <$type as Value>::WANTED,
                shape: <$type as Value>::SHAPE,
                is_secret: <$type as Value>::IS_SECRET,
                default: section!(@default $($default)?),
                about: concat!($($doc, "\n"),+),
            }),+];

            fn read(reader: &mut Reader<'_>) -> Self {
                Self {
                    place: reader.place(),
                    $($key: reader.read(stringify!($key), section!(@default $($default)?)),)+
                }
            }

            fn place(&self) -> &Origin {
                &self.place
            }

            fn shown(&self) -> Vec<(&'static str, toml::Value, Origin)> {
                let all = [$((stringify!($key), self.$key.value.shown(), &self.$key.origin)),+];
                let set = all.into_iter().filter_map(|(name, value, origin)| {
                    value.map(|value| (name, value, origin.clone()))
                });
                set.collect()
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

pub(super) use section;
