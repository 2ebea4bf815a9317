#![doc = include_str!("../README.md")]

mod grant;
mod policy;
mod principal;
mod who;
mod wildcard;

pub use grant::{Grant, Narrowing};
pub use policy::{InvalidPolicy, Policy, Rule, Verdict, decide};
pub use principal::Principal;
pub use who::{InvalidWho, Who};
pub use wildcard::{InvalidWildcard, Wildcard};
