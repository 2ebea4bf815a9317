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
    /// Whether the login is one that the upstream knows: anything but [`ClientRight::Absent`].
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
    /// What is known of it; nothing where it is read off a request.
    pub standing: Standing,
}

/// What is known of a login at its upstream: whose questions it is counted among, and whether it has something to prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It was never seen to work, or was refused since.
    #[default]
    Unproven,
    /// It has worked. Whether it still does is to be seen.
    Proven,
    /// It has worked just now.
    Fresh,
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
        /// Whether the login is known to be good: by this answer, as what is given to everybody does not show it, or by one before it
        /// and none since. False where none was shown.
        is_login_proven: bool,
    },
    /// They may not read the repository, or there is none; or, asked of a login alone, they are not greeted with it, good or not.
    Refused {
        /// Whether the answer shows that the login is good all the same. False where none was shown.
        is_login_proven: bool,
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
