//! The proxies that the environment names for everybody.

use crate::env::{ALL_PROXY, Environment, HTTP_PROXY, HTTPS_PROXY, NO_PROXY};
use crate::error::{ConfigProblem, Problems};
use crate::origin::Origin;
use crate::proxy::{ProxyEnvironment, ProxyUrl};

/// Reads them. One that is wrong stops the start: without it, requests would go where the operator wants none.
pub(super) fn resolve(environment: &Environment, problems: &mut Problems) -> ProxyEnvironment {
    let mut proxy = |names: &[&str]| {
        let (name, text) = environment.find_first(names)?;
        let read = ProxyUrl::parse(text);
        read.map_err(|why| {
            let origin = Origin::Environment(name.to_owned());
            problems.push(ConfigProblem::new(
                &origin,
                format!("{why}, wanted a proxy"),
            ));
        })
        .ok()
    };
    ProxyEnvironment {
        https: proxy(&HTTPS_PROXY),
        http: proxy(&HTTP_PROXY),
        all: proxy(&ALL_PROXY),
        no_proxy: environment
            .find_first(&NO_PROXY)
            .map(|(_, hosts)| hosts.to_owned()),
    }
}
