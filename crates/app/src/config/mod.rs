//! The configuration: one optional TOML file, overridden by the environment, overridden by flags.
//!
//! What was written is read by key with its origin; `resolve` turns it into [`Config`] or says, all at once, what is wrong.

mod proxy;
mod resolved;
mod secret;

pub use proxy::{ProxyChoice, ProxyEnvironment, ProxyUrl};
pub use resolved::{
    CacheConfig, ClientsConfig, Config, CredentialSource, LogConfig, LogFormat, OnGone,
    ServerConfig, TagRule, UpstreamConfig,
};
pub use secret::Secret;
