//! Logins are read before bodies, and bodies that hold a login take little of the room that there is for all.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_http_kit::ServeLimits;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::door::{ALICE, alice};
use crate::edge::Edge;
use crate::wire::{Ask, PATIENCE};

/// The room for bodies, of which one address may have half.
const ROOM: usize = 8 * 1024 * 1024;

/// The longest form with a login.
const FORM: usize = 64 * 1024;

fn roomy() -> ServeLimits {
    ServeLimits {
        max_buffered_bytes: ROOM,
        ..ServeLimits::default()
    }
}

/// Sends a request that says it has so many bytes of body, and all of them but one.
async fn begin(
    from: [u8; 4],
    to: SocketAddr,
    (head, length): (&str, usize),
) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(to).await?;
    let head = format!("{head}host: test\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    if length > 1 {
        // Who is refused hears it before all of it was sent.
        let _ = stream.write_all(&vec![b'x'; length - 1]).await;
    }
    Ok(stream)
}

/// The status that is answered, as soon as it comes.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.ok()?;
    std::str::from_utf8(&start[9..]).ok()?.parse().ok()
}

fn login(password: &str) -> String {
    let credential = BASE64_STANDARD.encode(format!("{}:{password}", ALICE.0));
    format!("authorization: Basic {credential}\r\n")
}

#[tokio::test]
async fn who_is_refused_is_told_before_a_body_has_come() {
    let point = alice(&["app"], "pull").await;
    let edge = Edge::with(|table| table.access = Some(point));
    let (wrong, right) = (login("wrong horse"), login(ALICE.1));
    for (line, login, expected) in [
        ("POST /token", &*wrong, 401),
        ("PUT /v2/app/manifests/1", "", 401),
        ("PUT /v2/app/manifests/1", &*wrong, 401),
        ("PUT /v2/app/manifests/1", &*right, 403),
        ("PUT /v2/other/manifests/1", &*right, 404),
        (
            "PATCH /v2/app/blobs/uploads/0123456789abcdef0123456789abcdef",
            "",
            401,
        ),
        ("POST /v2/app/blobs/uploads/", &*wrong, 401),
        ("DELETE /token", "", 405),
    ] {
        let head = format!("{line} HTTP/1.1\r\n{login}");
        let mut stream = begin([127, 0, 0, 1], edge.address, (&head, 1))
            .await
            .unwrap();
        let answered = timeout(PATIENCE, status(&mut stream)).await;
        assert_eq!(answered.expect(line), Some(expected), "{line}");
    }
}

#[tokio::test]
async fn strangers_who_hold_forms_open_take_no_room_of_those_who_push() {
    let point = alice(&["app"], "pull,push").await;
    let edge = Edge::limited(roomy(), |table| table.access = Some(point));
    let mut held = Vec::new();
    for host in [2, 3] {
        // As many as fill all that one address may ever hold, and one more.
        let most = ROOM / 2 / FORM;
        for _ in 0..=most {
            let begun = begin(
                [127, 0, 0, host],
                edge.address,
                ("POST /token HTTP/1.1\r\n", FORM),
            );
            held.push((host, begun.await.unwrap()));
        }
    }
    for host in [2, 3] {
        let of = held.iter_mut().filter(|(from, _)| *from == host);
        let mut answers: FuturesUnordered<_> = of.map(|(_, stream)| status(stream)).collect();
        let first = timeout(PATIENCE, answers.next())
            .await
            .expect("one too many");
        assert_eq!(first.flatten(), Some(503));
    }
    // It is read, and found to be no manifest.
    let push = Ask::new("PUT /v2/app/manifests/1").login(ALICE.0, ALICE.1);
    let pushed = push
        .body(vec![b'x'; 3 * 1024 * 1024])
        .to(edge.address)
        .await;
    assert_eq!(pushed.status, 400, "{}", pushed.body);
    // A login beside the form is let in with its own.
    let token = Ask::new("POST /token").login(ALICE.0, ALICE.1);
    let form = token.body(format!("x={}", "y".repeat(FORM - 10)));
    assert_eq!(form.to(edge.address).await.status, 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_share() {
    const LARGE: usize = 3_900_000;
    let point = alice(&["app"], "pull,push").await;
    let edge = Edge::limited(roomy(), |table| {
        table.access = Some(point);
        table.clients.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        table.clients.allow = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let head = format!(
        "PUT /v2/app/manifests/1 HTTP/1.1\r\nx-forwarded-for: 10.0.0.1\r\n{}",
        login(ALICE.1)
    );
    let begin = || begin([127, 0, 0, 1], edge.address, (&head, LARGE));
    let (first, second) = tokio::join!(begin(), begin());
    let (mut first, mut second) = (first.unwrap(), second.unwrap());
    // Both together are more than one client may hold.
    let refused = tokio::select! {
        answered = status(&mut first) => answered,
        answered = status(&mut second) => answered,
    };
    assert_eq!(refused, Some(503));
    let other = Ask::new("PUT /v2/app/manifests/1").login(ALICE.0, ALICE.1);
    let other = other.header("x-forwarded-for", "10.0.0.2");
    let pushed = other
        .body(vec![b'x'; 2 * 1024 * 1024])
        .to(edge.address)
        .await;
    assert_eq!(pushed.status, 400, "{}", pushed.body);
}
