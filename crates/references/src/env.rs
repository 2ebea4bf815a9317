//! `.env` files, as Compose reads them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::sink::{Sink, is_image};
use crate::{Encoding, Found, Owner, Place, Settings};

/// Finds values that are images: those whose name says so.
pub(crate) fn find(path: &str, text: &str, settings: &Settings) -> Found {
    let mut sink = Sink::new(text, path, settings);
    for (name, span) in entries(text) {
        let value = &text[span.clone()];
        let is_named_so = name.to_ascii_uppercase().contains("IMAGE");
        if is_named_so && value.contains(['/', ':']) && is_image(value) {
            let owner = Owner::named("Environment file", name);
            sink.place(Place::literal(
                span,
                value.to_owned(),
                Encoding::AsIs,
                owner,
            ));
        }
    }
    sink.found
}

/// Names and values. Of two, the last counts.
pub(crate) fn read(text: &str) -> BTreeMap<&str, &str> {
    entries(text)
        .map(|(name, span)| (name, &text[span]))
        .collect()
}

/// The names, and where their values stand, without quotes and comments.
fn entries(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim_start();
        if name.starts_with('#') {
            return None;
        }
        let blanks = value.len() - value.trim_start().len();
        let (skipped, value) = unquoted(value.trim());
        let begin = start + line.len() - line.split_once('=')?.1.len() + blanks + skipped;
        Some((name, begin..begin + value.len()))
    })
}

/// A value without its quotes, and how many bytes of them are before it.
fn unquoted(value: &str) -> (usize, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return (1, inner.split(quote).next().unwrap_or_default());
        }
    }
    (0, value.split(" #").next().unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_without_quotes_and_comments() {
        let text = "# A=1\r\nA_IMAGE = \"nginx:1.27\" # x\r\nexport B='x/y'\nC=z # no\nIMAGE_D=a/b\nIMAGE=only\n";
        let values = read(text);
        assert_eq!(values["A_IMAGE"], "nginx:1.27");
        assert_eq!(values["B"], "x/y");
        assert_eq!(values["C"], "z");
        let found = find(".env", text, &Settings::default());
        let written: Vec<&str> = found
            .places
            .iter()
            .map(|place| &text[place.span.clone()])
            .collect();
        assert_eq!(written, ["nginx:1.27", "a/b"]);
    }
}
