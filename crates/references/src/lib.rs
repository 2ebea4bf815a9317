#![doc = include_str!("../README.md")]

mod dockerfile;
mod embedded;
mod env;
mod error;
mod find;
mod found;
mod helm;
mod owner;
mod place;
mod scaled;
mod settings;
mod sink;
mod splice;
mod structured;
mod terraform;
mod tools;
mod variables;

pub use embedded::Embedded;
pub use error::Refusal;
pub use find::{FindAs, MAX_FILE_BYTES, find, find_as, find_by, is_understood};
pub use forebay_syntax::{At, Format, Lines, Note, read_yaml};
pub use found::{Ambiguous, Found, Lookup, ModuleCall, Reading, Why};
pub use owner::{Owner, PullPolicy, Restart};
pub use place::{Edit, Encoding, Joint, Part, Piece, Place, Role, Setter, Writing, name_of};
pub use scaled::Scaled;
pub use settings::{Crd, Settings};
pub use splice::{apply, splice};
pub use structured::{beside_compose, beside_workflow, compose_overrides, is_pipeline};
pub use tools::TOOLS;
