#![doc = include_str!("../README.md")]

mod dockerfile;
mod env;
mod error;
mod find;
mod format;
mod found;
mod helm;
mod owner;
mod place;
mod plain;
pub mod rules;
mod settings;
mod sink;
mod source;
mod splice;
mod structured;
mod terraform;
mod tree;
mod variables;

pub use error::Refusal;
pub use find::{MAX_FILE_BYTES, find, find_as};
pub use format::Format;
pub use found::{Ambiguous, Found, Note, Why};
pub use owner::{Owner, PullPolicy, Restart};
pub use place::{Edit, Encoding, Joint, Part, Piece, Place, Role, Writing};
pub use settings::{Crd, Settings};
pub use splice::{apply, splice};
