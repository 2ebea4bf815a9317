//! Kustomizations, with patches within.
#![no_main]

use forebay_references::Format;
use forebay_references_fuzz::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| check(Format::Yaml, "kustomization.yaml", text));
