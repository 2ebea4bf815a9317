//! A JSON schema of the configuration file, from the declarations of its keys, for editors.
//!
//! It says which keys there are and what shape their values have; what only Forebay can judge, `forebay config check` does.

use serde_json::{Map, Value as Json, json};

use super::builtin::BUILTINS;
use super::file::{NAME, SECTIONS, SectionInfo};
use super::reference::paragraph;
use super::section::Key;
use super::value::Shape;

/// The draft that editors of TOML read.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema as JSON text.
pub fn schema() -> String {
    let mut properties = Map::new();
    let mut upstream = Json::Null;
    for section in &SECTIONS {
        match section.path {
            [] => properties.extend(keys(section)),
            [.., name] if *name == NAME => upstream = table(section),
            path => {
                properties.extend(
                    path.first()
                        .map(|name| ((*name).to_owned(), table(section))),
                );
            }
        }
    }
    let reference = json!({ "$ref": "#/definitions/upstream" });
    let builtins = BUILTINS.iter();
    let builtins = builtins.map(|builtin| (builtin.name.to_owned(), reference.clone()));
    let upstreams = json!({
        "type": "object",
        "description": "The registries that images come from, by name.",
        "properties": builtins.collect::<Map<_, _>>(),
        "additionalProperties": reference,
    });
    properties.insert("upstreams".to_owned(), upstreams);
    let schema = json!({
        "$schema": DRAFT,
        "title": "Forebay's configuration",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "definitions": { "upstream": upstream },
    });
    format!("{schema:#}")
}

fn table(section: &SectionInfo) -> Json {
    json!({
        "type": "object",
        "description": paragraph(section.about),
        "additionalProperties": false,
        "properties": keys(section),
    })
}

fn keys(section: &SectionInfo) -> Map<String, Json> {
    let keys = section.keys.iter();
    keys.map(|key| (key.name.to_owned(), property(key)))
        .collect()
}

fn property(key: &Key) -> Json {
    let mut property = shape(&key.shape);
    property["description"] = format!("{} Takes {}.", paragraph(key.about), key.wanted).into();
    if let Some(text) = key.default {
        property["default"] = match key.shape {
            // As TOML writes them, JSON does.
            Shape::Boolean | Shape::Count => serde_json::from_str(text).unwrap_or_default(),
            _ => text.into(),
        };
    }
    property
}

fn shape(of: &Shape) -> Json {
    match of {
        Shape::Text([]) => json!({ "type": "string" }),
        Shape::Text(words) => json!({ "type": "string", "enum": words }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Count => json!({ "type": "integer", "minimum": 0 }),
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::TextOrList => json!({
            "anyOf": [shape(&Shape::Text(&[])), shape(&Shape::List(&Shape::Text(&[])))],
        }),
        Shape::Named(of) => json!({ "type": "object", "additionalProperties": shape(of) }),
        Shape::Table(keys) | Shape::PartialTable(keys) => {
            let is_whole = matches!(of, Shape::Table(_));
            let names = keys.iter().filter(|_| is_whole).map(|(name, _)| *name);
            let names: Vec<_> = names.collect();
            let properties = keys
                .iter()
                .map(|(name, of)| ((*name).to_owned(), shape(of)));
            json!({
                "type": "object",
                "additionalProperties": false,
                "required": names,
                "properties": properties.collect::<Map<_, _>>(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Flags, Sources, as_toml, show};

    /// What is wrong with a value by a schema of the few words that ours has.
    fn judge(schema: &Json, root: &Json, value: &Json) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            return judge(root.pointer(pointer).unwrap(), root, value);
        }
        if let Some(any) = schema["anyOf"].as_array() {
            let fits = any.iter().any(|one| judge(one, root, value).is_ok());
            return fits.then_some(()).ok_or_else(|| value.to_string());
        }
        let is_of_type = match schema["type"].as_str().unwrap() {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        let words = schema["enum"].as_array();
        if !is_of_type || words.is_some_and(|words| !words.contains(value)) {
            return Err(value.to_string());
        }
        for item in value.as_array().into_iter().flatten() {
            judge(&schema["items"], root, item)?;
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            let of_key = schema["properties"].get(key);
            let of_any = schema
                .get("additionalProperties")
                .filter(|of| of.is_object());
            let schema = of_key
                .or(of_any)
                .ok_or_else(|| format!("{key} is unknown"))?;
            judge(schema, root, value)?;
        }
        Ok(())
    }

    fn judge_toml(text: &str) -> Result<(), String> {
        let schema: Json = serde_json::from_str(&schema()).unwrap();
        let value = toml::from_str::<toml::Table>(text).unwrap();
        judge(&schema, &schema, &serde_json::to_value(value).unwrap())
    }

    #[test]
    fn what_is_right_fits_and_what_is_wrong_does_not() {
        for right in [
            "",
            "listen = \"127.0.0.1:5000\"",
            "listen = [\"127.0.0.1:5000\", \"[::1]:5000\"]",
            "[upstreams.\"docker.io\"]\nallow = [\"library/*\"]\ninsecure = true",
            "[upstreams.\"registry.example:5000\"]\nproxy = \"none\"",
            "[cache]\non_gone = \"refuse\"\ntag_rules = [{ pattern = \"v*\", ttl = \"6h\" }]",
            include_str!("../../../packaging/forebay.toml"),
        ] {
            assert_eq!(judge_toml(right), Ok(()), "{right}");
        }
        for wrong in [
            "lisen = \"127.0.0.1:5000\"",
            "listen = 5000",
            "[upstreams.\"docker.io\"]\nurls = \"http://127.0.0.1\"",
            "[cache]\non_gone = \"keep\"",
            "[cache]\nmax_size = 50",
            "[cache]\ntag_rules = [{ patern = \"v*\" }]",
            "[server]\nmax_connections = \"10\"",
        ] {
            assert!(judge_toml(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_that_holds_without_a_file_fits() {
        let sources = Sources::new(None, Environment::default(), Flags::default());
        let file = as_toml(&show(&sources).unwrap());
        assert!(file.contains("max_size"), "{file}");
        assert_eq!(judge_toml(&file), Ok(()), "{file}");
    }
}
