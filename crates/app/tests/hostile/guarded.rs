//! A private image that an upstream gave to our account, asked for by somebody whom no rule lets. Threat B3.

use forebay_oci::Digest;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;

use crate::program::{Program, Setup};
use crate::pusher::{Asked, PASSWORD, write_users};
use crate::wire::Answer;

/// Ann may pull the private image, Bob what is public beside it.
const RULES: &str = r#"
local = ["mine/*"]
[access]
htpasswd_file = "users"
[[access.allow]]
who = ["user:ann"]
repositories = ["docker.io/acme/**"]
actions = ["pull"]
[[access.allow]]
who = ["user:bob"]
repositories = ["docker.io/library/*", "mine/*"]
actions = ["pull", "push"]
"#;

async fn hub() -> Hub {
    HubSim::new()
        .image("acme/secret:1", Image::small())
        .image("library/nginx:1", Image::with_layers(&[77]))
        .private("acme/secret", &["forebay"])
        .account("forebay", PASSWORD, None)
        .start()
        .await
}

/// All that can be read of a repository that has what `hub` has as `acme/secret:1`, below its name.
fn reads(hub: &Hub) -> Vec<String> {
    let digest = hub.digest("acme/secret:1");
    let mut reads = vec![
        "manifests/1".to_owned(),
        format!("manifests/{digest}"),
        "tags/list".to_owned(),
        "tags/list?n=1".to_owned(),
        format!("referrers/{digest}"),
    ];
    let blobs = hub.blobs("acme/secret:1");
    reads.extend(blobs.iter().map(|blob| format!("blobs/{}", blob.digest())));
    reads
}

async fn told(program: &Program, (who, method): (&str, &str), path: &str, headers: &str) -> Answer {
    let asked = Asked::new(who, method, path).body(headers, b"");
    asked.of(program).await
}

/// What an answer says, without its time and the names by which it was asked.
fn words(answer: &Answer, name: &str) -> String {
    let lines = answer.head.lines();
    let lines = lines.filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
    let head: Vec<&str> = lines.collect();
    format!("{}\n\n{}", head.join("\n"), answer.text()).replace(name, "NAME")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_image_that_is_kept_for_one_is_nowhere_for_another() {
    let (hub, folder) = (hub().await, TempDir::new().unwrap());
    write_users(folder.path(), &["ann", "bob"]);
    let account = format!("username = \"forebay\"\npassword = \"{PASSWORD}\"");
    let setup = Setup::new(folder.path())
        .with(RULES)
        .with(&crate::program::upstream("docker.io", &hub))
        .with(&account);
    let program = setup.start();
    let reads = reads(&hub);
    for read in &reads {
        let path = format!("/v2/acme/secret/{read}");
        let answer = told(&program, ("ann", "GET"), &path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    for path in [
        "/v2/library/nginx/manifests/1",
        "/v2/library/nginx/tags/list",
    ] {
        assert_eq!(told(&program, ("bob", "GET"), path, "").await.status, 200);
    }
    hub.clear_requests();

    // However it is named, however it is asked for, and however warm it is.
    for (start, end) in [
        ("/v2/", ""),
        ("/v2/docker.io/", ""),
        ("/v2/", "ns=docker.io"),
    ] {
        for read in &reads {
            let at = |name: &str| {
                let mark = if end.is_empty() {
                    ""
                } else if read.contains('?') {
                    "&"
                } else {
                    "?"
                };
                format!("{start}{name}/{read}{mark}{end}")
            };
            let (there, nowhere) = (at("acme/secret"), at("acme/nothing"));
            for (method, headers) in [
                ("GET", ""),
                ("HEAD", ""),
                ("GET", "Range: bytes=0-3\r\n"),
                ("GET", "If-None-Match: \"x\"\r\n"),
            ] {
                let kept = told(&program, ("bob", method), &there, headers).await;
                let absent = told(&program, ("bob", method), &nowhere, headers).await;
                assert_eq!(kept.status, 404, "{method} {there}: {}", kept.head);
                let (kept, absent) = (words(&kept, "acme/secret"), words(&absent, "acme/nothing"));
                assert_eq!(kept, absent, "{method} {there}");
                let stranger = told(&program, ("", method), &there, headers).await;
                assert_eq!(stranger.status, 401, "{method} {there}");
            }
        }
    }
    // Nothing was asked for him, and so nothing of how long it takes tells of it.
    assert_eq!(hub.requests().to_string(), "");

    // Nor by way of a repository that is his.
    let layer = Digest::sha256(&hub.blobs("acme/secret:1")[1].bytes());
    for from in ["&from=acme/secret", "&from=docker.io/acme/secret", ""] {
        let mount = format!("/v2/mine/app/blobs/uploads/?mount={layer}{from}");
        let begun = told(&program, ("bob", "POST"), &mount, "").await;
        assert_eq!(begun.status, 202, "{mount}: {}", begun.text());
    }
    for path in ["/v2/mine/app/blobs/", "/v2/library/nginx/blobs/"] {
        let path = format!("{path}{layer}");
        assert_eq!(told(&program, ("bob", "GET"), &path, "").await.status, 404);
    }
    let private = hub.requests_where(|asked| asked.target.contains("acme"));
    assert!(private.is_empty(), "{private:?}");
    assert!(program.stop().0.success());
}
