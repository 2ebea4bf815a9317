//! Tokens, and the challenges that lead to them.

use crate::door::{ALICE, alice};
use crate::edge::Edge;
use crate::wire::Ask;

#[tokio::test]
async fn a_token_is_for_as_many_repositories_as_fit_and_asking_for_more_is_told() {
    let point = alice(&["**"], "pull").await;
    let edge = Edge::with(|table| table.access = Some(point));
    let asked = async |scopes: Vec<String>| {
        let line = format!("GET /token?scope={}", scopes.join("%20"));
        let ask = Ask::new(&line).login(ALICE.0, ALICE.1);
        ask.to(edge.address).await
    };
    let some = |count: usize| (0..count).map(|n| format!("repository:app{n}:pull"));
    assert_eq!(asked(some(16).collect()).await.status, 200);
    let refused = asked(some(17).collect()).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("at most 16 repositories"),
        "{refused:?}"
    );
    let one = std::iter::repeat_n("repository:app:pull".to_owned(), 40);
    assert_eq!(asked(one.collect()).await.status, 200);
}

#[tokio::test]
async fn a_challenge_leads_back_by_the_way_that_a_trusted_proxy_says_the_client_came() {
    for (trusted, said, scheme) in [
        ("127.0.0.0/8", "https", "https"),
        ("127.0.0.0/8", "http", "http"),
        ("10.0.0.0/8", "https", "http"),
    ] {
        let point = alice(&["**"], "pull").await;
        let edge = Edge::with(|table| {
            table.access = Some(point);
            table.clients.trusted_proxies = vec![trusted.parse().unwrap()];
        });
        let ask = Ask::new("GET /v2/")
            .header("host", "registry.example")
            .header("x-forwarded-proto", said);
        let challenged = ask.to(edge.address).await;
        assert_eq!(challenged.status, 401);
        let expected = format!(
            "Bearer realm=\"{scheme}://registry.example/token\",service=\"registry.example\""
        );
        assert_eq!(challenged.header("www-authenticate"), Some(&*expected));
    }
}

#[tokio::test]
async fn who_shows_a_token_for_less_is_asked_for_another_and_has_tried_nothing_yet() {
    let point = alice(&["**"], "pull,push,delete").await;
    let edge = Edge::with(|table| table.access = Some(point));
    let asked = async |line: &str, token: &str| {
        let ask = Ask::new(line).header("authorization", &format!("Bearer {token}"));
        ask.to(edge.address).await
    };
    let token = async |scope: &str| {
        let ask = Ask::new(&format!("GET /token{scope}")).login(ALICE.0, ALICE.1);
        let given = ask.to(edge.address).await;
        let body: serde_json::Value = serde_json::from_str(&given.body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    };
    let (nothing, pull) = (token("").await, token("?scope=repository:app:pull").await);
    let delete = token("?scope=repository:app:pull,delete").await;
    for (line, with, wrong, scope) in [
        (
            "GET /v2/_catalog",
            &*nothing,
            "insufficient_scope",
            "registry:catalog:*",
        ),
        (
            "DELETE /v2/app/manifests/1",
            &pull,
            "insufficient_scope",
            "repository:app:pull,delete",
        ),
        (
            "DELETE /v2/app/manifests/1",
            "no.token.ofours",
            "invalid_token",
            "repository:app:pull,delete",
        ),
    ] {
        let told = asked(line, with).await;
        assert_eq!(told.status, 401, "{line}: {}", told.body);
        let challenge = told.header("www-authenticate").unwrap();
        assert!(
            challenge.contains(&format!("error=\"{wrong}\"")),
            "{line}: {challenge}"
        );
        assert!(challenge.contains(scope), "{line}: {challenge}");
    }
    assert_eq!(
        asked("DELETE /v2/app/manifests/1", &delete).await.status,
        404
    );
    assert_eq!(
        edge.lines.until(1).await,
        ["delete-tag local/app:1 not_found"]
    );
}
