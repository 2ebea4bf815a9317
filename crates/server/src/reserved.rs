//! Names of repositories that are held here: no configuration makes them an upstream's.
//!
//! Where a line `local` was lost, as after a restore without its configuration, or by a hand that slipped before a SIGHUP, clients
//! that pull a repository of ours would be given what somebody else pushed under its name at the upstream, and the upstream would
//! be told our names. So nothing is served by such a configuration: to go on without the repositories, they are deleted first.
//! A warning would be read after the wrong image has run.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use forebay_config::{Config, GivenAway, ListenAddress, find_given_away};
use forebay_content::{Clock, within};
use forebay_oci::{Addressing, RepositoryName, RepositoryPattern, RouteTable, route};
use forebay_registry::{LocalRegistry, Narrowed, PushError};
use forebay_terminal::Failure;

use crate::data::named;
use crate::routes::{local_names, routes};

/// How long the names of all repositories may be looked through: of a hundred thousand, it takes a second or two.
const LOOK_WITHIN: Duration = Duration::from_secs(30);

/// What is told where nothing is known of them.
const UNKNOWN: &str = "whether the names of all local repositories are reserved cannot be known, and some may be led to an upstream";

/// How many names are looked at for what would keep all of them.
const MAX_FOUND: usize = 1000;

/// The most names, and upstreams, that are told.
const MAX_TOLD: usize = 5;

/// The most names that are reserved one by one in the line that is told; of more, their namespaces are.
const MAX_RESERVED: usize = 20;

/// What holds while a configuration is looked at that is to take its place.
#[derive(Clone, Copy)]
pub(crate) struct Before<'c> {
    /// What `local` says.
    pub(crate) local: &'c [RepositoryPattern],
    /// Where we listen, whatever the other configuration says of that.
    pub(crate) listen: &'c [ListenAddress],
}

/// Refuses a configuration by which repositories that are held here would be an upstream's, or nobody's, at the bare root, or an
/// upstream's at an address at which we listen; there, by which names that it reserves would be.
///
/// # Errors
/// There are such repositories or names, or it cannot be known, or not [in time](LOOK_WITHIN).
pub(crate) async fn check_reserved(
    registry: &LocalRegistry,
    config: &Config,
    (before, clock): (Option<Before<'_>>, &dyn Clock),
) -> Result<(), Failure> {
    let table = routes(config);
    let listen = before.map_or(&*config.listen, |before| before.listen);
    let given_away =
        find_given_away(config, listen).or_else(|| find_given_away(config, &config.listen));
    if let Some(given_away) = given_away.filter(|_| !config.local.is_empty()) {
        return Err(refusal_of_host(&given_away, &listed(&config.local)));
    }
    let is_ours = local_names(config);
    let is_lost = |name: &RepositoryName| given_away.is_some() || !is_ours(name);
    let looked = registry.first_repositories(MAX_FOUND, &is_lost);
    let lost = within(clock, LOOK_WITHIN, looked).await;
    let lost = lost.ok_or_else(too_slow)?.map_err(unread)?;
    if lost.is_empty() {
        return Ok(());
    }
    if let Some(given_away) = given_away {
        return Err(refusal_of_host(&given_away, &listed(&lost)));
    }
    let local = before.map_or(&*config.local, |before| before.local);
    Err(refusal(&lost, &table, (local, &config.data)))
}

/// As [`check_reserved`], where a configuration is to take the place of one that holds: until it is in its
/// place, or what is returned is dropped, nothing is pushed to names that either does not reserve. What is under way would be recorded
/// behind the back of who looks.
///
/// # Errors
/// Those of [`check_reserved`].
pub(crate) async fn check_reserved_anew<'r>(
    registry: &'r LocalRegistry,
    config: &Config,
    (before, clock): (Before<'_>, &dyn Clock),
) -> Result<Narrowed<'r>, Failure> {
    let narrowing = registry.narrow_names(local_names(config));
    let narrowed = within(clock, LOOK_WITHIN, narrowing).await;
    let narrowed = narrowed.ok_or_else(too_slow)?;
    check_reserved(registry, config, (Some(before), clock)).await?;
    Ok(narrowed)
}

/// The upstream that the name would mean, and how.
fn goes_to(name: &RepositoryName, table: &RouteTable) -> Option<(String, Addressing)> {
    let found = route(None, None, name, table).ok()?;
    let upstream = found.target.upstream.to_string();
    (!found.target.is_local()).then_some((upstream, found.addressing))
}

fn refusal(
    lost: &[RepositoryName],
    table: &RouteTable,
    (local, data): (&[RepositoryPattern], &Path),
) -> Failure {
    let (mut upstreams, mut is_by_root) = (BTreeSet::new(), false);
    for (upstream, addressing) in lost.iter().filter_map(|name| goes_to(name, table)) {
        upstreams.insert(upstream);
        is_by_root |= addressing == Addressing::Root;
    }
    let upstreams: Vec<String> = upstreams.into_iter().take(MAX_TOLD).collect();
    let (upstreams, lost_names) = (upstreams.join(", "), listed(lost));
    let what = if upstreams.is_empty() {
        format!("repositories that are held here would be out of reach: {lost_names}")
    } else {
        format!(
            "repositories that are held here would be looked for at {upstreams}, where others may have pushed under their names: {lost_names}"
        )
    };
    let way_out = if is_by_root {
        format!(
            "reserve their names again, before the first table of the configuration: local = {}",
            patterns(lost, local)
        )
    } else {
        "an upstream's name or `prefix` is the first part of theirs: give it another".to_owned()
    };
    Failure::plain(what).with_hint(way_out).with_hint(format!(
        "or, if they are to go, delete each first: forebay repo delete {} --force --data {}",
        lost.first().map_or("NAME", RepositoryName::as_str),
        named(data)
    ))
}

fn refusal_of_host(given_away: &GivenAway<'_>, names: &str) -> Failure {
    Failure::plain(given_away.told(names)).with_hint(given_away.hint())
}

/// The first few names or patterns, and how many more there are.
fn listed(names: &[impl ToString]) -> String {
    let told: Vec<String> = names
        .iter()
        .take(MAX_TOLD)
        .map(ToString::to_string)
        .collect();
    let more = match names.len() - told.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", told.join(", "))
}

/// What `local` said, and what it has to say beside for the names that are lost: no more than these, as any other name of their
/// namespace may be one of the upstream's that is pulled.
fn patterns(lost: &[RepositoryName], local: &[RepositoryPattern]) -> String {
    let is_unreserved = |name: &&RepositoryName| !local.iter().any(|pattern| pattern.matches(name));
    let lost: Vec<&str> = lost
        .iter()
        .filter(is_unreserved)
        .map(RepositoryName::as_str)
        .collect();
    let namespace = |name: &&str| format!("{}/**", name.split('/').next().unwrap_or_default());
    let beside: BTreeSet<String> = if lost.len() > MAX_RESERVED {
        lost.iter().map(namespace).collect()
    } else {
        lost.iter().map(ToString::to_string).collect()
    };
    let patterns = local.iter().map(ToString::to_string).chain(beside);
    let quoted: Vec<String> = patterns.map(|pattern| format!("{pattern:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

fn unread(error: PushError) -> Failure {
    Failure::failed(UNKNOWN, error).with_hint(
        "forebay fsck --dry-run tells what is wrong with their rows, and forebay fsck mends them",
    )
}

fn too_slow() -> Failure {
    let what = format!("{UNKNOWN}: looking through them took longer than {LOOK_WITHIN:?}");
    Failure::plain(what)
        .with_hint("look whether the disk of the data directory is slow or stuck, and try again")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use forebay_config::{Environment, Flags, Sources, load};
    use forebay_content::ManualClock;
    use forebay_content::memory::{MemoryBlobs, MemoryHosted, MemoryJournal};
    use forebay_jobs::Supervisor;
    use forebay_registry::{Made, Settings, Stores};
    use futures::poll;

    use super::*;

    /// So often the other tasks have their turn that each does what it can.
    const TURNS: usize = 100;

    #[tokio::test]
    async fn a_reload_waits_for_what_is_being_recorded_and_not_for_ever() {
        let clock = ManualClock::default();
        let stores = Stores {
            blobs: Arc::new(MemoryBlobs::default()),
            rows: Arc::new(MemoryHosted::new()),
            journal: Arc::new(MemoryJournal::new()),
        };
        let supervisor = Supervisor::new();
        let registry = LocalRegistry::open(stores, Arc::new(clock.clone()), &supervisor);
        let sources = Sources::new(None, Environment::default(), Flags::default());
        let config = load(&sources).unwrap();
        let name: RepositoryName = "app".parse().unwrap();
        let before = Before {
            local: &[],
            listen: &[],
        };
        {
            // Nothing is recorded as long as somebody copies rows and journals: here, for ever.
            let mut copying = pin!(registry.at_one_moment(std::future::pending::<()>()));
            assert!(poll!(&mut copying).is_pending());
            let mut making = pin!(registry.create_repository(&name, Settings::default()));
            assert!(poll!(&mut making).is_pending());
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            let mut reloading = pin!(check_reserved_anew(&registry, &config, (before, &clock)));
            assert!(poll!(&mut reloading).is_pending());
            clock.advance(LOOK_WITHIN);
            let told = reloading.await.map(drop).unwrap_err().to_string();
            assert!(told.contains("took longer than 30s"), "{told}");
        }
        // Once the disk goes on, so do pushes, and the next reload.
        let made = registry.create_repository(&name, Settings::default()).await;
        assert!(matches!(made, Ok(Made::Done | Made::Exists)), "{made:?}");
        let narrowed = check_reserved_anew(&registry, &config, (before, &clock)).await;
        narrowed.unwrap().take_over();
        supervisor.stop();
    }
}
