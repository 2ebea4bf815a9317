//! Turns what was written into what it means: bounds, rules between keys, secrets read.
//!
//! The only input and output is reading the files that keys name.

mod access;
mod alerts;
mod allow;
mod clients;
mod credentials;
mod equivalents;
mod lifecycle;
mod naming;
mod proxies;
mod tls;
mod upstream;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) use equivalents::unheld_equivalents;

use super::env::Environment;
use super::error::{ConfigErrors, ConfigProblem, Problems};
use super::file::{CacheFile, ClientsFile, FileConfig, ServerFile, TopFile, UpstreamFile};
use super::own_hosts;
use super::resolved::{CacheConfig, Config, LogConfig, ServerConfig, UpstreamConfig};
use super::section::Setting;
use super::value::{ByteSize, TimeSpan};

/// The longest that a tag may count as fresh.
const MAX_TTL: Duration = Duration::from_hours(30 * 24);

/// The longest that "missing" and "denied" may be kept.
const MAX_NEGATIVE_TTL: Duration = Duration::from_hours(24);

/// The longest that a client may be made to wait for a revalidation.
const MAX_REVALIDATE_BUDGET: Duration = Duration::from_mins(1);

/// The longest drain.
const MAX_DRAIN: Duration = Duration::from_hours(1);

/// The longest that connections are still taken after a signal to stop.
const MAX_STOP_DELAY: Duration = Duration::from_mins(5);

/// The least room for blobs, in bytes: less cannot hold one common layer.
const MIN_CACHE_BYTES: u64 = 64 << 20;

/// The most connections.
const MAX_CONNECTIONS: u32 = 1_000_000;

/// Makes every decision, or says what stands against it, beside the `problems` that reading it had.
///
/// What holds for a key alone is checked in any case; what holds between keys where none of them is in doubt.
pub(super) fn resolve(
    file: &FileConfig,
    environment: &Environment,
    mut problems: Problems,
) -> Result<Config, ConfigErrors> {
    let FileConfig {
        top,
        upstreams,
        clients,
        cache,
        budget,
        ledger,
        alerts,
        log,
        server,
        tls,
        access,
    } = file;
    check_listen(top, clients, &mut problems);
    let resolved_upstreams = resolve_upstreams(upstreams, environment, &mut problems);
    let config = Config {
        listen: top.listen.value.0.clone(),
        data: top.data.value.clone(),
        data_must_exist: top.data_must_exist.value,
        root: top.root.value.0.clone(),
        local: top.local.value.iter().map(|one| one.0.clone()).collect(),
        equivalents: equivalents::resolve(
            &top.equivalents.value,
            &resolved_upstreams,
            &mut problems,
        ),
        upstreams: resolved_upstreams,
        lifecycle: lifecycle::resolve(&top.lifecycle, &mut problems),
        clients: clients::resolve(clients, &mut problems),
        cache: resolve_cache(cache, &mut problems),
        reserve_percent: budget.reserve.value.0,
        ledger: alerts::resolve_ledger(ledger, &mut problems),
        alerts: alerts::resolve(alerts, &mut problems),
        log: LogConfig {
            format: log.format.value,
            level: log.level.value,
            access: log.access.value,
        },
        server: resolve_server(server, &mut problems),
        tls: tls::resolve(top, tls, &mut problems),
        access: access::resolve(access, &mut problems),
        proxies: proxies::resolve(environment, &mut problems),
    };
    naming::check(file, &mut problems);
    own_hosts::check(file, &config, &mut problems);
    problems.or(config)
}

fn resolve_upstreams(
    written: &BTreeMap<String, UpstreamFile>,
    environment: &Environment,
    problems: &mut Problems,
) -> BTreeMap<String, UpstreamConfig> {
    written
        .iter()
        .filter(|(_, written)| written.enabled.value)
        .filter_map(|(name, written)| {
            upstream::check_keys(name, written, problems);
            let mut unheard = Problems::default();
            let between_keys = if problems.is_doubtful(&["upstreams", name]) {
                &mut unheard
            } else {
                &mut *problems
            };
            let resolved = upstream::resolve(name, written, environment, between_keys)?;
            Some((name.clone(), resolved))
        })
        .collect()
}

fn check_listen(top: &TopFile, clients: &ClientsFile, problems: &mut Problems) {
    if problems.is_doubtful(&["listen"]) || problems.is_doubtful(&["clients", "allow"]) {
        return;
    }
    let open = top
        .listen
        .value
        .0
        .iter()
        .find(|address| !is_loopback(address.socket.ip()));
    let (Some(open), true) = (open, clients.allow.value.is_empty()) else {
        return;
    };
    let what = format!(
        "`listen` is {open}, which others can reach, and `clients.allow` says of nobody that they may ask"
    );
    problems.push(
        ConfigProblem::new(&top.listen.origin, what)
            .hint("write whose networks may, such as [clients] allow = [\"10.0.0.0/8\"], or FOREBAY_CLIENTS__ALLOW=10.0.0.0/8")
            .hint("or listen on 127.0.0.1 alone"),
    );
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn resolve_cache(cache: &CacheFile, problems: &mut Problems) -> CacheConfig {
    let ttl = Duration::ZERO..=MAX_TTL;
    let mut span = |key, setting: &Setting<TimeSpan>, bounds: RangeInclusive<Duration>| {
        let bounds = TimeSpan(*bounds.start())..=TimeSpan(*bounds.end());
        bounded(key, setting, &bounds, problems).0
    };
    let resolved = CacheConfig {
        on_gone: cache.on_gone.value,
        tag_ttl: span("cache.tag_ttl", &cache.tag_ttl, ttl.clone()),
        version_ttl: span("cache.version_ttl", &cache.version_ttl, ttl),
        revalidate_budget: span(
            "cache.revalidate_budget",
            &cache.revalidate_budget,
            Duration::ZERO..=MAX_REVALIDATE_BUDGET,
        ),
        negative_ttl: span(
            "cache.negative_ttl",
            &cache.negative_ttl,
            Duration::ZERO..=MAX_NEGATIVE_TTL,
        ),
        tag_rules: cache.tag_rules.value.clone(),
        max_size: cache.max_size.value.0,
    };
    let sizes = ByteSize(MIN_CACHE_BYTES)..=ByteSize(u64::MAX);
    bounded("cache.max_size", &cache.max_size, &sizes, problems);
    if let Some(rule) = resolved.tag_rules.iter().find(|rule| rule.ttl > MAX_TTL) {
        let (pattern, most) = (rule.pattern.glob(), TimeSpan(MAX_TTL));
        let what = format!("`cache.tag_rules` has a rule for {pattern:?} with a ttl over {most}");
        problems.push(ConfigProblem::new(&cache.tag_rules.origin, what));
    }
    resolved
}

fn resolve_server(server: &ServerFile, problems: &mut Problems) -> ServerConfig {
    let connections = server.max_connections.value.0;
    if !(1..=MAX_CONNECTIONS).contains(&connections) {
        let what =
            format!("`server.max_connections` is {connections}, wanted 1 to {MAX_CONNECTIONS}");
        problems.push(ConfigProblem::new(&server.max_connections.origin, what));
    }
    let drain = TimeSpan(Duration::ZERO)..=TimeSpan(MAX_DRAIN);
    let delay = TimeSpan(Duration::ZERO)..=TimeSpan(MAX_STOP_DELAY);
    ServerConfig {
        max_connections: usize::try_from(connections).unwrap_or(usize::MAX),
        drain: bounded("server.drain", &server.drain, &drain, problems).0,
        stop_delay: bounded("server.stop_delay", &server.stop_delay, &delay, problems).0,
    }
}

fn bounded<T: Copy + PartialOrd + fmt::Display>(
    key: &str,
    setting: &Setting<T>,
    bounds: &RangeInclusive<T>,
    problems: &mut Problems,
) -> T {
    let value = setting.value;
    if value > *bounds.end() {
        let what = format!("`{key}` is {value}, at most {} is taken", bounds.end());
        problems.push(ConfigProblem::new(&setting.origin, what));
    } else if value < *bounds.start() {
        let what = format!("`{key}` is {value}, at least {} is wanted", bounds.start());
        problems.push(ConfigProblem::new(&setting.origin, what));
    }
    value
}

#[cfg(test)]
mod tests;
