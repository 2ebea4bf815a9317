//! What an operator watches of local repositories, by `/metrics` of a server that runs.

use http::Method;

use crate::client::Ask;
use crate::program::{Forebay, Program};
use crate::repositories::{is_pushed, run};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn is(program: &Program, figure: &str, value: f64) {
    let found = program.metric(figure).await;
    assert!((found - value).abs() < f64::EPSILON, "{figure}: {found}");
}

#[tokio::test]
async fn what_is_held_and_what_is_changed_is_counted_and_nothing_that_clients_name() {
    let setup = Forebay::new().with("local = [\"team/*\"]\n[clients]\nloopback_push = true\n");
    let program = setup.start().await;
    let text = program.get("/metrics").await.text();
    assert!(
        text.contains("\nforebay_registry_repositories 0\n"),
        "{text}"
    );
    is_pushed(&program, "team/app:1", "one").await;
    is_pushed(&program, "team/app:2", "two").await;
    is(&program, "forebay_registry_repositories", 1.0).await;
    is(&program, "forebay_registry_objects", 2.0).await;
    assert!(program.metric("forebay_registry_size_bytes").await > 2.0);
    let pushed = "forebay_changes_total{act=\"push-manifest\",outcome=\"done\"}";
    is(&program, pushed, 2.0).await;

    // What goes beyond a quota is refused.
    run(&setup, &["repo", "create", "team/small", "--quota", "1KB"]).await;
    let long = "x".repeat(2000);
    let body = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"note":"{long}"}}}}"#
    );
    let put = Ask::new(Method::PUT, "/v2/team/small/manifests/latest");
    let put = put.header("content-type", INDEX).body(body);
    assert_eq!(program.ask(put).await.status, 403);
    let refused = "forebay_changes_total{act=\"push-manifest\",outcome=\"over_quota\"}";
    is(&program, refused, 1.0).await;

    is(&program, "forebay_registry_uploads_open", 0.0).await;
    let upload = Ask::new(Method::POST, "/v2/team/app/blobs/uploads/");
    assert_eq!(program.ask(upload).await.status, 202);
    is(&program, "forebay_registry_uploads_open", 1.0).await;

    run(&setup, &["repo", "delete", "team/app", "--force"]).await;
    run(&setup, &["gc"]).await;
    for act in ["delete-repository", "collect-garbage"] {
        let done = format!("forebay_changes_total{{act=\"{act}\",outcome=\"done\"}}");
        is(&program, &done, 1.0).await;
    }
    is(&program, "forebay_registry_repositories", 1.0).await;
    is(&program, "forebay_registry_objects", 0.0).await;
    let text = program.get("/metrics").await.text();
    let named = ["team", "latest", "small"];
    assert!(named.iter().all(|name| !text.contains(name)), "{text}");
}
