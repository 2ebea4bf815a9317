//! `.env` files.
#![no_main]

use forebay_rewrite::Format;
use forebay_rewrite_fuzz::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| check(Format::Env, ".env", text));
