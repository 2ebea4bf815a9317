//! The kinds of value that keys hold: each reads itself from what was written and prints itself as TOML.
//!
//! The kinds with rules of their own have files below; this one has the trait, texts, lists, numbers and paths.

mod access;
mod address;
mod choice;
mod client;
mod equivalent;
mod image;
mod lifecycle;
mod quantity;
mod table;
mod webhook;

use std::path::PathBuf;

pub(super) use access::{AllowFile, Groups, WorkloadFile};
pub(super) use address::{HostPort, ListenAddresses};
pub(super) use equivalent::{EquivalentFile, ImagePattern};
pub(super) use image::{LocalPattern, Prefix, RepositoryGlob};
pub(super) use lifecycle::LifecycleFile;
pub(super) use quantity::{ByteSize, Percent, TimeSpan};
pub use quantity::{byte_size, time_span};
pub(super) use webhook::WebhookFile;

use super::error::Wrong;
use super::node::{Node, Raw, read_inline};
use super::secret::{REDACTED, Secret};

/// The most items of one list.
const MAX_ITEMS: usize = 1000;

/// What a value looks like in TOML, for editors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text; one of these words if there are any.
    Text(&'static [&'static str]),
    Boolean,
    /// A whole number from 0.
    Count,
    List(&'static Shape),
    /// A text, or a list of them.
    TextOrList,
    /// A table with all of these keys.
    Table(&'static [(&'static str, Shape)]),
    /// A table with any of these keys.
    PartialTable(&'static [(&'static str, Shape)]),
    /// A table with names of the operator's own.
    Named(&'static Shape),
}

/// What a key can hold.
pub(super) trait Value: Sized {
    /// What is wanted, with its article: "a size such as \"50GiB\"". Error messages and the reference page say it.
    const WANTED: &'static str;

    /// What it looks like in TOML.
    const SHAPE: Shape;

    /// Whether it is never to be repeated, right or wrong.
    const IS_SECRET: bool = false;

    /// Reads it from what was written.
    fn read(node: &Node) -> Result<Self, Wrong>;

    /// What it is when nothing was written and there is no default; `None` if it must be written.
    fn absent() -> Option<Self>;

    /// How it is shown; `None` if there is nothing to show.
    fn shown(&self) -> Option<toml::Value>;
}

/// A value that is written as one text, in the file and in the environment alike.
pub(super) trait TextValue: Sized {
    /// As [`Value::WANTED`].
    const FORM: &'static str;

    /// The words that it can be, if it is a choice.
    const WORDS: &'static [&'static str] = &[];

    /// As [`Value::IS_SECRET`].
    const IS_SECRET: bool = false;

    /// Reads it.
    fn from_text(text: &str) -> Result<Self, Wrong>;

    /// Prints it so that [`TextValue::from_text`] reads the same value; a secret prints `***`.
    fn text(&self) -> String;
}

/// A count of something: a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) u32);

/// That a value of another type was wanted.
pub(super) fn unwanted(node: &Node, wanted: &str) -> Wrong {
    match &node.raw {
        Raw::Untyped(text) => Wrong::new(format!("is {text:?}, wanted {wanted}")),
        raw => Wrong::new(format!("is {}, wanted {wanted}", raw.kind())),
    }
    .at(&node.origin)
}

impl<T: TextValue> Value for T {
    const WANTED: &'static str = T::FORM;
    const SHAPE: Shape = Shape::Text(T::WORDS);
    const IS_SECRET: bool = T::IS_SECRET;

    fn read(node: &Node) -> Result<Self, Wrong> {
        match &node.raw {
            Raw::Text(text) | Raw::Untyped(text) => {
                T::from_text(text).map_err(|wrong| wrong.at(&node.origin))
            }
            Raw::Integer(digits) => {
                let wrong = unwanted(node, T::FORM);
                Err(match T::from_text(digits) {
                    Ok(_) if T::IS_SECRET => wrong.hint("write it in quotes"),
                    Ok(_) => wrong.hint(format!("write it in quotes: \"{digits}\"")),
                    Err(Wrong { hints, .. }) => wrong.hints_from(hints),
                })
            }
            _ => Err(unwanted(node, T::FORM)),
        }
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.text()))
    }
}

impl<T: Value> Value for Option<T> {
    const WANTED: &'static str = T::WANTED;
    const SHAPE: Shape = T::SHAPE;
    const IS_SECRET: bool = T::IS_SECRET;

    fn read(node: &Node) -> Result<Self, Wrong> {
        T::read(node).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn shown(&self) -> Option<toml::Value> {
        self.as_ref().and_then(T::shown)
    }
}

impl<T: ListItem> Value for Vec<T> {
    const WANTED: &'static str = T::WANTED_LIST;
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let items = match &node.raw {
            Raw::List(items) => items.clone(),
            Raw::Untyped(text) => untyped_items(text, node)?,
            _ => return Err(unwanted(node, Self::WANTED)),
        };
        if items.len() > MAX_ITEMS {
            let what = format!("has {} items, at most {MAX_ITEMS} are taken", items.len());
            return Err(Wrong::new(what).at(&node.origin));
        }
        items.iter().map(T::read).collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn shown(&self) -> Option<toml::Value> {
        let items = self.iter().filter_map(T::shown).collect();
        Some(toml::Value::Array(items))
    }
}

/// A value that lists are made of.
pub(super) trait ListItem: Value {
    /// What a list of it is called.
    const WANTED_LIST: &'static str;
}

/// A list in one text: TOML's own form, or items between commas.
fn untyped_items(text: &str, node: &Node) -> Result<Vec<Node>, Wrong> {
    let text = text.trim();
    // An IPv6 address with a port begins like a list and does not end like one.
    if text.starts_with('[') && text.ends_with(']') {
        return match read_inline(text, &node.origin)?.raw {
            Raw::List(items) => Ok(items),
            raw => Err(Wrong::new(format!("is {}, wanted a list", raw.kind()))),
        };
    }
    let items = text.split(',').map(str::trim);
    let items = items.filter(|item| !item.is_empty()).map(|item| Node {
        origin: node.origin.clone(),
        raw: Raw::Untyped(item.to_owned()),
    });
    Ok(items.collect())
}

impl Value for bool {
    const WANTED: &'static str = "true or false";
    const SHAPE: Shape = Shape::Boolean;

    fn read(node: &Node) -> Result<Self, Wrong> {
        match &node.raw {
            Raw::Boolean(value) => Ok(*value),
            Raw::Untyped(text) if text == "true" => Ok(true),
            Raw::Untyped(text) if text == "false" => Ok(false),
            Raw::Text(text) if text == "true" || text == "false" => {
                Err(unwanted(node, Self::WANTED).hint("write it without quotes"))
            }
            _ => Err(unwanted(node, Self::WANTED)),
        }
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        Some(toml::Value::Boolean(*self))
    }
}

impl Value for Count {
    const WANTED: &'static str = "a whole number";
    const SHAPE: Shape = Shape::Count;

    fn read(node: &Node) -> Result<Self, Wrong> {
        let (Raw::Integer(digits) | Raw::Untyped(digits)) = &node.raw else {
            return Err(unwanted(node, Self::WANTED));
        };
        let number = digits.parse().map(Self);
        number.map_err(|_| Wrong::new(format!("is {digits:?}, wanted {}", Self::WANTED)))
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        Some(toml::Value::Integer(self.0.into()))
    }
}

impl Value for PathBuf {
    const WANTED: &'static str = "a path";
    const SHAPE: Shape = Shape::Text(&[]);

    /// A relative path in the file starts at the file's folder, anywhere else at the working directory.
    fn read(node: &Node) -> Result<Self, Wrong> {
        let (Raw::Text(text) | Raw::Untyped(text)) = &node.raw else {
            return Err(unwanted(node, Self::WANTED));
        };
        if text.is_empty() {
            return Err(Wrong::new("is empty, wanted a path").at(&node.origin));
        }
        Ok(match node.origin.folder() {
            Some(folder) => folder.join(text),
            None => Self::from(text),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.display().to_string()))
    }
}

impl TextValue for String {
    const FORM: &'static str = "a string";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.chars().find(|c| c.is_control()) {
            _ if text.is_empty() => Err(Wrong::new("is empty")),
            Some(_) => Err(Wrong::new("holds a control character")),
            None => Ok(text.to_owned()),
        }
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl TextValue for Secret {
    const FORM: &'static str = "a string, which is kept secret";
    const IS_SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text == REDACTED {
            let what = format!("is {REDACTED:?}, which only stands for a secret that is not shown");
            return Err(Wrong::new(what).hint("write the secret itself, or a file that holds it"));
        }
        String::from_text(text).map(Self::new)
    }

    fn text(&self) -> String {
        REDACTED.to_owned()
    }
}

#[cfg(test)]
mod tests;
