//! What the server answers without the handler: in the handler's words, however it was asked.

use bytes::Bytes;
use forebay_http_kit::{MAX_HEAD_BYTES, MAX_TARGET_BYTES, ServeLimits};
use forebay_jobs::Supervisor;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::wire::{Served, ok, within};

const GOOD: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

fn served() -> Served {
    Served::start(ServeLimits::default(), |request, _| async move {
        assert_ne!(request.uri().path(), "/panics", "on purpose");
        ok("hello")
    })
}

/// Heads, with the status that each is refused with; what ends the connection first.
fn refused() -> [(String, u16); 10] {
    let get = |headers: &str| format!("GET / HTTP/1.1\r\n{headers}\r\n");
    [
        (get("host: test\r\nno colon\r\n"), 400),
        (get("host: test\r\ncontent-length: x\r\n"), 400),
        (get("host: test\r\ntransfer-encoding: br\r\n"), 400),
        ("G\x01T / HTTP/1.1\r\nhost: test\r\n\r\n".into(), 400),
        ("GET / HTTP/9.9\r\n\r\n".into(), 400),
        (get(""), 400),
        (get("host: a\r\nhost: b\r\n"), 400),
        (get("host: a b\r\n"), 400),
        (
            get(&format!(
                "host: test\r\nx: {}\r\n",
                "a".repeat(3 * MAX_HEAD_BYTES)
            )),
            431,
        ),
        (
            get(&format!("host: test\r\n{}", "x: y\r\n".repeat(101))),
            431,
        ),
    ]
}

/// The answer is the connection's last one, with the handler's JSON of the length that it says.
fn assert_is_last_words(answer: &str, status: u16) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert_eq!(body, format!("{{\"refused\":{status}}}"), "{answer}");
    for line in [
        "connection: close".to_owned(),
        "content-type: application/json".to_owned(),
        format!("content-length: {}", body.len()),
    ] {
        assert!(head.lines().any(|found| found == line), "{line}: {answer}");
    }
}

#[tokio::test]
async fn what_is_refused_unheard_is_told_in_the_handlers_words() {
    let served = served();
    for (head, status) in refused() {
        let mut wire = served.connect().await;
        wire.send(&head).await;
        assert_is_last_words(&wire.read_all().await, status);
    }
}

#[tokio::test]
async fn so_it_is_after_answers_and_behind_a_request_in_the_same_bytes() {
    let served = served();
    for (head, status) in refused() {
        let mut wire = served.connect().await;
        for _ in 0..2 {
            assert!(wire.get("/").await.ends_with("\r\n\r\nhello"), "{head}");
        }
        wire.send(format!("{GOOD}{head}")).await;
        let answer = wire.read_answer(false).await;
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert_is_last_words(&wire.read_all().await, status);
    }
}

#[tokio::test]
async fn what_may_go_on_afterwards_does() {
    let served = served();
    let mut wire = served.connect().await;
    let long = format!("/{}", "a".repeat(MAX_TARGET_BYTES));
    for (path, status) in [(long.as_str(), 414), ("/panics", 500)] {
        let answer = wire.get(path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.contains("content-type: application/json\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with(&format!("{{\"refused\":{status}}}")),
            "{answer}"
        );
    }
    wire.send("HEAD /panics HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    let head = wire.read_answer(true).await;
    assert!(head.contains("content-length: 15\r\n"), "{head}");
    assert!(wire.get("/").await.ends_with("hello"));
}

#[tokio::test]
async fn over_http_2_it_is_told_so_as_well() {
    let (served, tasks) = (served(), Supervisor::new());
    let socket = TcpStream::connect(served.address).await.unwrap();
    let shake = handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), TokioIo::new(socket));
    let (mut sender, connection) = shake.await.unwrap();
    tasks.spawn("h2 client", async move {
        let _ = connection.await;
    });
    let long = format!("/{}", "a".repeat(MAX_TARGET_BYTES));
    for (path, host, status, body) in [
        ("/", "", StatusCode::OK, "hello"),
        (&long, "", StatusCode::URI_TOO_LONG, r#"{"refused":414}"#),
        (
            "/panics",
            "",
            StatusCode::INTERNAL_SERVER_ERROR,
            r#"{"refused":500}"#,
        ),
        ("/", "a b", StatusCode::BAD_REQUEST, r#"{"refused":400}"#),
        ("/", "", StatusCode::OK, "hello"),
    ] {
        let mut request = Request::get(format!("http://test{path}"));
        if !host.is_empty() {
            request = request.header("host", host);
        }
        let request = request.body(Empty::new()).unwrap();
        let response = within(sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), status, "{path} {host}");
        let told = within(response.into_body().collect())
            .await
            .unwrap()
            .to_bytes();
        assert_eq!(told, body, "{path} {host}");
    }
}
