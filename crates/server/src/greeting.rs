//! What the log says of a start: which program runs, with what, and who it is at its upstreams.

use std::path::Path;

use forebay_config::{Config, CredentialSource, Sources, notes};
use forebay_content::{KeptCoolDown, Timestamp};
use forebay_ledger::RestReport;
use forebay_terminal::amounts::moment;
use tracing::{info, warn};

use crate::data::named;

/// Says it once, at the start. Never a secret.
pub(crate) fn say(sources: &Sources, config: &Config) {
    let file = sources.file.as_ref();
    info!(
        version = env!("CARGO_PKG_VERSION"),
        config = file.map_or_else(|| "none".into(), |file| file.display().to_string()),
        data = %config.data.display(),
        "started"
    );
    let upstreams: Vec<_> = config
        .upstreams
        .iter()
        .map(|(name, upstream)| format!("{name} {}", account(&upstream.credentials)))
        .collect();
    info!(
        upstreams = upstreams.join(", "),
        "upstreams, and who we are there"
    );
    say_access(config);
    say_notes(config);
}

/// Says whether this start found data: a volume that is away is seen by that.
pub(crate) fn say_data(dir: &Path, is_first: bool) {
    let dir = named(dir);
    if is_first {
        info!(
            dir,
            "a new data directory was begun: nothing had been kept there before"
        );
    } else {
        info!(dir, "the data directory was found, with what it had");
    }
}

/// Says what of it does nothing, or more than it seems to, as `forebay config check` does.
pub(crate) fn say_notes(config: &Config) {
    for note in notes(config) {
        warn!("of the configuration: {note}");
    }
}

/// Says who is let in, and what nobody may do.
fn say_access(config: &Config) {
    let Some(access) = &config.access else {
        info!(
            loopback_push = config.clients.loopback_push,
            "access is not configured: whoever `clients.allow` lets in may pull everything, and nobody may push and delete but this machine's own programs, where `clients.loopback_push` says so"
        );
        return;
    };
    info!(
        rules = access.rules.len(),
        users_of_file = access.htpasswd.len(),
        workloads = access.workloads.len(),
        service = access.service,
        "access is configured: nobody may do what no rule gives them"
    );
}

/// Says what is not asked of upstreams yet, because they refused us before this start, or before they came back: what, whose,
/// why, and until when.
pub(crate) fn say_rests(resting: &[KeptCoolDown], now: Timestamp) {
    for kept in resting {
        if let Some(rest) = RestReport::of(kept, now) {
            warn!(
                upstream = %kept.upstream,
                rests = %rest,
                until = moment(rest.until_unix_ms),
                not_asked_for_seconds = rest.left_seconds,
                "what an upstream asked for before still holds: what rests is not asked for until its time, and kept images are served"
            );
        }
    }
}

fn account(credentials: &CredentialSource) -> String {
    match credentials {
        CredentialSource::Anonymous => "(anonymous)".to_owned(),
        CredentialSource::Password { username, .. } => format!("(as {username})"),
        CredentialSource::SecretsManager { id, .. } => format!("(by the AWS secret {id})"),
        CredentialSource::Ecr { account, .. } => format!("(as AWS account {account})"),
    }
}
