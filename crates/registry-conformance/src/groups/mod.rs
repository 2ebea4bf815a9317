//! The cases, in groups by what they are about. The first part of a case's name is its group's, or its shape's.

mod bad_digest;
mod catalog;
mod client;
mod delete;
mod empty;
mod errors;
mod isolation;
mod manifests;
mod methods;
mod mount;
mod paths;
mod push;
mod races;
mod range;
mod referrers;
mod sessions;
mod shapes;
mod tags;
mod wire;

use crate::content::SHAPES;
use crate::suite::Suite;

/// The groups' names, the shapes' aside.
const GROUPS: [&str; 19] = [
    "ping",
    "empty",
    "push",
    "bad-digest",
    "session",
    "mount",
    "range",
    "manifest",
    "error",
    "tags",
    "catalog",
    "referrers",
    "delete",
    "isolation",
    "method",
    "path",
    "wire",
    "race",
    "client",
];

/// Runs all groups that are wanted.
pub(crate) async fn run(suite: &Suite) {
    let shapes = SHAPES.iter().map(|shape| shape.name);
    let all: Vec<&str> = GROUPS.iter().copied().chain(shapes).collect();
    for group in all.iter().copied().filter(|group| suite.wants(group, &all)) {
        // Each is a large future, and only one is there at a time.
        match group {
            "ping" => Box::pin(empty::ping(suite)).await,
            "empty" => Box::pin(empty::run(suite)).await,
            "push" => Box::pin(push::run(suite)).await,
            "bad-digest" => Box::pin(bad_digest::run(suite)).await,
            "session" => Box::pin(sessions::run(suite)).await,
            "mount" => Box::pin(mount::run(suite)).await,
            "range" => Box::pin(range::run(suite)).await,
            "manifest" => Box::pin(manifests::run(suite)).await,
            "error" => Box::pin(errors::run(suite)).await,
            "tags" => Box::pin(tags::run(suite)).await,
            "catalog" => Box::pin(catalog::run(suite)).await,
            "referrers" => Box::pin(referrers::run(suite)).await,
            "delete" => Box::pin(delete::run(suite)).await,
            "isolation" => Box::pin(isolation::run(suite)).await,
            "method" => Box::pin(methods::run(suite)).await,
            "path" => Box::pin(paths::run(suite)).await,
            "wire" => Box::pin(wire::run(suite)).await,
            "race" => Box::pin(races::run(suite)).await,
            "client" => Box::pin(client::run(suite)).await,
            shape => Box::pin(shapes::run(suite, shape)).await,
        }
    }
}
