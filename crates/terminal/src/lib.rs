#![doc = include_str!("../README.md")]

pub mod amounts;
mod descendants;
mod error;
mod exit;
mod fit;
pub mod folder;
mod folder_lock;
mod hidden;
mod json;
pub mod plain_file;
mod printer;
pub mod programs;
mod report;
pub mod screen;
mod source_args;
mod table;
mod together;
pub mod whole_file;

pub use error::{BoxError, Failure};
pub use exit::{EXIT_CODES, ExitStatus, with_exit_codes};
pub use folder_lock::FolderLock;
pub use hidden::{ask_hidden, is_typed};
pub use json::Json;
pub use printer::Printer;
pub use report::{MAX_CAUSES, report};
pub use source_args::{ListenArgs, SourceArgs};
pub use table::table;
pub use together::Together;
