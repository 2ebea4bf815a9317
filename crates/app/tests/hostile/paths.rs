//! Paths that climb: out of a repository's name, a reference, an upload, a query. Threat C8.

use std::path::{Path, PathBuf};

use forebay_oci::Digest;
use hub_sim::{HubSim, Image};
use tempfile::TempDir;

use crate::disks::{blob_files, files_below};
use crate::program::Setup;
use crate::pull::{Pulled, pull};
use crate::pusher::{Asked, Pushed};
use crate::wire::{Answer, ask};

const IMAGE: &str = "library/image:1";

/// What might lead out of wherever it stands, and two that are a name and a query after all.
const CLIMBS: [&str; 24] = [
    "..",
    "../..",
    "../../../secret",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fsecret",
    "..%2f..%2fsecret",
    "%2F%2F..%2Fsecret",
    "..%5c..%5csecret",
    "..\\..\\secret",
    "%c0%ae%c0%ae%c0%afsecret",
    "%00",
    "a%00b",
    "....//....//secret",
    ".",
    "%2e",
    "a//b",
    "/etc/passwd",
    "%252e%252e%252fsecret",
    "a;b",
    "a?b=..",
    "~",
    "a%0d%0ab",
    "%ff%fe",
    "A",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_repositories() {
    let hub = HubSim::new().image(IMAGE, Image::small()).start().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let program = setup.start();
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    std::fs::write(folder.path().join("secret"), "the secret").unwrap();
    hub.clear_requests();
    for climb in CLIMBS {
        for place in [
            "/{}",
            "/v2/{}",
            "/v2/{}/manifests/1",
            "/v2/library/{}/manifests/1",
            "/v2/library/image/manifests/{}",
            "/v2/library/image/blobs/{}",
            "/v2/library/image/blobs/sha256:{}",
            "/v2/library/image/blobs/uploads/{}",
            "/v2/library/image/referrers/{}",
            "/v2/library/image/tags/{}",
            "/v2/library/image/manifests/1?ns={}",
            "/metrics/{}",
        ] {
            let path = place.replace("{}", climb);
            let answer = ask(program.address, "GET", &path, "").await;
            // What is a name after all may truly be absent; nothing is ever found or breaks.
            let is_fine = (400..500).contains(&answer.status) || is_plain(&path, &answer);
            assert!(is_fine, "{path}: {} {}", answer.head, answer.text());
            assert!(
                !answer.text().contains("the secret") && !answer.text().contains("root:"),
                "{path}"
            );
        }
    }
    for asked in hub.requests().iter() {
        let target = asked.target.to_lowercase();
        let is_clean = !["..", "%2e", "%2f..", "\\", "%5c", "%00", "%25"]
            .iter()
            .any(|mark| target.contains(mark));
        assert!(is_clean, "{target}");
    }
    assert!(!program.log().contains("panicked"), "{}", program.log());
    let files: Vec<_> = blob_files(&setup.data());
    assert!(
        files
            .iter()
            .all(|file| file.starts_with(setup.data().join("blobs/sha256")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_of_a_change_leads_out_of_the_repositories() {
    let folder = TempDir::new().unwrap();
    let setup =
        Setup::new(folder.path()).with("local = [\"team/*\"]\n[clients]\nloopback_push = true");
    let program = setup.start();
    let image = Pushed::new("team/app");
    image.push(&program, "", "team/app", "1").await;
    let begun = ask(program.address, "POST", "/v2/team/app/blobs/uploads/", "").await;
    let session = begun.header("location").unwrap();
    std::fs::write(folder.path().join("secret"), "the secret").unwrap();
    let before = listed(folder.path());
    let (digest, layer) = (image.digest(), Digest::sha256(image.layer()));
    let at = |rest: &str| format!("/v2/team/app/{rest}");
    let places = [
        ("PUT", "/v2/{}/manifests/1".to_owned()),
        ("PUT", "/v2/team/{}/manifests/1".to_owned()),
        ("PUT", at("manifests/{}")),
        ("PUT", at(&format!("manifests/{digest}?tag={{}}"))),
        ("DELETE", at("manifests/{}")),
        ("DELETE", at("blobs/{}")),
        ("DELETE", at("blobs/sha256:{}")),
        ("POST", "/v2/{}/blobs/uploads/".to_owned()),
        ("POST", "/v2/team/{}/blobs/uploads/".to_owned()),
        ("POST", at("{}/blobs/uploads/")),
        ("POST", at("blobs/uploads/?digest={}")),
        ("POST", at("blobs/uploads/?digest=sha256:{}")),
        ("POST", at("blobs/uploads/?mount={}&from=team/app")),
        (
            "POST",
            at(&format!("blobs/uploads/?mount={layer}&from={{}}")),
        ),
        ("PATCH", at("blobs/uploads/{}")),
        ("PUT", at(&format!("blobs/uploads/{{}}?digest={layer}"))),
        ("PUT", format!("{session}?digest={{}}")),
        ("DELETE", at("blobs/uploads/{}")),
    ];
    let names = ["A", "a?b=.."];
    for climb in CLIMBS.into_iter().filter(|climb| !names.contains(climb)) {
        for (method, place) in &places {
            let path = place.replace("{}", climb);
            let asked = Asked::new("", method, &path);
            let headers = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
            let answer = asked.body(headers, &image.manifest).of(&program).await;
            let (head, text) = (&answer.head, answer.text());
            assert!(
                (400..500).contains(&answer.status),
                "{method} {path}: {head} {text}"
            );
            assert!(!text.contains("the secret"), "{method} {path}: {text}");
        }
    }
    // Nothing has come, nothing has gone, here and outside.
    assert_eq!(listed(folder.path()), before);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("secret")).unwrap(),
        "the secret"
    );
    for (path, list) in [
        ("/v2/_catalog", r#"{"repositories":["team/app"]}"#),
        (
            "/v2/team/app/tags/list",
            r#"{"name":"team/app","tags":["1"]}"#,
        ),
    ] {
        assert_eq!(program.get(path).await.text(), list);
    }
    assert!(image.is_under(&program, "team/app", "1").await);
    assert!(!program.log().contains("panicked"), "{}", program.log());
}

/// All files below a folder, in order.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.sort();
    files
}

/// A query that the tag's manifest does not care about, or the ping.
fn is_plain(path: &str, answer: &Answer) -> bool {
    answer.status == 200
        && (path.starts_with("/v2/library/image/manifests/1?ns=")
            || path == "/v2/"
            || path == "/v2/.")
}
