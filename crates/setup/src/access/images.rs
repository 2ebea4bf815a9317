//! At which registry the image of an expression is, by what is found of images in its whole file.
//!
//! A name says so by itself only where it is written as one text. A constant, a parameter's default or a sum of texts is
//! followed as a rewrite follows it.

use std::ops::Range;

use forebay_rewrite::{Found, Settings, find};

use super::registry::is_held;

/// What a variable stands between, in CDK and in templates.
pub(super) const VARIABLE: (&str, &str) = ("{", "}");

/// What an expression stands between, in a workflow of GitHub Actions.
pub(super) const EXPRESSION: (&str, &str) = ("${{", "}}");

/// The images of a file, in its order.
pub(super) struct Images {
    found: Found,
}

impl Images {
    pub(super) fn of(path: &str, text: &str) -> Self {
        Self {
            found: find(path, text.as_bytes(), &Settings::default()),
        }
    }

    /// Whether the images that stand in these bytes, or are read there, lie at the registry of this host; `None` unless all
    /// that are known say the same.
    pub(super) fn is_held(&self, host: &str, span: &Range<usize>) -> Option<bool> {
        let mut homes = vec![span.clone()];
        let readings = &self.found.readings;
        let first = readings.partition_point(|reading| reading.span.start < span.start);
        let read = readings[first..].iter();
        let read = read.take_while(|reading| reading.span.start < span.end);
        homes.extend(read.map(|reading| reading.home.clone()));
        let mut all = None;
        for place in homes.iter().flat_map(|home| self.places_in(home)) {
            let is_there = is_held(host, &place.image)?;
            if all.is_some_and(|all| all != is_there) {
                return None;
            }
            all = Some(is_there);
        }
        all
    }

    fn places_in(&self, home: &Range<usize>) -> impl Iterator<Item = &forebay_rewrite::Place> {
        let places = &self.found.places;
        let first = places.partition_point(|place| place.span.start < home.start);
        let end = home.end;
        places[first..]
            .iter()
            .take_while(move |place| place.span.start < end)
    }
}

/// An image with a word for each variable behind its beginning, which is what says the registry.
pub(super) fn filled(text: &str, (open, close): (&str, &str)) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((start, end)) = rest.find(open).zip(rest.find(close)) {
        let before = rest[..start].trim_end_matches('$');
        if before.is_empty() && filled.is_empty() || start > end {
            return text.to_owned();
        }
        filled.push_str(before);
        filled.push('x');
        rest = &rest[end + close.len()..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_followed_to_what_it_is() {
        let text = "IMAGE = 'ghcr.io/a/b:1'\nUSER = 'me'\nC.from_registry(IMAGE)\nC.from_registry(USER + '/c:' + '1')\n\
                    C.from_registry(f(x))\n";
        let images = Images::of("stack.py", text);
        let span = |part: &str| {
            let start = text.rfind(part).expect(part);
            start..start + part.len()
        };
        for (part, is_there) in [
            ("IMAGE", Some(false)),
            ("USER + '/c:' + '1'", Some(true)),
            ("f(x)", None),
        ] {
            assert_eq!(images.is_held("docker.io", &span(part)), is_there, "{part}");
        }
        let filled = ["a/${B}:{c}-1", "${A}/b", "{a}/b", "a/b"];
        let filled = filled.map(|text| super::filled(text, VARIABLE));
        assert_eq!(filled, ["a/x:x-1", "${A}/b", "{a}/b", "a/b"]);
    }
}
