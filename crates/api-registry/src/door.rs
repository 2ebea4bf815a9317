//! Who is let in: reads the credential of a request, and turns what is decided into an answer.
//!
//! Sources: RFC 7235 and RFC 6750 for challenges; the CNCF distribution registry's "Token Authentication Specification".

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_access::{Access, Credential, Identity, MOUNTS_SCOPE, Principal, Refusal, Verdict};
use forebay_content::{Caller, Secret};
use forebay_http_kit::{RequestId, find_host};
use forebay_oci::{Act, Endpoint, Leave, RepositoryName, RouteError, RouteTable, Target};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{StatusCode, request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::field::display;
use tracing::{info, warn};

use crate::OciError;
use crate::answered::RefusedLogin;
use crate::asking::Asked;
use crate::caller::{claimed_name, named};

/// Where tokens are given, below the server's address.
pub const TOKEN_PATH: &str = "/token";

/// The longest `Authorization` that is looked at, in bytes: a token is no longer than its parts may be.
const MAX_CREDENTIAL_BYTES: usize = 64 * 1024;

/// Access as the edge needs it.
#[derive(Clone)]
pub struct AccessPoint {
    /// Who is let in, and what they may do.
    pub access: Arc<Access>,
    /// The address by which clients reach this server, `https://host[:port]`; `None` if each request says it.
    pub url: Option<String>,
}

/// Who asks, once they are let in.
pub(crate) struct Visitor<'a> {
    /// None where no access is configured.
    entered: Option<(&'a AccessPoint, Identity)>,
    asked: &'a Asked<'a>,
}

impl<'a> Visitor<'a> {
    /// Lets in whoever `asked` comes from.
    ///
    /// # Errors
    /// 401 with a challenge for a credential that is nobody's; 503 while it cannot be checked.
    pub(crate) async fn enter(
        point: Option<&'a AccessPoint>,
        asked: &'a Asked<'a>,
    ) -> Result<Self, OciError> {
        let Some(point) = point else {
            return Ok(Self {
                entered: None,
                asked,
            });
        };
        let credential = match asked.head.headers.get(AUTHORIZATION) {
            Some(header) => Some(read(header).ok_or_else(|| point.challenge_for(asked, INVALID))?),
            None => None,
        };
        let who = (asked.head, asked.client);
        let challenge = || point.challenge_for(asked, INVALID);
        let identity = point.let_in(credential.as_ref(), who, challenge).await?;
        Ok(Self {
            entered: Some((point, identity)),
            asked,
        })
    }

    /// True if it is known who they are: by a credential, or, where no access is configured, as users of this machine.
    pub(crate) fn is_known(&self) -> bool {
        match &self.entered {
            Some((_, identity)) => identity.principal != Principal::Anonymous,
            None => self.asked.is_ours,
        }
    }

    /// What they are called where it is written down; where no access is configured, only this machine's own programs change anything.
    pub(crate) fn name(&self) -> Arc<str> {
        match &self.entered {
            Some((_, identity)) => identity.principal.to_string().into(),
            None => "loopback".into(),
        }
    }

    /// Who asks, for whoever counts: where access is configured, by the name that they were let in by, however they showed it, and by
    /// none if they showed no credential; elsewhere by what they say.
    pub(crate) fn caller(&self) -> Caller {
        let name = match &self.entered {
            Some((_, identity)) => name_of(identity),
            None => claimed_name(&self.asked.head.headers),
        };
        named(&self.asked.caller(), name)
    }

    /// Answers a greeting: who comes without any credential is asked for one, or else clients never show theirs.
    pub(crate) fn greet(&self) -> Result<(), OciError> {
        match &self.entered {
            Some((point, _)) if !self.asked.head.headers.contains_key(AUTHORIZATION) => {
                Err(point.challenge_for(self.asked, NARROW))
            }
            _ => Ok(()),
        }
    }

    /// Lets them do `act` to `target`, or says why not.
    pub(crate) fn check(&self, target: &Target, act: Act) -> Result<(), OciError> {
        let Some((point, identity)) = &self.entered else {
            // Until somebody is known who may, this machine's own programs change things at most.
            return if act == Act::Pull || self.asked.is_ours {
                Ok(())
            } else {
                Err(OciError::not_writable())
            };
        };
        match point.access.decide(identity, target, act) {
            Verdict::Allowed => Ok(()),
            Verdict::Login => Err(point.challenge_for(self.asked, NARROW)),
            Verdict::Hidden => Err(OciError::hidden()),
            Verdict::Refused => Err(OciError::not_allowed(act)),
        }
    }

    /// What they are told of a name that means nothing here: to whom access is a question, it looks like one that is not shown.
    /// Which upstreams there are is nobody's to find out by trying.
    pub(crate) fn unrouted(&self, error: &RouteError, routes: &RouteTable) -> OciError {
        match &self.entered {
            None => OciError::unrouted(error, routes),
            Some((point, _)) if !self.is_known() => point.challenge_for(self.asked, NARROW),
            Some(_) => OciError::hidden(),
        }
    }

    /// The local repository that they name to mount a blob from, if they may pull from it; else the blob is uploaded.
    ///
    /// # Errors
    /// Their token was not given for that name: 401 with a challenge for one that is, as `distribution` answers, whether or not there is
    /// such a repository, and whether or not they may pull from it.
    pub(crate) fn check_source(
        &self,
        named: RepositoryName,
    ) -> Result<Option<RepositoryName>, OciError> {
        let target = Target::local(named.clone());
        match &self.entered {
            Some((point, identity)) if !identity.grant.covers(&target, Act::Pull) => {
                Err(point.challenge_for(self.asked, NARROW))
            }
            _ => Ok(self.may_pull(&named).then_some(named)),
        }
    }

    /// The first of these local repositories, which hold a blob, that they may pull from, to mount it from there; none, and the blob is
    /// uploaded.
    ///
    /// # Errors
    /// Their token was given for none of them, nor for mounts from wherever a blob is: 401 with a challenge for one that is. Who only has
    /// that token is not to find out whether others of the repositories that its account may pull from hold the blob: the answer is this,
    /// and names none, wherever the blob is, and where it is nowhere.
    pub(crate) fn choose_source(
        &self,
        mut holders: Vec<RepositoryName>,
    ) -> Result<Option<RepositoryName>, OciError> {
        let covered = holders.iter().position(|holder| self.may_pull(holder));
        match (covered, &self.entered) {
            (Some(place), _) => Ok(Some(holders.swap_remove(place))),
            (None, Some((point, identity))) if !identity.grant.covers_mounts() => {
                Err(point.challenge_for(self.asked, NARROW))
            }
            (None, _) => Ok(holders.into_iter().find(|holder| self.sees(holder))),
        }
    }

    /// True if they may pull from the local repository by the credential that they came with.
    fn may_pull(&self, repository: &RepositoryName) -> bool {
        let target = Target::local(repository.clone());
        self.check(&target, Act::Pull).is_ok()
    }

    /// True if they may pull from the repository; by what they are, whatever their token was given for.
    pub(crate) fn sees(&self, repository: &RepositoryName) -> bool {
        let Some((point, identity)) = &self.entered else {
            return true;
        };
        let mut unbounded = identity.clone();
        unbounded.grant.narrowing = None;
        let target = Target::local(repository.clone());
        point.access.decide(&unbounded, &target, Act::Pull) == Verdict::Allowed
    }

    /// True if their credential is good for the list of repositories, which then holds what they see.
    pub(crate) fn check_list(&self) -> Result<(), OciError> {
        match &self.entered {
            Some((_, identity)) if identity.grant.covers_catalog() => self.greet(),
            Some((point, _)) => Err(point.challenge_for(self.asked, NARROW)),
            None => Ok(()),
        }
    }
}

/// What is wrong with a credential that is nobody's, or no longer good (RFC 6750, section 3.1).
const INVALID: &str = "invalid_token";

/// What is wrong with a token that was given for less (the same). By this word alone podman and skopeo get another.
const NARROW: &str = "insufficient_scope";

impl AccessPoint {
    /// Who comes with this credential; the operator's log is told why somebody is not let in.
    ///
    /// # Errors
    /// `challenge` for a credential that is nobody's; 503 while it cannot be checked.
    pub(crate) async fn let_in(
        &self,
        credential: Option<&Credential>,
        (head, client): (&request::Parts, Option<IpAddr>),
        challenge: impl FnOnce() -> OciError,
    ) -> Result<Identity, OciError> {
        let identity = self.access.authenticate(credential, client).await;
        identity.map_err(|refusal| {
            tell(&refusal, (head.extensions.get(), client));
            OciError::refused(&refusal, challenge)
        })
    }

    /// 401, with what a client needs to get a token for what it asked, and what is wrong with the credential that it came with.
    fn challenge_for(&self, asked: &Asked<'_>, wrong: &str) -> OciError {
        let mut parts = vec![
            format!("Bearer realm=\"{}\"", self.realm(asked)),
            format!("service=\"{}\"", self.access.rules().service),
        ];
        let scope = scope(&asked.endpoint, asked.leave);
        parts.extend(scope.map(|scope| format!("scope=\"{scope}\"")));
        if asked.head.headers.contains_key(AUTHORIZATION) {
            parts.push(format!("error=\"{wrong}\""));
        }
        OciError::login(&parts.join(","))
    }

    /// Where tokens are given, as the client reaches it. A name of an upstream goes along, so that scopes mean the same there.
    fn realm(&self, asked: &Asked<'_>) -> String {
        let base = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => base_of(asked),
        };
        match &asked.query.ns {
            Some(ns) => {
                let ns = utf8_percent_encode(ns, NON_ALPHANUMERIC);
                format!("{base}{TOKEN_PATH}?ns={ns}")
            }
            None => format!("{base}{TOKEN_PATH}"),
        }
    }
}

/// The name that somebody was let in by, for whoever counts.
pub(crate) fn name_of(identity: &Identity) -> Option<Arc<str>> {
    let name = identity.principal.name();
    name.map(|name| name.as_str().into())
}

/// Scheme and host by which a request came.
fn base_of(asked: &Asked<'_>) -> String {
    let scheme = if asked.is_tls { "https" } else { "http" };
    let host = find_host(asked.head).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// The scope of a token that would do, in the client's words.
fn scope(endpoint: &Endpoint, leave: Leave) -> Option<String> {
    let acts = match leave {
        Leave::Greet => return None,
        Leave::List => return Some("registry:catalog:*".to_owned()),
        Leave::To(Act::Pull) => "pull",
        // Whoever pushes looks first what is there.
        Leave::To(Act::Push) => "pull,push",
        Leave::To(Act::Delete) => "pull,delete",
        Leave::To(Act::Admin) => "*",
    };
    let scope = format!("repository:{}:{acts}", endpoint.name()?);
    let Endpoint::Uploads { start, .. } = endpoint else {
        return Some(scope);
    };
    Some(match (&start.mount, &start.from) {
        (_, Some(from)) => format!("{scope} repository:{from}:pull"),
        (Some(_), None) => format!("{scope} {MOUNTS_SCOPE}"),
        (None, None) => scope,
    })
}

/// The credential in an `Authorization` header (RFC 7617, RFC 6750); `None` for what is none.
pub(crate) fn read(header: &HeaderValue) -> Option<Credential> {
    if header.len() > MAX_CREDENTIAL_BYTES {
        return None;
    }
    let (scheme, rest) = header.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!rest.is_empty()).then(|| Credential::Bearer(Secret::new(rest)));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some(Credential::Basic {
        name: name.to_owned(),
        password: Secret::new(password),
    })
}

/// Tells the operator's log why a credential was not taken, and never the credential. The client stands first: programs that shut out
/// who tries passwords read it there, before anything that others wrote.
fn tell(refusal: &Refusal, (request_id, client): (Option<&RequestId>, Option<IpAddr>)) {
    let request_id = request_id.map(display);
    let client = client.map(display);
    if let Refusal::Wrong(wrong) = refusal {
        let (why, account) = (wrong.why, wrong.account.as_ref().map(display));
        let nearest = wrong.nearest.as_deref();
        let issuer = nearest.map(|nearest| display(&nearest.issuer));
        let rule = nearest.map(|nearest| display(&nearest.rule));
        let claim = nearest.map(|nearest| display(&nearest.claim));
        let value = nearest.map(|nearest| display(&nearest.value));
        info!(client, %why, account, issuer, rule, claim, value, request_id, "a login was refused");
    } else {
        let cause = std::error::Error::source(refusal).map(ToString::to_string);
        warn!(client, %refusal, cause, request_id, "a login could not be checked");
    }
}

/// The challenge as a header of its own.
pub(crate) fn challenge(text: &str) -> HeaderMap {
    let value = HeaderValue::try_from(text).ok();
    HeaderMap::from_iter(value.map(|value| (WWW_AUTHENTICATE, value)))
}

impl OciError {
    /// A credential that lets nobody in, or one that cannot be checked now.
    pub(crate) fn refused(refusal: &Refusal, challenge: impl FnOnce() -> Self) -> Self {
        let unavailable = || Self {
            retry_after: Some(std::time::Duration::from_secs(1)),
            word: "unavailable",
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                forebay_oci::ErrorCode::Unavailable,
                refusal.to_string(),
            )
        };
        match refusal {
            Refusal::Wrong(wrong) => Self {
                refused_login: Some(RefusedLogin(wrong.why.word())),
                ..challenge()
            },
            Refusal::Busy | Refusal::Accounts(_) | Refusal::Keys(_) => unavailable(),
            Refusal::Randomness(_) | Refusal::Signing => Self::internal(refusal.clone()),
        }
    }
}
