//! Why somebody is not let in: one face for them, a reason for the operator.

use forebay_content::{CatalogError, KeysError};

use crate::jws::BadToken;
use crate::random::NoRandomness;

/// A credential that lets nobody in.
///
/// Printed, all that are wrong look alike, for the answer must not tell which names there are. What the operator's log may say
/// is [`Refusal::why`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// It is wrong, worth nothing any more, or nobody's: 401.
    #[error("the credential is not right, or not valid any more")]
    Wrong(Why),
    /// Too many are being checked: 503, come again in a second.
    #[error("too many logins are being checked at the moment")]
    Busy,
    /// Accounts cannot be read: 503.
    #[error("accounts cannot be read now")]
    Accounts(#[source] CatalogError),
    /// An issuer's keys cannot be had: 503.
    #[error("the login cannot be checked now")]
    Keys(#[source] KeysError),
    /// No random numbers: 500.
    #[error("no token can be made now")]
    Randomness(#[from] NoRandomness),
    /// A token could not be signed: 500.
    #[error("no token can be made now")]
    Signing,
}

/// What is wrong with a credential, for the operator's log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nobody has that name.
    #[error("there is no such user")]
    NoUser,
    /// The password is another.
    #[error("wrong password")]
    Password,
    /// The user was disabled.
    #[error("the user is disabled")]
    Disabled,
    /// No token has that id.
    #[error("there is no such robot")]
    NoRobot,
    /// The token's secret is another.
    #[error("the robot's secret is wrong")]
    RobotSecret,
    /// The token's time is over.
    #[error("the robot's token has expired")]
    RobotExpired,
    /// The token was revoked.
    #[error("the robot's token is revoked")]
    RobotRevoked,
    /// A token of the token flow, or of an issuer, is not taken.
    #[error(transparent)]
    Token(#[from] BadToken),
}

impl Refusal {
    /// What the operator's log may say of it.
    pub fn why(&self) -> Option<Why> {
        match self {
            Self::Wrong(why) => Some(*why),
            _ => None,
        }
    }
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        Self::Wrong(why)
    }
}

impl From<BadToken> for Refusal {
    fn from(why: BadToken) -> Self {
        Self::Wrong(Why::Token(why))
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        Self::Accounts(error)
    }
}
