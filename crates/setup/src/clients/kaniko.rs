//! kaniko: it has no file, only flags.

use crate::error::SetupError;
use crate::plan::{FallThrough, Order, Plan, Snippet, refuse_loopback};

const CLOSED: FallThrough = FallThrough::Closed(
    "--skip-default-registry-fallback (since 1.13) keeps kaniko from the registry itself",
);

const OPEN: FallThrough = FallThrough::Open(
    "kaniko goes on to the registry itself when Forebay answers with an error or not at all: that is what --fall-back \
     asked for",
);

/// kaniko's name of Docker Hub.
const DOCKER_HUB: &str = "index.docker.io";

pub(super) fn plan(order: &Order) -> Result<Plan, SetupError> {
    refuse_loopback(order, "the container of kaniko")?;
    let authority = order.address.authority();
    let maps: Vec<String> = order
        .upstreams
        .iter()
        .map(|upstream| {
            let name = if upstream == "docker.io" {
                DOCKER_HUB
            } else {
                upstream
            };
            format!("{name}={authority}/{upstream}")
        })
        .collect();
    let mut flags = vec![format!("--registry-map={}", maps.join(";"))];
    if order.address.is_plain() {
        flags.push(format!("--insecure-registry={authority}"));
    }
    if !order.fall_back {
        flags.push("--skip-default-registry-fallback".to_owned());
    }
    let items: Vec<String> = flags.iter().map(|flag| format!("- '{flag}'\n")).collect();
    let snippet = Snippet {
        title: "arguments of kaniko's executor and warmer (1.23 or later)",
        text: items.concat(),
    };
    Ok(Plan::default()
        .snippet(snippet)
        .falls(if order.fall_back { OPEN } else { CLOSED }))
}
