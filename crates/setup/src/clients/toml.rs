//! What the clients' TOML files have in common.

use forebay_setup_files::SetupError;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, TomlError, Value};

/// Reads a file.
pub(super) fn parse(path: &str, text: &str) -> Result<DocumentMut, SetupError> {
    text.parse().map_err(|error: TomlError| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let why = format!("line {line}: {}", error.message());
        SetupError::broken(path, "TOML", why)
    })
}

/// The table at this place, made without a header of its own where it is missing.
pub(super) fn table<'a>(
    path: &str,
    root: &'a mut dyn TableLike,
    keys: &[&str],
) -> Result<&'a mut dyn TableLike, SetupError> {
    let Some((key, rest)) = keys.split_first() else {
        return Ok(root);
    };
    let made = || {
        let mut table = Table::new();
        table.set_implicit(!rest.is_empty());
        Item::Table(table)
    };
    let item = root.entry(key).or_insert_with(made);
    let table_like = item.as_table_like_mut();
    let Some(inner) = table_like else {
        let what = format!("{key} is no table");
        return Err(SetupError::unmergeable(
            path,
            what,
            "make it one, or take it out",
        ));
    };
    table(path, inner, rest)
}

/// What stands at this place.
pub(super) fn find<'a>(root: &'a dyn TableLike, keys: &[&str]) -> Option<&'a Item> {
    let (key, rest) = keys.split_first()?;
    let item = root.get(key)?;
    if rest.is_empty() {
        return Some(item);
    }
    find(item.as_table_like()?, rest)
}

/// A list of texts.
pub(super) fn list(items: &[&str]) -> Value {
    Value::Array(items.iter().copied().collect::<Array>())
}

/// Has a list begin with `item` and hold it once.
pub(super) fn put_first(
    path: &str,
    table: &mut dyn TableLike,
    (key, item): (&str, &str),
) -> Result<(), SetupError> {
    let Some(found) = table.get_mut(key) else {
        table.insert(key, Item::Value(list(&[item])));
        return Ok(());
    };
    let Some(array) = found.as_array_mut() else {
        let what = format!("{key} is no list");
        return Err(SetupError::unmergeable(
            path,
            what,
            "make it a list of addresses",
        ));
    };
    let is_item = |value: &Value| value.as_str() == Some(item);
    if array.get(0).is_some_and(is_item) {
        return Ok(());
    }
    array.retain(|value| !is_item(value));
    let decor = array.get(0).map(|first| first.decor().clone());
    array.insert(0, item);
    if let (Some(decor), Some(first)) = (decor, array.get_mut(0)) {
        *first.decor_mut() = decor;
    }
    // What stood first is a later one now: a space before it, unless it has a line of its own.
    if let Some(second) = array.get_mut(1) {
        let prefix = second
            .decor()
            .prefix()
            .and_then(|prefix| prefix.as_str())
            .unwrap_or_default();
        if !prefix.contains('\n') {
            second.decor_mut().set_prefix(" ");
        }
    }
    Ok(())
}
