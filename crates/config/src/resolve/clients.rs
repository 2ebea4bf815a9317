//! Who may ask, how often, and how long they wait.

use crate::error::{ConfigProblem, Problems};
use crate::file::ClientsFile;
use crate::resolved::ClientsConfig;

/// Resolves it.
pub(super) fn resolve(clients: &ClientsFile, problems: &mut Problems) -> ClientsConfig {
    let proxies = &clients.trusted_proxies;
    if proxies
        .value
        .iter()
        .any(|network| network.prefix_len() == 0)
    {
        let problem = ConfigProblem::new(
            &proxies.origin,
            "`clients.trusted_proxies` holds every address, so that any client could say who it is",
        );
        problems
            .push(problem.hint("write the addresses of the proxies, such as [\"10.0.0.1/32\"]"));
    }
    ClientsConfig {
        allow: clients.allow.value.clone(),
        trusted_proxies: proxies.value.clone(),
        loopback_push: clients.loopback_push.value,
        limits: clients.limits.value.clone(),
        patience: clients.patience.value,
    }
}
