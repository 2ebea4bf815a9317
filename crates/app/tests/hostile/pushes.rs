//! The whole program before people who push, and before people who may not: what belongs to one is nobody else's, by any way.

use forebay_oci::Digest;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;

use crate::program::{Program, Setup, upstream};
use crate::pusher::{Asked, Pushed, login_of, write_users};
use crate::wire::Answer;

/// Alice may do all in `team/`, and Bob in `other/`; Rita reads, Paula also pushes, Dora reads and deletes.
const RULES: &str = r#"
local = ["team/*", "other/*"]
[access]
htpasswd_file = "users"
[[access.allow]]
who = ["user:alice"]
repositories = ["team/*"]
actions = ["pull", "push", "delete"]
[[access.allow]]
who = ["user:bob"]
repositories = ["other/*", "docker.io/**"]
actions = ["pull", "push", "delete"]
[[access.allow]]
who = ["user:rita", "user:paula", "user:dora"]
repositories = ["team/*"]
actions = ["pull"]
[[access.allow]]
who = ["user:paula"]
repositories = ["team/*"]
actions = ["push"]
[[access.allow]]
who = ["user:dora"]
repositories = ["team/*"]
actions = ["delete"]
"#;

const USERS: [&str; 5] = ["alice", "bob", "rita", "paula", "dora"];

/// More than a body that is refused may cost in memory.
const MAX_GROWTH_KIB: u64 = 16 * 1024;

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Pull,
    Push,
    Delete,
}

async fn status(program: &Program, who: &str, method: &str, path: &str) -> u16 {
    Asked::new(who, method, path).of(program).await.status
}

fn setup(folder: &TempDir) -> Setup {
    write_users(folder.path(), &USERS);
    Setup::new(folder.path()).with(RULES)
}

/// The same before an upstream with an image.
async fn before_hub(folder: &TempDir) -> (Hub, Program) {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = setup(folder).with(&upstream("docker.io", &hub)).start();
    (hub, program)
}

/// What each request needs, with its headers and body. All that can be asked of a repository that holds `image` as `1` is here.
fn all_requests(image: &Pushed, session: &str) -> Vec<(Need, String, String, Vec<u8>)> {
    let (digest, layer) = (image.digest(), Digest::sha256(image.layer()));
    let stranger = Digest::sha256(b"nobody's");
    let other = Pushed::new("what nobody may push");
    let asked = |need, method: &str, path: String, body: &[u8]| {
        (need, method.to_owned(), path, body.to_vec())
    };
    let mut all = Vec::new();
    for method in ["GET", "HEAD"] {
        for path in [
            "manifests/1".to_owned(),
            format!("manifests/{digest}"),
            format!("blobs/{layer}"),
        ] {
            all.push(asked(Need::Pull, method, path, b""));
        }
    }
    for path in [
        "tags/list".to_owned(),
        "tags/list?n=1".to_owned(),
        format!("referrers/{digest}"),
    ] {
        all.push(asked(Need::Pull, "GET", path, b""));
    }
    let (blob, other_digest) = (Digest::sha256(b"blob"), other.digest());
    for (method, path, body) in [
        ("PUT", "manifests/1".to_owned(), other.manifest.as_slice()),
        ("PUT", "manifests/2".to_owned(), &image.manifest),
        ("PUT", format!("manifests/{other_digest}"), &other.manifest),
        ("PUT", format!("manifests/{digest}?tag=3"), &image.manifest),
        ("POST", "blobs/uploads/".to_owned(), b""),
        ("POST", format!("blobs/uploads/?digest={blob}"), b"blob"),
        ("POST", format!("blobs/uploads/?mount={stranger}"), b""),
        (
            "POST",
            format!("blobs/uploads/?mount={layer}&from=team/app"),
            b"",
        ),
        ("GET", session.to_owned(), b""),
        ("PATCH", session.to_owned(), b"more"),
        ("PUT", format!("{session}?digest={blob}"), b"blob"),
        ("DELETE", session.to_owned(), b""),
    ] {
        all.push(asked(Need::Push, method, path, body));
    }
    for path in [
        "manifests/1".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{layer}"),
    ] {
        all.push(asked(Need::Delete, "DELETE", path, b""));
    }
    all
}

/// All is as it was: the tag, no other one, the blob, the upload.
async fn check_untouched(program: &Program, image: &Pushed, session: &str) {
    let manifest = Asked::new("rita", "GET", "/v2/team/app/manifests/1")
        .of(program)
        .await;
    assert_eq!(manifest.body, image.manifest);
    let tags = Asked::new("rita", "GET", "/v2/team/app/tags/list")
        .of(program)
        .await;
    assert_eq!(tags.text(), r#"{"name":"team/app","tags":["1"]}"#);
    let layer = format!("/v2/team/app/blobs/{}", Digest::sha256(image.layer()));
    assert_eq!(status(program, "rita", "GET", &layer).await, 200);
    let upload = format!("/v2/team/app/{session}");
    let upload = Asked::new("alice", "GET", &upload).of(program).await;
    assert_eq!((upload.status, upload.header("range")), (204, Some("0-0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_does_what_another_way_may_not() {
    let folder = TempDir::new().unwrap();
    let program = setup(&folder).start();
    let image = Pushed::new("team/app");
    image.push(&program, "alice", "team/app", "1").await;
    let begun = Asked::new("alice", "POST", "/v2/team/app/blobs/uploads/")
        .of(&program)
        .await;
    let session = begun.header("location").expect("a place").to_owned();
    let session = session
        .strip_prefix("/v2/team/app/")
        .expect("a path of the repository");
    let requests = all_requests(&image, session);
    let mut refused = 0;
    for (who, may) in [
        ("", [].as_slice()),
        ("bob", &[]),
        ("rita", &[Need::Pull]),
        ("paula", &[Need::Pull, Need::Push]),
        ("dora", &[Need::Pull, Need::Delete]),
    ] {
        for (need, method, path, body) in &requests {
            if may.contains(need) && *need != Need::Pull {
                continue; // what it does is another story's
            }
            let full = format!("/v2/team/app/{path}");
            let headers = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
            let asked = Asked::new(who, method, &full).body(headers, body);
            let answer = asked.of(&program).await;
            let expected = match (who, may) {
                _ if may.contains(need) => 200,
                ("", _) => 401,
                (_, []) => 404,
                _ => 403,
            };
            assert_eq!(
                answer.status, expected,
                "{who} {method} {path}: {}",
                answer.head
            );
            refused += u32::from(expected != 200);
            if expected == 404 {
                // As if there were no such repository: nothing in the answer tells them apart.
                let nowhere = format!("/v2/team/nothing/{path}");
                let asked = Asked::new(who, method, &nowhere).body(headers, body);
                let absent = asked.of(&program).await;
                let told = |answer: &Answer| answer.text().replace("team/nothing", "team/app");
                assert_eq!(
                    (absent.status, told(&absent)),
                    (404, told(&answer)),
                    "{method} {path}"
                );
            }
        }
        let listed = Asked::new(who, "GET", "/v2/_catalog").of(&program).await;
        let expected = match who {
            "" => None,
            "bob" => Some(r#"{"repositories":[]}"#),
            _ => Some(r#"{"repositories":["team/app"]}"#),
        };
        match expected {
            Some(expected) => assert_eq!(listed.text(), expected, "{who}"),
            None => assert_eq!(listed.status, 401),
        }
    }
    assert!(
        refused >= 60,
        "{refused} refusals: the table has become shorter"
    );

    check_untouched(&program, &image, session).await;
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_on_with_anothers_upload() {
    let folder = TempDir::new().unwrap();
    let program = setup(&folder).start();
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let begun = Asked::new("alice", "POST", "/v2/team/app/blobs/uploads/")
            .of(&program)
            .await;
        let place = begun.header("location").expect("a place").to_owned();
        sessions.push(place);
    }
    let id = |place: &str| place.rsplit('/').next().unwrap().to_owned();
    let first = id(&sessions[0]);
    assert!(first.len() >= 22, "128 bits and more: {first}");
    let mut unique: Vec<String> = sessions.iter().map(|place| id(place)).collect();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 20);

    let digest = Digest::sha256(b"mine");
    for (who, repository) in [
        ("alice", "team/other"),
        ("bob", "other/app"),
        ("bob", "team/app"),
        ("paula", "team/app"),
    ] {
        let path = format!("/v2/{repository}/blobs/uploads/{first}");
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let path = match method {
                "PUT" => format!("{path}?digest={digest}"),
                _ => path.clone(),
            };
            let asked = Asked::new(who, method, &path).body("", b"mine");
            let answer = asked.of(&program).await;
            assert_eq!(
                answer.status, 404,
                "{who} {method} {repository}: {}",
                answer.head
            );
        }
    }
    let path = format!("{}?digest={digest}", sessions[0]);
    let asked = Asked::new("alice", "PUT", &path).body("", b"mine");
    assert_eq!(asked.of(&program).await.status, 201);
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_stays_deleted_whoever_else_has_it() {
    let folder = TempDir::new().unwrap();
    let (hub, program) = before_hub(&folder).await;
    // What an upstream has too: pulled through whole, and pushed by its bytes.
    let image = Pushed::of(&hub, "library/nginx:1");
    image.push(&program, "alice", "team/app", "1").await;
    image.push(&program, "bob", "other/app", "1").await;

    let digest = image.digest();
    let layer = Digest::sha256(image.layer());
    let paths = |repository: &str| {
        [
            format!("/v2/{repository}/manifests/1"),
            format!("/v2/{repository}/manifests/{digest}"),
            format!("/v2/{repository}/blobs/{layer}"),
        ]
    };
    for path in paths("library/nginx") {
        assert_eq!(status(&program, "bob", "GET", &path).await, 200, "{path}");
    }
    for path in &paths("team/app")[1..] {
        assert_eq!(
            status(&program, "alice", "DELETE", path).await,
            202,
            "{path}"
        );
    }
    for _ in 0..2 {
        for path in paths("team/app") {
            assert_eq!(status(&program, "alice", "GET", &path).await, 404, "{path}");
            assert_eq!(
                status(&program, "alice", "HEAD", &path).await,
                404,
                "{path}"
            );
            let ranged = Asked::new("alice", "GET", &path).body("Range: bytes=0-3\r\n", b"");
            assert_eq!(ranged.of(&program).await.status, 404, "{path}");
        }
        // Who has it still reads it, which warms whatever is shared.
        for path in paths("other/app").into_iter().chain(paths("library/nginx")) {
            assert_eq!(status(&program, "bob", "GET", &path).await, 200, "{path}");
        }
    }
    // It is not there to be mounted from either; nor is what is only here to be found by its digest through an upstream.
    let mount = format!("/v2/team/new/blobs/uploads/?mount={layer}&from=team/app");
    assert_eq!(status(&program, "alice", "POST", &mount).await, 202);
    let own = Pushed::new("own");
    own.push(&program, "alice", "team/own", "1").await;
    let nowhere = format!("/v2/library/nginx/blobs/{}", Digest::sha256(own.layer()));
    assert_eq!(status(&program, "bob", "GET", &nowhere).await, 404);
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_makes_anybody_of_a_stranger() {
    let folder = TempDir::new().unwrap();
    let (hub, program) = before_hub(&folder).await;
    Pushed::new("team/app")
        .push(&program, "alice", "team/app", "1")
        .await;
    for name in [
        "X-Forwarded-User",
        "X-Remote-User",
        "Remote-User",
        "X-WEBAUTH-USER",
        "X-Auth-Request-User",
        "X-Forwarded-Preferred-Username",
    ] {
        let headers = format!("{name}: alice\r\nX-Forwarded-For: 127.0.0.1\r\n");
        for path in [
            "/v2/",
            "/v2/team/app/manifests/1",
            "/v2/library/nginx/manifests/1",
        ] {
            let asked = Asked::new("", "GET", path).body(&headers, b"");
            let answer = asked.of(&program).await;
            assert_eq!(answer.status, 401, "{name} {path}: {}", answer.head);
        }
    }
    assert_eq!(hub.requests().len(), 0, "nothing was asked for a stranger");

    // Nor does one who may push say from where.
    let headers = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n";
    let path = "/v2/team/app/manifests/1";
    let asked = Asked::new("alice", "DELETE", path).body(headers, b"");
    assert_eq!(asked.of(&program).await.status, 202);
    let audit = std::fs::read_to_string(folder.path().join("data/audit.jsonl")).unwrap();
    assert!(!audit.contains("203.0.113.9"), "{audit}");
    assert!(
        audit.lines().last().unwrap().contains("127.0.0.1"),
        "{audit}"
    );
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_nobody_goes_on_with_leave_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let setup = setup(&folder);
    let program = setup.start();
    let piece = vec![7_u8; 256 * 1024];
    let mut taken = 0;
    for _ in 0..400 {
        let begun = Asked::new("alice", "POST", "/v2/team/app/blobs/uploads/")
            .of(&program)
            .await;
        if begun.status != 202 {
            assert_eq!(begun.status, 429, "{}", begun.head);
            assert!(begun.header("retry-after").is_some(), "{}", begun.head);
            break;
        }
        let place = begun.header("location").expect("a place").to_owned();
        if taken < 20 {
            let asked = Asked::new("alice", "PATCH", &place).body("", &piece);
            assert_eq!(asked.of(&program).await.status, 202);
        }
        taken += 1;
    }
    assert_eq!(taken, 256, "one may have so many under way, and no more");
    let other = Asked::new("bob", "POST", "/v2/other/app/blobs/uploads/")
        .of(&program)
        .await;
    assert_eq!(other.status, 202, "others have their places");
    assert!(bytes_below(&folder.path().join("data/registry")) >= 20 * piece.len() as u64);

    program.kill();
    let program = setup.start();
    let left = bytes_below(&folder.path().join("data/registry"));
    assert!(left < piece.len() as u64, "{left} bytes are left");
    let begun = Asked::new("alice", "POST", "/v2/team/app/blobs/uploads/")
        .of(&program)
        .await;
    assert_eq!(begun.status, 202);
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_long_are_refused_whoever_sends_them() {
    let folder = TempDir::new().unwrap();
    let program = setup(&folder).start();
    Pushed::new("team/app")
        .push(&program, "alice", "team/app", "1")
        .await;
    // A first login takes memory of its own, for its hash.
    assert_eq!(
        status(&program, "rita", "GET", "/v2/team/app/manifests/1").await,
        200
    );
    let before_kib = program.resident_kib();
    let image = "/v2/team/app/manifests/1";
    for (who, method, path, status) in [
        ("alice", "PUT", image, 413),
        ("alice", "POST", "/token", 413),
        // Who may not push is told so, however much is sent, and a stranger may ask for a token as briefly as anybody.
        ("rita", "PUT", image, 403),
        ("rita", "PATCH", "/v2/team/app/blobs/uploads/1", 404),
        ("rita", "POST", "/v2/team/app/blobs/uploads/", 403),
        ("", "PUT", image, 401),
        ("", "POST", "/v2/team/app/blobs/uploads/", 401),
        ("", "POST", "/token", 413),
    ] {
        let login = if who.is_empty() {
            String::new()
        } else {
            login_of(who)
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{login}\
             Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n",
            program.address
        );
        let answer = crate::clients::pour_after(&program, &head).await;
        let what = format!("{who} {method} {path}");
        assert_eq!(answer.status, status, "{what}: {}", answer.head);
        let grown_kib = program.resident_kib().saturating_sub(before_kib);
        assert!(grown_kib < MAX_GROWTH_KIB, "{what}: {grown_kib} KiB more");
    }
    assert_eq!(
        status(&program, "rita", "GET", "/v2/team/app/manifests/1").await,
        200
    );
    assert!(program.stop().0.success());
}

fn bytes_below(folder: &std::path::Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let data = entry.metadata().unwrap();
        bytes += if data.is_dir() {
            bytes_below(&entry.path())
        } else {
            data.len()
        };
    }
    bytes
}
