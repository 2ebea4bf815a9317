//! Digests for `--pin`: which are wanted is planned first, then each is asked for once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use forebay_config::{Config, Sources};
use forebay_rewrite::rules::{Goal, Image};
use forebay_server::find_digests;
use forebay_terminal::Failure;

use super::files::{Planned, Search, plan_all};

/// The plan of all files with the digests that their tags have now.
///
/// # Errors
/// The upstreams cannot be set up.
pub(super) async fn plan_pinned(
    files: &[PathBuf],
    search: &Search,
    goal: &Goal,
    (sources, config): (&Sources, &Config),
) -> Result<Planned, Failure> {
    let wanted = Mutex::new(BTreeSet::new());
    let note = |image: &Image| {
        let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.insert(image.to_string());
        Err(String::new())
    };
    plan_all(files, search, goal, Some(&note));
    let wanted = wanted.into_inner().unwrap_or_else(PoisonError::into_inner);
    let digests = find_digests(sources, config, &wanted).await?;
    let known = |image: &Image| {
        let digest = digests.get(&image.to_string()).cloned();
        digest.unwrap_or_else(|| Err("nobody was asked for its digest".to_owned()))
    };
    Ok(plan_all(files, search, goal, Some(&known)))
}
