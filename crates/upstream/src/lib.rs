#![doc = include_str!("../README.md")]

mod authority;
mod aws;
mod blob;
mod broker;
mod challenge;
mod client_rights;
mod config;
mod exchange;
mod failure;
mod gate;
mod host_port;
mod kept;
mod lanes;
mod leave;
mod link;
mod login;
mod manifest;
mod news;
mod pacers;
mod patience;
mod realm;
mod recent;
mod referrers;
mod tags;
mod token;
mod token_cache;
mod upstream;
mod wire;

pub use aws::{AwsAccess, AwsEnvironment};
pub use client_rights::UpstreamRights;
pub use config::{CredentialSource, UpstreamConfig};
pub use forebay_content::Secret;
pub use host_port::{HostPort, InvalidHostPort};
pub use pacers::Pacers;
pub use upstream::{Upstream, UpstreamSeams};
