//! Cortex: the images of a cluster's configuration, and of APIs' predictors.

use forebay_syntax::At;

use crate::Owner;
use crate::sink::{Scope, Sink};
use crate::variables::Dialect;

/// Keys of a predictor that name images.
const PREDICTOR_KEYS: [&str; 2] = ["image", "tensorflow_serving_image"];

/// Whether a document is a cluster's configuration, or a list of APIs.
pub(crate) fn is_cortex(root: At<'_>) -> bool {
    root.get("cluster_name").is_some()
        || root
            .entries()
            .any(|(key, value)| is_image_key(key) && value.text().is_some())
        || root.items().any(|api| api.get("predictor").is_some())
}

/// Finds the images of a cluster or its APIs.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    let scope = Scope {
        dialect: Dialect::None,
        lookup: &|_| None,
    };
    for (key, value) in root.entries().filter(|(key, _)| is_image_key(key)) {
        sink.scalar(value, scope, Owner::named("Cortex cluster", key));
    }
    for api in root.items() {
        let name = api.text_of("name").unwrap_or_default();
        let owner = Owner {
            replicas: api
                .path(&["autoscaling", "max_replicas"])
                .and_then(|at| at.text()?.parse().ok()),
            ..Owner::named("Cortex API", name)
        };
        for key in PREDICTOR_KEYS {
            if let Some(image) = api.path(&["predictor", key]) {
                let owner = Owner {
                    container: Some(format!("predictor.{key}")),
                    ..owner.clone()
                };
                sink.scalar(image, scope, owner);
            }
        }
    }
}

fn is_image_key(key: &str) -> bool {
    key.starts_with("image_")
}
