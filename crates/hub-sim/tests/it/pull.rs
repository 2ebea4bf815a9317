//! A pull from its first question to its last byte.

use crate::client::{Client, basic};
use aws_lc_rs::digest::{SHA256, digest};
use hub_sim::{HubSim, Image, On, hours, minutes};
use std::fmt::Write as _;

fn sha256(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in digest(&SHA256, bytes).as_ref() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

#[tokio::test]
async fn a_pull_goes_through_challenge_token_manifest_and_redirect() {
    let hub = HubSim::new()
        .image("library/nginx:1.27", Image::small())
        .start()
        .await;
    let client = Client::new();
    let url = format!("{}/v2/library/nginx/manifests/1.27", hub.url());
    let refused = client.get(&url, &[]).await;
    assert_eq!(refused.status, 401);
    let realm = format!(
        "Bearer realm=\"{}\",service=\"registry.docker.io\",scope=\"repository:library/nginx:pull\"",
        hub.token_url()
    );
    assert_eq!(refused.header("www-authenticate"), realm);
    assert_eq!(refused.header("docker-ratelimit-source"), "127.0.0.1");

    let manifest = client
        .ask(&hub, "GET", ("library/nginx", "manifests/1.27"))
        .await;
    assert_eq!(manifest.status, 200);
    assert_eq!(
        manifest.header("docker-content-digest"),
        sha256(&manifest.body)
    );
    assert_eq!(
        manifest.header("content-type"),
        "application/vnd.oci.image.manifest.v1+json"
    );

    let layer = manifest.json()["layers"][1].clone();
    let digest = layer["digest"].as_str().unwrap();
    let blob = client
        .blob(&hub, ("library/nginx", digest), &[])
        .await
        .unwrap();
    assert_eq!(blob.status, 200);
    assert_eq!(sha256(&blob.body), digest);
    assert_eq!(blob.body.len(), 10_000);

    insta::assert_snapshot!(hub.requests(), @"
    GET registry /v2/library/nginx/manifests/1.27 401
    GET token /token?service=registry.docker.io&scope=repository:library/nginx:pull 200
    GET registry /v2/library/nginx/manifests/1.27 200 charged
    GET token /token?service=registry.docker.io&scope=repository:library/nginx:pull 200
    GET registry /v2/library/nginx/blobs/sha256:3e61c9e07eba… 307
    GET blob sha256:3e61c9e07eba… 200
    ");
    assert!(hub.violations().is_empty());
}

#[tokio::test]
async fn a_token_is_good_for_its_scope_and_its_time_only() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/redis:1", Image::small())
        .start()
        .await;
    let client = Client::new();
    let token = client.token(&hub, "library/nginx", "").await;
    let ask = async |name: &str| {
        let url = format!("{}/v2/{name}/manifests/1", hub.url());
        client.get(&url, &[("authorization", &token)]).await
    };
    assert_eq!(ask("library/nginx").await.status, 200);
    let other = ask("library/redis").await;
    assert_eq!(other.status, 401);
    assert!(
        other
            .header("www-authenticate")
            .ends_with("error=\"insufficient_scope\"")
    );
    hub.advance(minutes(5));
    let late = ask("library/nginx").await;
    assert_eq!(late.status, 401);
    assert!(
        late.header("www-authenticate")
            .ends_with("error=\"invalid_token\"")
    );
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_new_ones_are_not() {
    let hub = HubSim::new().image("a/b:1", Image::small()).start().await;
    let client = Client::new();
    let token = client.token(&hub, "a/b", "").await;
    hub.revoke_tokens();
    let url = format!("{}/v2/a/b/manifests/1", hub.url());
    assert_eq!(
        client.get(&url, &[("authorization", &token)]).await.status,
        401
    );
    assert_eq!(
        client.ask(&hub, "GET", ("a/b", "manifests/1")).await.status,
        200
    );
}

#[tokio::test]
async fn the_blob_host_refuses_authorization_and_the_hub_notes_it() {
    let hub = HubSim::new().image("a/b:1", Image::small()).start().await;
    let client = Client::new();
    let layer = hub.layers("a/b:1").remove(0);
    let got = client
        .blob(
            &hub,
            ("a/b", layer.digest()),
            &[("authorization", "Bearer x")],
        )
        .await
        .unwrap();
    assert_eq!(got.status, 400);
    let violations = hub.violations();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].what, "Authorization at the blob host");
}

#[tokio::test]
async fn the_blob_host_answers_ranges_until_the_signature_expires() {
    let hub = HubSim::new().image("a/b:1", Image::small()).start().await;
    let client = Client::new();
    let layer = hub.layers("a/b:1").remove(1);
    let redirect = client
        .ask(&hub, "GET", ("a/b", &format!("blobs/{}", layer.digest())))
        .await;
    let url = redirect.header("location");
    let part = client.get(url, &[("range", "bytes=100-199")]).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), "bytes 100-199/10000");
    assert_eq!(part.body, layer.slice(100..200));
    let etag = part.header("etag").to_owned();
    let resumed = client
        .get(url, &[("range", "bytes=9990-"), ("if-range", &etag)])
        .await;
    assert_eq!((resumed.status.as_u16(), resumed.body.len()), (206, 10));
    let changed = client
        .get(url, &[("range", "bytes=9990-"), ("if-range", "\"other\"")])
        .await;
    assert_eq!((changed.status.as_u16(), changed.body.len()), (200, 10_000));
    assert_eq!(
        client.get(url, &[("range", "bytes=10000-")]).await.status,
        416
    );
    assert_eq!(
        client
            .get(&url.replace("signature=", "signature=0"), &[])
            .await
            .status,
        403
    );
    hub.advance(minutes(20));
    assert_eq!(client.get(url, &[]).await.status, 403);
}

#[tokio::test]
async fn a_private_repository_is_401_to_strangers_and_403_to_the_wrong_account() {
    let hub = HubSim::new()
        .image("acme/tool:1", Image::small())
        .account("alice", "secret", None)
        .account("bob", "secret", None)
        .private("acme/tool", &["alice"])
        .start()
        .await;
    let client = Client::new();
    let ask = async |login: &str| {
        let token = client.token(&hub, "acme/tool", login).await;
        let url = format!("{}/v2/acme/tool/manifests/1", hub.url());
        client.get(&url, &[("authorization", &token)]).await.status
    };
    assert_eq!(ask("").await, 401);
    assert_eq!(ask("bob:secret").await, 403);
    assert_eq!(ask("alice:secret").await, 200);
    assert_eq!(hub.count(|request| request.account() == Some("alice")), 2);
}

#[tokio::test]
async fn what_is_not_there_is_401_as_at_docker_hub_or_404() {
    let client = Client::new();
    let hub = HubSim::new().image("a/b:1", Image::small()).start().await;
    assert_eq!(
        client
            .ask(&hub, "GET", ("no/such", "manifests/1"))
            .await
            .status,
        401
    );
    let missing = client.ask(&hub, "GET", ("a/b", "manifests/2")).await;
    assert_eq!(missing.json()["errors"][0]["code"], "MANIFEST_UNKNOWN");
    assert_eq!(
        client
            .ask(&hub, "GET", ("a/b", "blobs/sha256:00"))
            .await
            .status,
        404
    );

    let hub = HubSim::new().missing_repositories_are_404().start().await;
    let missing = client.ask(&hub, "GET", ("no/such", "manifests/1")).await;
    assert_eq!(missing.json()["errors"][0]["code"], "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_wrong_password_is_401_and_too_many_lock_the_name() {
    let hub = HubSim::new()
        .account("alice", "secret", None)
        .lockout(3, minutes(10))
        .start()
        .await;
    let client = Client::new();
    let login = async |login: &str| {
        client
            .get(&hub.token_url(), &[("authorization", &basic(login))])
            .await
    };
    for _ in 0..3 {
        assert_eq!(login("alice:wrong").await.status, 401);
    }
    let locked = login("alice:secret").await;
    assert_eq!(locked.status, 429);
    assert_eq!(
        locked.message(),
        "too many failed login attempts for username or IP address"
    );
    hub.advance(minutes(10));
    assert_eq!(login("alice:secret").await.status, 200);
    assert_eq!(hub.count(|request| request.is(On::Token)), 5);
}

#[tokio::test]
async fn oauth2_forms_get_tokens_by_password_and_by_refresh_token() {
    let hub = HubSim::new()
        .account("alice", "secret", None)
        .image("acme/tool:1", Image::small())
        .private("acme/tool", &["alice"])
        .start()
        .await;
    let client = Client::new();
    let post = async |form: String| {
        let form_type = [("content-type", "application/x-www-form-urlencoded")];
        client
            .send_body("POST", &hub.token_url(), &form_type, form.into())
            .await
            .unwrap()
    };
    let scope = "service=registry.docker.io&scope=repository%3Aacme%2Ftool%3Apull&client_id=test";
    let first = post(format!(
        "grant_type=password&username=alice&password=secret&access_type=offline&{scope}"
    ))
    .await;
    let refresh = first.json()["refresh_token"].as_str().unwrap().to_owned();
    let second = post(format!(
        "grant_type=refresh_token&refresh_token={refresh}&{scope}"
    ))
    .await;
    let token = format!("Bearer {}", second.json()["access_token"].as_str().unwrap());
    let url = format!("{}/v2/acme/tool/manifests/1", hub.url());
    assert_eq!(
        client.get(&url, &[("authorization", &token)]).await.status,
        200
    );
    assert_eq!(
        post(format!("grant_type=refresh_token&refresh_token=no&{scope}"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn an_index_its_children_and_its_attestations_are_served_by_digest() {
    let image = Image::small()
        .platforms(&["linux/amd64", "linux/arm64"])
        .attestations();
    let hub = HubSim::new().image("library/app:1", image).start().await;
    let client = Client::new();
    let index = client
        .ask(&hub, "GET", ("library/app", "manifests/1"))
        .await;
    let listed = index.json()["manifests"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 4);
    for entry in &listed {
        let digest = entry["digest"].as_str().unwrap();
        let child = client
            .ask(&hub, "GET", ("library/app", &format!("manifests/{digest}")))
            .await;
        assert_eq!(sha256(&child.body), digest);
    }
    let arm = hub.child("library/app:1", "linux/arm64");
    assert_eq!(listed[1]["digest"], arm.digest());
    assert_eq!(hub.blobs("library/app:1").len(), 10);
}

#[tokio::test]
async fn tags_come_in_pages_with_a_link_to_the_next() {
    let mut sim = HubSim::new();
    for tag in ["1", "2", "3"] {
        sim = sim.image(&format!("a/b:{tag}"), Image::small());
    }
    let hub = sim.start().await;
    let client = Client::new();
    let page = client.ask(&hub, "GET", ("a/b", "tags/list?n=2")).await;
    assert_eq!(page.text(), r#"{"name":"a/b","tags":["1","2"]}"#);
    assert_eq!(
        page.header("link"),
        r#"</v2/a/b/tags/list?last=2&n=2>; rel="next""#
    );
    let rest = client
        .ask(&hub, "GET", ("a/b", "tags/list?n=2&last=2"))
        .await;
    assert_eq!(rest.json()["tags"], serde_json::json!(["3"]));
    assert_eq!(rest.header("link"), "");
    assert_eq!(
        client
            .ask(&hub, "GET", ("a/b", "tags/list?n=abc"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn referrers_are_filtered_by_type_or_found_under_the_fallback_tag() {
    let client = Client::new();
    let tell = || HubSim::new().image("a/b:1", Image::small());
    let hub = tell()
        .referrer("a/b:1", Image::artifact("text/sbom"))
        .referrer("a/b:1", Image::artifact("text/signature"))
        .start()
        .await;
    let path = format!("referrers/{}", hub.digest("a/b:1"));
    let all = client.ask(&hub, "GET", ("a/b", &path)).await;
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    let some = client
        .ask(
            &hub,
            "GET",
            ("a/b", &format!("{path}?artifactType=text/sbom")),
        )
        .await;
    assert_eq!(some.json()["manifests"][0]["artifactType"], "text/sbom");
    assert_eq!(some.json()["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(some.header("oci-filters-applied"), "artifactType");

    let hub = tell()
        .without_referrers_api()
        .referrer("a/b:1", Image::artifact("text/sbom"))
        .start()
        .await;
    assert_eq!(client.ask(&hub, "GET", ("a/b", &path)).await.status, 404);
    let tag = hub.digest("a/b:1").replace(':', "-");
    let fallback = client
        .ask(&hub, "GET", ("a/b", &format!("manifests/{tag}")))
        .await;
    assert_eq!(fallback.json()["manifests"][0]["artifactType"], "text/sbom");
}

#[tokio::test]
async fn a_tag_can_be_moved_deleted_and_closed_off_while_it_runs() {
    let hub = HubSim::new().image("a/b:1", Image::small()).start().await;
    let client = Client::new();
    let digest = async || {
        let got = client.ask(&hub, "HEAD", ("a/b", "manifests/1")).await;
        (
            got.status.as_u16(),
            got.header("docker-content-digest").to_owned(),
        )
    };
    let old = hub.digest("a/b:1");
    assert_eq!(digest().await, (200, old.clone()));
    let new = hub.push("a/b:1", Image::small());
    assert_ne!(old, new);
    assert_eq!(digest().await, (200, new));
    hub.make_private("a/b", &[]);
    assert_eq!(digest().await.0, 401);
    hub.make_public("a/b");
    hub.delete("a/b:1");
    assert_eq!(digest().await.0, 404);
    hub.delete_repository("a/b");
    assert_eq!(digest().await.0, 401);
}

#[tokio::test]
async fn docker_types_and_sha512_are_served_as_pushed() {
    let hub = HubSim::new()
        .image(
            "a/docker:1",
            Image::small().docker_types().platforms(&["linux/amd64"]),
        )
        .image("a/long:1", Image::small().sha512())
        .start()
        .await;
    let client = Client::new();
    let list = client.ask(&hub, "HEAD", ("a/docker", "manifests/1")).await;
    assert_eq!(
        list.header("content-type"),
        "application/vnd.docker.distribution.manifest.list.v2+json"
    );
    assert!(list.body.is_empty());
    let layer = hub.layers("a/long:1").remove(0);
    assert!(layer.digest().starts_with("sha512:"));
    let got = client
        .blob(&hub, ("a/long", layer.digest()), &[])
        .await
        .unwrap();
    assert_eq!(got.body, layer.bytes());
}

#[tokio::test]
async fn blobs_in_line_and_tokens_at_the_registry_make_it_one_host() {
    let hub = HubSim::new()
        .image("a/b:1", Image::small())
        .blobs_inline()
        .tokens_at_registry()
        .start()
        .await;
    assert!(hub.token_url().starts_with(&hub.url()));
    let client = Client::new();
    let layer = hub.layers("a/b:1").remove(0);
    let got = client
        .ask(&hub, "GET", ("a/b", &format!("blobs/{}", layer.digest())))
        .await;
    assert_eq!(got.body, layer.bytes());
    assert_eq!(hub.count(|request| request.is(On::BlobContent)), 1);
}

#[tokio::test]
async fn the_ping_wants_a_token_of_any_scope() {
    let hub = HubSim::new().anonymous_limit(1, hours(6)).start().await;
    let client = Client::new();
    let url = format!("{}/v2/", hub.url());
    assert_eq!(client.get(&url, &[]).await.status, 401);
    let token = client.token(&hub, "a/b", "").await;
    assert_eq!(
        client.get(&url, &[("authorization", &token)]).await.status,
        200
    );
}
