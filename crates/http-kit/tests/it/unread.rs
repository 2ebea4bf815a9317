//! Answers that are asked for and not read: what is whole in memory is counted.

use forebay_http_kit::{ClientAddress, ServeLimits};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

use super::wire::{Served, Wire, ok, within};

/// More than the sockets of both sides take.
const LONG: usize = 8 * 1024 * 1024;

/// What is not counted.
const SHORT: usize = 16 * 1024;

fn served() -> Served {
    let limits = ServeLimits {
        max_answer_bytes: 4 * LONG,
        ..ServeLimits::default()
    };
    Served::start(limits, |request, _| async move {
        let length = match request.uri().path() {
            "/short" => SHORT,
            _ => LONG,
        };
        let mut response = ok(vec![b'x'; length]);
        if let Some(client) = request.headers().get("x-forwarded-for") {
            let client = client.to_str().unwrap().parse().unwrap();
            response.extensions_mut().insert(ClientAddress(client));
        }
        response
    })
}

/// Asks from an address and reads the head alone.
async fn ask(served: &Served, from: [u8; 4], head: &str) -> (Wire, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut wire = Wire(socket.connect(served.address).await.unwrap());
    wire.send(format!("GET {head}host: test\r\n\r\n")).await;
    let mut told = Vec::new();
    within(async {
        while !told.ends_with(b"\r\n\r\n") {
            told.push(wire.0.read_u8().await.unwrap());
        }
    })
    .await;
    (wire, String::from_utf8(told).unwrap())
}

async fn read(wire: &mut Wire, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    within(wire.0.read_exact(&mut body)).await.unwrap();
    body
}

#[tokio::test]
async fn one_address_has_half_of_what_may_be_unread_and_others_get_their_answers() {
    const GREEDY: [u8; 4] = [127, 0, 0, 1];
    const OTHER: [u8; 4] = [127, 0, 0, 2];
    const ROOT: &str = "/ HTTP/1.1\r\n";
    let served = served();
    let mut unread = Vec::new();
    for _ in 0..2 {
        let (wire, head) = ask(&served, GREEDY, ROOT).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        unread.push(wire);
    }
    let (mut wire, head) = ask(&served, GREEDY, ROOT).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("retry-after: 1\r\n"), "{head}");
    assert_eq!(read(&mut wire, 15).await, br#"{"refused":503}"#);
    // The connection lives on, and what is short is not counted.
    let short = wire.get("/short").await;
    assert!(short.starts_with("HTTP/1.1 200 "), "{short}");

    let (mut other, head) = ask(&served, OTHER, ROOT).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        read(&mut other, LONG)
            .await
            .iter()
            .all(|byte| *byte == b'x')
    );
    // Of whom a proxy asks for, it is the client's share.
    let client = "/ HTTP/1.1\r\nx-forwarded-for: 10.0.0.9\r\n";
    let (_by_proxy, head) = ask(&served, GREEDY, client).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");

    // What was read makes room, and so does what nobody wants any more.
    let mut first = unread.remove(0);
    assert!(
        read(&mut first, LONG)
            .await
            .iter()
            .all(|byte| *byte == b'x')
    );
    drop(unread);
    within(async {
        let mut again = Vec::new();
        while again.len() < 2 {
            let (wire, head) = ask(&served, GREEDY, ROOT).await;
            if head.starts_with("HTTP/1.1 200 ") {
                again.push(wire);
            }
        }
    })
    .await;
}
