//! Our one outbound HTTP client.
//!
//! Address policy in the connector, credentials bound to an origin, redirects by our own rules.

mod origin;
mod outgoing;
mod policy;
mod reach;
mod reply;
mod resolve;
mod send;

pub use origin::{Credentials, Origin};
pub use outgoing::{Outgoing, Redirects};
pub use policy::{ClientPolicy, MinRate, ProxyEnvironment, ProxyRule, Timeouts, Trust};
pub use reach::AddressPolicy;
pub use reply::{Reply, ReplyBody};
pub use resolve::{
    KEEP_ANSWER, LOOKUP_LIMIT, LOOKUPS_AT_ONCE, NAMES_KEPT, Resolve, Resolver, SystemResolve,
};
pub use send::Client;
