//! Fault 47: after the stop, what is in flight ends well and nothing new begins.

use std::sync::Arc;

use bytes::Bytes;
use forebay_http_kit::{Body, Listener, ServeLimits};
use futures::stream;
use tokio::sync::Semaphore;

use super::wire::{PATIENCE, Served, ok};

#[tokio::test]
async fn a_response_in_flight_is_finished_and_idle_connections_are_closed() {
    let gate = Arc::new(Semaphore::new(0));
    let hold = gate.clone();
    let served = Served::start(ServeLimits::default(), move |request, _| {
        let hold = hold.clone();
        async move {
            if request.uri().path() == "/quick" {
                return ok("quick");
            }
            let rest = stream::once(async move {
                hold.acquire().await.unwrap().forget();
                Ok::<_, std::io::Error>(Bytes::from_static(b"slow"))
            });
            ok(Body::stream(rest, Some(4)))
        }
    });
    let (mut idle, mut busy, mut silent) = (
        served.connect().await,
        served.connect().await,
        served.connect().await,
    );
    assert!(idle.get("/quick").await.ends_with("quick"));
    busy.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    silent.send("GET /nev").await;
    // The head is out, so the request is in flight.
    let mut head = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut busy.0, &mut head)
        .await
        .unwrap();

    served.supervisor.stop();
    assert_eq!(idle.read_all().await, "");
    assert_eq!(silent.read_all().await, "");
    gate.add_permits(1);
    let answer = busy.read_all().await;
    assert!(answer.ends_with("\r\n\r\nslow"), "{answer}");
    assert!(served.supervisor.drain(PATIENCE).await);

    // The port is free for a successor.
    Listener::bind_tcp(served.address).unwrap();
    assert!(
        served
            .lines(0)
            .await
            .iter()
            .all(|line| line.target != "/next")
    );
}

#[tokio::test]
async fn a_drain_does_not_wait_longer_than_it_was_told() {
    let served = Served::start(ServeLimits::default(), |_, _| async {
        ok(Body::stream(
            stream::pending::<Result<Bytes, std::io::Error>>(),
            None,
        ))
    });
    let mut wire = served.connect().await;
    wire.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut head = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut wire.0, &mut head)
        .await
        .unwrap();
    served.supervisor.stop();
    assert!(
        !served
            .supervisor
            .drain(std::time::Duration::from_millis(50))
            .await
    );
}

#[tokio::test]
async fn what_is_cut_after_the_drain_reaches_the_log() {
    let served = Served::start(ServeLimits::default(), |_, _| async {
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"x")) });
        let endless = stream::StreamExt::chain(first, stream::pending());
        http::Response::new(Body::stream(endless, Some(9)))
    });
    let mut wire = served.connect().await;
    wire.send("GET /cut HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut head = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut wire.0, &mut head)
        .await
        .unwrap();
    let short = std::time::Duration::from_millis(50);
    served.supervisor.stop();
    assert!(!served.supervisor.drain(short).await);
    served.supervisor.cut();
    assert!(served.supervisor.drain(PATIENCE).await);
    let lines = served.lines(1).await;
    assert_eq!(
        (
            lines[0].target.as_str(),
            lines[0].status,
            lines[0].completed
        ),
        ("/cut", 200, false)
    );
}
