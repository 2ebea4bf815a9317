//! The limiters: what counts, for whom, how it is told and when it ends.

use crate::client::Client;
use hub_sim::{HubSim, Image, RetryAfter, hours, minutes, seconds};
use serde_json::Value;

const NGINX: (&str, &str) = ("library/nginx", "manifests/1");

fn nginx() -> HubSim {
    HubSim::new().image("library/nginx:1", Image::small())
}

#[tokio::test]
async fn gets_are_counted_and_heads_are_free_in_a_rolling_window() {
    let hub = nginx().anonymous_limit(2, hours(6)).start().await;
    let client = Client::new();
    let head = client.ask(&hub, "HEAD", NGINX).await;
    assert_eq!(head.header("ratelimit-limit"), "2;w=21600");
    assert_eq!(head.header("ratelimit-remaining"), "2;w=21600");
    let first = client.ask(&hub, "GET", NGINX).await;
    assert_eq!(first.header("ratelimit-remaining"), "1;w=21600");
    assert_eq!(first.header("docker-ratelimit-source"), "127.0.0.1");
    hub.advance(hours(1));
    assert_eq!(client.ask(&hub, "GET", NGINX).await.status, 200);

    let denied = client.ask(&hub, "GET", NGINX).await;
    assert_eq!(denied.status, 429);
    assert_eq!(
        denied.text(),
        r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}]}"#
    );
    let probe = client.ask(&hub, "HEAD", NGINX).await;
    assert_eq!(
        (probe.status.as_u16(), probe.header("ratelimit-remaining")),
        (200, "0;w=21600")
    );
    assert_eq!(hub.charged(), 2);

    hub.advance(hours(5));
    assert_eq!(client.ask(&hub, "GET", NGINX).await.status, 200);
    assert_eq!(client.ask(&hub, "GET", NGINX).await.status, 429);
}

#[tokio::test]
async fn an_account_has_its_own_limit_and_is_named_when_it_is_used_up() {
    let hub = nginx()
        .anonymous_limit(1, hours(6))
        .account("alice", "secret", Some((1, hours(6))))
        .account("team", "secret", None)
        .start()
        .await;
    let client = Client::new();
    let url = format!("{}/v2/library/nginx/manifests/1", hub.url());
    let pull = async |login: &str| {
        let token = client.token(&hub, "library/nginx", login).await;
        client.get(&url, &[("authorization", &token)]).await
    };
    assert_eq!(pull("").await.status, 200);
    assert_eq!(pull("").await.status, 429);
    let alice = pull("alice:secret").await;
    assert_eq!(
        alice.header("docker-ratelimit-source"),
        hub.account_id("alice")
    );
    let denied = pull("alice:secret").await;
    assert_eq!(denied.status, 429);
    assert!(
        denied
            .message()
            .starts_with("You have reached your pull rate limit as 'alice': dckr_jti_")
    );
    for _ in 0..3 {
        let unlimited = pull("team:secret").await;
        assert_eq!(
            (
                unlimited.status.as_u16(),
                unlimited.header("ratelimit-limit")
            ),
            (200, "")
        );
    }
}

#[tokio::test]
async fn each_address_has_its_own_budget_and_ipv6_one_per_64() {
    let hub = nginx().anonymous_limit(1, hours(6)).start().await;
    let (one, other) = (
        Client::at([127, 0, 0, 2].into()),
        Client::at([127, 0, 0, 3].into()),
    );
    assert_eq!(one.ask(&hub, "GET", NGINX).await.status, 200);
    assert_eq!(one.ask(&hub, "GET", NGINX).await.status, 429);
    assert_eq!(
        other
            .ask(&hub, "GET", NGINX)
            .await
            .header("docker-ratelimit-source"),
        "127.0.0.3"
    );

    hub.see_clients_as(Some("2001:db8:1:2::5".parse().unwrap()));
    let first = one.ask(&hub, "GET", NGINX).await;
    assert_eq!(first.header("docker-ratelimit-source"), "2001:db8:1:2::");
    hub.see_clients_as(Some("2001:db8:1:2:9::6".parse().unwrap()));
    assert_eq!(other.ask(&hub, "GET", NGINX).await.status, 429);
}

#[tokio::test]
async fn the_preview_tells_the_budget_and_the_other_is_always_limited() {
    let hub = HubSim::new().anonymous_limit(100, hours(6)).start().await;
    hub.spend([127, 0, 0, 1].into(), 55);
    let client = Client::new();
    let probe = client
        .ask(&hub, "HEAD", ("ratelimitpreview/test", "manifests/latest"))
        .await;
    assert_eq!(probe.header("ratelimit-remaining"), "45;w=21600");
    let always = client
        .ask(&hub, "GET", ("ratelimitalways/test", "manifests/latest"))
        .await;
    assert_eq!(always.status, 429);
    assert_eq!(hub.charged(), 0);
    assert_eq!(hub.remaining([127, 0, 0, 1].into()), Some(45));
}

#[tokio::test]
async fn an_unmetered_image_costs_nothing_and_shows_no_headers() {
    let hub = nginx()
        .anonymous_limit(0, hours(6))
        .unmetered("library/nginx")
        .start()
        .await;
    let got = Client::new().ask(&hub, "GET", NGINX).await;
    assert_eq!(
        (got.status.as_u16(), got.header("ratelimit-limit")),
        (200, "")
    );
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn a_multi_platform_pull_costs_two_or_one() {
    let image = Image::small().platforms(&["linux/amd64", "linux/arm64"]);
    for (sim, price) in [
        (HubSim::new(), 2),
        (HubSim::new().indexes_are_free(), 1),
        (HubSim::new().children_are_free(), 1),
    ] {
        let hub = sim.image("a/b:1", image.clone()).start().await;
        let child = format!("manifests/{}", hub.child("a/b:1", "linux/amd64").digest());
        let client = Client::new();
        client.ask(&hub, "GET", ("a/b", "manifests/1")).await;
        client.ask(&hub, "GET", ("a/b", &child)).await;
        assert_eq!(hub.charged(), price);
    }
}

#[tokio::test]
async fn one_child_is_free_after_each_index_and_for_who_paid_for_that() {
    let image = Image::small().platforms(&["linux/amd64", "linux/arm64"]);
    let hub = HubSim::new()
        .children_are_free()
        .image("a/b:1", image)
        .start()
        .await;
    let child = format!("manifests/{}", hub.child("a/b:1", "linux/amd64").digest());
    let here = Client::at([127, 0, 0, 1].into());
    let there = Client::at([127, 0, 0, 2].into());
    for (client, what, charged) in [
        (&here, "manifests/1", 1),
        (&there, &*child, 2),
        (&here, &*child, 2),
        (&here, &*child, 3),
        (&here, "manifests/1", 4),
    ] {
        client.ask(&hub, "GET", ("a/b", what)).await;
        assert_eq!(hub.charged(), charged, "{what}");
    }
}

#[tokio::test]
async fn the_abuse_limit_may_count_the_blob_host_and_strikes_there_too() {
    let hub = nginx()
        .open()
        .abuse_limit(2, minutes(1))
        .abuse_limit_counts_blobs()
        .start()
        .await;
    let client = Client::new();
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    let sent_on = client
        .ask(&hub, "GET", ("library/nginx", &format!("blobs/{layer}")))
        .await;
    let denied = client.get(sent_on.header("location"), &[]).await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.text(), "Too Many Requests (HAP429).\n");
}

#[tokio::test]
async fn the_abuse_limit_is_plain_text_everywhere_and_lasts_while_the_flood_does() {
    let hub = nginx().abuse_limit(4, minutes(1)).start().await;
    let client = Client::new();
    for _ in 0..2 {
        assert_eq!(client.ask(&hub, "GET", NGINX).await.status, 200);
    }
    let denied = client.get(&hub.token_url(), &[]).await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.text(), "Too Many Requests (HAP429).\n");
    assert_eq!(denied.header("content-type"), "text/plain");
    assert_eq!(denied.header("retry-after"), "60");
    for _ in 0..10 {
        hub.advance(seconds(14));
        assert_eq!(client.get(&hub.url(), &[]).await.status, 429);
    }
    hub.advance(minutes(1));
    assert_eq!(client.ask(&hub, "GET", NGINX).await.status, 200);
}

#[tokio::test]
async fn the_abuse_answer_of_2020_is_no_valid_http() {
    let hub = HubSim::new()
        .abuse_limit(0, minutes(1))
        .malformed_abuse_answers()
        .start()
        .await;
    let refused = Client::new().send("GET", &hub.url(), &[]).await;
    assert!(refused.unwrap_err().contains("Parse"));
    let mut stream = tokio::net::TcpStream::connect(hub.host()).await.unwrap();
    let mut raw = String::new();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut raw)
        .await
        .unwrap();
    assert!(
        raw.ends_with("\nToo Many Requests (HAP429).\n") && !raw.contains('\r'),
        "{raw}"
    );
}

#[tokio::test]
async fn retry_after_is_told_in_the_shape_asked_for() {
    let hub = nginx()
        .anonymous_limit(0, hours(6))
        .retry_after(RetryAfter::Seconds(90))
        .start()
        .await;
    assert_eq!(
        Client::new()
            .ask(&hub, "GET", NGINX)
            .await
            .header("retry-after"),
        "90"
    );
}

#[tokio::test]
async fn denied_pulls_prolong_the_block_only_where_told() {
    for prolonging in [false, true] {
        let sim = nginx().anonymous_limit(1, hours(6));
        let hub = if prolonging {
            sim.denied_pulls_count()
        } else {
            sim
        }
        .start()
        .await;
        let client = Client::new();
        client.ask(&hub, "GET", NGINX).await;
        hub.advance(hours(3));
        assert_eq!(client.ask(&hub, "GET", NGINX).await.status, 429);
        hub.advance(hours(3));
        let expected = if prolonging { 429 } else { 200 };
        assert_eq!(client.ask(&hub, "GET", NGINX).await.status, expected);
    }
}

#[tokio::test]
async fn a_token_tells_the_limit_in_its_payload() {
    use base64::Engine as _;
    let hub = HubSim::new().anonymous_limit(100, hours(6)).start().await;
    let token = Client::new().token(&hub, "a/b", "").await;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["access"][0]["parameters"]["pull_limit"], "100");
    assert_eq!(
        payload["access"][0]["parameters"]["pull_limit_interval"],
        "21600"
    );
}
