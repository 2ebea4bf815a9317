//! A paid plan of Docker's: no pull limit for those who log in with it.

use super::{Ground, WayKind, WayOut, login};
use crate::costs::PriceName;

/// Where the registry names an account.
const USED_UP: &str = "Who pulled was logged in, and that account's pulls are used up: one of yours, or the one that a runner or a node brings along.";

/// The way.
pub(super) fn way(ground: &Ground<'_>) -> WayOut {
    let why = "Pro, Team and Business have no pull limit, within fair use. Only logged-in pulls benefit: each machine needs the login. \
               The abuse limit stays: it counts every request of an address, whoever pays.";
    let way = if ground.is_by_account() {
        let why = format!("{USED_UP} {why}");
        WayOut::new(WayKind::PaidPlan, "a paid plan for the account that is used up", why).step(
            "Buy it at https://www.docker.com/pricing/ for the account that the answer names: what pulls with it needs no change. If it is none of yours, such as one that a runner brings along, log in with one of your own, as --way authenticate has it.",
            None,
        )
    } else {
        let way = WayOut::new(WayKind::PaidPlan, "a paid Docker plan", why).step(
            "Buy it at https://www.docker.com/pricing/, make a token that may only read, and log in everywhere, as --way authenticate has it.",
            None,
        );
        login::see_used(way, ground)
    };
    way.costing(
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
