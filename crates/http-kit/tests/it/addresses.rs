//! A4, A5, A6: whatever names an address of the inside, it is not dialled.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use forebay_http_kit::{AddressPolicy, Client, ClientPolicy, Resolve, Resolver, SendError};
use url::Url;

use super::upstream::{Step, Upstream, get, impatient, ok, redirect};

/// Hosts as a hostile upstream writes them.
const INSIDE: &[&str] = &[
    "127.0.0.1",
    "127.9.9.9",
    "2130706433",
    "0177.0.0.1",
    "0x7f000001",
    "127.1",
    "0",
    "0.0.0.0",
    "169.254.169.254",
    "2852039166",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[2002:7f00:1::]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::a00:1]",
    "[2001:0:808:808::80ff:fffe]",
    "224.0.0.1",
    "255.255.255.255",
];

/// Gives its answers in turn, the last one for ever.
struct Turns(Mutex<VecDeque<Vec<IpAddr>>>);

#[async_trait]
impl Resolve for Turns {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut turns = self.0.lock().unwrap();
        let next = if turns.len() > 1 {
            turns.pop_front()
        } else {
            turns.front().cloned()
        };
        Ok(next.unwrap_or_default())
    }
}

fn resolver(turns: &[&[&str]]) -> Resolver {
    let parse = |turn: &&[&str]| turn.iter().map(|ip| ip.parse().unwrap()).collect();
    Resolver::keeping(
        Turns(Mutex::new(turns.iter().map(parse).collect())),
        Duration::ZERO,
    )
}

fn is_refused<T>(outcome: &Result<T, SendError>) -> bool {
    matches!(outcome, Err(SendError::Refused { .. }))
}

#[tokio::test]
async fn a_literal_address_of_the_inside_is_refused_in_every_spelling() {
    let client = Client::new(impatient()).unwrap();
    for host in INSIDE {
        for scheme in ["http", "https"] {
            let url = Url::parse(&format!("{scheme}://{host}/latest/meta-data/")).unwrap();
            let outcome = client.send(get(url)).await;
            assert!(is_refused(&outcome), "{host}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_name_for_an_address_of_the_inside_is_refused() {
    for host in INSIDE {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        let address = url.host_str().unwrap().trim_matches(['[', ']']).to_owned();
        let policy = ClientPolicy {
            resolver: resolver(&[&[&address]]),
            ..impatient()
        };
        let outcome = Client::new(policy)
            .unwrap()
            .send(get(Url::parse("http://evil.example/").unwrap()))
            .await;
        assert!(is_refused(&outcome), "{host}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_the_inside_is_refused() {
    for host in INSIDE {
        let target = format!("http://{host}/");
        let upstream = Upstream::start(move |_| redirect(307, &target)).await;
        let outcome = upstream.client().send(get(upstream.url("/blob"))).await;
        assert!(is_refused(&outcome), "{host}: {outcome:?}");
        assert_eq!(upstream.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_name_that_moves_inside_between_two_connections_is_refused() {
    let upstream = Upstream::start(|_| {
        let mut steps = ok("first");
        steps.push(Step::Close);
        steps
    })
    .await;
    let port = upstream.address.port();
    let policy = ClientPolicy {
        resolver: resolver(&[&["127.0.0.1"], &["169.254.169.254"]]),
        addresses: AddressPolicy::public_only().allow_private_name("rebind.example"),
        ..impatient()
    };
    let client = Client::new(policy).unwrap();
    let url = Url::parse(&format!("http://rebind.example:{port}/")).unwrap();
    let first = client.send(get(url.clone())).await.unwrap();
    assert_eq!(first.remote, upstream.address);
    assert_eq!(&first.body.read_capped(100).await.unwrap()[..], b"first");
    assert!(is_refused(&client.send(get(url)).await));
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_are_dialled() {
    let upstream = Upstream::start(|_| ok("allowed")).await;
    let policy = ClientPolicy {
        resolver: resolver(&[&["169.254.169.254", "0.0.0.0", "127.0.0.1"]]),
        addresses: AddressPolicy::public_only().allow_private_name("mixed.example"),
        ..impatient()
    };
    let url = Url::parse(&format!(
        "http://mixed.example:{}/",
        upstream.address.port()
    ))
    .unwrap();
    let reply = Client::new(policy).unwrap().send(get(url)).await.unwrap();
    assert_eq!(reply.remote, upstream.address);
}

#[tokio::test]
async fn an_address_that_refuses_is_followed_by_the_next() {
    let upstream = Upstream::start(|_| ok("second")).await;
    let policy = ClientPolicy {
        resolver: resolver(&[&["127.0.0.77", "127.0.0.1"]]),
        addresses: AddressPolicy::public_only().allow_private_name("two.example"),
        ..impatient()
    };
    let url = Url::parse(&format!("http://two.example:{}/", upstream.address.port())).unwrap();
    let reply = Client::new(policy).unwrap().send(get(url)).await.unwrap();
    assert_eq!(reply.remote, upstream.address);
}

#[tokio::test]
async fn a_name_without_an_address_and_a_port_without_a_listener_are_told_apart() {
    let policy = ClientPolicy {
        resolver: resolver(&[&[]]),
        ..impatient()
    };
    let url = Url::parse("http://nowhere.example/").unwrap();
    let outcome = Client::new(policy).unwrap().send(get(url)).await;
    assert!(
        matches!(outcome, Err(SendError::Resolve { .. })),
        "{outcome:?}"
    );

    let upstream = Upstream::bind("127.0.0.1", |_| ok("")).await.0;
    let outcome = upstream.client().send(get(upstream.url("/"))).await;
    assert!(
        matches!(outcome, Err(SendError::Connect { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_the_operator_listed_is_dialled() {
    let upstream = Upstream::start(|_| ok("listed")).await;
    assert!(upstream.client().send(get(upstream.url("/"))).await.is_ok());
    let elsewhere = AddressPolicy::public_only().allow_origin("127.0.0.1", 1);
    let policy = ClientPolicy {
        addresses: elsewhere,
        ..impatient()
    };
    assert!(is_refused(
        &Client::new(policy)
            .unwrap()
            .send(get(upstream.url("/")))
            .await
    ));
}
