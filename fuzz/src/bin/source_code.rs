//! Any text as a file in which images are sought: of each format, alone and within others.
#![no_main]

use forebay_fuzz::check_found;
use forebay_references::{Format, Settings};
use forebay_source_code::find_as;
use libfuzzer_sys::fuzz_target;

/// Formats, with the paths at which they are read in a way of their own.
const FILES: [(Format, &str); 14] = [
    (Format::Dockerfile, "Dockerfile"),
    (Format::Env, ".env"),
    (Format::Hcl, "main.tf"),
    (Format::HelmTemplate, "templates/x.yaml"),
    (Format::Json, "x.json"),
    (Format::Markdown, "x.md"),
    (Format::Python, "x.py"),
    (Format::Shell, "x.sh"),
    (Format::TypeScript, "x.ts"),
    (Format::Yaml, "x.yaml"),
    (Format::Yaml, "compose.yaml"),
    (Format::Yaml, ".github/workflows/x.yml"),
    (Format::Yaml, ".gitlab-ci.yml"),
    (Format::Yaml, "kustomization.yaml"),
];

fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let (format, path) = FILES[usize::from(which) % FILES.len()];
    check_found(text, &find_as(format, path, text, &Settings::default()));
});
