//! The registry over files and a database: what was acknowledged is never lost.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "the steps of tests fail by panics, and a seed must be seen"
)]

mod audited;
mod bounds;
mod checked;
mod child;
mod departed;
mod faults;
mod grace;
mod history;
mod hooked_rows;
mod kills;
mod lists;
mod names;
mod orders;
mod owned;
mod power;
mod promises;
mod pulls;
mod rebuilt;
mod rot;
mod scene;
mod seed;
mod sound;
mod sparse;
mod unwritten;
