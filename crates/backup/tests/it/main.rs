//! Backups: whole, of one moment, there after a kill, and what they refuse.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "the steps of tests fail by panics, and a seed must be seen"
)]
#![expect(
    dead_code,
    reason = "the scene is the registry's own, of which not all is needed here"
)]

mod broken;
mod busy;
#[path = "../../../registry/tests/it/child.rs"]
mod child;
mod kept;
mod power;
mod runs;
#[path = "../../../registry/tests/it/scene.rs"]
mod scene;
#[path = "../../../registry/tests/it/seed.rs"]
mod seed;
