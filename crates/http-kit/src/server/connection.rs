//! One connection, from its first byte to its last.
//!
//! Whatever ends it (the client, hyper, a limit, the stop) ends here.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use forebay_jobs::Supervisor;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use http::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;

use super::activity::{Activity, Verdict, Watch};
use super::answer::answer;
use super::arrival::Arrival;
use super::channel::Channel;
use super::limits::MAX_HEAD_BYTES;
use super::preface::{Protocol, read_preface};
use super::refusal::OwnAnswer;
use super::socket::Socket;
use super::{Handler, Shared};

/// HTTP/2 streams that the client reset before we looked at them: more is a rapid-reset flood (CVE-2023-44487).
const RESET_STREAMS: usize = 20;
/// Streams that we reset for the client's faults: more is a flood of another kind.
const LOCAL_RESET_STREAMS: usize = 64;
/// How often an HTTP/2 client must show that it is there, and how long it has for it.
const H2_PING: Duration = Duration::from_secs(20);

/// Serves what has `arrived` until it ends.
pub(super) async fn serve_connection<H: Handler, A: Arrival>(
    shared: Arc<Shared<H>>,
    arrived: A,
    supervisor: Supervisor,
) {
    let first = tokio::time::timeout(shared.limits.header_timeout, open(&shared, arrived));
    let first = tokio::select! {
        first = first => first,
        // Nobody waits for an answer yet.
        () = supervisor.stopping() => return,
    };
    let Ok(Some((socket, protocol, preface))) = first else {
        return;
    };
    let (peer, secured) = (socket.peer(), socket.secured());
    let activity = Arc::new(Activity::default());
    let own = (protocol == Protocol::Http1).then(|| OwnAnswer::new(H::refusal));
    let channel = Channel::new(socket, preface, activity.clone()).with_own(own);
    // hyper's HTTP/2 cuts what it sends into frames of its own, and copies some.
    let lane = (protocol == Protocol::Http1 && A::Socket::SENDS_FILES).then(|| channel.lane());
    let io = TokioIo::new(channel);
    let life = Life {
        watch: Watch::new(shared.limits),
        activity: activity.clone(),
        supervisor: supervisor.clone(),
    };
    let max_streams = shared.limits.max_streams;
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(lane) = &lane {
            request.extensions_mut().insert(lane.clone());
        }
        if let Some(secured) = &secured {
            request.extensions_mut().insert(Arc::clone(secured));
        }
        answer(shared.clone(), activity.clone(), peer, request).map(Ok::<_, Infallible>)
    });
    // hyper's state is large and only for those that have asked something.
    match protocol {
        Protocol::Http1 => Box::pin(life.live(http1().serve_connection(io, service))).await,
        Protocol::Http2 => {
            let builder = http2(max_streams, supervisor);
            Box::pin(life.live(builder.serve_connection(io, service))).await;
        }
    }
}

/// The socket with what it speaks and what came of it, once the first head is whole; none where that never comes.
async fn open<H: Handler, A: Arrival>(
    shared: &Shared<H>,
    arrived: A,
) -> Option<(A::Socket, Protocol, Vec<u8>)> {
    let (mut socket, turn) = arrived.open(&shared.handshakes).await?;
    let (protocol, preface) = read_preface(&mut socket).await.ok()??;
    // Until here it has cost what few may cost, and has asked nothing.
    drop(turn);
    Some((socket, protocol, preface))
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The watch has the time-outs, for all phases; hyper would set a timer for every request.
    builder
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES)
        // Who has asked may close its side and still read; that it has left is noticed when it is written to.
        .half_close(true);
    builder
}

fn http2(max_streams: u32, supervisor: Supervisor) -> http2::Builder<Owned> {
    let mut builder = http2::Builder::new(Owned { supervisor });
    let head_bytes = u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(max_streams)
        .max_pending_accept_reset_streams(RESET_STREAMS)
        .max_local_error_reset_streams(LOCAL_RESET_STREAMS)
        .max_header_list_size(head_bytes)
        .max_send_buf_size(MAX_HEAD_BYTES)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING);
    builder
}

/// Runs hyper's tasks for HTTP/2 streams as the supervisor's.
#[derive(Clone)]
struct Owned {
    supervisor: Supervisor,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Owned {
    fn execute(&self, stream: F) {
        self.supervisor.spawn("http2 stream", stream);
    }
}

/// What keeps a connection going and what ends it.
struct Life {
    watch: Watch,
    activity: Arc<Activity>,
    supervisor: Supervisor,
}

enum Event {
    Ended,
    Tick,
    Stop,
    Cut,
}

impl Life {
    async fn live<C: GracefulConnection>(mut self, connection: C) {
        let mut connection = pin!(connection);
        // A set of futures polls only those that woke it: a wake-up for a request costs neither a timer's look at the clock
        // nor the lock of the stop signal, which all connections share.
        let mut signals: FuturesUnordered<BoxFuture<'static, Event>> = FuturesUnordered::new();
        signals.push(tick(self.watch.tick()));
        signals.push(stop(self.supervisor.clone()));
        signals.push(cut(self.supervisor.clone()));
        loop {
            match next_event(connection.as_mut(), &mut signals).await {
                Event::Ended | Event::Cut => return,
                Event::Stop => connection.as_mut().graceful_shutdown(),
                Event::Tick => match self.watch.judge(&self.activity) {
                    Verdict::Cut => return,
                    Verdict::Close => {
                        connection.as_mut().graceful_shutdown();
                        signals.push(tick(self.watch.tick()));
                    }
                    Verdict::Keep => signals.push(tick(self.watch.tick())),
                },
            }
        }
    }
}

async fn next_event<C: GracefulConnection>(
    mut connection: Pin<&mut C>,
    signals: &mut FuturesUnordered<BoxFuture<'static, Event>>,
) -> Event {
    std::future::poll_fn(|cx| {
        // How a connection ended is of no use to anybody: each request has told the log its own end.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Event::Ended);
        }
        match signals.poll_next_unpin(cx) {
            Poll::Ready(Some(event)) => Poll::Ready(event),
            _ => Poll::Pending,
        }
    })
    .await
}

fn tick(after: Duration) -> BoxFuture<'static, Event> {
    tokio::time::sleep(after).map(|()| Event::Tick).boxed()
}

fn stop(supervisor: Supervisor) -> BoxFuture<'static, Event> {
    async move {
        supervisor.stopping().await;
        Event::Stop
    }
    .boxed()
}

fn cut(supervisor: Supervisor) -> BoxFuture<'static, Event> {
    async move {
        supervisor.cutting().await;
        Event::Cut
    }
    .boxed()
}
