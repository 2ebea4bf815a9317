//! What is written down of changes: once each, with their true end, though their client did not wait for it.

use std::time::Duration;

use forebay_oci::Digest;

use crate::edge::Edge;
use crate::wire::Ask;

const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

fn push(tag: &str) -> Ask {
    Ask::new(&format!("PUT /v2/app/manifests/{tag}"))
        .header("content-type", "application/vnd.oci.image.index.v1+json")
        .body(MANIFEST)
}

#[tokio::test]
async fn a_change_is_written_down_with_its_true_outcome_though_its_client_left() {
    let edge = Edge::open();
    edge.journal.hold();
    let in_the_middle = edge.journal.until_waited_for();
    push("1").leave(edge.address, false, in_the_middle).await;
    edge.until_departed().await;
    edge.journal.release();
    assert_eq!(
        edge.lines.until(1).await,
        ["push-manifest local/app:1 done"]
    );
    let kept = Ask::new("GET /v2/app/manifests/1").to(edge.address).await;
    assert_eq!((kept.status, kept.body.as_str()), (200, MANIFEST));

    // What nothing came of is no change, also where nobody waits for the end.
    let digest = Digest::sha256(b"nobody's");
    let gone = Ask::new(&format!("DELETE /v2/app/manifests/{digest}"));
    assert_eq!(gone.to(edge.address).await.status, 404);
    assert_eq!(push("2").to(edge.address).await.status, 201);
    assert_eq!(
        edge.lines.until(3).await[1..],
        [
            format!("delete-manifest local/app@{digest} not_found"),
            "push-manifest local/app:2 done".to_owned()
        ]
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_its_change_began_has_changed_nothing() {
    let edge = Edge::open();
    let begun = edge.until_begun();
    push("1").leave(edge.address, true, begun).await;
    assert_eq!(
        edge.lines.until(1).await,
        ["push-manifest local/app:1 client_left"]
    );
    let kept = Ask::new("GET /v2/app/manifests/1").to(edge.address).await;
    assert_eq!(kept.status, 404);
}

#[tokio::test]
async fn a_change_that_only_the_journal_misses_is_told_and_written_down_as_made() {
    let edge = Edge::open();
    edge.journal.fill(true);
    let refused = push("1").to(edge.address).await;
    assert_eq!(refused.status, 507);
    assert!(refused.body.contains("the change was made"), "{refused:?}");
    let kept = Ask::new("GET /v2/app/manifests/1").to(edge.address).await;
    assert_eq!((kept.status, kept.body.as_str()), (200, MANIFEST));
    // Before its line is written, nothing more is changed.
    let next = push("2").to(edge.address).await;
    assert_eq!(next.status, 507);
    assert!(next.body.contains("nothing was kept"), "{next:?}");
    edge.journal.fill(false);
    assert_eq!(push("2").to(edge.address).await.status, 201);
    assert_eq!(
        edge.lines.until(3).await,
        [
            "push-manifest local/app:1 unjournaled",
            "push-manifest local/app:2 no_space",
            "push-manifest local/app:2 done"
        ]
    );
}

#[tokio::test]
async fn refused_tries_take_few_lines_whoever_makes_however_many_and_every_change_has_its_own() {
    let edge = Edge::open();
    let gone = || Ask::new("DELETE /v2/app/manifests/gone");
    for _ in 0..30 {
        assert_eq!(gone().to(edge.address).await.status, 404);
    }
    for number in 0..12 {
        let pushed = push(&number.to_string()).to(edge.address).await;
        assert_eq!(pushed.status, 201);
    }
    let lines = edge.lines.until(22).await;
    assert_eq!(lines[..10], ["delete-tag local/app:gone not_found"; 10]);
    for (number, line) in lines[10..].iter().enumerate() {
        assert_eq!(*line, format!("push-manifest local/app:{number} done"));
    }

    // Of those without a line the number is told once their hour is over, though nothing else happens; of the rest, at the stop.
    edge.clock.advance(Duration::from_mins(59));
    for _ in 0..5 {
        assert_eq!(gone().to(edge.address).await.status, 404);
    }
    edge.clock.advance(Duration::from_mins(1));
    let lines = edge.lines.until(23).await;
    assert_eq!(lines[22..], ["further-tries 25 refused"]);
    for _ in 0..11 {
        assert_eq!(gone().to(edge.address).await.status, 404);
    }
    edge.stop();
    let lines = edge.lines.until(34).await;
    assert_eq!(lines[23..33], ["delete-tag local/app:gone not_found"; 10]);
    assert_eq!(lines[33], "further-tries 1 refused");
}

#[tokio::test]
async fn each_way_of_a_blob_has_its_own_line_and_steps_on_the_way_have_none() {
    let edge = Edge::open();
    let [first, second, absent] =
        ["first", "second", "absent"].map(|text| Digest::sha256(text.as_bytes()));
    let tell = async |line: String, body: &str, status: u16| {
        let told = Ask::new(&line).body(body).to(edge.address).await;
        assert_eq!(told.status, status, "{line}: {}", told.body);
        told.header("location").unwrap_or_default().to_owned()
    };
    let uploads = "/v2/app/blobs/uploads/";
    tell(format!("POST {uploads}?digest={first}"), "first", 201).await;
    tell(format!("POST {uploads}?digest={second}"), "not it", 400).await;
    // Of an upload in steps, the last one is what changes something.
    let upload = tell(format!("POST {uploads}"), "", 202).await;
    tell(format!("PATCH {upload}"), "sec", 202).await;
    tell(format!("GET {upload}"), "", 204).await;
    tell(format!("PUT {upload}?digest={second}"), "ond", 201).await;
    let given_up = tell(format!("POST {uploads}"), "", 202).await;
    tell(format!("DELETE {given_up}"), "", 204).await;
    // A mount that finds nothing begins an upload.
    let other = "/v2/other/blobs/uploads/";
    tell(format!("POST {other}?mount={first}&from=app"), "", 201).await;
    tell(format!("POST {other}?mount={second}"), "", 201).await;
    tell(format!("POST {other}?mount={absent}&from=app"), "", 202).await;
    tell(format!("DELETE /v2/other/blobs/{first}"), "", 202).await;
    tell(format!("DELETE /v2/other/blobs/{first}"), "", 404).await;
    // What is read is no change.
    tell(format!("GET /v2/app/blobs/{first}"), "", 200).await;
    assert_eq!(
        edge.lines.until(7).await,
        [
            format!("push-blob local/app@{first} done"),
            format!("push-blob local/app@{second} invalid"),
            format!("push-blob local/app@{second} done"),
            format!("mount-blob local/other@{first} done"),
            format!("mount-blob local/other@{second} done"),
            format!("delete-blob local/other@{first} done"),
            format!("delete-blob local/other@{first} not_found"),
        ]
    );
}
