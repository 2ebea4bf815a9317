//! Why an alert did not arrive. Holds no address: that may be a secret.

use std::time::Duration;

use forebay_http_kit::SendError;

/// A webhook that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Its address is none.
    #[error("the address of a webhook is not an http or https URL without user and password")]
    Address,
    /// The client for it cannot be made.
    #[error("no client for webhooks can be made")]
    Client(#[source] forebay_http_kit::ClientError),
}

/// Why an alert did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The receiver will not have it: sending it again is of no use.
    #[error("it answered with status {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The receiver has trouble, or wants less: it may take it later.
    #[error("it answered with status {status}")]
    Busy {
        /// The status.
        status: u16,
        /// When, if it said so.
        retry_after: Option<Duration>,
    },
    /// The receiver was not reached, or did not answer in time: it may take it later.
    #[error("it cannot be reached: {why}")]
    Unreached {
        /// What was the matter, without the address.
        why: &'static str,
    },
    /// Our own rules forbid to send it there.
    #[error("nothing is sent there: {why}")]
    Forbidden {
        /// Which rule.
        why: &'static str,
    },
}

impl DeliveryError {
    /// Whether sending it again may help.
    pub const fn may_retry(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreached { .. })
    }
}

impl From<SendError> for DeliveryError {
    /// Says what was the matter, and nothing of where.
    fn from(error: SendError) -> Self {
        let unreached = |why| Self::Unreached { why };
        match error {
            SendError::Unsendable { .. } => Self::Forbidden {
                why: "the request cannot be sent",
            },
            SendError::Refused { .. } => Self::Forbidden {
                why: "its address is not public, and `private` does not allow it",
            },
            SendError::Redirect { .. } => Self::Forbidden {
                why: "it redirects elsewhere",
            },
            SendError::Resolve { .. } => unreached("its name cannot be resolved"),
            SendError::Connect { .. } => unreached("no connection"),
            SendError::ProxyRefused { .. } => unreached("the proxy refuses to connect"),
            SendError::Tls { .. } => unreached("no agreement on TLS"),
            SendError::TimedOut { .. } => unreached("no answer in time"),
            SendError::Malformed { .. } => unreached("it does not speak HTTP"),
            SendError::Closed { .. } => unreached("it closed the connection"),
            SendError::ContentEncoding { .. } => unreached("its answer cannot be read"),
        }
    }
}
