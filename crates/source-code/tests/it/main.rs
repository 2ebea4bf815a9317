//! The crate from outside.

mod bounds;
mod built;
mod embedded;
mod python;
mod rewritten;
mod shell;
mod typescript;
