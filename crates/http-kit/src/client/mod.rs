//! Our one outbound HTTP client.
//!
//! Address policy in the connector, credentials bound to an origin, redirects by our own rules.

mod connector;
mod dial;
mod exchange;
mod link;
mod origin;
mod outgoing;
mod policy;
mod proxy;
mod reach;
mod redirect;
mod reply;
mod resolve;
mod send;
mod tls;

pub use link::MALFORMED_HEAD_BYTES;
pub use origin::{Credentials, Origin};
pub use outgoing::{Outgoing, Redirects};
pub use policy::{ClientPolicy, INSTANCE, MinRate, ProxyEnvironment, ProxyRule, Timeouts, Trust};
pub use reach::AddressPolicy;
pub use reply::{Reply, ReplyBody};
pub use resolve::{
    KEEP_ANSWER, LOOKUP_LIMIT, LOOKUPS_AT_ONCE, NAMES_KEPT, Resolve, Resolver, SystemResolve,
};
pub use send::Client;
