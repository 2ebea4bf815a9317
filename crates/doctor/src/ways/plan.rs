//! A paid plan of Docker's: no pull limit for those who log in with it.

use super::{Ground, WayKind, WayOut, login};
use crate::costs::PriceName;

/// The way.
pub(super) fn way(ground: &Ground<'_>) -> WayOut {
    let why = "Pro, Team and Business have no pull limit, within fair use. Only logged-in pulls benefit: each machine needs the login. \
               The abuse limit stays: it counts every request of an address, whoever pays.";
    let way = WayOut::new(WayKind::PaidPlan, "a paid Docker plan", why).step(
        "Buy it at https://www.docker.com/pricing/, make a token that may only read, and log in everywhere, as --way authenticate has it.",
        None,
    );
    login::see_used(way, ground.facts).costing(
        vec![
            ground.costs.fixed(
                "Docker Pro, a month",
                PriceName::DockerProUserMonth,
                "one user, paid by the year",
            ),
            ground.costs.fixed(
                "Docker Team, a month",
                PriceName::DockerTeamUserMonth,
                "for each user, paid by the year",
            ),
            ground.costs.nat("NAT gateway, as before"),
        ],
        ground.costs.as_of(),
    )
}
