//! Who may change anything where no access is configured: nobody, unless the operator says that this machine's own programs may.

use crate::edge::Edge;
use crate::wire::Ask;

fn push() -> Ask {
    Ask::new("PUT /v2/app/manifests/1")
        .header("content-type", "application/vnd.oci.image.index.v1+json")
        .body(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#)
}

#[tokio::test]
async fn without_access_nothing_is_changed_and_the_refusal_says_what_to_write() {
    let edge = Edge::with(|_| {});
    for change in [
        push(),
        Ask::new("POST /v2/app/blobs/uploads/"),
        Ask::new("DELETE /v2/app/manifests/1"),
    ] {
        let refused = change.to(edge.address).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        for told in ["DENIED", "`[access]`", "clients.loopback_push = true"] {
            assert!(refused.body.contains(told), "{refused:?}");
        }
    }
    assert_eq!(Ask::new("GET /v2/").to(edge.address).await.status, 200);
}

#[tokio::test]
async fn who_is_let_to_push_over_loopback_asks_for_itself_and_by_a_name_of_this_machine() {
    let edge = Edge::open();
    let pushed_by = async |name: &str, value: &str| {
        let ask = push().header(name, value);
        ask.to(edge.address).await.status
    };
    let port = edge.address.port();
    for host in [
        "localhost",
        &format!("localhost:{port}"),
        "LOCALHOST:5000",
        "registry.localhost",
        "127.0.0.1:5000",
        "127.8.9.1",
        "[::1]:5000",
    ] {
        assert_eq!(pushed_by("host", host).await, 201, "{host}");
    }
    // What a proxy on this machine passes on, for whomever.
    for host in [
        "registry.example",
        "registry.example:5000",
        "10.0.0.7:5000",
        "[2001:db8::1]:5000",
        "localhost.example",
        "127.0.0.1.example",
    ] {
        assert_eq!(pushed_by("host", host).await, 403, "{host}");
    }
    for header in ["x-forwarded-for", "x-forwarded-proto", "forwarded", "via"] {
        assert_eq!(pushed_by(header, "10.0.0.7").await, 403, "{header}");
    }
}
