//! Who comes by the host of an upstream that stands apart: let in by the upstream's own word, and to that upstream alone.
//!
//! The accounts of `[access]` are nobody's there: the name and password that a guest sends are theirs at the upstream, to which
//! they are shown and to nobody else. So Basic is asked for, never a token of ours: each request brings what it is judged by.
//! Source: RFC 7617.

use std::sync::Arc;

use forebay_access::Credential;
use forebay_content::{
    Caller, ClientLogin, ClientRight, ClientRights, ClientVisit, Clock, Request, Secret, Sought,
    SourceError, Standing,
};
use forebay_http_kit::RequestId;
use forebay_oci::{Target, UpstreamName};
use http::header::AUTHORIZATION;
use tracing::info;

use crate::asking::{Asked, Content, in_time};
use crate::caller::claimed_name;
use crate::door;
use crate::table::Table;
use crate::{OciError, registry_api};

/// The longest name, and the longest password, that an upstream is shown, in bytes: more than any registry's own tokens have.
const MAX_LOGIN_BYTES: usize = 16 * 1024;

/// Who asks.
pub(crate) struct Guest<'a> {
    upstream: &'a UpstreamName,
    rights: &'a dyn ClientRights,
    login: Option<ClientLogin>,
    /// What the login calls them.
    name: Option<Arc<str>>,
    request_id: Option<&'a RequestId>,
    clock: &'a dyn Clock,
}

impl<'a> Guest<'a> {
    /// Reads who `asked` comes from; whether they are who they say, the upstream is asked when it matters.
    ///
    /// # Errors
    /// 401 with a challenge for what is no name with a password.
    pub(crate) fn enter(
        (table, clock): (&'a Table, &'a dyn Clock),
        upstream: &'a UpstreamName,
        asked: &'a Asked<'_>,
    ) -> Result<Self, OciError> {
        let rights = table.rights.get(upstream);
        let rights = rights.ok_or_else(|| registry_api::no_rights(upstream))?;
        let login = match asked.head.headers.get(AUTHORIZATION) {
            None => None,
            Some(header) => match door::read(header) {
                // So skopeo, podman and buildah answer a challenge who have no login for it.
                Some(Credential::Basic { name, password })
                    if name.is_empty() && password.expose().is_empty() =>
                {
                    None
                }
                Some(Credential::Basic { name, password }) if is_short(&name, &password) => {
                    Some(ClientLogin {
                        name,
                        password,
                        standing: Standing::default(),
                    })
                }
                _ => return Err(challenge(upstream)),
            },
        };
        Ok(Self {
            upstream,
            rights: rights.as_ref(),
            name: login
                .as_ref()
                .and_then(|_| claimed_name(&asked.head.headers)),
            login,
            request_id: asked.head.extensions.get(),
            clock,
        })
    }

    /// Answers a greeting, by which clients find out how to log in, and `docker login` whether a password is right.
    pub(crate) async fn greet(&self, visit: ClientVisit) -> Result<(), OciError> {
        let login = self.login.as_ref();
        let login = login.ok_or_else(|| challenge(self.upstream))?;
        let checked = in_time(self.clock, self.rights.check_login(&visit, login)).await;
        let right = checked.map_err(|error| self.unchecked(&error, &visit.caller, None))?;
        match right {
            // Where everybody is greeted, so are they: what the login is worth shows when they ask for something.
            ClientRight::Given { .. } | ClientRight::Unknown => Ok(()),
            right => {
                self.tell(right);
                Err(match right {
                    // As it answers itself: it may know the login, and then another password is no remedy.
                    ClientRight::Refused { .. } => OciError::not_greeted(self.upstream),
                    _ => challenge(self.upstream),
                })
            }
        }
    }

    /// Lets them have what of the target they ask for, if the upstream would; by which name, if it has taken their login.
    pub(crate) async fn check(
        &self,
        request: &Request,
        content: &Content,
        target: &Target,
    ) -> Result<Option<Arc<str>>, OciError> {
        let sought = sought(content);
        let login = self.login.as_ref();
        let checked = self.rights.check_right(request, login, &sought);
        let checked = in_time(self.clock, checked).await;
        let caller = &request.caller;
        let right = checked.map_err(|error| self.unchecked(&error, caller, Some(target)))?;
        self.tell(right);
        match (right, login) {
            // What is given to everybody proves no login: by it anybody could be called anything.
            (ClientRight::Given { is_login_proven }, _) => {
                Ok(self.name.clone().filter(|_| is_login_proven))
            }
            // Whatever is refused to nobody may be somebody's; and some clients show their login only when they are asked.
            (_, None) | (ClientRight::WrongLogin, Some(_)) => Err(challenge(self.upstream)),
            (ClientRight::Refused { .. } | ClientRight::Unknown, Some(_)) => {
                Err(OciError::hidden())
            }
            (ClientRight::Absent(missing), Some(_)) => {
                let absent = SourceError::NotFound(missing);
                Err(OciError::from_source(&absent, caller.kind, target))
            }
        }
    }

    /// What is told where the upstream cannot be asked: nothing is given without its word, kept or not.
    fn unchecked(&self, error: &SourceError, caller: &Caller, target: Option<&Target>) -> OciError {
        match (error, target) {
            // Strangers have had their part of the pace: who has a login shows it only when asked, and waits for none of them.
            (SourceError::Paced { retry_after }, _) if self.login.is_none() => OciError {
                retry_after: Some(*retry_after),
                ..challenge(self.upstream)
            },
            // Which images are on the list is for those who may see them.
            (
                SourceError::NotAllowed { .. } | SourceError::Unauthorized | SourceError::Denied,
                _,
            ) => OciError::hidden(),
            (SourceError::Unavailable { .. } | SourceError::TimedOut { .. }, _) => {
                OciError::unconfirmed(self.upstream, error)
            }
            (error, Some(target)) => OciError::from_source(error, caller.kind, target),
            (error, None) => OciError::of_upstream(error, caller.kind, self.upstream),
        }
    }

    /// Tells the operator's log why somebody with a login was refused, and never by which; who shows none is asked for one.
    fn tell(&self, right: ClientRight) {
        if matches!(right, ClientRight::Given { .. }) || self.login.is_none() {
            return;
        }
        info!(
            upstream = %self.upstream,
            why = right.as_str(),
            request_id = self.request_id.map(tracing::field::display),
            "an upstream does not confirm a client's right"
        );
    }
}

/// 401, with what makes clients show the login that they have for this host.
fn challenge(upstream: &UpstreamName) -> OciError {
    OciError::login(&format!("Basic realm=\"{upstream}\""))
}

fn is_short(name: &str, password: &Secret) -> bool {
    name.len() <= MAX_LOGIN_BYTES && password.expose().len() <= MAX_LOGIN_BYTES
}

fn sought(content: &Content) -> Sought {
    match content {
        Content::Manifest(reference) => Sought::Manifest(reference.clone()),
        Content::Blob(digest) => Sought::Blob(digest.clone()),
        Content::Tags(_) | Content::Referrers { .. } => Sought::Lists,
    }
}

/// Who greets, and for how long they wait.
pub(crate) fn visit(caller: Caller, table: &Table) -> ClientVisit {
    ClientVisit {
        patience: table.patience.of(caller.kind),
        caller: Arc::new(caller),
    }
}
