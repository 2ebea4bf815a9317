//! A1, A2: credentials go to the origin that they are bound to, and nowhere else.

use forebay_http_kit::{
    AddressPolicy, Client, ClientPolicy, Credentials, Origin, Outgoing, RedirectRefusal, Redirects,
    SendError,
};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use super::upstream::{Upstream, get, impatient, ok, redirect};

const SECRET: &str = "Basic Zm9yZWJheTpzZWNyZXQ=";

fn with_credentials(url: Url, origin: &Url) -> Outgoing {
    let origin = Origin::of(origin).unwrap();
    Outgoing {
        credentials: Some(Credentials::new(HeaderValue::from_static(SECRET), origin)),
        ..get(url)
    }
}

fn client_for(upstreams: &[&Upstream]) -> Client {
    let addresses = upstreams
        .iter()
        .fold(AddressPolicy::public_only(), |policy, one| {
            one.allowed_by(policy)
        });
    Client::new(ClientPolicy {
        addresses,
        ..impatient()
    })
    .unwrap()
}

#[tokio::test]
async fn no_redirect_takes_credentials_to_another_host_or_port() {
    for status in [301, 302, 303, 307, 308] {
        for host in ["127.0.0.1", "127.0.0.2"] {
            let other = Upstream::start_at(host, |_| ok("blob")).await;
            let target = other.url("/signed?signature=x").to_string();
            let upstream = Upstream::start(move |_| redirect(status, &target)).await;
            let mut outgoing = with_credentials(upstream.url("/v2/blob"), &upstream.url("/"));
            outgoing
                .headers
                .insert("x-amz-security-token", HeaderValue::from_static("secret"));
            outgoing
                .headers
                .insert("range", HeaderValue::from_static("bytes=5-"));
            let reply = client_for(&[&upstream, &other])
                .send(outgoing)
                .await
                .unwrap();
            assert_eq!(reply.url, other.url("/signed?signature=x"));
            assert!(!format!("{reply:?}").contains("signature"));

            assert_eq!(
                upstream.seen()[0].header("authorization"),
                Some(SECRET.to_lowercase().as_str())
            );
            let stranger = &other.seen()[0];
            assert_eq!(stranger.header("authorization"), None, "{status} to {host}");
            assert_eq!(stranger.header("x-amz-security-token"), None);
            assert_eq!(stranger.header("range"), Some("bytes=5-"));
            assert_eq!(
                stranger.header("host"),
                Some(other.address.to_string().as_str())
            );
            assert!(!stranger.head.contains("zm9y"));
        }
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_them() {
    let upstream = Upstream::start(|seen| match seen.number {
        0 => redirect(307, "/elsewhere"),
        _ => ok("same"),
    })
    .await;
    let outgoing = with_credentials(upstream.url("/"), &upstream.url("/"));
    upstream.client().send(outgoing).await.unwrap();
    assert_eq!(upstream.seen()[1].path(), "/elsewhere");
    assert!(upstream.seen()[1].header("authorization").is_some());
}

#[tokio::test]
async fn credentials_of_another_origin_are_not_sent_at_all() {
    let upstream = Upstream::start(|_| ok("anonymous")).await;
    let others = [
        "https://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost",
    ];
    for other in others {
        let outgoing = with_credentials(upstream.url("/"), &Url::parse(other).unwrap());
        upstream.client().send(outgoing).await.unwrap();
    }
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[tokio::test]
async fn credentials_outside_of_their_place_are_not_sent_but_refused() {
    let upstream = Upstream::start(|_| ok("")).await;
    for name in ["authorization", "cookie", "proxy-authorization"] {
        let mut outgoing = get(upstream.url("/"));
        outgoing
            .headers
            .insert(name, HeaderValue::from_static("secret"));
        let outcome = upstream.client().send(outgoing).await;
        assert!(
            matches!(outcome, Err(SendError::Unsendable { .. })),
            "{name}"
        );
    }
    let mut url = upstream.url("/");
    url.set_password(Some("secret")).unwrap();
    let outcome = upstream.client().send(get(url)).await;
    assert!(matches!(outcome, Err(SendError::Unsendable { .. })));
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn ten_hops_are_followed_and_the_eleventh_is_not() {
    let upstream = Upstream::start(|seen| match seen.path() {
        "/end" => ok("here"),
        "/9" => redirect(302, "/end"),
        path => redirect(302, &format!("/{}", path[1..].parse::<u32>().unwrap() + 1)),
    })
    .await;
    let reply = upstream
        .client()
        .send(get(upstream.url("/0")))
        .await
        .unwrap();
    assert_eq!(reply.url.path(), "/end");
    let endless = Upstream::start(|_| redirect(302, "/again")).await;
    let outcome = endless.client().send(get(endless.url("/"))).await;
    assert!(matches!(
        outcome,
        Err(SendError::Redirect {
            why: RedirectRefusal::TooMany,
            ..
        })
    ));
    assert_eq!(endless.seen().len(), 11);
}

#[tokio::test]
async fn a_redirect_is_an_error_where_none_is_followed() {
    let upstream = Upstream::start(|_| redirect(307, "http://other.example/x?secret")).await;
    let posted = Outgoing::new(Method::POST, upstream.url("/token"));
    let refusing = Outgoing {
        redirects: Redirects::Refuse,
        ..get(upstream.url("/"))
    };
    for outgoing in [posted, refusing] {
        let error = upstream.client().send(outgoing).await.unwrap_err();
        let is_right = matches!(&error, SendError::Redirect { why: RedirectRefusal::NotFollowed, to, .. } if to == "other.example");
        assert!(is_right, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let upstream = Upstream::start(|_| {
        super::upstream::answer("200 OK\r\ncontent-length: 0\r\nset-cookie: id=1", "")
    })
    .await;
    let client = upstream.client();
    for _ in 0..2 {
        client.send(get(upstream.url("/"))).await.unwrap();
    }
    assert!(
        upstream
            .seen()
            .iter()
            .all(|seen| seen.header("cookie").is_none())
    );
}

#[tokio::test]
async fn a_request_says_who_asks_and_wants_the_bytes_as_they_are() {
    let upstream = Upstream::start(|_| ok("")).await;
    let mut outgoing = get(upstream.url("/v2/?n=1#fragment"));
    outgoing.headers = HeaderMap::new();
    outgoing
        .headers
        .insert("accept-encoding", HeaderValue::from_static("gzip"));
    outgoing
        .headers
        .insert("host", HeaderValue::from_static("evil.example"));
    upstream.client().send(outgoing).await.unwrap();
    let seen = &upstream.seen()[0];
    assert_eq!(seen.path(), "/v2/?n=1");
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("user-agent"), Some("forebay-test"));
    assert_eq!(
        seen.header("host"),
        Some(upstream.address.to_string().as_str())
    );
}
