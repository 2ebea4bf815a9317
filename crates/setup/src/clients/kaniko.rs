//! kaniko: it has no file, only flags, which its README tells: <https://github.com/GoogleContainerTools/kaniko>.
//!
//! The path that a registry is mapped to must not begin with a part that has a dot, as `HOST/ghcr.io` does: kaniko takes that
//! for a registry, and asks there (<https://github.com/GoogleContainerTools/kaniko/issues/3182>).

use forebay_oci::DOCKER_HUB;
use forebay_setup_files::SetupError;

use crate::plan::{FallThrough, Order, Plan, Snippet, refuse_loopback};

const CLOSED: FallThrough = FallThrough::Closed(
    "--skip-default-registry-fallback (since 1.13) keeps kaniko from the registry itself",
);

const OPEN: FallThrough = FallThrough::Open(
    "kaniko goes on to the registry itself when Forebay answers with an error or not at all: that is what --fall-back \
     asked for",
);

const DOTS: &str = "kaniko takes no path that begins with a name with a dot, as HOST/ghcr.io does: give each of them a prefix of \
                    its own in Forebay's configuration, such as prefix = \"ghcr\" below [upstreams.\"ghcr.io\"]";

/// kaniko's name of Docker Hub.
const KANIKO_HUB: &str = "index.docker.io";

pub(super) fn plan(order: &Order) -> Result<Plan, SetupError> {
    refuse_loopback(order, "the container of kaniko")?;
    let (maps, left_out) = maps(order);
    if maps.is_empty() {
        let what = format!("kaniko cannot be sent on to {}", left_out.join(", "));
        return Err(SetupError::impossible(what, DOTS));
    }
    let authority = order.address.authority();
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
    let plan = Plan::default().snippet(snippet);
    let plan = plan.falls(if order.fall_back { OPEN } else { CLOSED });
    if left_out.is_empty() {
        return Ok(plan);
    }
    Ok(plan.note(format!("left out: {}. {DOTS}", left_out.join(", "))))
}

/// What is mapped to what, and the registries for which that cannot be.
fn maps(order: &Order) -> (Vec<String>, Vec<&str>) {
    let authority = order.address.authority();
    let (mut maps, mut left_out) = (Vec::new(), Vec::new());
    for upstream in &order.upstreams {
        let name = if upstream == DOCKER_HUB {
            KANIKO_HUB
        } else {
            upstream
        };
        match order.paths.get(upstream).map(String::as_str) {
            Some("") => maps.push(format!("{name}={authority}")),
            Some(path) if !path.contains('.') => maps.push(format!("{name}={authority}/{path}")),
            _ => left_out.push(upstream.as_str()),
        }
    }
    (maps, left_out)
}
