//! Our own short-lived tokens, as Docker's token flow gives them: who somebody is, and what the token was given for.
//!
//! A token gives no right. It says who asks; what they may do is decided at each request, and what the token was given for only
//! ever narrows that. Form: a JWT signed by HMAC-SHA-256 with a key that no two installations share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forebay_content::{AccountName, RobotId, Secret, Stamp, Timestamp};
use forebay_oci::{Acts, Target};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::grant::Narrowing;
use crate::jws::{self, BadToken};
use crate::principal::Principal;

/// The longest that a token may be valid, whatever is configured: what it says cannot be taken back before.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// How long a token is valid if nothing is configured, as Docker Hub's are.
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(5);

/// How far the clock may have been set back since a token was issued.
const CLOCK_LEEWAY_SECONDS: u64 = 30;

/// The most repositories that a token is given for; those after them are left out, so that a token fits into a header.
pub const MAX_TOKEN_REPOSITORIES: usize = 16;

/// What of a registry as a whole a token may be good for, as scopes call it.
const REGISTRY: &str = "registry";
const CATALOG: &str = "catalog";
const MOUNT: &str = "mount";

/// The key that signs and checks tokens: made at random when a data directory is, kept there, shared with nobody.
#[derive(Clone)]
pub struct TokenKey {
    signing: EncodingKey,
    checking: DecodingKey,
}

/// A token that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Who it is for.
    pub(crate) bearer: Bearer,
    /// The stamp of the account or rule by which it was given; none for anonymous.
    pub(crate) stamp: Option<Stamp>,
    /// What it was given for.
    pub(crate) narrowing: Narrowing,
}

/// Who bears a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Anonymous,
    User(AccountName),
    Robot(RobotId),
    Workload {
        rule: AccountName,
        issuer: Arc<str>,
        subject: Arc<str>,
    },
}

/// RFC 7519's claims, `access` as the token specification of the CNCF distribution registry has it, and ours.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    access: Vec<Access>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stamp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vouched: Option<Vouched>,
}

/// What a token was given for.
#[derive(Serialize, Deserialize)]
struct Access {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Vec<String>,
}

/// Who vouches for a workload.
#[derive(Serialize, Deserialize)]
struct Vouched {
    issuer: String,
    subject: String,
}

// === impl TokenKey ===

impl TokenKey {
    /// A key of these random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self {
            signing: EncodingKey::from_secret(bytes),
            checking: DecodingKey::from_secret(bytes),
        }
    }

    /// Signs a statement.
    pub(crate) fn sign(
        &self,
        statement: &Statement,
        terms: &Terms<'_>,
    ) -> Result<IssuedToken, jsonwebtoken::errors::Error> {
        let lifetime = terms.lifetime.min(MAX_TOKEN_LIFETIME);
        let now = terms.now.unix_seconds();
        let (sub, vouched) = statement.bearer.written();
        let claims = Claims {
            iss: terms.service.to_owned(),
            aud: terms.service.to_owned(),
            sub,
            iat: now,
            nbf: now,
            exp: now.saturating_add(lifetime.as_secs()),
            jti: URL_SAFE_NO_PAD.encode(terms.id),
            access: written(&statement.narrowing),
            stamp: statement.stamp.map(|stamp| stamp.0),
            vouched,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?;
        Ok(IssuedToken {
            token: Secret::new(token),
            issued_at: terms.now,
            lifetime,
        })
    }

    /// What a token of ours says, if it is one and its time is not over, and how much is left of that.
    pub(crate) fn check(
        &self,
        token: &str,
        service: &str,
        now: Timestamp,
    ) -> Result<(Statement, Duration), BadToken> {
        if jws::read_header(token)?.alg != "HS256" {
            return Err(BadToken::Algorithm);
        }
        let claims: Claims = jws::verify(token, &self.checking, Algorithm::HS256)?;
        if claims.iss != service {
            return Err(BadToken::Issuer);
        }
        if claims.aud != service {
            return Err(BadToken::Audience);
        }
        let now = now.unix_seconds();
        let longest = MAX_TOKEN_LIFETIME.as_secs();
        if claims.exp <= now || claims.exp.saturating_sub(claims.iat) > longest {
            return Err(BadToken::Expired);
        }
        if claims.nbf.max(claims.iat) > now.saturating_add(CLOCK_LEEWAY_SECONDS) {
            return Err(BadToken::Early);
        }
        let bearer = Bearer::read(&claims.sub, claims.vouched).ok_or(BadToken::Claims)?;
        let statement = Statement {
            bearer,
            stamp: claims.stamp.map(Stamp),
            narrowing: read(claims.access).ok_or(BadToken::Claims)?,
        };
        Ok((statement, Duration::from_secs(claims.exp - now)))
    }
}

/// How a token is issued.
pub(crate) struct Terms<'t> {
    /// The name of this installation.
    pub(crate) service: &'t str,
    /// Now.
    pub(crate) now: Timestamp,
    /// How long it is valid.
    pub(crate) lifetime: Duration,
    /// Its random id.
    pub(crate) id: [u8; 16],
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(***)")
    }
}

// === impl Bearer ===

impl Bearer {
    /// Who `principal` is, as a token says it.
    pub(crate) fn of(principal: &Principal) -> Self {
        match principal.clone() {
            Principal::Anonymous => Self::Anonymous,
            Principal::User { name } => Self::User(name),
            Principal::Robot { id, .. } => Self::Robot(id),
            Principal::Workload {
                rule,
                issuer,
                subject,
            } => Self::Workload {
                rule,
                issuer,
                subject,
            },
        }
    }

    fn written(&self) -> (String, Option<Vouched>) {
        match self {
            Self::Anonymous => ("anonymous".to_owned(), None),
            Self::User(name) => (format!("user:{name}"), None),
            Self::Robot(id) => (format!("robot:{id}"), None),
            Self::Workload {
                rule,
                issuer,
                subject,
            } => {
                let vouched = Vouched {
                    issuer: issuer.to_string(),
                    subject: subject.to_string(),
                };
                (format!("workload:{rule}"), Some(vouched))
            }
        }
    }

    fn read(sub: &str, vouched: Option<Vouched>) -> Option<Self> {
        if sub == "anonymous" {
            return Some(Self::Anonymous);
        }
        let (kind, name) = sub.split_once(':')?;
        match kind {
            "user" => Some(Self::User(name.parse().ok()?)),
            "robot" => Some(Self::Robot(name.parse().ok()?)),
            "workload" => {
                let vouched = vouched?;
                Some(Self::Workload {
                    rule: name.parse().ok()?,
                    issuer: vouched.issuer.into(),
                    subject: vouched.subject.into(),
                })
            }
            _ => None,
        }
    }
}

fn written(narrowing: &Narrowing) -> Vec<Access> {
    let repositories = narrowing.repositories.iter();
    let repositories = repositories.take(MAX_TOKEN_REPOSITORIES);
    let mut access: Vec<_> = repositories
        .map(|(target, acts)| Access {
            kind: "repository".to_owned(),
            name: target.to_string(),
            actions: acts.iter().map(|act| act.as_str().to_owned()).collect(),
        })
        .collect();
    let of_registry = [(CATALOG, narrowing.catalog), (MOUNT, narrowing.mounts)];
    let of_registry = of_registry
        .into_iter()
        .filter(|(_, is_covered)| *is_covered);
    access.extend(of_registry.map(|(name, _)| Access {
        kind: REGISTRY.to_owned(),
        name: name.to_owned(),
        actions: vec!["*".to_owned()],
    }));
    access
}

fn read(access: Vec<Access>) -> Option<Narrowing> {
    let mut narrowing = Narrowing::default();
    for Access {
        kind,
        name,
        actions,
    } in access
    {
        match (&*kind, &*name) {
            (REGISTRY, CATALOG) => {
                narrowing.catalog = true;
                continue;
            }
            (REGISTRY, MOUNT) => {
                narrowing.mounts = true;
                continue;
            }
            _ => {}
        }
        // An upstream's name has no slash.
        let (upstream, repository) = name.split_once('/')?;
        let target = Target {
            upstream: upstream.into(),
            repository: repository.parse().ok()?,
        };
        let acts: Result<Acts, _> = actions.iter().map(|act| act.parse()).collect();
        narrowing.repositories.push((target, acts.ok()?));
    }
    Some(narrowing)
}
