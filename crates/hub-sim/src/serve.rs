//! One connection: reads requests, lets faults strike, answers, writes.
//!
//! The only place where requests, rules, answers and the log meet.

use crate::answer::{Answer, Ending};
use crate::blobs;
use crate::fault::Fault;
use crate::record::{Authorization, Record, moment};
use crate::refusal::{abuse_limited, malformed_abuse, oci_error};
use crate::registry::Visit;
use crate::request::{Credentials, Request, read_request};
use crate::route::{Call, On, Role, route};
use crate::rules::Strike;
use crate::state::State;
use crate::tokens;
use crate::trap;
use crate::write::{Reused, write_answer};
use bytes::{Bytes, BytesMut};
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A stream that can also be reset.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the coming close a reset.
    fn reset(&self);
}

/// Where a connection came from and what it came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    pub(crate) peer: IpAddr,
}

/// Serves one connection until either side ends it.
pub(crate) async fn serve<S: Wire>(state: &State, mut stream: S, caller: Caller) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        let request = match read_request(&mut stream, &mut buffer, caller.peer).await {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(malformed) => return refuse_malformed(&mut stream, &malformed).await,
        };
        let call = route(caller.role, &request);
        let record = describe(state, caller.role, &request, &call);
        let mut strike = state.rules.strike(&record);
        let violation = violation(caller.role, &request);
        let number = state.log.begin(record, violation);
        let held = tokio::select! {
            held = hold(&strike.before) => held,
            () = departure(&mut stream, &mut buffer) => return Ok(()),
        };
        let answer =
            held.unwrap_or_else(|| make(state, &request, &call, (caller.role, &mut strike)));
        state.log.amend(number, |record| {
            record.status = (answer.status > 0).then_some(answer.status);
            record.charged = answer.charged;
        });
        let written = write_answer(state, &mut stream, &request, &answer).await;
        state.log.amend(number, |record| {
            record.sent = written.sent;
            record.complete = written.complete;
        });
        state.log.finish(number);
        match written.reused {
            Reused::Yes if !request.wants_close() => {}
            Reused::Reset => {
                stream.reset();
                return Ok(());
            }
            _ => return stream.shutdown().await,
        }
    }
}

/// Tells a client what the simulator did not understand. Such a request is not recorded: it is none.
async fn refuse_malformed<S: Wire>(stream: &mut S, why: &io::Error) -> io::Result<()> {
    let text = format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n{why}\n");
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Waits as the faults of the first stage want; returns an answer where they want none to be made.
async fn hold(faults: &[Fault]) -> Option<Answer> {
    for fault in faults {
        match fault {
            Fault::Hold(gate) => gate.pass().await,
            Fault::Delay(by) => tokio::time::sleep(*by).await,
            Fault::Hang => std::future::pending().await,
            Fault::Close => return Some(Answer::abort(Ending::Close)),
            Fault::Reset => return Some(Answer::abort(Ending::Reset)),
            _ => {}
        }
    }
    None
}

/// Returns when the client has closed its side. What it sends meanwhile is kept for later.
pub(crate) async fn departure<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut BytesMut) {
    while matches!(stream.read_buf(buffer).await, Ok(read) if read > 0) {}
}

/// Makes the answer: of a fault, of a limiter, or the usual one, spoilt by the faults of the last stage.
fn make(
    state: &State,
    request: &Request,
    call: &Call,
    (role, strike): (Role, &mut Strike),
) -> Answer {
    let ranged = strike
        .after
        .iter()
        .any(|fault| matches!(fault, Fault::IgnoreRange));
    let mut request = request.clone();
    if ranged {
        request.headers.retain(|(name, _)| name != "range");
    }
    let now = state.clock.now();
    let mut answer = match strike.instead.take() {
        Some(fault) => replace(state, &request, call, &fault),
        None if is_abuse(state, role, request.peer, now) => abuse(state, now),
        None => usual(state, &request, call, role),
    };
    for fault in &strike.after {
        fault.spoil(&mut answer);
    }
    answer
}

fn usual(state: &State, request: &Request, call: &Call, role: Role) -> Answer {
    match (role, call.endpoint) {
        (Role::Registry | Role::Token, On::Token) => {
            let now = state.clock.now();
            tokens::answer(&mut state.inner(), &state.settings, request, now)
        }
        (Role::Registry, _) => Visit::new(state, request, call).answer(),
        (Role::Blob, _) => blobs::answer(state, request, call),
        (Role::Trap, _) => trap::answer(),
        (Role::Token, _) => oci_error(404, "UNSUPPORTED", "no such endpoint", None),
    }
}

/// The answer of a fault of the middle stage.
fn replace(state: &State, request: &Request, call: &Call, fault: &Fault) -> Answer {
    let visit = Visit::new(state, request, call);
    match fault {
        Fault::PullLimited => visit.limited(&mut state.inner()),
        Fault::TokenRefused => visit.challenge(&state.inner(), Some("invalid_token")),
        Fault::Realm(realm) => visit.challenge_with(&state.inner(), realm, None),
        Fault::RedirectLoop => Answer::new(307).header("location", &request.target),
        Fault::AbuseLimited => abuse_with_retry(state, abuse_limited(), state.clock.now()),
        other => other
            .reply()
            .unwrap_or_else(|| Answer::abort(Ending::Close)),
    }
}

/// Everything but the blob host is behind the abuse limit, and that too if the story says so.
fn is_abuse(state: &State, role: Role, peer: IpAddr, now: Duration) -> bool {
    let counts = match role {
        Role::Registry | Role::Token => true,
        Role::Blob => state.settings.abuse_counts_blobs,
        Role::Trap => false,
    };
    counts && state.inner().is_abuse(peer, now)
}

fn abuse(state: &State, now: Duration) -> Answer {
    if state.settings.abuse_malformed {
        return Answer::raw(429, Bytes::from_static(malformed_abuse()));
    }
    abuse_with_retry(state, abuse_limited(), now)
}

fn abuse_with_retry(state: &State, answer: Answer, now: Duration) -> Answer {
    match &state.settings.abuse_retry_after {
        Some(shape) => answer.header("retry-after", shape.value(now)),
        None => answer,
    }
}

/// Whether a credential came to where none may come.
fn violation(role: Role, request: &Request) -> Option<&'static str> {
    let authorized = request.find_header("authorization").is_some();
    match role {
        Role::Blob if authorized => Some("Authorization at the blob host"),
        Role::Trap if authorized => Some("Authorization at a foreign host"),
        Role::Trap if trap::has_secret(request) => {
            Some("a credential in a form or query at a foreign host")
        }
        _ => None,
    }
}

fn describe(state: &State, role: Role, request: &Request, call: &Call) -> Record {
    let inner = state.inner();
    let authorization = match request.credentials() {
        None => Authorization::None,
        Some(Credentials::Basic { user, .. }) => Authorization::Basic(user),
        Some(Credentials::Bearer(token)) => {
            Authorization::Bearer(inner.grants.find_owner(&token).map(str::to_owned))
        }
        Some(Credentials::Other(scheme)) => Authorization::Other(scheme),
    };
    let owned = |name| request.find_header(name).map(str::to_owned);
    let headers = request
        .headers
        .iter()
        .filter(|(name, _)| name != "authorization");
    Record {
        number: 0,
        role,
        method: request.method.clone(),
        target: request.target.clone(),
        endpoint: endpoint_of(state, role, call),
        repository: call.repository.clone(),
        reference: call.reference.clone(),
        authorization,
        range: owned("range"),
        user_agent: owned("user-agent"),
        headers: headers.cloned().collect(),
        client: inner.address_of(request.peer),
        at: moment(state.clock.now()),
        status: None,
        charged: false,
        sent: 0,
        complete: false,
    }
}

/// Where blobs are served in line, the registry's blob endpoint is where their bytes come from.
fn endpoint_of(state: &State, role: Role, call: &Call) -> On {
    if role == Role::Registry && call.endpoint == On::Blob && state.settings.blobs_inline {
        On::BlobContent
    } else {
        call.endpoint
    }
}
