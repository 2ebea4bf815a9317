//! A values file of Helm's, alone and with the chart that it is of: each behind the one before, from a `\x01` on.

#![no_main]

use forebay_fuzz::check_found;
use forebay_references::{Format, Settings, find_as};
use libfuzzer_sys::fuzz_target;

/// The files around it.
const NEAR: [&str; 5] = [
    "Chart.yaml",
    "templates/a.yaml",
    "charts/a/values.yaml",
    "../../values.yaml",
    "../../Chart.yaml",
];

fuzz_target!(|text: &str| {
    let mut files = text.split('\x01');
    let values = files.next().unwrap_or_default();
    let alone = find_as(Format::Yaml, "values.yaml", values, &Settings::default());
    check_found(values, &alone);
    let near = NEAR.iter().zip(files);
    let near = near.map(|(name, text)| ((*name).to_owned(), text.to_owned()));
    let settings = Settings {
        near: near.collect(),
        ..Settings::default()
    };
    let found = find_as(Format::Yaml, "values.yaml", values, &settings);
    check_found(values, &found);
});
