//! Members of JSON.
//!
//! What is missing is unknown, never an error.

use serde_json::Value;

/// A member that is a text.
pub fn member<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}
