//! A tag that is not to move, by every way that could move it or take it away. Threat B5.

use std::path::Path;

use forebay_oci::Digest;
use serde_json::json;
use tempfile::TempDir;

use crate::program::{Program, Setup};
use crate::pusher::{Asked, Pushed};
use crate::wire::Answer;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn setup(folder: &Path) -> Setup {
    Setup::new(folder).with(
        "[clients]\nloopback_push = true\n[[lifecycle]]\nrepositories = [\"app\"]\nkeep_newest = 1",
    )
}

/// What has been pushed as `v1`, as the index `v2` that names an image without a tag, and later as `latest`.
struct Scene {
    first: Pushed,
    child: Pushed,
    index: Vec<u8>,
    latest: Pushed,
}

impl Scene {
    async fn push(program: &Program) -> Self {
        let (first, child, latest) = (
            Pushed::new("first"),
            Pushed::new("child"),
            Pushed::new("latest"),
        );
        first.push(program, "", "app", "v1").await;
        let digest = child.digest().to_string();
        child.push(program, "", "app", &digest).await;
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [{ "mediaType": IMAGE, "digest": digest, "size": child.manifest.len() }],
        });
        let index = index.to_string().into_bytes();
        let pushed = put(program, "v2", (INDEX, &index)).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text());
        latest.push(program, "", "app", "latest").await;
        Self {
            first,
            child,
            index,
            latest,
        }
    }

    /// All is there, byte for byte, and nothing besides.
    async fn is_untouched(&self, program: &Program) {
        let child = self.child.digest().to_string();
        for (image, tag) in [
            (&self.first, "v1"),
            (&self.child, child.as_str()),
            (&self.latest, "latest"),
        ] {
            assert!(image.is_under(program, "app", tag).await, "{tag}");
        }
        let index = Asked::new("", "GET", "/v2/app/manifests/v2")
            .of(program)
            .await;
        assert_eq!(index.body, self.index);
        let tags = Asked::new("", "GET", "/v2/app/tags/list").of(program).await;
        assert_eq!(tags.text(), r#"{"name":"app","tags":["latest","v1","v2"]}"#);
    }
}

async fn put(program: &Program, reference: &str, (media_type, bytes): (&str, &[u8])) -> Answer {
    let path = format!("/v2/app/manifests/{reference}");
    let headers = format!("Content-Type: {media_type}\r\n");
    let asked = Asked::new("", "PUT", &path).body(&headers, bytes);
    asked.of(program).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_tag_is_neither_moved_nor_taken_away_by_any_way() {
    let folder = TempDir::new().unwrap();
    let setup = setup(folder.path());
    let program = setup.start();
    let (made, said) = setup.run(&["repo", "create", "app", "--immutable-tags", "v*"]);
    assert!(made.success(), "{}", said.log.text());
    let scene = Scene::push(&program).await;

    // By a push: under the tag, or under a digest with the tag beside it, and then none of the others either.
    let other = Pushed::new("other");
    let upload = other.try_push(&program, "", "app", "v1").await;
    let beside = format!("{}?tag=free&tag=v1", other.digest());
    let alone = format!("{}?tag=v2", other.digest());
    let image = (IMAGE, other.manifest.as_slice());
    let index = (INDEX, scene.index.as_slice());
    for answer in [
        upload,
        put(&program, "v1", image).await,
        put(&program, "v2", image).await,
        put(&program, &beside, image).await,
        put(&program, &alone, image).await,
        put(&program, "v1", index).await,
    ] {
        is_refused(&answer, "immutable");
    }
    for reference in ["free".to_owned(), other.digest().to_string()] {
        let path = format!("/v2/app/manifests/{reference}");
        let absent = Asked::new("", "GET", &path).of(&program).await;
        assert_eq!(absent.status, 404, "{reference}");
    }
    // What is there already may be said again.
    let again = (IMAGE, scene.first.manifest.as_slice());
    assert_eq!(put(&program, "v1", again).await.status, 201);
    scene.is_untouched(&program).await;

    // By a delete: of the tag, of what it points at, of what that holds, of what an index names that has such a tag.
    for path in [
        "manifests/v1".to_owned(),
        "manifests/v2".to_owned(),
        format!("manifests/{}", scene.first.digest()),
        format!("manifests/{}", Digest::sha256(&scene.index)),
        format!("manifests/{}", scene.child.digest()),
        format!("blobs/{}", Digest::sha256(scene.first.layer())),
        format!("blobs/{}", Digest::sha256(scene.child.layer())),
    ] {
        let path = format!("/v2/app/{path}");
        let answer = Asked::new("", "DELETE", &path).of(&program).await;
        is_refused(&answer, &path);
    }
    scene.is_untouched(&program).await;

    // By a mount, into it and out of it, where the blob is deleted then.
    let layer = Digest::sha256(scene.first.layer());
    for (from, to) in [("app", "copy"), ("copy", "app")] {
        let path = format!("/v2/{to}/blobs/uploads/?mount={layer}&from={from}");
        assert_eq!(Asked::new("", "POST", &path).of(&program).await.status, 201);
    }
    let copy = format!("/v2/copy/blobs/{layer}");
    assert_eq!(
        Asked::new("", "DELETE", &copy).of(&program).await.status,
        202
    );
    scene.is_untouched(&program).await;

    // By a rule that keeps what was pushed last, by a collection of what nobody holds, and by a start.
    Pushed::new("old").push(&program, "", "app", "old").await;
    scene.latest.push(&program, "", "app", "latest").await;
    for words in [&["repo", "expire", "app"][..], &["gc"]] {
        let (status, said) = setup.run(words);
        assert!(status.success(), "{words:?}: {}", said.log.text());
    }
    scene.is_untouched(&program).await;
    assert!(program.kill().0.code().is_none());
    let program = setup.start();
    scene.is_untouched(&program).await;
    is_refused(&put(&program, "v1", image).await, "immutable");
    assert!(program.stop().0.success());
}

fn is_refused(answer: &Answer, what: &str) {
    let told = answer.text();
    assert_eq!(answer.status, 409, "{what}: {told}");
    assert!(told.contains("\"DENIED\""), "{what}: {told}");
}
