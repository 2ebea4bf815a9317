//! Who may do what, as it was decided on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use forebay_access::{Htpasswd, Who, WorkloadRule};
use forebay_content::Right;
use url::Url;

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// Rules, which only ever give.
    pub rules: Vec<AccessRule>,
    /// Groups that rules name, with their members: no groups themselves. Each that a rule names is there.
    pub groups: BTreeMap<String, Vec<Who>>,
    /// The users of the file, as they were when it was read.
    pub htpasswd: Htpasswd,
    /// Who may come with tokens of others, each by a name of its own.
    pub workloads: Vec<WorkloadRule>,
    /// How the issuers of those tokens are asked for their keys: each that a rule names, once.
    pub issuers: Vec<IssuerConfig>,
    /// How long our own tokens are valid.
    pub token_lifetime: Duration,
    /// The address at which clients reach us: scheme, host and perhaps a port. `None` if each request says it.
    pub url: Option<Url>,
    /// What this installation is called in challenges and tokens.
    pub service: String,
}

/// One rule: these may do that there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// Whom it is for.
    pub who: Vec<Who>,
    /// What it gives them.
    pub right: Right,
}

/// How an issuer of tokens is asked for its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// The issuer: a URL with https, without user, query and fragment.
    pub issuer: String,
    /// A PEM file of certificate authorities trusted for it besides the system's. It was there when checked.
    pub ca_file: Option<PathBuf>,
    /// Whether its name, and those of `key_hosts`, may resolve to private or loopback addresses.
    pub private: bool,
    /// Further hosts (`host` or `host:port`) that it may name for its keys.
    pub key_hosts: Vec<String>,
    /// A file with the token that is shown to it, read each time it is asked.
    pub token_file: Option<PathBuf>,
}
