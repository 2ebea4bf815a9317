//! How long a tag is believed, what a check costs, and what is remembered of what is not there.

use std::time::Duration;

use hub_sim::{Fault, Gate, HubSim, Image, On};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Ask;
use crate::image::Pull;
use crate::program::Forebay;

const NOT_HERE: (u16, &str) = (404, "MANIFEST_UNKNOWN");

#[tokio::test]
async fn a_tag_is_fresh_as_long_as_its_pattern_says() {
    let tags = ["latest", "1.27.3", "nightly-7"];
    let mut hub = HubSim::new();
    for tag in tags {
        hub = hub.image(&format!("library/nginx:{tag}"), Image::small());
    }
    let hub = hub.start().await;
    for (rules, checked) in [
        (
            "tag_rules = [{ pattern = \"nightly-*\", ttl = \"0s\" }]",
            "nightly-7",
        ),
        (
            "version_ttl = \"0s\"\ntag_rules = [{ pattern = \"nightly-*\", ttl = \"5m\" }]",
            "1.27.3",
        ),
        (
            "tag_ttl = \"0s\"\ntag_rules = [{ pattern = \"nightly-*\", ttl = \"5m\" }]",
            "latest",
        ),
    ] {
        let program = Forebay::before(&hub)
            .with(&format!("[cache]\n{rules}"))
            .start()
            .await;
        for tag in tags {
            program
                .get(&format!("/v2/library/nginx/manifests/{tag}"))
                .await;
        }
        hub.clear_requests();
        for tag in tags {
            program
                .get(&format!("/v2/library/nginx/manifests/{tag}"))
                .await;
        }
        let asked = hub.requests();
        assert_eq!(
            asked.to_string(),
            format!("HEAD registry /v2/library/nginx/manifests/{checked} 200")
        );
    }
}

#[tokio::test]
async fn a_changed_tag_costs_a_head_and_a_get_for_each_manifest_that_is_asked_for() {
    let image = || Image::small().platforms(&["linux/amd64", "linux/arm64"]);
    let hub = HubSim::new()
        .image("library/nginx:latest", image())
        .start()
        .await;
    let program = Forebay::before(&hub)
        .with("[cache]\ntag_ttl = \"0s\"")
        .start()
        .await;
    let path = "/v2/library/nginx/manifests/latest";
    program.get(path).await;
    hub.push("library/nginx:latest", image());
    hub.clear_requests();
    Pull::of(&hub, "library/nginx:latest")
        .by_tag
        .get(&program)
        .await;
    Pull::of_platform(&hub, "library/nginx:latest", "linux/arm64")
        .by_tag
        .get(&program)
        .await;
    insta::assert_snapshot!(hub.requests(), @r"
    HEAD registry /v2/library/nginx/manifests/latest 200
    GET registry /v2/library/nginx/manifests/sha256:4a6f9aa6b0e3… 200 charged
    GET registry /v2/library/nginx/manifests/sha256:44d00a1bb70f… 200 charged
    ");
}

#[tokio::test]
async fn a_hundred_who_find_a_tag_stale_wait_for_one_head() {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .start()
        .await;
    let sections = "[cache]\ntag_ttl = \"1s\"\nrevalidate_budget = \"1m\"";
    let program = Forebay::before(&hub).with(sections).start().await;
    let pull = Pull::of(&hub, "library/nginx:latest");
    pull.by_tag.get(&program).await;
    hub.clear_requests();
    let gate = hub.hold(On::Manifest);
    let mut herd = JoinSet::new();
    let mut come = || {
        let (address, tag) = (program.address, pull.by_tag.clone());
        herd.spawn(async move { tag.expect(&Ask::get(&tag.path).to(address).await) });
    };
    // Whoever comes before the tag is stale is answered at once.
    while gate.count() == 0 {
        come();
        sleep(Duration::from_millis(20)).await;
    }
    (0..100).for_each(|_| come());
    program
        .until_metric("forebay_http_connections", 101.0)
        .await;
    gate.open();
    herd.join_all().await;
    assert_eq!(
        hub.requests().to_string(),
        "HEAD registry /v2/library/nginx/manifests/latest 200"
    );
}

#[tokio::test]
async fn a_check_that_takes_too_long_goes_on_behind_the_stale_answer() {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .start()
        .await;
    let sections = "[cache]\ntag_ttl = \"0s\"\nrevalidate_budget = \"100ms\"";
    let program = Forebay::before(&hub).with(sections).start().await;
    let path = "/v2/library/nginx/manifests/latest";
    let old = Pull::of(&hub, "library/nginx:latest").by_tag;
    old.get(&program).await;
    hub.push("library/nginx:latest", Image::small());
    let new = Pull::of(&hub, "library/nginx:latest").by_tag;
    let gate = Gate::closed();
    hub.fault(Fault::Hold(gate.clone())).on(On::Manifest).once();
    let answer = program.get(path).await;
    old.expect(&answer);
    assert_eq!(answer.told(), "200, 299 - \"Response is Stale\"");
    assert!(answer.took < Duration::from_secs(3), "{:?}", answer.took);
    gate.open();
    // Until the check has ended, nobody waits for it any more.
    let moved = async { while program.get(path).await.told() != "200" {} };
    tokio::time::timeout(Duration::from_secs(20), moved)
        .await
        .expect("the check's end");
    new.get(&program).await;
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_once_in_its_time_and_told_as_what_it_was() {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    program.get("/v2/library/nginx/manifests/latest").await;
    hub.clear_requests();
    for _ in 0..5 {
        let absent = program
            .get("/v2/library/nginx/manifests/none")
            .await
            .refusal();
        assert_eq!(absent, (NOT_HERE.0, NOT_HERE.1.to_owned()));
        // Docker Hub says 401 of a repository that is not there.
        let denied = program
            .get("/v2/library/none/manifests/latest")
            .await
            .refusal();
        assert_eq!(denied, (401, "UNAUTHORIZED".to_owned()));
    }
    insta::assert_snapshot!(hub.requests(), @r"
    HEAD registry /v2/library/nginx/manifests/none 404
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fnone%3Apull 200
    HEAD registry /v2/library/none/manifests/latest 401
    ");
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_again_after_its_time() {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub)
        .with("[cache]\nnegative_ttl = \"0s\"")
        .start()
        .await;
    let path = "/v2/library/nginx/manifests/new";
    assert_eq!(program.get(path).await.status, 404);
    hub.push("library/nginx:new", Image::small());
    assert_eq!(program.get(path).await.status, 200);
}

#[tokio::test]
async fn a_list_of_tags_is_kept_paged_and_served_stale() {
    let mut hub = HubSim::new();
    for number in 0..5 {
        hub = hub.image(&format!("library/nginx:{number}"), Image::small());
    }
    let hub = hub.start().await;
    let program = Forebay::before(&hub)
        .with("[cache]\ntag_ttl = \"0s\"")
        .start()
        .await;
    let first = program.get("/v2/library/nginx/tags/list?n=2").await;
    assert_eq!(first.text(), r#"{"name":"library/nginx","tags":["0","1"]}"#);
    let link = first.header("link").expect("a next page");
    assert_eq!(
        link,
        "</v2/library/nginx/tags/list?n=2&last=1>; rel=\"next\""
    );
    let all = program
        .get("/v2/library/nginx/tags/list?ns=docker.io")
        .await;
    assert_eq!(
        all.text(),
        r#"{"name":"library/nginx","tags":["0","1","2","3","4"]}"#
    );
    hub.go_down().await.expect("ports of ours");
    let stale = program.get("/v2/library/nginx/tags/list?n=2").await;
    assert_eq!(stale.told(), "200, 299 - \"Response is Stale\"");
    assert_eq!(stale.body, first.body);
    let setup = program.stop().await.setup;
    let program = setup.start().await;
    let stale = program.get("/v2/library/nginx/tags/list?n=2").await;
    assert_eq!(stale.body, first.body);
}

#[tokio::test]
async fn referrers_pass_through_by_the_api_and_by_the_fallback_tag() {
    for has_api in [true, false] {
        let mut hub = HubSim::new();
        if !has_api {
            hub = hub.without_referrers_api();
        }
        let hub = hub
            .image("library/nginx:1", Image::small())
            .referrer(
                "library/nginx:1",
                Image::artifact("application/vnd.example.sbom"),
            )
            .referrer(
                "library/nginx:1",
                Image::artifact("application/vnd.example.signature"),
            )
            .start()
            .await;
        let program = Forebay::before(&hub).start().await;
        let path = format!(
            "/v2/library/nginx/referrers/{}",
            hub.digest("library/nginx:1")
        );
        let answer = program.get(&path).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/vnd.oci.image.index.v1+json")
        );
        assert_eq!(
            types(&answer.body),
            [
                "application/vnd.example.sbom",
                "application/vnd.example.signature"
            ]
        );
        hub.clear_requests();
        assert_eq!(program.get(&path).await.body, answer.body);
        assert!(hub.requests().is_empty(), "{}", hub.requests());
    }
}

fn types(body: &[u8]) -> Vec<String> {
    let index: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    let manifests = index["manifests"].as_array().expect("a list");
    let mut types: Vec<_> = manifests
        .iter()
        .map(|manifest| {
            manifest["artifactType"]
                .as_str()
                .expect("a type")
                .to_owned()
        })
        .collect();
    types.sort();
    types
}
