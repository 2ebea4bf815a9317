//! Looks at the whole of a JSON document, so that what a reader passes over is known to be sound as well, and that all readers read the
//! same.
//!
//! Readers differ where an object has a key twice, and where a key differs from a known one in nothing but case: Go's `encoding/json`
//! takes `Layers` and `layer\u{17f}` for `layers`, the last one of them (its documentation of Unmarshal; CVE-2021-41190 is of this kind).

use std::collections::HashSet;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};

/// The fields of manifests and descriptors, of which readers of any kind know some: image-spec `manifest.md`, `image-index.md`,
/// `descriptor.md`; those of Docker's schema 2; the former artifact manifest's.
const FIELDS: [&str; 19] = [
    "annotations",
    "architecture",
    "artifactType",
    "blobs",
    "config",
    "data",
    "digest",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "os.features",
    "os.version",
    "platform",
    "schemaVersion",
    "size",
    "subject",
    "urls",
    "variant",
];

/// The field whose keys are anybody's own.
const ANNOTATIONS: &str = "annotations";

/// A value that was looked at to its last byte and is not kept. What a derived reader ignores is skipped without a look:
/// bytes that are no UTF-8 pass in it, and any depth, at which other readers' stacks end.
///
/// `serde_json` bounds the depth at 128 where it is asked for values; the deepest manifest that is pushed has under 10.
pub(crate) struct WholeJson;

impl<'de> Deserialize<'de> for WholeJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Looking {
            are_keys_free: false,
        }
        .deserialize(deserializer)
    }
}

/// Looks at one value.
#[derive(Clone, Copy)]
struct Looking {
    /// Whether its keys, if it is an object, are nobody's fields.
    are_keys_free: bool,
}

impl<'de> DeserializeSeed<'de> for Looking {
    type Value = WholeJson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<WholeJson, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Looking {
    type Value = WholeJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<WholeJson, E> {
        Ok(WholeJson)
    }

    fn visit_bool<E>(self, _: bool) -> Result<WholeJson, E> {
        Ok(WholeJson)
    }

    fn visit_i64<E>(self, _: i64) -> Result<WholeJson, E> {
        Ok(WholeJson)
    }

    fn visit_u64<E>(self, _: u64) -> Result<WholeJson, E> {
        Ok(WholeJson)
    }

    fn visit_f64<E>(self, _: f64) -> Result<WholeJson, E> {
        Ok(WholeJson)
    }

    fn visit_str<E>(self, _: &str) -> Result<WholeJson, E> {
        Ok(WholeJson)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WholeJson, A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(WholeJson)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<WholeJson, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = object.next_key::<String>()? {
            if !self.are_keys_free
                && let Some(field) = look_alike(&key)
            {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?}, which some clients take for {field:?} and others do not"
                )));
            }
            let are_keys_free = key == ANNOTATIONS;
            object.next_value_seed(Self { are_keys_free })?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("the key {key:?} twice")));
            }
        }
        Ok(WholeJson)
    }
}

/// The field that a reader who ignores case takes the key for, if it is not written so.
fn look_alike(key: &str) -> Option<&'static str> {
    let mut fields = FIELDS.iter().copied();
    fields.find(|field| key != *field && folded(key).eq(folded(field)))
}

/// The text's characters as Unicode's simple folding has them, as far as letters of ASCII come of them.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sound(bytes: &[u8]) -> bool {
        serde_json::from_slice::<WholeJson>(bytes).is_ok()
    }

    #[test]
    fn all_values_of_json_are_looked_at() {
        assert!(is_sound(
            br#"{"a":[1,-2,2.5e9,null,true,"x\u00e9"],"b":{"c":{}}}"#
        ));
        assert!(!is_sound(b"{\"a\":\"\xff\"}"));
        assert!(!is_sound(b"{\"\xff\":1}"));
        assert!(!is_sound(b"[1,]"));
        assert!(!is_sound(b"[1] 2"));
    }

    #[test]
    fn the_depth_has_a_bound() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_sound(nested(100).as_bytes()));
        assert!(!is_sound(nested(20_000).as_bytes()));
    }

    #[test]
    fn a_key_that_some_take_for_another_is_refused_wherever_it_has_a_meaning() {
        for text in [
            r#"{"Layers":[]}"#,
            r#"{"layers":[],"layerſ":[]}"#,
            r#"{"layers":[{"Digest":"a"}]}"#,
            r#"{"x":{"MEDIATYPE":1}}"#,
            r#"{"Os.Version":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"annotations":{"a":1,"a":1}}"#,
            r#"{"\u006cayers":1,"layers":1}"#,
            r#"{"Annotations":{}}"#,
        ] {
            assert!(!is_sound(text.as_bytes()), "{text}");
        }
        for text in [
            r#"{"annotations":{"Digest":"a","Size":"b"}}"#,
            r#"{"layers":[{"annotations":{"URLS":"a"}}],"LayersOfMine":1}"#,
            r#"{"a":1,"A":2}"#,
        ] {
            assert!(is_sound(text.as_bytes()), "{text}");
        }
        let told = serde_json::from_str::<WholeJson>(r#"{"Layers":[]}"#).map(|_| ());
        let told = told.unwrap_err().to_string();
        assert!(
            told.starts_with("the key \"Layers\", which some clients take for \"layers\""),
            "{told}"
        );
    }
}
