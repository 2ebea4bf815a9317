#![doc = include_str!("../README.md")]

mod contexts;
mod facts;
mod find;
mod format_text;
mod markdown;
mod python;
mod python_text;
mod quotes;
mod resolve;
mod search;
mod shell;
mod surroundings;
mod tree;
mod typescript;
mod typescript_text;
mod writing;

pub use find::find_as;
pub use surroundings::{PULUMI_FOLDERS, beside_source, is_pulumi_config};
