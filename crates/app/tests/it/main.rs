//! The whole program before hubs in a box: what clients get, and what the hubs were asked for it.
//!
//! `program` starts and stops it, `client` asks, `image` knows what an image must come to; the other modules are subjects. Nothing
//! here knows the program but by its binary, except `clocked`, which serves with a clock that tests move.
//!
//! One test waits for real time-outs, because clients do (`patience`, 33 s). All other limits in time that cannot be configured
//! are tested with shorter ones where they live:
//!
//! - a body that stalls for 30 s or moves at less than 1 KiB/s; a head that does not come: `http-kit` (bodies, answers)
//! - half-open and idle connections closed after 15 and 75 s, readers that take nothing for 60 s: `http-kit` (limits)
//! - a clock that jumps, tokens that expire by ours, breakers and cool-downs over minutes: `cache` (tags), `upstream` (tokens,
//!   trouble, limits), with a clock that is moved by hand
//! - the order of eviction, which protects what was used in the last minute: `cache` (eviction)

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test whose set-up fails stops where it failed; it plays clients with tasks of its own, and tells what it measured"
)]

mod access;
mod addressing;
mod alerts;
mod audited;
mod authorize;
mod away;
mod aws;
mod aws_cli;
mod budget;
mod client;
mod clocked;
mod conformance;
mod copied;
mod credentials;
mod doctor_ecs;
mod doctor_ledger;
mod doctor_probe;
mod expiry;
mod faults;
mod figures;
mod fleet;
mod forecast;
mod herd;
mod image;
mod issuer;
mod ledger;
mod life;
mod lifecycle;
mod limits;
mod lists;
mod manifests;
#[path = "../../../upstream/tests/it/moto.rs"]
mod moto;
mod named;
mod newer;
mod outage;
mod outside;
mod patience;
mod program;
mod proxy;
mod regressions;
mod reload;
mod repositories;
mod reserved;
mod rests;
mod rewrite;
mod roles;
mod screen;
mod setup_check;
mod setup_ecs;
mod storms;
mod tags;
mod tls;
mod upkeep;
mod workloads;
