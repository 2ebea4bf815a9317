//! Why an issuer's keys are not known.

use forebay_content::InvalidKeySet;
use forebay_http_kit::{BodyError, ClientError, SendError};

/// An issuer that cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It is no address.
    #[error("the issuer {issuer} is no http or https URL without user, query and fragment")]
    Address {
        /// As it was given.
        issuer: String,
    },
    /// The client for it cannot be made.
    #[error("no client for the issuer {issuer} can be made")]
    Client {
        /// Whose.
        issuer: String,
        /// Why.
        #[source]
        cause: ClientError,
    },
}

/// Why an issuer's keys were not had. Says no more of what it answered than the hosts that it named.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unheard {
    /// Nobody configured it.
    #[error("no rule names it")]
    Unknown,
    /// It was not asked yet, or the one who did was stopped.
    #[error("it was not asked to the end")]
    Unasked,
    /// All took too long.
    #[error("it did not answer in time")]
    Late,
    /// It was not reached.
    #[error("its {document} cannot be asked for")]
    Unreached {
        /// What was asked for.
        document: Document,
        /// Why.
        #[source]
        cause: SendError,
    },
    /// It answered with another status than 200.
    #[error("it answered with status {status} to what asked for its {document}")]
    Status {
        /// What was asked for.
        document: Document,
        /// The status.
        status: u16,
    },
    /// Its answer did not come whole, or was too long.
    #[error("its {document} did not come whole")]
    Body {
        /// What was asked for.
        document: Document,
        /// Why.
        #[source]
        cause: BodyError,
    },
    /// The token that is to be shown to it cannot be read. What the file holds is not told.
    #[error("the token in its `token_file` cannot be read")]
    NoToken(#[source] std::io::Error),
    /// Its configuration is none.
    #[error("its configuration is no JSON with `issuer` and `jwks_uri`")]
    NoConfiguration(#[source] serde_json::Error),
    /// It says that it is somebody else.
    #[error("its configuration is that of another issuer")]
    AnotherIssuer,
    /// Its configuration says not where its keys are.
    #[error("its configuration names no address of its keys")]
    NoKeysAddress,
    /// Its keys are somewhere where nobody said they may be.
    #[error("it has its keys at {0}, and neither is that its own host nor do `key_hosts` name it")]
    KeysElsewhere(String),
    /// Its keys are none.
    #[error("its keys are no key set")]
    NoKeySet(#[source] InvalidKeySet),
}

/// What an issuer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// `/.well-known/openid-configuration`.
    Configuration,
    /// What that names as `jwks_uri`.
    Keys,
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuration",
            Self::Keys => "keys",
        })
    }
}
