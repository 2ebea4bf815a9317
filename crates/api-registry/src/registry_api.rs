//! Answers a request to `/v2/`: admit, parse, route, limit, ask the target's source, answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use forebay_content::{Caller, Clock, ContentSource, Request, SourceError};
use forebay_http_kit::{
    AccessLabels, Body, ClientAddress, INSTANCE, Peer, RequestBody, RequestId, find_host,
};
use forebay_jobs::Supervisor;
use forebay_limits::Priority;
use forebay_oci::{
    Act, Addressing, Endpoint, LOCAL_UPSTREAM, Leave, Page, RepositoryName, Route, Target,
    UpstreamName, route,
};
use forebay_registry::Uploader;
use http::{HeaderMap, HeaderValue, Method, Response, request};

use crate::admission::is_from_page;
use crate::asking::{Asked, At, Content, shows_password};
use crate::auditing::{Audited, Book};
use crate::caller::{caller, named};
use crate::client_limits::Used;
use crate::door::{self, Visitor};
use crate::guest::{self, Guest};
use crate::list_turns::ListTurns;
use crate::pushing::Pushing;
use crate::refusals::Refusals;
use crate::table::Table;
use crate::{Answered, OciError, Outcome, What, answer, tokens};

/// How often is looked whether an hour is over of which the audit log has to be told how many refused tries it has no lines of.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The distribution API. Clones answer from the same table.
#[derive(Clone)]
pub struct RegistryApi {
    table: Arc<ArcSwap<Table>>,
    instance: HeaderValue,
    clock: Arc<dyn Clock>,
    used: Arc<Used>,
    refusals: Arc<Refusals>,
    lists: ListTurns,
}

/// The route table and the sources are built from one configuration, so this is a bug.
#[derive(Debug, thiserror::Error)]
#[error("there is no source for {0}, which a route leads to")]
struct NoSource(UpstreamName);

impl RegistryApi {
    /// An API that answers from `table`, whatever it holds at the time of a request; a request that carries `instance` is one
    /// that this very program sent to an upstream.
    pub fn new(table: Arc<ArcSwap<Table>>, instance: HeaderValue, clock: Arc<dyn Clock>) -> Self {
        Self {
            table,
            instance,
            clock,
            used: Arc::default(),
            refusals: Arc::default(),
            lists: ListTurns::default(),
        }
    }

    /// Has the audit log told how many refused tries it has no lines of: within a minute of the end of their hour, and when the program
    /// stops.
    pub fn keep_audit(&self, supervisor: &Supervisor) {
        let (api, tasks) = (self.clone(), supervisor.clone());
        supervisor.spawn("refused tries", async move {
            while !tasks.is_stopping() {
                tokio::select! {
                    () = tasks.stopping() => {}
                    () = api.clock.sleep(LOOK_EVERY) => api.sum_up(api.clock.monotonic()),
                }
            }
            api.sum_up(Duration::MAX);
        });
    }

    fn sum_up(&self, now: Duration) {
        self.book(&self.table.load()).sum_up(now);
    }

    /// Whether how the server does may be told to whoever asks so: a client that is admitted and, where access is configured, may
    /// administer every repository.
    ///
    /// # Errors
    /// The answer to who may not.
    pub async fn let_watch(&self, head: &request::Parts, peer: Peer) -> Result<(), Response<Body>> {
        let table = self.table.load_full();
        let client = table.clients.client(peer, &head.headers);
        let let_in = async {
            self.admit(&table, client, &head.headers)?;
            let Some(point) = &table.access else {
                return Ok(());
            };
            let stranger = caller(client, &head.headers, false);
            let is_counted = shows_password(&head.headers);
            if is_counted {
                self.count(&table, (None, &stranger))?;
            }
            let identity = tokens::authenticate_admin(point, (head, client)).await?;
            if is_counted {
                let known = named(&stranger, door::name_of(&identity));
                self.count(&table, (Some(&stranger), &known))?;
            }
            tokens::let_administer(point, &identity)
        };
        let let_in: Result<(), OciError> = let_in.await;
        let_in.map_err(|error| with_client(told(Err(error), head, None), (peer, client)))
    }

    /// A token for who asks at [`TOKEN_PATH`](crate::TOKEN_PATH); never an error, because an error is an answer too.
    pub async fn give_token(
        &self,
        head: &request::Parts,
        body: RequestBody,
        peer: Peer,
    ) -> Response<Body> {
        let table = self.table.load_full();
        let client = table.clients.client(peer, &head.headers);
        let given = async {
            self.admit(&table, client, &head.headers)?;
            let stranger = caller(client, &head.headers, false);
            self.count(&table, (None, &stranger))?;
            let wished = tokens::read(&table, (head, client), body.of_client(client)).await?;
            let known = named(&stranger, door::name_of(&wished.identity));
            self.count(&table, (Some(&stranger), &known))?;
            wished.give(&table, head)
        };
        with_client(told(given.await, head, None), (peer, client))
    }

    /// The answer to one request; never an error, because an error is an answer too.
    pub async fn answer(
        &self,
        head: &request::Parts,
        body: RequestBody,
        peer: Peer,
    ) -> Response<Body> {
        let table = self.table.load_full();
        let client = table.clients.client(peer, &head.headers);
        let answer = match self.admit(&table, client, &head.headers) {
            Ok(()) => match Asked::read(head, &table.clients, (peer, client)) {
                Ok(asked) => {
                    let body = body.of_client(client);
                    self.answer_asked(&table, &asked, body).await
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        with_client(told(answer, head, None), (peer, client))
    }

    /// Counts a request under the operator's limits; under its caller's own in the place of the one by which it was counted `before`,
    /// when nobody knew yet who they are.
    fn count(
        &self,
        table: &Table,
        (before, caller): (Option<&Caller>, &Caller),
    ) -> Result<(), OciError> {
        if table.limits.is_empty() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        let clients = (before.map(|before| &*before.client), &*caller.client);
        let counted = self.used.count(clients, &table.limits, now);
        counted.map_err(|wait| OciError::too_often(wait, caller.kind))
    }

    /// Counts a request that was let in. At the door it was counted by no name, whatever its client calls itself.
    fn count_let_in(
        &self,
        table: &Table,
        asked: &Asked<'_>,
        caller: &Caller,
    ) -> Result<(), OciError> {
        let stranger = is_counted_at_door(table, asked).then(|| asked.caller());
        self.count(table, (stranger.as_ref(), caller))
    }

    fn book(&self, table: &Table) -> Book {
        Book {
            audit: Arc::clone(&table.audit),
            refusals: Arc::clone(&self.refusals),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Before anything else of a request is looked at.
    fn admit(
        &self,
        table: &Table,
        client: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Result<(), OciError> {
        if !table.clients.admit(client) {
            return Err(OciError::stranger());
        }
        if is_from_page(headers) {
            return Err(OciError::page());
        }
        if headers.get(INSTANCE) == Some(&self.instance) {
            return Err(OciError::our_own());
        }
        Ok(())
    }

    async fn answer_asked(
        &self,
        table: &Table,
        asked: &Asked<'_>,
        body: RequestBody,
    ) -> Result<Response<Body>, OciError> {
        if is_counted_at_door(table, asked) {
            self.count(table, (None, &asked.caller()))?;
        }
        let host = find_host(asked.head);
        if let Some(upstream) = table.routes.find_apart(host) {
            return self.answer_guest(table, asked, upstream).await;
        }
        let visitor = Visitor::enter(table.access.as_ref(), asked).await?;
        let (name, act) = match (&asked.endpoint, asked.leave) {
            (Endpoint::Catalog { page }, _) => {
                visitor.check_list()?;
                self.count_let_in(table, asked, &visitor.caller())?;
                let turn = self.lists.take(asked.client);
                let _turn = turn.map_err(|_| OciError::no_turn())?;
                return list_repositories(table, page, &visitor).await;
            }
            (endpoint, Leave::To(act)) if let Some(name) = endpoint.name() => (name, act),
            _ => return visitor.greet().map(|()| answer::ping()),
        };
        let Route { target, addressing } =
            route(host, asked.query.ns.as_deref(), name, &table.routes)
                .map_err(|error| visitor.unrouted(&error, &table.routes))?;
        let content = Content::of(&asked.endpoint).filter(|_| act == Act::Pull);
        let Some(content) = content else {
            self.count_let_in(table, asked, &visitor.caller())?;
            let who = (asked, &visitor);
            let book = self.book(table);
            return change((table, book), who, (name, &target), (act, body)).await;
        };
        visitor.check(&target, act)?;
        let content = (name, &content);
        let who = (asked, visitor.caller(), None);
        self.pull(table, who, content, (target, addressing)).await
    }

    /// Answers a request at the host of an upstream that stands apart, where there is nothing else.
    async fn answer_guest(
        &self,
        table: &Table,
        asked: &Asked<'_>,
        upstream: &UpstreamName,
    ) -> Result<Response<Body>, OciError> {
        let guest = Guest::enter((table, &*self.clock), upstream, asked)?;
        let (name, act) = match (&asked.endpoint, asked.leave) {
            (Endpoint::Catalog { .. }, _) => return Err(OciError::no_catalog(upstream)),
            (endpoint, Leave::To(act)) if let Some(name) = endpoint.name() => (name, act),
            _ => {
                let caller = asked.caller();
                let greeted = guest.greet(guest::visit(caller, table)).await;
                return greeted.map(|()| answer::ping());
            }
        };
        let (host, ns) = (find_host(asked.head), asked.query.ns.as_deref());
        let Route { target, addressing } = route(host, ns, name, &table.routes)
            .map_err(|error| OciError::unrouted(&error, &table.routes))?;
        let content = Content::of(&asked.endpoint).filter(|_| act == Act::Pull);
        let content = content.ok_or_else(|| OciError::not_ours(&target))?;
        let (who, content) = ((asked, asked.caller(), Some(&guest)), (name, &content));
        self.pull(table, who, content, (target, addressing)).await
    }

    /// Answers a request that changes nothing.
    async fn pull(
        &self,
        table: &Table,
        (asked, caller, guest): (&Asked<'_>, Caller, Option<&Guest<'_>>),
        (name, content): (&RepositoryName, &Content),
        (target, addressing): (Target, Addressing),
    ) -> Result<Response<Body>, OciError> {
        let mut caller = Arc::new(caller);
        // A refusal is as much this upstream's and this repository's answer, also in the access log.
        let answer = self
            .ask(
                table,
                (asked, guest),
                (name, content),
                (&target, &mut caller),
            )
            .await;
        let (mut response, outcome) = answer.unwrap_or_else(|error| {
            let id = asked.head.extensions.get::<RequestId>();
            error.log_fault(id, Some(&target));
            let outcome = Outcome::Failed(error.word);
            (error.into_response(asked.is_head), outcome)
        });
        if addressing == Addressing::Namespace {
            answer::name_upstream(&mut response, &target.upstream);
        }
        label(&mut response, &target);
        response.extensions_mut().insert(Answered {
            caller,
            what: content.what(asked.is_head),
            target,
            outcome,
        });
        Ok(response)
    }

    /// Asks for content, for a caller who has a name once their login is known to be theirs.
    async fn ask(
        &self,
        table: &Table,
        (asked, guest): (&Asked<'_>, Option<&Guest<'_>>),
        (name, content): (&RepositoryName, &Content),
        (target, caller): (&Target, &mut Arc<Caller>),
    ) -> Result<(Response<Body>, Outcome), OciError> {
        let kind = caller.kind;
        self.count_let_in(table, asked, caller)?;
        let local = table.local.as_deref().filter(|_| target.is_local());
        let source: &dyn ContentSource = match (local, table.sources.get(&target.upstream)) {
            (Some(local), _) => local,
            (None, Some(source)) => source.as_ref(),
            (None, None) => return Err(no_source(target)),
        };
        let mut request = Request {
            repository: target.repository.clone(),
            caller: Arc::clone(caller),
            priority: Priority::Interactive,
            patience: table.patience.of(kind),
        };
        match (guest, table.rights.contains_key(&target.upstream)) {
            (Some(guest), _) => {
                let proven = guest.check(&request, content, target).await?;
                if proven.is_some() {
                    *caller = Arc::new(named(caller, proven));
                    self.count_let_in(table, asked, caller)?;
                    request.caller = Arc::clone(caller);
                }
            }
            (None, false) => {}
            // No route leads here; if one ever did, its images would still be for those alone whom it lets.
            (None, true) => return Err(OciError::hidden()),
        }
        let at = At {
            target,
            source,
            local,
            request: &request,
            clock: &*self.clock,
        };
        let is_own_list = local.is_some() && content.what(asked.is_head) == What::List;
        let _turn = is_own_list
            .then(|| self.lists.take(asked.client))
            .transpose()
            .map_err(|busy| OciError::from_source(&busy, kind, target))?;
        content.ask(asked, name, &at).await
    }
}

/// Makes a change of the target, and writes it down.
async fn change(
    (table, book): (&Table, Book),
    (asked, visitor): (&Asked<'_>, &Visitor<'_>),
    (name, target): (&RepositoryName, &Target),
    (act, body): (Act, RequestBody),
) -> Result<Response<Body>, OciError> {
    let mut audited = Audited::begin(book, (asked, visitor), target);
    let answered = match visitor.check(target, act) {
        Ok(()) => {
            make(
                table,
                (asked, visitor),
                (name, target),
                (&mut audited, body),
            )
            .await
        }
        Err(error) => Err(error),
    };
    audited.end(&answered);
    let mut response = told(answered, asked.head, Some(target));
    label(&mut response, target);
    Ok(response)
}

/// Makes a change of the target, if it is one of ours.
async fn make(
    table: &Table,
    (asked, visitor): (&Asked<'_>, &Visitor<'_>),
    (name, target): (&RepositoryName, &Target),
    (audited, body): (&mut Audited, RequestBody),
) -> Result<Response<Body>, OciError> {
    if !target.is_local() {
        return Err(OciError::not_ours(target));
    }
    let registry = table.local.as_deref();
    let registry = registry.ok_or_else(|| no_source(target))?;
    let mut pushing = Pushing {
        registry,
        audited,
        name,
        uploader: Uploader {
            repository: target.repository.clone(),
            who: visitor.name(),
        },
        headers: &asked.head.headers,
        tags: &asked.query.tags,
        visitor,
        mount_from: find_mount(table, asked, visitor)?,
    };
    let request = (&asked.endpoint, asked.verb);
    pushing.answer(request, body).await
}

/// The repository of ours that a blob is to be mounted from, if who asks may pull from it.
fn find_mount(
    table: &Table,
    asked: &Asked<'_>,
    visitor: &Visitor<'_>,
) -> Result<Option<RepositoryName>, OciError> {
    let Endpoint::Uploads { start, .. } = &asked.endpoint else {
        return Ok(None);
    };
    // Bytes in the request are taken as they are, whatever else it says.
    if start.mount.is_none() || start.digest.is_some() {
        return Ok(None);
    }
    let host = find_host(asked.head);
    let from = start.from.as_ref();
    let route = from.map(|from| route(host, asked.query.ns.as_deref(), from, &table.routes));
    match route {
        Some(Ok(route)) if route.target.is_local() => visitor.check_source(route.target.repository),
        _ => Ok(None),
    }
}

/// A page of the local repositories that are shown to who asks.
async fn list_repositories(
    table: &Table,
    page: &Page,
    visitor: &Visitor<'_>,
) -> Result<Response<Body>, OciError> {
    let Some(registry) = &table.local else {
        return Err(OciError::internal(NoSource(LOCAL_UPSTREAM.into())));
    };
    let list = registry
        .repository_list(page, |name| visitor.sees(name))
        .await;
    answer::catalog(list.map_err(|error| match error {
        SourceError::Busy => OciError::no_turn(),
        error => OciError::internal(error),
    })?)
}

/// Whether a request counts before it is let in: one that shows a password which will be looked at, as that costs us most.
fn is_counted_at_door(table: &Table, asked: &Asked<'_>) -> bool {
    let is_apart = || table.routes.find_apart(find_host(asked.head)).is_some();
    shows_password(&asked.head.headers) && (table.access.is_some() || is_apart())
}

/// Tells the access log whose request it was, where another asked for it.
fn with_client(
    mut response: Response<Body>,
    (peer, client): (Peer, Option<IpAddr>),
) -> Response<Body> {
    if let Some(client) = client {
        let is_peer = peer.address.is_some_and(|address| address.ip() == client);
        if !is_peer {
            response.extensions_mut().insert(ClientAddress(client));
        }
    }
    response
}

/// What the client is told: an error is an answer too.
fn told(
    answered: Result<Response<Body>, OciError>,
    head: &request::Parts,
    target: Option<&Target>,
) -> Response<Body> {
    answered.unwrap_or_else(|error| {
        error.log_fault(head.extensions.get(), target);
        error.into_response(head.method == Method::HEAD)
    })
}

/// Tells the access log what it was about.
fn label(response: &mut Response<Body>, target: &Target) {
    let extensions = response.extensions_mut();
    let labels = extensions.remove::<AccessLabels>().unwrap_or_default();
    let labels = labels.with("upstream", target.upstream.to_string());
    extensions.insert(labels.with("repository", target.repository.to_string()));
}

/// An upstream that stands apart without a word on rights: routes and rights are built from one configuration, so this is a bug.
pub(crate) fn no_rights(upstream: &UpstreamName) -> OciError {
    OciError::internal(NoSource(upstream.clone()))
}

fn no_source(target: &Target) -> OciError {
    OciError::internal(NoSource(target.upstream.clone()))
}
