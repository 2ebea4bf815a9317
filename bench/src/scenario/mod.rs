//! Stories with a beginning and an end, each with an upstream of its own that counts what it is asked: one file a story.

pub(crate) mod fleet;
pub(crate) mod life;
mod node;
pub(crate) mod page;
pub(crate) mod storm;
mod tally;
mod world;
