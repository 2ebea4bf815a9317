//! Terraform's JSON syntax, as CDK for Terraform writes it: images of the resources that run or pull them.

use forebay_syntax::At;

use crate::scaled::Scaled;
use crate::sink::{Scope, Sink};
use crate::terraform::{Resource, of_type};
use crate::variables::Dialect;
use crate::{Owner, Why};

/// Blocks within blocks.
const MAX_DEPTH: u32 = 32;

/// Whether a document of this name is in that syntax.
pub(crate) fn is_named(name: &str) -> bool {
    name.ends_with(".tf.json") || name.ends_with(".tofu.json")
}

/// Finds the images of a file's resources.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    for (kind, instances) in root.get("resource").into_iter().flat_map(At::entries) {
        let Some(resource) = of_type(kind) else {
            continue;
        };
        for (name, body) in instances.entries() {
            let owner = Owner {
                per_node: resource.kind == "DaemonSet",
                copies: copies(body),
                ..Owner::named(resource.kind, name)
            };
            block(body, resource, sink, (&owner, MAX_DEPTH));
        }
    }
}

/// How many there are of a resource, where it says so; its body may be the only one of a list.
fn copies(body: At<'_>) -> Option<Scaled> {
    let said = |key| body.get(key).or_else(|| body.items().next()?.get(key));
    if let Some(count) = said("count") {
        let count = count.text()?.parse().ok();
        return Some(count.map_or(Scaled::UNKNOWN, Scaled::exactly));
    }
    let each = said("for_each")?;
    let size = each.entries().count() + each.items().count();
    let size = u32::try_from(size).ok().filter(|_| each.text().is_none());
    Some(size.map_or(Scaled::UNKNOWN, Scaled::exactly))
}

fn block(at: At<'_>, resource: &Resource, sink: &mut Sink<'_>, (owner, depth): (&Owner, u32)) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    at.items()
        .for_each(|item| block(item, resource, sink, (owner, depth)));
    for (key, value) in at.entries() {
        if resource.images.contains(&key) && value.text().is_some() {
            image(value, sink, owner.clone());
        } else if resource.definitions.contains(&key) && value.text().is_some() {
            // JSON in JSON: what is escaped has no bytes of its own.
            sink.ambiguous(value.span(), Why::Computed, owner.clone());
        } else {
            block(value, resource, sink, (owner, depth));
        }
    }
}

fn image(at: At<'_>, sink: &mut Sink<'_>, owner: Owner) {
    if at.text().is_some_and(|text| text.contains("${")) {
        return sink.ambiguous(at.span(), Why::Template, owner);
    }
    let scope = Scope {
        dialect: Dialect::None,
        lookup: &|_| None,
    };
    sink.scalar(at, scope, owner);
}
