//! Local repositories in a file: whatever is done, whatever breaks, and how long it takes.

mod batches;
mod copy;
mod damage;
mod durability;
mod format;
mod model;
mod speed;
mod tag_lists;
mod words;
