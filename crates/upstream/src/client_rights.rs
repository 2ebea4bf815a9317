//! What clients may read at the upstream by logins of their own: asked of it as such a client would, and free of charge.
//!
//! Nothing of ours goes along, neither login nor token, and nothing of theirs stays: no token is kept, for one that was given
//! before a right was taken back may still be good. The pace is the registry's, shared with all that we ask there; limits and
//! trouble that clients' questions meet are told apart from ours, whose account is another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use forebay_content::{
    ClientLogin, ClientRight, ClientRights, ClientVisit, EVERYTHING_SCOPE, Event, Missing, Observe,
    Request, Sought, SourceError, UpstreamAnswer, UpstreamCall,
};
use forebay_http_kit::{Client, Credentials, Origin, Outgoing};
use forebay_limits::Priority;
use forebay_oci::{Endpoint, Page, UpstreamName};
use http::{HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::config::UpstreamConfig;
use crate::exchange::{Granted, Heard, Question, Refusal, Urgency};
use crate::leave::{Known, no_token, of_token_refusal, read_token, token_question};
use crate::login::Login;
use crate::pacers::Terms;
use crate::realm::TokenHosts;
use crate::token_cache::pull_scope;
use crate::upstream::{UpstreamSeams, is_web_page};
use crate::wire::{Wire, WireParts};
use crate::{failure, manifest, tags};

/// How often a question is put: without anything, with what the challenge wanted, and once more if that has changed.
const MAX_TRIES: usize = 3;

/// What a registry says of each manifest (distribution-spec, "Pulling manifests").
const CONTENT_DIGEST: &str = "docker-content-digest";

/// One upstream, asked as its clients.
pub struct UpstreamRights {
    name: UpstreamName,
    base: Url,
    registry: Option<Origin>,
    hosts: TokenHosts,
    wire: Wire,
    known: Mutex<Option<Known>>,
}

/// What is asked, and as whom.
struct Ask<'a> {
    call: UpstreamCall,
    path: String,
    /// What a token is to be good for.
    scope: Option<String>,
    login: Option<&'a Login>,
    urgency: Urgency,
}

/// What came of it.
enum Said {
    /// The registry's answer.
    Registry { heard: Heard, shown: Shown },
    /// The token service turns the client away: nobody's login, or none that it gives this to.
    NoToken { is_wrong_login: bool },
}

/// What the registry was shown that gave an answer, and so what its giving says of the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// Nothing: it gives to everybody.
    Nothing,
    /// The login; whether it would give to nobody as well is not known.
    Login,
    /// The login, after it refused nobody the very same.
    LoginAfterRefusal,
    /// A token, which its service gives to nobody with a wrong login.
    Token,
}

impl UpstreamRights {
    /// The upstream of this configuration, whose credentials are not looked at, reached through `client`.
    pub fn new(config: UpstreamConfig, client: Client, seams: UpstreamSeams) -> Self {
        let terms = Terms {
            requests_per_minute: config.requests_per_minute,
            burst: config.burst,
        };
        let registry = Origin::of(&config.url);
        let hosts = TokenHosts::new(&config.url, config.token_hosts, config.insecure);
        let wire = Wire::new(WireParts {
            name: Arc::clone(&config.name),
            account: None,
            origin: registry.clone(),
            client,
            clock: seams.clock,
            observe: Arc::new(OfClients(seams.observe)),
            share: seams.pacers.join(registry.as_ref(), terms),
        });
        Self {
            name: config.name,
            base: config.url,
            registry,
            hosts,
            wire,
            known: Mutex::default(),
        }
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<Said, SourceError> {
        let mut known = self.known().clone();
        let mut tries = 0;
        let mut is_refused_to_nobody = false;
        loop {
            let mut shown = Shown::Nothing;
            let credentials = match (&known, ask.login) {
                (None, _) | (Some(Known::Basic), None) => None,
                (Some(Known::Basic), Some(login)) => {
                    shown = if is_refused_to_nobody {
                        Shown::LoginAfterRefusal
                    } else {
                        Shown::Login
                    };
                    Some(login.basic.clone())
                }
                (Some(Known::Bearer { realm, service }), _) => {
                    let service = (realm, service.as_deref());
                    match self.ask_for_token(service, ask).await? {
                        Ok(header) => {
                            shown = ask.login.map_or(Shown::Nothing, |_| Shown::Token);
                            Some(header)
                        }
                        Err(no_token) => return Ok(no_token),
                    }
                }
            };
            let heard = self.wire.ask(&self.question(ask, credentials)?).await?;
            tries += 1;
            if let Heard::Refusal(refusal) = &heard
                && refusal.is_own
                && refusal.status == StatusCode::UNAUTHORIZED
                && tries < MAX_TRIES
                && let Some(wanted) = Known::of(&refusal.headers, &self.hosts, &self.name)?
                && known.as_ref() != Some(&wanted)
            {
                *self.known() = Some(wanted.clone());
                known = Some(wanted);
                is_refused_to_nobody |= shown == Shown::Nothing;
                continue;
            }
            return Ok(Said::Registry { heard, shown });
        }
    }

    /// A new token as the header that shows it, or that there is none for this client.
    async fn ask_for_token(
        &self,
        (realm, service): (&Url, Option<&str>),
        ask: &Ask<'_>,
    ) -> Result<Result<HeaderValue, Said>, SourceError> {
        let scope = ask.scope.as_deref();
        let question = token_question((realm, service), scope, ask.login, ask.urgency);
        let granted = match self.wire.ask(&question).await? {
            Heard::Reply(granted) => *granted,
            Heard::Refusal(refusal) => {
                let is_wrong_login = match refusal.status {
                    StatusCode::UNAUTHORIZED => ask.login.is_some(),
                    StatusCode::FORBIDDEN => false,
                    _ => return Err(of_token_refusal(&refusal)),
                };
                return Ok(Err(Said::NoToken { is_wrong_login }));
            }
        };
        let host = realm.host_str().unwrap_or_default();
        let token = read_token(granted).await?;
        let header = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose()));
        let mut header = header.map_err(|_| no_token(host))?;
        header.set_sensitive(true);
        Ok(Ok(header))
    }

    fn question(
        &self,
        ask: &Ask<'_>,
        credentials: Option<HeaderValue>,
    ) -> Result<Question, SourceError> {
        let method = match ask.call {
            UpstreamCall::HeadManifest | UpstreamCall::HeadBlob => Method::HEAD,
            _ => Method::GET,
        };
        let url = self.base.join(&ask.path).map_err(SourceError::internal)?;
        let mut outgoing = Outgoing::new(method, url);
        if ask.call == UpstreamCall::HeadManifest
            && let Ok(accept) = HeaderValue::from_str(&manifest::accept())
        {
            outgoing.headers.insert(header::ACCEPT, accept);
        }
        outgoing.credentials = credentials
            .zip(self.registry.clone())
            .map(|(value, origin)| Credentials::new(value, origin));
        Ok(Question {
            call: ask.call,
            repository: ask.scope.as_deref().unwrap_or_default().into(),
            // Limits that it tells of are the client's, not ours.
            about: None,
            urgency: ask.urgency,
            outgoing,
            login: ask.login.map(|login| login.fingerprint.clone()),
        })
    }

    /// Whether the registry takes the login by itself. Where it greets everybody, its greeting says nothing of a login.
    async fn ask_login(&self, login: &Login, urgency: Urgency) -> Result<ClientRight, SourceError> {
        let greeting = |login| Ask {
            call: UpstreamCall::List,
            path: Endpoint::Ping.to_string(),
            scope: None,
            login,
            urgency,
        };
        let (heard, shown) = match self.ask(&greeting(Some(login))).await? {
            Said::NoToken { .. } => return Ok(ClientRight::WrongLogin),
            Said::Registry { heard, shown } => (heard, shown),
        };
        match sort(&heard, shown, Missing::Repository)? {
            // What has no such endpoint proves none, and who guesses must not be told otherwise.
            ClientRight::Refused { .. } | ClientRight::Absent(_) => Ok(ClientRight::WrongLogin),
            ClientRight::Given {
                is_login_good: false,
            } => {
                let is_for_all = shown == Shown::Nothing || self.greets(&greeting(None)).await?;
                Ok(if is_for_all {
                    ClientRight::Unknown
                } else {
                    ClientRight::Given {
                        is_login_good: true,
                    }
                })
            }
            right => Ok(right),
        }
    }

    /// Whether a greeting is answered kindly.
    async fn greets(&self, greeting: &Ask<'_>) -> Result<bool, SourceError> {
        let Said::Registry { heard, shown } = self.ask(greeting).await? else {
            return Ok(false);
        };
        let right = sort(&heard, shown, Missing::Repository)?;
        Ok(matches!(right, ClientRight::Given { .. }))
    }

    async fn ask_right(
        &self,
        request: &Request,
        login: Option<&Login>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        let name = request.repository.clone();
        let (call, endpoint, missing) = match sought.clone() {
            Sought::Manifest(reference) => (
                UpstreamCall::HeadManifest,
                Endpoint::Manifest { name, reference },
                Missing::Manifest,
            ),
            Sought::Blob(digest) => (
                UpstreamCall::HeadBlob,
                Endpoint::Blob { name, digest },
                Missing::Blob,
            ),
            Sought::Lists => {
                let page = Page {
                    n: Some(1),
                    last: None,
                };
                (
                    UpstreamCall::List,
                    Endpoint::Tags { name, page },
                    Missing::Repository,
                )
            }
        };
        let urgency = self.urgency(request.priority, (&request.caller, request.patience));
        let ask = Ask {
            call,
            path: endpoint.to_string(),
            scope: Some(pull_scope(&request.repository)),
            login,
            urgency,
        };
        let (heard, shown) = match self.ask(&ask).await? {
            Said::NoToken {
                is_wrong_login: true,
            } => return Ok(ClientRight::WrongLogin),
            Said::NoToken { .. } => {
                let is_login_good = login.is_none();
                return Ok(ClientRight::Refused { is_login_good });
            }
            Said::Registry { heard, shown } => (heard, shown),
        };
        let right = sort(&heard, shown, missing)?;
        if let Heard::Reply(granted) = heard
            && !is_what_was_asked(*granted, missing).await?
        {
            return Err(SourceError::Invalid {
                why: "it answers with something else than was asked for".to_owned(),
            });
        }
        match right {
            ClientRight::Refused { .. } => {
                let Some(login) = login.filter(|_| shown != Shown::Token) else {
                    return Ok(ClientRight::Refused {
                        is_login_good: true,
                    });
                };
                // A registry that takes logins itself says the same to a wrong one and to one without the right.
                Ok(match self.ask_login(login, urgency).await? {
                    ClientRight::Given { is_login_good } => ClientRight::Refused { is_login_good },
                    ClientRight::Unknown => ClientRight::Refused {
                        is_login_good: false,
                    },
                    other => other,
                })
            }
            right => Ok(right),
        }
    }

    fn urgency(
        &self,
        priority: Priority,
        (caller, patience): (&forebay_content::Caller, std::time::Duration),
    ) -> Urgency {
        Urgency {
            priority,
            deadline: self.wire.deadline(patience),
            client: caller.client.network(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        // It is whole between any two statements that can panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ClientRights for UpstreamRights {
    async fn check_login(
        &self,
        visit: &ClientVisit,
        login: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
        let urgency = self.urgency(Priority::Interactive, (&visit.caller, visit.patience));
        self.ask_login(&Login::of_client(login), urgency).await
    }

    async fn check_right(
        &self,
        request: &Request,
        login: Option<&ClientLogin>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        let login = login.map(Login::of_client);
        let right = self.ask_right(request, login.as_ref(), sought).await;
        match (right, sought) {
            // Signed addresses of blobs are often good for a GET alone, so a store's refusal says nothing of the right.
            (Err(SourceError::Invalid { .. }), Sought::Blob(_)) => {
                self.ask_right(request, login.as_ref(), &Sought::Lists)
                    .await
            }
            (right, _) => right,
        }
    }
}

/// Whether an answer is a registry's, to just this: a page to log in at, or a gateway's that tells of an outage, says 200 to
/// everybody, some in JSON.
async fn is_what_was_asked(granted: Granted, missing: Missing) -> Result<bool, SourceError> {
    let headers = &granted.reply.headers;
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind.starts_with("application/json");
    let is_page = kind.starts_with("text/") || kind.starts_with("application/xhtml");
    let is_kind = match missing {
        Missing::Manifest => {
            kind.starts_with("application/vnd.") || headers.contains_key(CONTENT_DIGEST)
        }
        // Of stores of blobs each has a type of its own, but none of text.
        Missing::Blob if is_json => headers.contains_key(CONTENT_DIGEST),
        Missing::Blob => kind.starts_with("application/") || kind.starts_with("binary/"),
        Missing::Repository => is_json,
    };
    if granted.reply.status != StatusCode::OK || is_page || !is_kind {
        return Ok(false);
    }
    match missing {
        Missing::Repository => tags::is_list(granted).await,
        Missing::Manifest | Missing::Blob => Ok(true),
    }
}

/// What an answer of the registry says of a right. A page for people with browsers gives none, whatever its status; nor does a host
/// that the registry redirects to take one away.
fn sort(heard: &Heard, shown: Shown, missing: Missing) -> Result<ClientRight, SourceError> {
    let refusal = match heard {
        Heard::Reply(granted) if is_web_page(&granted.reply.headers) => {
            return Err(SourceError::Invalid {
                why: "it answers with a web page".to_owned(),
            });
        }
        Heard::Reply(_) => {
            let is_login_good = matches!(shown, Shown::LoginAfterRefusal | Shown::Token);
            return Ok(ClientRight::Given { is_login_good });
        }
        Heard::Refusal(refusal) => refusal,
    };
    let Refusal { status, body, .. } = refusal;
    if !refusal.is_own {
        return Err(SourceError::Invalid {
            why: failure::answered(*status, body),
        });
    }
    match failure::of_refusal(*status, body, missing) {
        SourceError::NotFound(missing) => Ok(ClientRight::Absent(missing)),
        SourceError::Unauthorized | SourceError::Denied => Ok(ClientRight::Refused {
            is_login_good: false,
        }),
        other => Err(other),
    }
}

/// Tells of clients' questions that they were asked and answered, and of what stops the whole address. Other limits, breakers and
/// what is left of budgets are clients' own, and would be taken for ours.
struct OfClients(Arc<dyn Observe>);

impl Observe for OfClients {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::UpstreamAsked { .. } => self.0.observe(event),
            Event::Limited { scope, .. } if *scope == EVERYTHING_SCOPE => self.0.observe(event),
            Event::Upstream(answer) => self.0.observe(&Event::Upstream(UpstreamAnswer {
                reading: None,
                ..answer.clone()
            })),
            _ => {}
        }
    }
}

impl std::fmt::Debug for UpstreamRights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamRights")
            .field("host", &self.base.host_str())
            .finish_non_exhaustive()
    }
}
