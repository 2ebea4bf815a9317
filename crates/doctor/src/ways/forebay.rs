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
        "Run it where the machines reach it, with an account if there is one. It is told which network may ask, such as 10.0.0.0/8.",
        "FOREBAY_CLIENTS__ALLOW=<network> forebay serve --listen 0.0.0.0:5000",
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
    let pull = match platform {
        Some(Platform::Ecs) => "Have a task start anew",
        Some(Platform::Kubernetes) => "Have a pod pull anew",
        Some(Platform::Ci) => "Run a job",
        _ => "Pull on one of them",
    };
    way = way.run(
        format!("{pull}; then see on Forebay's machine that it came through, and what is left of the budget."),
        "forebay top --once\nforebay budget",
    );
    let costs = vec![
        crate::costs::free("licence", "Apache 2.0, on a machine of your own"),
        ground.costs.nat_once(),
        ground.costs.nat("NAT gateway without a cache"),
    ];
    way.costing(costs, ground.costs.as_of())
}
