#![doc = include_str!("../README.md")]

mod anothers;
mod answer_429;
mod class;
mod classifier;
mod classify;
mod clean;
mod cut;
mod excerpt;
mod findings;
mod identity;
mod image;
mod in_json;
mod known_lines;
mod marks;
mod memo;
mod message;
mod prefix;
mod quoted;
mod registry;
mod repeats;
mod row;
mod rules;
mod said;
mod scanner;
mod sieve;
mod sifted;
#[cfg(test)]
mod speed;
mod transcript;
mod verdict;
mod views;

pub use class::Class;
pub use classifier::Classifier;
pub use classify::classify;
pub use clean::clean;
pub use excerpt::{Excerpt, MAX_EXCERPT_BYTES};
pub use findings::{Finding, Findings, MAX_FINDINGS};
pub use known_lines::{Form, Forms, KnownLines};
pub use marks::{automaton_with, has_mark, sieve_with};
pub use message::{decode, may_go_on};
pub use registry::is_public_registry;
pub use scanner::{Failure, Scanner};
pub use sieve::Sieve;
pub use sifted::{Place, Sifted};
pub use verdict::{Account, Identity, MAX_ACCOUNT_BYTES, Verdict};
