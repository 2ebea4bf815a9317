//! The effective configuration with where each value came from, for `config show`.
//!
//! As text it is TOML that could be written: what must not be written so, a secret's `***` first of all, is a comment.

use std::fmt::Write as _;

use serde_json::json;

use super::file::FileConfig;
use super::origin::Origin;
use super::resolved::Config;
use super::section::{Section, dotted};

/// Where comments begin at the least, in characters.
const COMMENT_COLUMN: usize = 40;

/// One key's effective value.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownSetting {
    /// The section's path; empty for the top level.
    pub section: Vec<String>,
    /// The key.
    pub key: &'static str,
    /// The value; a secret is `***`.
    pub value: toml::Value,
    /// Where it came from.
    pub origin: Origin,
    /// What makes it something to read only, and not to write into a file.
    pub remark: Option<Remark>,
}

/// Why a value is shown that must not be written as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// It stands for a secret.
    Secret,
    /// Nobody wrote it: it holds as long as `url` says what it says.
    ImpliedByUrl,
}

/// Lists every key that has a value, in the order of the reference page.
pub(super) fn list(file: &FileConfig, config: &Config) -> Vec<ShownSetting> {
    let mut all = section(&[], &file.top);
    for (name, upstream) in &file.upstreams {
        let mut shown = section(&["upstreams", name], upstream);
        if let Some(resolved) = config.upstreams.get(name) {
            let url = resolved.url.as_str().trim_end_matches('/');
            put(&mut shown, name, "url", url.into());
            put(
                &mut shown,
                name,
                "token_hosts",
                resolved.token_hosts.clone().into(),
            );
            if resolved.private && !upstream.private.value {
                put(&mut shown, name, "private", true.into());
                remark(&mut shown, "private", Remark::ImpliedByUrl);
            }
        }
        all.extend(shown);
    }
    all.extend(section(&["clients"], &file.clients));
    all.extend(section(&["cache"], &file.cache));
    all.extend(section(&["budget"], &file.budget));
    all.extend(section(&["ledger"], &file.ledger));
    all.extend(section(&["alerts"], &file.alerts));
    all.extend(section(&["log"], &file.log));
    all.extend(section(&["server"], &file.server));
    all.extend(section(&["tls"], &file.tls));
    // Whoever wrote what is shown would have configured access, and let in nobody.
    if file.access.written_at() != Origin::Default {
        all.extend(section(&["access"], &file.access));
    }
    all
}

fn section<S: Section>(path: &[&str], section: &S) -> Vec<ShownSetting> {
    let is_secret = |name| S::KEYS.iter().any(|key| key.name == name && key.is_secret);
    let shown = section.shown().into_iter();
    shown
        .map(|(key, value, origin)| ShownSetting {
            section: path.iter().map(|part| (*part).to_owned()).collect(),
            key,
            value,
            origin,
            remark: is_secret(key).then_some(Remark::Secret),
        })
        .collect()
}

/// Puts what was decided in the place of what was written.
fn put(shown: &mut Vec<ShownSetting>, name: &str, key: &'static str, value: toml::Value) {
    if let Some(setting) = shown.iter_mut().find(|setting| setting.key == key) {
        setting.value = value;
        return;
    }
    let setting = ShownSetting {
        section: vec!["upstreams".to_owned(), name.to_owned()],
        key,
        value,
        origin: Origin::Default,
        remark: None,
    };
    // After `enabled`, the section's first key.
    shown.insert(1.min(shown.len()), setting);
}

fn remark(shown: &mut [ShownSetting], key: &str, remark: Remark) {
    for setting in shown.iter_mut().filter(|setting| setting.key == key) {
        setting.remark = Some(remark);
    }
}

/// Where a value came from, in words.
fn source(setting: &ShownSetting) -> String {
    match setting.remark {
        None => setting.origin.to_string(),
        Some(Remark::Secret) => format!("{}; a secret is not shown", setting.origin),
        Some(Remark::ImpliedByUrl) => "implied by url".to_owned(),
    }
}

/// As TOML with a comment for each origin.
pub fn as_toml(settings: &[ShownSetting]) -> String {
    let mut text = String::new();
    let mut section: &[String] = &[];
    for setting in settings {
        if setting.section != section {
            section = &setting.section;
            let path: Vec<&str> = section.iter().map(String::as_str).collect();
            let _ = write!(text, "\n[{}]\n", dotted(&path));
        }
        let mark = setting.remark.map_or("", |_| "# ");
        let assignment = format!("{mark}{} = {}", setting.key, setting.value);
        let _ = writeln!(text, "{assignment:<COMMENT_COLUMN$}  # {}", source(setting));
    }
    text
}

/// As a JSON list of `{"key", "value", "from"}`, with the key's path as a list.
pub fn as_json(settings: &[ShownSetting]) -> String {
    let all = settings.iter().map(|setting| {
        let mut path: Vec<&str> = setting.section.iter().map(String::as_str).collect();
        path.push(setting.key);
        json!({ "key": path, "value": setting.value, "from": source(setting) })
    });
    let all = serde_json::Value::Array(all.collect());
    format!("{all:#}\n")
}
