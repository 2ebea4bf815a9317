//! Bake files in JSON: the images that targets take as build contexts.

use forebay_syntax::At;

use crate::Owner;
use crate::sink::{Scope, Sink};
use crate::variables::Dialect;

/// How a context names an image.
pub(crate) const SCHEME: &str = "docker-image://";

/// Whether a document is a bake file.
pub(crate) fn is_bake(root: At<'_>, name: &str) -> bool {
    name.starts_with("docker-bake.") && root.get("target").is_some_and(At::is_map)
}

/// Finds the images of a bake file's targets.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    for (name, target) in root.get("target").into_iter().flat_map(At::entries) {
        for (_, context) in target.get("contexts").into_iter().flat_map(At::entries) {
            let scope = Scope {
                dialect: Dialect::None,
                lookup: &|_| None,
            };
            sink.prefixed(SCHEME, context, scope, Owner::named("Bake target", name));
        }
    }
}
