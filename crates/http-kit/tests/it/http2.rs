//! HTTP/2 by prior knowledge.

use std::time::Duration;

use bytes::Bytes;
use forebay_http_kit::{Body, FileLane, ServeLimits};
use forebay_jobs::Supervisor;
use futures::stream;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::wire::{PATIENCE, Served, ok, within};

fn served(limits: ServeLimits) -> Served {
    Served::start(limits, |request, _| async move {
        let chunks =
            |parts: Vec<Result<Bytes, std::io::Error>>| Body::stream(stream::iter(parts), Some(10));
        match request.uri().path() {
            "/fails" => ok(chunks(vec![
                Ok(Bytes::from_static(b"hello")),
                Err(std::io::Error::other("no more")),
            ])),
            "/short" => ok(chunks(vec![Ok(Bytes::from_static(b"hello"))])),
            "/many" => ok(chunks(vec![
                Ok(Bytes::from_static(b"hello")),
                Ok(Bytes::from_static(b"hello")),
            ])),
            "/lane" => ok(match request.extensions().get::<FileLane>() {
                Some(_) => "a lane",
                None => "no lane",
            }),
            _ => ok("hello"),
        }
    })
}

async fn connect(served: &Served, tasks: &Supervisor) -> SendRequest<Empty<Bytes>> {
    let socket = TcpStream::connect(served.address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(socket))
        .await
        .unwrap();
    tasks.spawn("h2 client", async move {
        let _ = connection.await;
    });
    sender
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://test{path}"))
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn requests_share_a_connection_and_a_stream_that_fails_is_reset() {
    let (served, tasks) = (served(ServeLimits::default()), Supervisor::new());
    let mut sender = connect(&served, &tasks).await;
    for path in ["/fails", "/short"] {
        // The reset may overtake the head.
        let outcome = async { sender.send_request(request(path)).await?.collect().await };
        assert!(within(outcome).await.is_err(), "{path}");
    }
    let response = within(sender.send_request(request("/"))).await.unwrap();
    assert_eq!(response.headers()["content-length"], "5");
    assert_eq!(
        within(response.collect()).await.unwrap().to_bytes(),
        "hello"
    );
    let lines = served.lines(3).await;
    assert_eq!(lines.iter().filter(|line| line.completed).count(), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_stop_ends_the_others() {
    let (served, tasks) = (
        served(ServeLimits {
            keep_alive_idle: Duration::from_millis(200),
            ..ServeLimits::default()
        }),
        Supervisor::new(),
    );
    let mut sender = connect(&served, &tasks).await;
    within(sender.send_request(request("/"))).await.unwrap();
    assert!(tasks.drain(PATIENCE).await, "the server said good-bye");

    let (served, tasks) = (self::served(ServeLimits::default()), Supervisor::new());
    let mut sender = connect(&served, &tasks).await;
    within(sender.send_request(request("/"))).await.unwrap();
    served.supervisor.stop();
    assert!(served.supervisor.drain(PATIENCE).await);
}

/// CVE-2023-44487: opens streams and resets them at once.
#[tokio::test]
async fn a_flood_of_resets_ends_its_connection() {
    let served = served(ServeLimits::default());
    let mut wire = served.connect().await;
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    wire.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    // :method GET, :scheme http, :path /, :authority test; from HPACK's static table.
    let headers = [0x82, 0x86, 0x84, 0x41, 0x04, b't', b'e', b's', b't'];
    within(async {
        for stream in (1_u32..200_001).step_by(2) {
            let mut frames = vec![0, 0, 9, 1, 0x5];
            frames.extend(stream.to_be_bytes());
            frames.extend(headers);
            frames.extend([0, 0, 4, 3, 0]);
            frames.extend(stream.to_be_bytes());
            frames.extend([0, 0, 0, 8]);
            if wire.0.write_all(&frames).await.is_err() {
                return;
            }
        }
        panic!("a hundred thousand resets were borne");
    })
    .await;
    assert!(served.connect().await.get("/").await.ends_with("hello"));
}

#[tokio::test]
async fn a_reader_that_opens_no_window_is_cut() {
    let limits = ServeLimits {
        write_stall: Duration::from_millis(200),
        ..ServeLimits::default()
    };
    let served = served(limits);
    let mut wire = served.connect().await;
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 0, and a GET.
    wire.send([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0])
        .await;
    wire.send([0, 0, 15, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x41, 4])
        .await;
    wire.send(b"test\x44\x05/many").await;
    wire.read_all().await;
    assert!(!served.lines(1).await[0].completed);
}

#[tokio::test]
async fn no_file_is_sent_by_the_kernel() {
    let (served, tasks) = (served(ServeLimits::default()), Supervisor::new());
    let mut sender = connect(&served, &tasks).await;
    let answer = within(sender.send_request(request("/lane"))).await.unwrap();
    let body = within(answer.into_body().collect()).await.unwrap();
    assert_eq!(body.to_bytes(), "no lane");
}
