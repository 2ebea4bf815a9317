//! An object that stands in YAML, as the one in JSON that it is the same as: `kubectl` prints either.
//!
//! Aliases are seen as nothing: `kubectl` writes none, and a few of them can stand for billions of members.

use forebay_syntax::{At, Style, read_yaml};
use serde_json::{Map, Number, Value};

/// The object of a document; `None` if it is no YAML.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let (trees, notes) = read_yaml(text);
    let tree = trees.first().filter(|_| notes.is_empty())?;
    Some(value_of(At::root(tree)))
}

/// No deeper than YAML is read.
fn value_of(at: At<'_>) -> Value {
    if at.is_alias() || at.is_null() {
        return Value::Null;
    }
    if at.is_map() {
        let members = at.entries().map(|(key, at)| (key.to_owned(), value_of(at)));
        return Value::Object(members.collect::<Map<_, _>>());
    }
    if at.is_list() {
        return at.items().map(value_of).collect();
    }
    let text = at.text().unwrap_or_default();
    if at.style() != Some(Style::Plain) {
        return text.into();
    }
    match text {
        "true" => true.into(),
        "false" => false.into(),
        // Digits alone; `kubectl` puts a text that looks like a number into quotes.
        _ => text
            .parse::<Number>()
            .map_or_else(|_| text.into(), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_the_same_in_yaml_as_in_json() {
        let yaml = "  count: 14\n  a: \"14\"\n  b: true\n  c: null\n  d: x y\n  e:\n  - f: 'It''s\n      one'\n  - {}\n  g: |\n    1\n    2\n";
        let same = json!({
            "count": 14, "a": "14", "b": true, "c": null, "d": "x y", "e": [{"f": "It's one"}, {}], "g": "1\n2\n",
        });
        assert_eq!(parse(yaml), Some(same));
        assert_eq!(
            parse("a: &x [1]\nb: [*x, *x]\n"),
            Some(json!({"a": [1], "b": [null, null]}))
        );
        assert_eq!(parse("a: [\n"), None);
        assert_eq!(parse(""), None);
    }
}
