//! A result as JSON, put together while it is shown: there may be much of it, and as one text it would take as much room again.

use std::fmt;
use std::io;

use serde::Serialize;
use serde_json::Serializer;

/// A value that is shown as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Json<T> {
    value: T,
    is_indented: bool,
}

impl<T: Serialize> Json<T> {
    /// In one line.
    pub const fn compact(value: T) -> Self {
        Self {
            value,
            is_indented: false,
        }
    }

    /// With a member a line, as people read it.
    pub const fn indented(value: T) -> Self {
        Self {
            value,
            is_indented: true,
        }
    }
}

impl<T: Serialize> fmt::Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Parts(f);
        let shown = if self.is_indented {
            self.value.serialize(&mut Serializer::pretty(parts))
        } else {
            self.value.serialize(&mut Serializer::new(parts))
        };
        shown.map_err(|_| fmt::Error)
    }
}

/// Takes a text in parts that are texts themselves, as JSON is written.
struct Parts<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl io::Write for Parts<'_, '_> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(part).map_err(io::Error::other)?;
        self.0.write_str(text).map_err(io::Error::other)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_in_parts_is_what_it_is_as_a_whole() {
        let value = serde_json::json!({"a": [1, null, {}], "b": "é\n\u{1b}"});
        assert_eq!(Json::compact(&value).to_string(), value.to_string());
        let whole = format!("{value:#}");
        assert_eq!(Json::indented(&value).to_string(), whole);
    }
}
