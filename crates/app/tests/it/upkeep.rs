//! `forebay refresh` and `forebay fsck`, with a server that runs and without.

use std::os::unix::fs::PermissionsExt as _;

use std::path::{Path, PathBuf};

use hub_sim::{Hub, HubSim, Image, On, Role};

use crate::image::{Part, Pull};
use crate::program::{Ended, Forebay, Program};

const KEPT: &str = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";

/// A program with an image at rest.
async fn warm() -> (Hub, Program, Pull) {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:latest");
    pull.succeeds(&program).await;
    program.until_metric(KEPT, 3.0).await;
    (hub, program, pull)
}

/// A transcript in which digests are short.
fn transcript(ended: &Ended) -> String {
    let mut text = ended.transcript();
    while let Some(at) = text.find("sha256:") {
        let end = text[at + 7..].find(|c: char| !c.is_ascii_hexdigit());
        let end = end.map_or(text.len(), |end| at + 7 + end);
        let short = format!("[{}]", &text[at + 7..at + 15]);
        text.replace_range(at..end, &short);
    }
    text
}

#[tokio::test]
async fn a_refresh_costs_one_head_and_a_get_where_the_tag_moved() {
    let (hub, program, _) = warm().await;
    hub.clear_requests();
    let unchanged = program.setup.run(&["refresh", "nginx"]).await;
    insta::assert_snapshot!(transcript(&unchanged), @r"
    exit: 0
    ----- stdout -----
    docker.io/library/nginx:latest is [2e65738a]: unchanged
    ----- stderr -----
    ");
    insta::assert_snapshot!(hub.requests(), @"HEAD registry /v2/library/nginx/manifests/latest 200");
    hub.push("library/nginx:latest", Image::small());
    hub.clear_requests();
    let moved = program
        .setup
        .run(&["refresh", "docker.io/library/nginx:latest"])
        .await;
    insta::assert_snapshot!(transcript(&moved), @r"
    exit: 0
    ----- stdout -----
    docker.io/library/nginx:latest is [3b5b3f09]: moved from [2e65738a], fetched
    ----- stderr -----
    ");
    insta::assert_snapshot!(hub.requests(), @r"
    HEAD registry /v2/library/nginx/manifests/latest 200
    GET registry /v2/library/nginx/manifests/sha256:3b5b3f09e9c9… 200 charged
    ");
    hub.clear_requests();
    Pull::of(&hub, "library/nginx:latest")
        .by_tag
        .get(&program)
        .await;
    assert!(hub.requests().is_empty(), "{}", hub.requests());
}

#[tokio::test]
async fn a_refresh_that_cannot_be_done_says_why() {
    let (hub, program, _) = warm().await;
    let digest = format!("nginx@{}", hub.digest("library/nginx:latest"));
    let mut said = String::new();
    for image in [
        &digest,
        "nginx:none",
        "evil.example/nginx:1",
        "Not An Image",
    ] {
        said += &transcript(&program.setup.run(&["refresh", image]).await);
    }
    hub.go_down().await.expect("ports of ours");
    let port = hub.host().rsplit_once(':').expect("a port").1.to_owned();
    let down = program.setup.run(&["refresh", "nginx"]).await;
    said += &transcript(&down).replace(&port, "[PORT]");
    let setup = program.stop().await.setup;
    said += &transcript(&setup.run(&["refresh", "nginx"]).await);
    insta::assert_snapshot!(said, @r"
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: a digest never changes: name a tag
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot refresh docker.io/library/nginx:none
      caused by: manifest not found
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: no upstream is called evil.example
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: Not An Image is no image name: an image is written [registry/]repository[:tag]
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot refresh docker.io/library/nginx:latest
      caused by: the upstream is unavailable: cannot connect to 127.0.0.1 port [PORT]
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: no server runs on the data directory data
    hint: start it with forebay serve, or name its directory with --data
    ");
}

#[tokio::test]
async fn a_refresh_ends_what_was_kept_as_absent() {
    let (hub, program, _) = warm().await;
    let path = "/v2/library/nginx/manifests/new";
    assert_eq!(program.get(path).await.refusal().0, 404);
    hub.push("library/nginx:new", Image::small());
    assert_eq!(program.get(path).await.refusal().0, 404);
    let refreshed = program.setup.run(&["refresh", "nginx:new"]).await;
    assert!(refreshed.status.success(), "{}", refreshed.log);
    assert_eq!(program.get(path).await.status, 200);
}

/// The file that holds a blob.
fn file_of(setup: &Forebay, blob: &Part) -> PathBuf {
    fn find(folder: &Path, hex: &str) -> Option<PathBuf> {
        let entries = std::fs::read_dir(folder).ok()?;
        entries.flatten().find_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                return find(&path, hex);
            }
            entry
                .file_name()
                .to_string_lossy()
                .contains(hex)
                .then_some(path)
        })
    }
    find(&setup.data(), &blob.digest[7..]).expect("a blob at rest")
}

fn damage(setup: &Forebay, blob: &Part) {
    let path = file_of(setup, blob);
    let mut bytes = std::fs::read(&path).expect("a file");
    let at = bytes
        .iter()
        .zip(&blob.bytes)
        .position(|(a, b)| a == b)
        .expect("the blob's bytes");
    bytes[at + 100] ^= 1;
    std::fs::write(&path, bytes).expect("a file");
}

#[tokio::test]
async fn a_sound_cache_is_found_sound_whether_a_server_runs_or_not() {
    let (_hub, program, _) = warm().await;
    let running = transcript(&program.setup.run(&["fsck", "--dry-run"]).await);
    let setup = program.stop().await.setup;
    let stopped = transcript(&setup.run(&["fsck", "--dry-run"]).await);
    assert_eq!(running, stopped);
    insta::assert_snapshot!(stopped, @r"
    exit: 0
    ----- stdout -----
    4 sound blobs, 14 KiB in data
    ----- stderr -----
    ");
    insta::assert_snapshot!(transcript(&setup.run(&["fsck", "--json"]).await), @r#"
    exit: 0
    ----- stdout -----
    {
      "catalog": null,
      "rebuilt": false,
      "sound": 4,
      "bytes": 14959,
      "damaged": [],
      "dropped_with": [],
      "unrecorded": [],
      "missing": [],
      "unreadable": [],
      "unnamed": 0,
      "strays": [],
      "registry": {
        "rows": null,
        "rebuilt": null,
        "sound": 0,
        "bytes": 0,
        "damaged": [],
        "missing": [],
        "unreadable": [],
        "unnamed": 0,
        "unreadable_lines": 0,
        "differences": [],
        "is_settled": false
      }
    }
    ----- stderr -----
    "#);
}

#[tokio::test]
async fn a_data_directory_that_is_not_there_is_told_and_not_made() {
    let setup = Forebay::new();
    insta::assert_snapshot!(transcript(&setup.run(&["fsck"]).await), @r"
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: there is no data directory at data
    hint: name the one to check with --data, or its configuration with --config
    ");
    assert!(!setup.data().exists());
    std::fs::create_dir(setup.data()).expect("an empty directory");
    for command in [&["fsck"][..], &["fsck", "--rebuild"], &["refresh", "nginx"]] {
        let told = transcript(&setup.run(command).await);
        assert!(told.starts_with("exit: 3"), "{told}");
        assert!(
            told.contains("there is no data directory at data"),
            "{told}"
        );
    }
    let left = std::fs::read_dir(setup.data())
        .expect("it is there")
        .count();
    assert_eq!(left, 0, "nothing was made there");
}

#[tokio::test]
async fn a_running_server_finds_damage_and_mends_it_from_upstream() {
    let (hub, program, pull) = warm().await;
    damage(&program.setup, &pull.blobs[1]);
    std::fs::remove_file(file_of(&program.setup, &pull.blobs[2])).expect("a file");
    let found = program.setup.run(&["fsck", "--dry-run"]).await;
    insta::assert_snapshot!(transcript(&found), @r"
    exit: 1
    ----- stdout -----
    [81b5b1f0]  damaged: found
    [4b2b8b91]  missing: found
    2 sound blobs, 863 B in data
    ----- stderr -----
    ");
    let found = program.setup.run(&["fsck", "--dry-run", "--json"]).await;
    insta::assert_snapshot!(transcript(&found), @r#"
    exit: 1
    ----- stdout -----
    {
      "catalog": null,
      "rebuilt": false,
      "sound": 2,
      "bytes": 863,
      "damaged": [
        "[81b5b1f0]"
      ],
      "dropped_with": [],
      "unrecorded": [],
      "missing": [
        "[4b2b8b91]"
      ],
      "unreadable": [],
      "unnamed": 0,
      "strays": [],
      "registry": {
        "rows": null,
        "rebuilt": null,
        "sound": 0,
        "bytes": 0,
        "damaged": [],
        "missing": [],
        "unreadable": [],
        "unnamed": 0,
        "unreadable_lines": 0,
        "differences": [],
        "is_settled": false
      }
    }
    ----- stderr -----
    "#);
    insta::assert_snapshot!(transcript(&program.setup.run(&["fsck"]).await), @r"
    exit: 1
    ----- stdout -----
    [81b5b1f0]  damaged: dropped
    [2e65738a]  needs what was dropped: dropped
    [4b2b8b91]  missing: dropped
    1 sound blob, 315 B in data
    ----- stderr -----
    ");
    hub.clear_requests();
    pull.succeeds(&program).await;
    let downloads = hub.count(|request| request.role == Role::Blob && request.is_get());
    assert_eq!(downloads, 2, "{}", hub.requests());
    // The manifest went with its layers: no kept manifest claims what is not here.
    assert_eq!(hub.charged(), 1);
    program.until_metric(KEPT, 5.0).await;
    let after = program.setup.run(&["fsck"]).await;
    assert!(after.status.success(), "{}", after.out);
}

#[tokio::test]
async fn a_stopped_server_is_mended_too_and_starts_again() {
    let (hub, program, pull) = warm().await;
    let setup = program.stop().await.setup;
    damage(&setup, &pull.blobs[1]);
    let mut said = String::new();
    for arguments in [
        &["fsck", "--dry-run"][..],
        &["fsck"],
        &["fsck", "--dry-run"],
    ] {
        said += &transcript(&setup.run(arguments).await);
    }
    insta::assert_snapshot!(said, @r"
    exit: 1
    ----- stdout -----
    [81b5b1f0]  damaged: found
    3 sound blobs, 10 KiB in data
    ----- stderr -----
    exit: 1
    ----- stdout -----
    [81b5b1f0]  damaged: dropped
    [2e65738a]  needs what was dropped: dropped
    3 sound blobs, 10 KiB in data
    ----- stderr -----
    exit: 0
    ----- stdout -----
    2 sound blobs, 10 KiB in data
    ----- stderr -----
    ");
    pull.succeeds(&setup.start().await).await;
    // The manifest went with its layer: no kept manifest claims what is not here.
    assert_eq!(hub.charged(), 2);
}

#[tokio::test]
async fn a_rebuilt_catalog_shows_nothing_before_the_upstream_has_said_that_it_may() {
    let (hub, program, pull) = warm().await;
    let while_running = program.setup.run(&["fsck", "--rebuild"]).await;
    assert!(!while_running.status.success());
    assert!(
        while_running.log.contains("is in use by process"),
        "{}",
        while_running.log
    );
    let setup = program.stop().await.setup;
    insta::assert_snapshot!(transcript(&setup.run(&["fsck", "--rebuild"]).await), @r"
    exit: 1
    ----- stdout -----
    catalog  rebuilt from the blobs
    [2e65738a]  unknown to the catalog: recorded
    [4b2b8b91]  unknown to the catalog: recorded
    [81b5b1f0]  unknown to the catalog: recorded
    [d8c0952c]  unknown to the catalog: recorded
    4 sound blobs, 14 KiB in data
    ----- stderr -----
    ");
    let program = setup.start().await;
    hub.clear_requests();
    pull.succeeds(&program).await;
    // Nothing is downloaded again; each link is earned by a HEAD.
    let got = hub.requests_where(|request| request.is_get() && !request.is(On::Token));
    assert!(got.is_empty(), "{got}");
    let earned = hub.count(|request| request.is_head() && request.status == Some(200));
    assert!(earned >= pull.blobs.len(), "{}", hub.requests());
    let setup = program.stop().await.setup;
    hub.go_down().await.expect("ports of ours");
    assert!(setup.run(&["fsck", "--rebuild"]).await.status.code() <= Some(1));
    let program = setup.start().await;
    assert_eq!(program.get(&pull.blobs[1].path).await.refusal().0, 502);
}

#[tokio::test]
async fn what_is_kept_is_for_its_owner_alone() {
    let (_hub, program, _pull) = warm().await;
    let data = program.setup.data();
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).expect("the data directory") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn a_refresh_means_what_a_pull_means_and_is_refused_what_a_pull_is() {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .image("secret/app:latest", Image::small())
        .start()
        .await;
    let program = Forebay::new()
        .upstream_with(
            "docker.io",
            &hub,
            "allow = [\"library/*\"]\nprefix = \"hub\"",
        )
        .start()
        .await;
    let mut said = String::new();
    for image in [
        "secret/app",
        "docker.io/librari/nginx",
        "docker.oi/library/nginx",
    ] {
        said += &transcript(&program.setup.run(&["refresh", image]).await);
    }
    assert!(hub.requests().is_empty(), "{}", hub.requests());
    for image in [
        "index.docker.io/nginx",
        "hub/library/nginx",
        "library/nginx",
    ] {
        said += &transcript(&program.setup.run(&["refresh", image]).await);
    }
    insta::assert_snapshot!(said, @r"
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: docker.io/secret/app is not on the allow-list, so nothing was asked; did you mean docker.io/library/app?
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: docker.io/librari/nginx is not on the allow-list, so nothing was asked; did you mean docker.io/library/nginx?
    exit: 3
    ----- stdout -----
    ----- stderr -----
    error: no upstream is called docker.oi; did you mean docker.io?
    exit: 0
    ----- stdout -----
    docker.io/library/nginx:latest is [2e65738a]: new here, fetched
    ----- stderr -----
    exit: 0
    ----- stdout -----
    docker.io/library/nginx:latest is [2e65738a]: unchanged
    ----- stderr -----
    exit: 0
    ----- stdout -----
    docker.io/library/nginx:latest is [2e65738a]: unchanged
    ----- stderr -----
    ");
    let gets = |record: &hub_sim::Record| record.is_get() && record.is(On::Manifest);
    assert_eq!(hub.count(gets), 1);
}

#[tokio::test]
async fn a_refresh_says_that_a_tag_moved_also_to_what_is_here_already() {
    let hub = HubSim::new()
        .image("library/nginx:latest", Image::small())
        .start()
        .await;
    let next = hub.push("library/nginx:next", Image::small());
    let program = Forebay::before(&hub).start().await;
    for image in ["nginx", "nginx:next"] {
        let refreshed = program.setup.run(&["refresh", image]).await;
        assert!(refreshed.transcript().contains("new here, fetched"));
    }
    hub.retag("library/nginx:latest", &next);
    let moved = program.setup.run(&["refresh", "nginx"]).await;
    insta::assert_snapshot!(transcript(&moved), @r"
    exit: 0
    ----- stdout -----
    docker.io/library/nginx:latest is [68c89dfd]: moved from [2e65738a], here already
    ----- stderr -----
    ");
}
