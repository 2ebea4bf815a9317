//! Names that mean nothing here, and those that are not shown: nobody tells them apart by trying.

use std::sync::Arc;

use forebay_oci::UpstreamName;

use crate::door::{ALICE, alice};
use crate::edge::Edge;
use crate::wire::{Answer, Ask};

/// What a client sees, but for the name that it asked for itself.
fn seen(answer: &Answer, name: &str) -> (u16, String, Option<String>) {
    let challenge = answer.header("www-authenticate");
    let encoded = name.replace('.', "%2E");
    (
        answer.status,
        answer.body.replace(name, "NAME"),
        challenge.map(|text| text.replace(name, "NAME").replace(&encoded, "NAME")),
    )
}

#[tokio::test]
async fn which_upstreams_there_are_is_not_found_out_by_trying() {
    let point = alice(&["app"], "pull").await;
    let edge = Edge::with(|table| {
        let known: UpstreamName = Arc::from("quay.io");
        table.routes.names.insert("quay.io".to_owned(), known);
        table.access = Some(point);
    });
    for line in [
        "GET /v2/NAME/org/app/manifests/1",
        "GET /v2/org/app/manifests/1?ns=NAME",
        "PUT /v2/NAME/org/app/manifests/1",
    ] {
        for login in [None, Some(ALICE)] {
            let ask = async |name: &str| {
                let ask = Ask::new(&line.replace("NAME", name));
                let ask = match login {
                    Some((user, password)) => ask.login(user, password),
                    None => ask,
                };
                seen(&ask.to(edge.address).await, name)
            };
            let (there, absent) = (ask("quay.io").await, ask("guay.io").await);
            assert_eq!(there, absent, "{line} {login:?}");
            assert_eq!(there.0, if login.is_some() { 404 } else { 401 });
        }
    }
    let none = Ask::new("GET /v2/_catalog?n=0").login(ALICE.0, ALICE.1);
    let none = none.to(edge.address).await;
    assert_eq!((none.status, &*none.body), (200, r#"{"repositories":[]}"#));
    assert_eq!(none.header("link"), None);
}
