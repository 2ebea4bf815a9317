#![doc = include_str!("../README.md")]

mod access_file;
mod advice;
mod bounded_file;
mod builtin;
mod env;
mod error;
mod file;
mod layers;
mod names;
mod nearest;
mod node;
mod notes;
mod origin;
mod own_hosts;
mod proxy;
mod read;
mod reference;
mod resolve;
mod resolved;
mod schema;
mod secret;
mod secret_file;
mod section;
mod show;
mod tls_files;
mod unknown;
mod value;

use std::path::PathBuf;

pub use advice::{Advice, Hint};
pub use bounded_file::at_once;
pub use env::{CONFIG_FILE, Environment};
pub use error::{ConfigErrors, ConfigProblem, MAX_PROBLEMS};
pub use nearest::find_nearest;
pub use notes::{notes, notes_of_token};
pub use origin::Origin;
pub use own_hosts::{GivenAway, find_given_away};
pub use proxy::{ProxyChoice, ProxyEnvironment, ProxyUrl};
pub use reference::reference_page;
pub use resolved::{
    AccessConfig, AccessRule, AlertsConfig, Authorize, CacheConfig, ClientAuth, ClientsConfig,
    Config, CredentialSource, IssuerConfig, LedgerConfig, ListenAddress, LogConfig, LogFormat,
    OnGone, ServerConfig, TagRule, TlsConfig, UpstreamConfig, WebhookConfig, WebhookForm,
};
pub use schema::schema;
pub use secret::Secret;
pub use show::{Remark, ShownSetting, as_json, as_toml};
pub use tls_files::{TlsFileError, TlsFiles, is_open_to_others};
pub use value::{byte_size, time_span};

/// Where the configuration is written. Kept to read it again: the file and the files that it names may have changed.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment as it was at the start.
    pub environment: Environment,
    /// What the command line overrides.
    pub flags: Flags,
}

/// Keys that commands take as flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--data`.
    pub data: Option<String>,
}

impl Sources {
    /// The sources of a command: `file` is what `--config` says, for which `FOREBAY_CONFIG` stands in.
    pub fn new(file: Option<PathBuf>, environment: Environment, flags: Flags) -> Self {
        let file = file.or_else(|| {
            let (_, path) = environment.find_first(&[CONFIG_FILE])?;
            Some(PathBuf::from(path))
        });
        Self {
            file,
            environment,
            flags,
        }
    }
}

/// Reads the file, the environment and the flags, and the files that they name. May be called again at any time.
///
/// # Errors
/// Everything that is wrong, up to [`MAX_PROBLEMS`]; nothing falls back silently.
pub fn load(sources: &Sources) -> Result<Config, ConfigErrors> {
    let (file, problems) = read::read(sources)?;
    resolve::resolve(&file, &sources.environment, problems)
}

/// As [`load`], and each effective value with where it came from.
///
/// # Errors
/// As [`load`].
pub fn show(sources: &Sources) -> Result<Vec<ShownSetting>, ConfigErrors> {
    let (file, problems) = read::read(sources)?;
    let config = resolve::resolve(&file, &sources.environment, problems)?;
    Ok(show::list(&file, &config))
}
