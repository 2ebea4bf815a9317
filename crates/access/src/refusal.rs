//! Why somebody is not let in: one face for them, a reason for the operator.

use std::sync::Arc;

use forebay_content::{AccountName, CatalogError, KeysError};

use crate::jws::BadToken;
use crate::principal::Principal;
use crate::random::NoRandomness;

/// A credential that lets nobody in.
///
/// Printed, all that are wrong look alike, for the answer must not tell which names there are. What the operator's log may say
/// is in [`Wrong`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// It is wrong, worth nothing any more, or nobody's: 401.
    #[error("the credential is not right, or not valid any more")]
    Wrong(Wrong),
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

/// What the operator's log may say of a credential that lets nobody in, and nobody else. Never holds a part of it: a name that is no
/// account's may be a password, typed into the wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Why not.
    pub why: Why,
    /// The account that it is of, if there is one.
    pub account: Option<Principal>,
    /// What kept an issuer's token, the signature of which is right, from being taken.
    pub nearest: Option<Box<NearestRule>>,
}

/// The rule that takes an issuer's token but for a claim, or comes nearest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearestRule {
    /// Who signed the token.
    pub issuer: Arc<str>,
    /// The rule, by the name that it has in the configuration.
    pub rule: AccountName,
    /// The first claim that the rule wants otherwise: `aud`, or one by the path that the rule has.
    pub claim: String,
    /// What the token says there, as JSON has it, cut after 100 bytes; empty where it says nothing.
    pub value: String,
}

/// What is wrong with a credential, for the operator's log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nobody has that name.
    #[error("no such account")]
    NoUser,
    /// The password is another.
    #[error("wrong password")]
    Password,
    /// The user was disabled.
    #[error("the user is disabled")]
    Disabled,
    /// No token has that id.
    #[error("no such robot's token")]
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
            Self::Wrong(wrong) => Some(wrong.why),
            _ => None,
        }
    }
}

impl Why {
    /// A refusal of a credential of this account.
    pub(crate) fn of(self, account: Principal) -> Refusal {
        Refusal::Wrong(Wrong {
            account: Some(account),
            ..self.into()
        })
    }

    /// It in a word, for whoever counts: of a list as short as this one.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoUser | Self::NoRobot => "no_such_account",
            Self::Password | Self::RobotSecret => "wrong_password",
            Self::Disabled | Self::RobotRevoked => "revoked",
            Self::RobotExpired | Self::Token(BadToken::Expired) => "expired",
            Self::Token(BadToken::Revoked) => "changed_since",
            Self::Token(BadToken::Issuer | BadToken::Audience | BadToken::Rule) => "no_rule",
            Self::Token(_) => "bad_token",
        }
    }
}

impl From<Why> for Wrong {
    fn from(why: Why) -> Self {
        Self {
            why,
            account: None,
            nearest: None,
        }
    }
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        Self::Wrong(why.into())
    }
}

impl From<BadToken> for Refusal {
    fn from(why: BadToken) -> Self {
        Why::Token(why).into()
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        Self::Accounts(error)
    }
}
