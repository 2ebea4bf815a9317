//! Looks at the whole of a JSON document, so that what a reader passes over is known to be sound as well.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value that was looked at to its last byte and is not kept. What a derived reader ignores is skipped without a look:
/// bytes that are no UTF-8 pass in it, and any depth, at which other readers' stacks end.
///
/// `serde_json` bounds the depth at 128 where it is asked for values; the deepest manifest that is pushed has under 10.
pub(crate) struct WholeJson;

impl<'de> Deserialize<'de> for WholeJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Looking)
    }
}

struct Looking;

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
        while list.next_element::<WholeJson>()?.is_some() {}
        Ok(WholeJson)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<WholeJson, A::Error> {
        while object.next_entry::<WholeJson, WholeJson>()?.is_some() {}
        Ok(WholeJson)
    }
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
}
