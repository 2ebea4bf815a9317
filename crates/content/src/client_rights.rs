//! What clients may read at an upstream by logins of their own there, as far as the upstream says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use forebay_oci::{Digest, Reference};

use crate::{Caller, Missing, Request, Secret, SourceError};

/// Tells what a client may read at one upstream, by the login that it came with.
///
/// # Contract
/// Nothing but the upstream's own word gives a right: an absence, a limit, trouble or a time-out never does. The login is shown to
/// that upstream and its token hosts only; it is written down nowhere and kept no longer than the call.
#[async_trait]
pub trait ClientRights: Send + Sync {
    /// Whether the login is one that the upstream knows: [`ClientRight::Given`], [`ClientRight::WrongLogin`] or
    /// [`ClientRight::Unknown`].
    async fn check_login(
        &self,
        visit: &ClientVisit,
        login: &ClientLogin,
    ) -> Result<ClientRight, SourceError>;

    /// Whether who has this login, or none, may read the request's repository, as shown by what is sought in it.
    async fn check_right(
        &self,
        request: &Request,
        login: Option<&ClientLogin>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError>;
}

/// A client's name and password at an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLogin {
    /// The name, as it was sent.
    pub name: String,
    /// The password or access token.
    pub password: Secret,
}

/// Who wants to know whether a login is good, and for how long they wait.
#[derive(Clone, Debug)]
pub struct ClientVisit {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// How long they wait.
    pub patience: Duration,
}

/// What a client seeks in a repository: by asking for it, without its bytes, the right to read the repository shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sought {
    /// A manifest.
    Manifest(Reference),
    /// A blob.
    Blob(Digest),
    /// Lists of tags or referrers.
    Lists,
}

/// What an upstream says of a client's right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRight {
    /// They may read the repository; or, asked of a login alone, it is good.
    Given {
        /// Whether that is for the login: what is given to everybody shows none to be good. False where none was shown.
        is_login_good: bool,
    },
    /// They may not read the repository, or there is none.
    Refused {
        /// Whether the upstream has taken the login all the same; true where none was shown. If not, nothing is known of it.
        is_login_good: bool,
    },
    /// What they seek is not there, which says nothing of the repository's rest: registries hide so what may not be seen.
    Absent(Missing),
    /// Nobody there has this name with this password.
    WrongLogin,
    /// Of a login alone: whoever asks is answered alike, so that nothing is known of it.
    Unknown,
}

impl ClientRight {
    /// The word for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given { .. } => "given",
            Self::Refused { .. } => "refused",
            Self::Absent(_) => "absent",
            Self::WrongLogin => "wrong login",
            Self::Unknown => "unknown",
        }
    }
}
