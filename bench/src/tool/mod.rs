//! Commands that read files and end: how long one takes, what it costs, and how much memory it holds.

mod corpus;
pub(crate) mod doctor;
pub(crate) mod finished;
mod log;
pub(crate) mod rewrite;
