//! Source code before and after an account's images have moved, as tables.

#![expect(
    clippy::unwrap_used,
    reason = "a file without a format and edits that overlap end the test where they are"
)]

use std::fmt::Write as _;

use forebay_oci::{DOCKER_HUB, ImageName};
use forebay_references::{Format, Settings, apply};
use forebay_source_code::find_as;

/// A text, what is set, and the text afterwards.
pub(crate) type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Checks a table.
pub(crate) fn check(path: &str, rows: &[Row]) {
    for (text, set, expected) in rows {
        assert_eq!(rewritten(path, text, set), *expected, "{text}");
    }
}

/// The text afterwards, then what was left to a person, a line each.
pub(crate) fn rewritten(path: &str, text: &str, set: &[(&str, &str)]) -> String {
    let format = Format::sniff(path, text).unwrap();
    let found = find_as(format, path, text, &settings(set));
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let mut unsure: Vec<(usize, String, String)> = found
        .ambiguous
        .iter()
        .map(|one| (line(one.span.start), one.text.clone(), one.why.to_string()))
        .collect();
    let mut edits = Vec::new();
    for place in &found.places {
        let Some(new) = moved(&place.image) else {
            continue;
        };
        match place.edits(&new) {
            Ok(more) => edits.extend(more),
            Err(refusal) => {
                let line = line(place.span.start);
                unsure.push((line, place.image.clone(), refusal.to_string()));
            }
        }
    }
    unsure.sort_by_key(|(line, ..)| *line);
    let mut after = apply(text, edits).unwrap();
    for (line, text, why) in unsure {
        _ = write!(after, "\n? {line}: {text} ({why})");
    }
    after
}

/// The incident's rule: an account's images at Docker Hub are now in ECR, by their last name.
fn moved(image: &str) -> Option<String> {
    let named: ImageName = image.parse().ok()?;
    let is_hub = [DOCKER_HUB, "index.docker.io"].contains(&named.registry.as_str());
    let last = image.rsplit('/').next().unwrap_or(image);
    is_hub.then(|| format!("ecr.example/{last}"))
}

fn settings(set: &[(&str, &str)]) -> Settings {
    Settings {
        set: set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Settings::default()
    }
}
