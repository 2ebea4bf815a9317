//! Markdown, with every format in its fences.
#![no_main]

use forebay_references::Format;
use forebay_source_code_fuzz::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| check(Format::Markdown, "x.md", text));
