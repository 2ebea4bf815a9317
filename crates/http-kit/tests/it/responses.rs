//! What goes out: lengths, HEAD, streams that fail, handlers that panic, and the access log's lines.

use bytes::Bytes;
use forebay_http_kit::{AccessLabels, Body, RequestBody, RequestId, ServeLimits};
use futures::stream;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::wire::{Served, ok};

/// A body of these chunks, the last of which may be an error.
fn chunks(parts: &'static [Result<&'static str, &'static str>], length: Option<u64>) -> Body {
    let parts = parts.iter().map(|part| match part {
        Ok(text) => Ok(Bytes::from_static(text.as_bytes())),
        Err(why) => Err(std::io::Error::other(*why)),
    });
    Body::stream(stream::iter(parts), length)
}

fn by_path(request: &Request<RequestBody>) -> Response<Body> {
    match request.uri().path() {
        "/full" => ok("hello"),
        "/empty" => ok(""),
        "/length" => ok(chunks(&[Ok("hel"), Ok("lo")], Some(5))),
        "/chunked" => ok(chunks(&[Ok("hel"), Ok("lo")], None)),
        "/fails" => ok(chunks(&[Ok("hel"), Err("no more")], Some(5))),
        "/fails-chunked" => ok(chunks(&[Ok("hel"), Err("no more")], None)),
        "/short" => ok(chunks(&[Ok("hel")], Some(5))),
        "/long" => ok(chunks(&[Ok("hel"), Ok("lo, world")], Some(5))),
        "/head-of-large" => {
            let mut response = ok("");
            response
                .headers_mut()
                .insert("content-length", HeaderValue::from_static("123456"));
            response
        }
        "/unchanged" => {
            let mut response = ok("");
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        "/labels" => {
            let id = request.extensions().get::<RequestId>().unwrap().to_string();
            let mut response = ok(id);
            response.extensions_mut().insert(
                AccessLabels::default()
                    .with("upstream", "docker.io")
                    .with("outcome", "hit".to_owned()),
            );
            response
        }
        "/panics" => panic!("on purpose"),
        path => panic!("{path}"),
    }
}

fn served() -> Served {
    Served::start(ServeLimits::default(), |request, _| async move {
        by_path(&request)
    })
}

#[tokio::test]
async fn a_body_whose_length_is_known_has_a_content_length_and_another_is_chunked() {
    let served = served();
    let mut wire = served.connect().await;
    for path in ["/full", "/length"] {
        let answer = wire.get(path).await;
        assert!(
            answer.contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\nhello"),
            "{answer}"
        );
    }
    assert!(wire.get("/empty").await.contains("content-length: 0\r\n"));
    wire.send("GET /chunked HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .await;
    let chunked = wire.read_all().await;
    assert!(
        chunked.contains("transfer-encoding: chunked\r\n"),
        "{chunked}"
    );
    assert!(
        chunked.ends_with("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
        "{chunked}"
    );
}

#[tokio::test]
async fn head_answers_the_length_and_no_body() {
    let served = served();
    let mut wire = served.connect().await;
    for (path, length) in [
        ("/full", "5"),
        ("/length", "5"),
        ("/head-of-large", "123456"),
    ] {
        wire.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        let answer = wire.read_answer(true).await;
        assert!(
            answer.contains(&format!("content-length: {length}\r\n")),
            "{answer}"
        );
    }
    // Nothing of a body lies between these answers.
    assert!(wire.get("/full").await.ends_with("hello"));
    let lines = served.lines(4).await;
    assert!(lines.iter().all(|line| line.completed));
    assert!(lines[..3].iter().all(|line| line.sent == 0));
}

#[tokio::test]
async fn a_stream_that_fails_never_ends_cleanly() {
    let served = served();
    for path in ["/fails", "/short", "/long"] {
        let mut wire = served.connect().await;
        wire.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        let answer = wire.read_all().await;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(body.len() < 5, "{path}: {answer}");
    }
    let mut wire = served.connect().await;
    wire.send("GET /fails-chunked HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    let answer = wire.read_all().await;
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
    assert!(served.lines(4).await.iter().all(|line| !line.completed));
}

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_its_connection_lives_on() {
    let served = served();
    let mut wire = served.connect().await;
    let answer = wire.get("/panics").await;
    assert!(
        answer.starts_with("HTTP/1.1 500 ") && answer.ends_with(r#"{"refused":500}"#),
        "{answer}"
    );
    assert!(wire.get("/full").await.ends_with("hello"));
    assert_eq!(served.lines(2).await[0].status, 500);
}

#[tokio::test]
async fn the_log_is_told_each_request_once_with_what_the_handler_added() {
    let served = served();
    let mut wire = served.connect().await;
    wire.send("GET /labels?n=1 HTTP/1.1\r\nhost: test\r\nuser-agent: containerd/2.1\r\n\r\n")
        .await;
    let answer = wire.read_answer(false).await;
    wire.get("/full").await;
    wire.get("/unchanged").await;
    let lines = served.lines(3).await;
    assert_eq!(lines.len(), 3);
    let line = &lines[0];
    assert_eq!(
        (line.method.as_str(), line.target.as_str(), line.status),
        (Method::GET.as_str(), "/labels?n=1", 200)
    );
    assert_eq!(line.user_agent.as_deref(), Some("containerd/2.1"));
    assert_eq!(line.labels["upstream"], "docker.io");
    assert_eq!(line.labels["outcome"], "hit");
    assert!(line.has_address && line.completed);
    assert!(
        answer.ends_with(&line.id),
        "the handler and the log have one id"
    );
    assert_eq!(line.sent, line.id.len() as u64);
    assert_ne!(lines[1].id, line.id);
    assert_eq!((lines[2].status, lines[2].completed), (304, true));
}

#[tokio::test]
async fn a_body_without_a_length_does_not_go_to_a_client_that_could_not_tell_its_end() {
    let served = Served::start(ServeLimits::default(), |_, _| async {
        Response::new(chunks(&[Ok("he"), Ok("llo")], None))
    });
    for (version, status, ends) in [
        ("1.0", 500, r#"{"refused":500}"#),
        ("1.1", 200, "0\r\n\r\n"),
    ] {
        let mut wire = served.connect().await;
        wire.send(format!(
            "GET / HTTP/{version}\r\nhost: x\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let answer = wire.read_all().await;
        assert!(answer[9..].starts_with(&format!("{status} ")), "{answer}");
        assert!(answer.ends_with(ends), "{answer}");
    }
}
