//! The crate from outside.

mod bounds;
mod embedded;
mod python;
mod rewritten;
mod shell;
mod typescript;
