//! The route table: what names, hosts and prefixes mean which upstream.

use std::collections::HashMap;
use std::sync::Arc;

use forebay_config::{Authorize, Config};
use forebay_oci::{DOCKER_HUB, DOCKER_HUB_ALIASES, RouteTable, UpstreamName, route};
use forebay_registry::IsLocal;

/// The routes of clients: upstreams that are asked with their own logins stand apart.
pub(crate) fn client_routes(config: &Config) -> RouteTable {
    let upstreams = config.upstreams.iter();
    let apart = upstreams.filter(|(_, upstream)| upstream.authorize == Authorize::Client);
    RouteTable {
        apart: apart.map(|(name, _)| name.as_str().into()).collect(),
        ..routes(config)
    }
}

/// Which names are local repositories' by `config`.
pub(crate) fn local_names(config: &Config) -> IsLocal {
    let table = routes(config);
    Arc::new(move |name| {
        let meant = route(None, None, name, &table);
        meant.is_ok_and(|route| route.target.is_local())
    })
}

/// The routes that `config` says, as the operator's own commands name images.
pub(crate) fn routes(config: &Config) -> RouteTable {
    let names: HashMap<&String, UpstreamName> = config
        .upstreams
        .keys()
        .map(|name| (name, UpstreamName::from(name.as_str())))
        .collect();
    let mut table = RouteTable {
        root: names.get(&config.root).cloned(),
        local: config.local.clone(),
        ..RouteTable::default()
    };
    for (name, upstream) in &config.upstreams {
        let meant = &names[name];
        table.names.insert(name.clone(), Arc::clone(meant));
        table.hosts.extend(
            upstream
                .hosts
                .iter()
                .map(|host| (host.clone(), Arc::clone(meant))),
        );
        table.prefixes.extend(
            upstream
                .prefix
                .iter()
                .map(|prefix| (prefix.clone(), Arc::clone(meant))),
        );
    }
    if let Some(hub) = table.names.get(DOCKER_HUB).cloned() {
        for alias in DOCKER_HUB_ALIASES {
            table.names.insert(alias.to_owned(), Arc::clone(&hub));
        }
    }
    table
}
