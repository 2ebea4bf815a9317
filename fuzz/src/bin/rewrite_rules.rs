//! Any image, and behind a `\x01` any text as a file of rules or a preset: what rules make is an image, and they leave that as
//! it is.
#![no_main]

use forebay_rewrite::rules::{Goal, Image, Rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (image, rules) = text.split_once('\x01').unwrap_or(("nginx", text));
    let Ok(image) = image.parse::<Image>() else {
        return;
    };
    check(rules.parse().ok(), &image);
    let preset = match Goal::find_preset(rules) {
        Some(Ok(Goal::Rules(rules))) => Some(rules),
        _ => None,
    };
    check(preset, &image);
});

fn check(rules: Option<Rules>, image: &Image) {
    let Some(Ok(Some(made))) = rules.as_ref().map(|rules| rules.apply(image)) else {
        return;
    };
    let again: Image = made.parse().expect("what rules make is an image");
    let twice = rules.map(|rules| rules.apply(&again));
    assert!(
        matches!(&twice, Some(Ok(None)))
            || matches!(&twice, Some(Ok(Some(twice))) if *twice == made),
        "{made} becomes {twice:?}"
    );
}
