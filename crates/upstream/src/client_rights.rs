//! What clients may read at the upstream by logins of their own: asked of it as such a client would, and free of charge.
//!
//! Nothing of ours goes along, neither login nor token, and nothing of theirs stays: no token is kept, for one that was given
//! before a right was taken back may still be good. The pace is the registry's, shared with all that we ask there; limits and
//! trouble that clients' questions meet are told apart from ours, whose account is another; those of logins that were never seen to
//! work stop these alone, and those of who shows none stop nobody else.

mod reading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::{
    Caller, ClientLogin, ClientRight, ClientRights, ClientVisit, EVERYTHING_SCOPE, Event, Missing,
    Observe, Request, Sought, SourceError, Standing, UpstreamAnswer, UpstreamCall,
};
use forebay_http_kit::{Client, Credentials, Origin, Outgoing};
use forebay_limits::Priority;
use forebay_oci::{Endpoint, Page, RepositoryName, UpstreamName};
use http::{HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::config::UpstreamConfig;
use crate::exchange::{Asker, Askers, Heard, Question, Urgency};
use crate::leave::{Known, no_token, of_token_refusal, read_token, token_question};
use crate::login::Login;
use crate::manifest;
use crate::pacers::Terms;
use crate::realm::TokenHosts;
use crate::token_cache::pull_scope;
use crate::upstream::UpstreamSeams;
use crate::wire::{Reserved, Wire, WireParts};
use reading::{Shown, is_what_was_asked, of_content, of_greeting};

/// The requests of a question at a registry that wants a token.
const TOKEN_AND_QUESTION: u32 = 2;

/// How often a question is put: without anything, with what the challenge wanted, and once more if that has changed.
const MAX_TRIES: usize = 3;

/// One upstream, asked as its clients.
pub struct UpstreamRights {
    name: UpstreamName,
    base: Url,
    registry: Option<Origin>,
    hosts: TokenHosts,
    /// The way of logins that have worked.
    way: Way,
    /// Those of logins that were never seen to work, and of who shows none: neither may close the ways of the others, nor crowd them.
    of_unproven: Way,
    of_nobody: Way,
}

/// A way to the registry.
struct Way {
    wire: Wire,
    /// What the registry wants shown, as it last said there.
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

impl UpstreamRights {
    /// The upstream of this configuration, whose credentials are not looked at, reached through `client`.
    pub fn new(config: UpstreamConfig, client: Client, seams: UpstreamSeams) -> Self {
        let UpstreamSeams {
            clock,
            observe,
            pacers,
            ..
        } = seams;
        let terms = Terms {
            requests_per_minute: config.requests_per_minute,
            burst: config.burst,
        };
        let registry = Origin::of(&config.url);
        let hosts = TokenHosts::new(&config.url, config.token_hosts, config.insecure);
        let observe: Arc<dyn Observe> = Arc::new(OfClients(observe));
        let way = |client, asker| Way {
            wire: Wire::new(WireParts {
                name: Arc::clone(&config.name),
                account: None,
                askers: Askers::Clients(asker),
                origin: registry.clone(),
                client,
                clock: Arc::clone(&clock),
                observe: Arc::clone(&observe),
                share: pacers.join(registry.as_ref(), terms),
            }),
            known: Mutex::default(),
        };
        Self {
            way: way(client.clone(), Asker::Known),
            of_unproven: way(client.clone(), Asker::Unproven),
            of_nobody: way(client, Asker::Nobody),
            name: config.name,
            base: config.url,
            registry,
            hosts,
        }
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<Said, SourceError> {
        let way = self.way_of(ask.urgency.asker);
        let mut known = way.known().clone();
        let mut tries = 0;
        let mut is_refused_to_nobody = false;
        loop {
            let mut shown = Shown::Nothing;
            // A token is of no use without its question, and none is kept: who could not have both has neither.
            let requests = match &known {
                Some(Known::Bearer { .. }) => TOKEN_AND_QUESTION,
                _ => 1,
            };
            let mut reserved = way.wire.reserve(requests, ask.urgency)?;
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
                    match self.ask_for_token(service, ask, &mut reserved).await? {
                        Ok(header) => {
                            shown = ask.login.map_or(Shown::Nothing, |_| Shown::Token);
                            Some(header)
                        }
                        Err(no_token) => return Ok(no_token),
                    }
                }
            };
            let question = self.question(ask, credentials)?;
            let heard = self.send(&question, &mut reserved).await?;
            tries += 1;
            if let Heard::Refusal(refusal) = &heard
                && refusal.is_own
                && refusal.status == StatusCode::UNAUTHORIZED
                && tries < MAX_TRIES
                && let Some(wanted) = Known::of(&refusal.headers, &self.hosts, &self.name)?
                && known.as_ref() != Some(&wanted)
            {
                *way.known() = Some(wanted.clone());
                known = Some(wanted);
                is_refused_to_nobody |= shown == Shown::Nothing;
                continue;
            }
            return Ok(Said::Registry { heard, shown });
        }
    }

    async fn send(
        &self,
        question: &Question,
        reserved: &mut Reserved<'_>,
    ) -> Result<Heard, SourceError> {
        let asker = question.urgency.asker;
        if asker != Asker::Known {
            // What logins that work meet with stops all.
            self.way.wire.check(question)?;
        }
        let wire = &self.way_of(asker).wire;
        wire.ask_reserved(question, reserved).await
    }

    fn way_of(&self, asker: Asker) -> &Way {
        match asker {
            Asker::Known => &self.way,
            Asker::Unproven => &self.of_unproven,
            Asker::Nobody => &self.of_nobody,
        }
    }

    /// A new token as the header that shows it, or that there is none for this client.
    async fn ask_for_token(
        &self,
        (realm, service): (&Url, Option<&str>),
        ask: &Ask<'_>,
        reserved: &mut Reserved<'_>,
    ) -> Result<Result<HeaderValue, Said>, SourceError> {
        let scope = ask.scope.as_deref();
        let question = token_question((realm, service), scope, ask.login, ask.urgency);
        let granted = match self.send(&question, reserved).await? {
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
            Said::NoToken { is_wrong_login } => return Ok(of_no_token(is_wrong_login)),
            Said::Registry { heard, shown } => (heard, shown),
        };
        match of_greeting(&heard, shown)? {
            ClientRight::Given {
                is_login_proven: false,
            } => {
                let is_for_all = shown == Shown::Nothing || self.greets(&greeting(None)).await?;
                Ok(if is_for_all {
                    ClientRight::Unknown
                } else {
                    ClientRight::Given {
                        is_login_proven: true,
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
        let right = of_greeting(&heard, shown)?;
        Ok(matches!(right, ClientRight::Given { .. }))
    }

    async fn ask_right(
        &self,
        request: &Request,
        (login, standing): (Option<&Login>, Option<Standing>),
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        let (call, endpoint, missing) = question_of(request.repository.clone(), sought.clone());
        let urgency = Urgency {
            priority: request.priority,
            ..self.urgency((&request.caller, request.patience), standing)
        };
        let ask = Ask {
            call,
            path: endpoint.to_string(),
            scope: Some(pull_scope(&request.repository)),
            login,
            urgency,
        };
        let (heard, shown) = match self.ask(&ask).await? {
            Said::NoToken { is_wrong_login } => return Ok(of_no_token(is_wrong_login)),
            Said::Registry { heard, shown } => (heard, shown),
        };
        let right = of_content(&heard, shown, missing)?;
        if let Heard::Reply(granted) = heard
            && !is_what_was_asked(*granted, missing).await?
        {
            return Err(SourceError::Invalid {
                why: "it answers with something else than was asked for".to_owned(),
            });
        }
        match (right, login) {
            // Given to the login, of which nobody has seen yet whether it was needed.
            (ClientRight::Given { .. }, Some(_))
                if shown == Shown::Login && standing != Some(Standing::Fresh) =>
            {
                let is_login_proven = self.is_kept_from_nobody(&ask, missing).await;
                Ok(ClientRight::Given { is_login_proven })
            }
            // A registry that takes logins itself says the same to a wrong one and to one without the right.
            (ClientRight::Refused { .. }, Some(login)) if shown != Shown::Token => {
                self.find_why_refused(login, urgency).await
            }
            (right, _) => Ok(right),
        }
    }

    /// Whether a login that was refused content is a wrong one, by what it is told that asks for nothing else.
    async fn find_why_refused(
        &self,
        login: &Login,
        urgency: Urgency,
    ) -> Result<ClientRight, SourceError> {
        let of_login = self.ask_login(login, urgency).await?;
        Ok(match of_login {
            ClientRight::Given { is_login_proven } => ClientRight::Refused { is_login_proven },
            ClientRight::Unknown => ClientRight::Refused {
                is_login_proven: false,
            },
            other => other,
        })
    }

    /// Whether what was given to a login is not given to nobody: then it was for the login. It is asked in the login's turn and at its
    /// cost.
    async fn is_kept_from_nobody(&self, ask: &Ask<'_>, missing: Missing) -> bool {
        let as_nobody = Ask {
            login: None,
            path: ask.path.clone(),
            scope: ask.scope.clone(),
            ..*ask
        };
        let right = match self.ask(&as_nobody).await {
            Ok(Said::Registry { heard, shown }) => of_content(&heard, shown, missing),
            Ok(Said::NoToken { is_wrong_login }) => Ok(of_no_token(is_wrong_login)),
            Err(error) => Err(error),
        };
        matches!(
            right,
            Ok(ClientRight::Refused { .. } | ClientRight::Absent(_))
        )
    }

    /// Of who waits; `standing` is that of the login that is shown.
    fn urgency(
        &self,
        (caller, patience): (&Caller, Duration),
        standing: Option<Standing>,
    ) -> Urgency {
        Urgency {
            priority: Priority::Interactive,
            deadline: self.way.wire.deadline(patience),
            client: caller.client.network(),
            asker: match standing {
                None => Asker::Nobody,
                Some(Standing::Unproven) => Asker::Unproven,
                Some(Standing::Proven | Standing::Fresh) => Asker::Known,
            },
        }
    }
}

impl Way {
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
        let urgency = self.urgency((&visit.caller, visit.patience), Some(login.standing));
        self.ask_login(&Login::of_client(login), urgency).await
    }

    async fn check_right(
        &self,
        request: &Request,
        login: Option<&ClientLogin>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        let standing = login.map(|login| login.standing);
        let login = login.map(Login::of_client);
        let who = (login.as_ref(), standing);
        let right = self.ask_right(request, who, sought).await;
        match (right, sought) {
            // Signed addresses of blobs are often good for a GET alone, so a store's refusal says nothing of the right.
            (Err(SourceError::Invalid { .. }), Sought::Blob(_)) => {
                self.ask_right(request, who, &Sought::Lists).await
            }
            (right, _) => right,
        }
    }
}

/// How something in a repository is asked for at no charge, and what is missing where it is not there.
fn question_of(name: RepositoryName, sought: Sought) -> (UpstreamCall, Endpoint, Missing) {
    match sought {
        Sought::Manifest(reference) => {
            let endpoint = Endpoint::Manifest { name, reference };
            (UpstreamCall::HeadManifest, endpoint, Missing::Manifest)
        }
        Sought::Blob(digest) => {
            let endpoint = Endpoint::Blob { name, digest };
            (UpstreamCall::HeadBlob, endpoint, Missing::Blob)
        }
        Sought::Lists => {
            let page = Page {
                n: Some(1),
                last: None,
            };
            let endpoint = Endpoint::Tags { name, page };
            (UpstreamCall::List, endpoint, Missing::Repository)
        }
    }
}

/// What a token service says that gives none.
fn of_no_token(is_wrong_login: bool) -> ClientRight {
    if is_wrong_login {
        ClientRight::WrongLogin
    } else {
        // It refuses this to whoever is shown, or to nobody.
        ClientRight::Refused {
            is_login_proven: false,
        }
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
