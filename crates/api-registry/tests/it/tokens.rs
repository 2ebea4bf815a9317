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
