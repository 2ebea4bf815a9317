//! Forebay in front: what was pulled once is there, and the registry is asked at its own pace.

use super::{Ground, WayKind, WayOut};
use crate::Platform;

pub(super) fn way(ground: &Ground<'_>) -> WayOut {
    let platform = ground.facts.platform;
    let why = if ground.facts.is_fargate == Some(true) {
        "One address pays for each image once, and keeps it. Fargate has no setting for a mirror: there, images are named as Forebay has them."
    } else {
        "One address pays for each image once, and keeps it; when the registry refuses, what was pulled before is still there."
    };
    let mut way = WayOut::new(WayKind::Forebay, "put Forebay in front", why).run(
        "Run it where the machines reach it, with an account if there is one.",
        "forebay serve --listen 0.0.0.0:5000",
    );
    way = match platform {
        Some(Platform::Kubernetes) => way
            .run(
                "On each node; on k3s and RKE2 use `forebay setup k3s` or `rke2`.",
                "sudo forebay setup containerd --address http://<forebay-host>:5000 --write",
            )
            .run(
                "For a whole cluster at once, what is applied is printed.",
                "forebay setup kubernetes --address http://<forebay-host>:5000",
            ),
        Some(Platform::Swarm) => way.run(
            "On each node of the swarm.",
            "sudo forebay setup swarm --address http://<forebay-host>:5000 --write",
        ),
        Some(Platform::Ecs) if ground.facts.is_fargate == Some(true) => way.run(
            "Name images as Forebay has them. Fargate wants https.",
            "forebay rewrite . --to forebay:<forebay-host> --write",
        ),
        Some(Platform::Ecs) => way.run(
            "Container instances (EC2 launch type) get it by their user data, which is printed.",
            "forebay setup ecs --address http://<forebay-host>:5000",
        ),
        Some(Platform::Ci) => super::ci::mirror(way, ground.facts.ci),
        Some(Platform::Docker) | None => way.run(
            "On each machine.",
            "sudo forebay setup docker --address http://<forebay-host>:5000 --write",
        ),
    };
    way = way.run(
        "See that pulls really come through it, and what is left of the budget.",
        check(platform),
    );
    let costs = vec![
        crate::costs::free("licence", "Apache 2.0, on a machine of your own"),
        ground.costs.nat_once(),
        ground.costs.nat("NAT gateway without a cache"),
    ];
    way.costing(costs, ground.costs.as_of())
}

const fn check(platform: Option<Platform>) -> &'static str {
    match platform {
        Some(Platform::Kubernetes) => "sudo forebay setup containerd --check\nforebay budget",
        Some(Platform::Swarm | Platform::Docker) | None => {
            "sudo forebay setup docker --check\nforebay budget"
        }
        Some(Platform::Ecs | Platform::Ci) => "forebay top --once\nforebay budget",
    }
}
