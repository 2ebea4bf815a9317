//! The whole program under attack: crashes, failing disks, hostile upstreams and clients, and the secrets that none of
//! them may get.
//!
//! `wire` is a client that sends what it is told; `program` starts and stops the program, `faulty` one whose disk fails, and
//! `recorded` makes of that what a loss of power leaves; `pull` pulls an image and checks each byte, and `pusher` pushes one.
//! What these suites prove is listed in `docs/reference/threats.md`.
//!
//! The long loops: `cargo test -p forebay --test hostile -- --ignored long`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, tells what it skipped, and talks to its children"
)]

mod beside;
mod clients;
mod connections;
mod crammed;
mod crash;
mod disk_errors;
mod disks;
mod doors;
mod errors;
mod eviction;
mod faulty;
mod flushed;
mod fsck;
mod guarded;
mod half_closed;
mod handshakes;
mod immutable;
#[expect(dead_code, reason = "issuers of one kind will do here")]
#[path = "../it/issuer.rs"]
mod issuer;
mod logins;
mod memory;
mod namespace;
mod paths;
mod program;
mod pull;
mod push_faults;
mod pusher;
mod pushes;
mod recorded;
mod rot;
mod secrets;
#[path = "../../../registry/tests/it/seed.rs"]
mod seed;
mod statements;
mod upstreams;
mod wire;
