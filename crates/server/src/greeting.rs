//! What the log says of a start: which program runs, with what, and who it is at its upstreams.

use tracing::info;

use forebay_config::{Config, CredentialSource, Sources};

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
}

fn account(credentials: &CredentialSource) -> String {
    match credentials {
        CredentialSource::Anonymous => "(anonymous)".to_owned(),
        CredentialSource::Password { username, .. } => format!("(as {username})"),
        CredentialSource::SecretsManager { id, .. } => format!("(by the AWS secret {id})"),
        CredentialSource::Ecr { account, .. } => format!("(as AWS account {account})"),
    }
}
