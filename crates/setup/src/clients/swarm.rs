//! Docker Swarm: every node's dockerd, and the trap of `--with-registry-auth`.

use forebay_setup_files::SetupError;

use super::docker;
use crate::plan::{Files, Order, Plan};

/// What a service that fails to start does to a registry, and what keeps it from it.
pub(crate) const TRAP: &str = "with --with-registry-auth every start of a task asks the registry, with a login: a service whose container dies \
     is started anew every few seconds for ever, and asks each time. Give each service a deploy.restart_policy with \
     delay and max_attempts, and name images by digest";

pub(super) fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    let away = order.address.is_loopback();
    Ok(docker::plan(order, files)?
        .note("each node of the swarm pulls by itself: do this on every node")
        .note_if(
            away,
            "this address means a Forebay on each node: give the --address of one that all nodes reach",
        )
        .note(TRAP))
}
