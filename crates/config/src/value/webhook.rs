//! Where alerts go: one table a webhook.

use std::path::PathBuf;

use super::{ListItem, Shape, TextValue, Value, unwanted};
use crate::error::Wrong;
use crate::nearest::find_nearest;
use crate::node::{Node, Raw};
use crate::origin::Origin;
use crate::resolved::WebhookForm;
use crate::secret::Secret;
use crate::section::Setting;

/// A webhook as it was written.
pub(crate) struct WebhookFile {
    pub(crate) url: Setting<Option<Secret>>,
    pub(crate) url_file: Setting<Option<PathBuf>>,
    pub(crate) form: WebhookForm,
    pub(crate) private: bool,
    /// Where it was written.
    pub(crate) place: Origin,
}

/// The keys of one webhook.
const KEYS: [&str; 4] = ["url", "url_file", "form", "private"];

impl Value for WebhookFile {
    const WANTED: &'static str = "a webhook such as { url_file = \"slack.url\", form = \"slack\" }";
    const SHAPE: Shape = Shape::PartialTable(&[
        (KEYS[0], Secret::SHAPE),
        (KEYS[1], PathBuf::SHAPE),
        (KEYS[2], WebhookForm::SHAPE),
        (KEYS[3], bool::SHAPE),
    ]);
    const IS_SECRET: bool = true;

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Raw::Table(entries) = &node.raw else {
            return Err(match node.raw {
                // What stands there may be the address itself.
                Raw::Untyped(_) => Wrong::new(format!("is text, wanted {}", Self::WANTED)),
                _ => unwanted(node, Self::WANTED),
            });
        };
        if let Some(stray) = entries
            .iter()
            .find(|entry| !KEYS.contains(&entry.key.as_str()))
        {
            let wrong = Wrong::new(format!(
                "has a webhook with the unknown key `{}`",
                stray.key
            ));
            return Err(match find_nearest(&stray.key, KEYS) {
                Some(key) => wrong.hint(format!("the nearest key is `{key}`")),
                None => wrong.hint("a webhook has `url` or `url_file`, `form` and `private`"),
            }
            .at(&stray.origin));
        }
        let find = |key: &str| entries.iter().find(|entry| entry.key == key);
        Ok(Self {
            url: setting(find("url").map(|entry| &entry.node), "url", node)?,
            url_file: setting(find("url_file").map(|entry| &entry.node), "url_file", node)?,
            form: read_or(
                find("form").map(|entry| &entry.node),
                "form",
                WebhookForm::Json,
            )?,
            private: read_or(find("private").map(|entry| &entry.node), "private", false)?,
            place: node.origin.clone(),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let mut table = toml::Table::new();
        let url = self.url.value.as_ref().and_then(Value::shown);
        let url_file = self.url_file.value.as_ref().and_then(Value::shown);
        for (key, value) in [("url", url), ("url_file", url_file)] {
            if let Some(value) = value {
                table.insert(key.to_owned(), value);
            }
        }
        table.insert("form".to_owned(), self.form.text().into());
        table.insert("private".to_owned(), self.private.into());
        Some(toml::Value::Table(table))
    }
}

impl ListItem for WebhookFile {
    const WANTED_LIST: &'static str =
        "a list of webhooks such as [{ url_file = \"slack.url\", form = \"slack\" }]";
}

fn setting<T: Value>(
    written: Option<&Node>,
    key: &str,
    webhook: &Node,
) -> Result<Setting<Option<T>>, Wrong> {
    let origin = written.unwrap_or(webhook).origin.clone();
    let value = written.map(T::read).transpose();
    Ok(Setting {
        value: value.map_err(|wrong| wrong.within("has a webhook whose", key))?,
        origin,
    })
}

fn read_or<T: Value>(written: Option<&Node>, key: &str, default: T) -> Result<T, Wrong> {
    match written {
        Some(node) => T::read(node).map_err(|wrong| wrong.within("has a webhook whose", key)),
        None => Ok(default),
    }
}
