//! Faults of an upstream in the middle of a cold pull: 1–6, 10, 15, 17 and 18 of the table.
//!
//! Not here, because their limits are too long for a test of the whole program and are tested with shorter ones where they
//! live: a body that stalls for 30 s or moves at less than 1 KiB/s (`http-kit`: bodies), and clocks that jump, 19 (`cache`:
//! tags, `upstream`: tokens, with a clock that is moved by hand).

use std::time::Duration;

use hub_sim::{Armed, Fault, Hub, HubSim, Image, On, Role, seconds};

use crate::client::Ask;
use crate::image::{Part, Pull};
use crate::program::{Forebay, Program, files_below};

const KIB: u64 = 1024;

/// A program before a hub with one image, of which nothing was asked.
async fn cold(image: Image) -> (Hub, Program, Pull) {
    let hub = HubSim::new().image("library/nginx:1", image).start().await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    (hub, program, pull)
}

/// It is not served whole, and nothing of it is kept; once the fault is over it is pulled as if nothing had been.
async fn is_never_completed(hub: &Hub, program: &Program, blob: &Part, fault: &Armed) {
    for _ in 0..2 {
        let answer = program.get(&blob.path).await;
        assert!(
            answer.status != 200 || !answer.is_whole,
            "a whole answer of {} bytes",
            answer.body.len()
        );
    }
    let kept = files_below(&program.setup.data());
    assert!(
        !kept.iter().any(|name| name.contains(&blob.digest[7..])),
        "{kept:?}"
    );
    hub.lift(fault);
    program.until_status(Ask::get(&blob.path), 200).await;
    blob.get(program).await;
}

/// Fault 1.
#[tokio::test]
async fn a_blob_that_is_cut_anywhere_is_resumed_there() {
    let (hub, program, pull) = cold(Image::with_layers(&[1024 * KIB; 17])).await;
    let cuts: Vec<u64> = (0..=16).map(|cut| cut * 64 * KIB).collect();
    for (blob, cut) in pull.blobs[1..].iter().zip(&cuts) {
        hub.fault(Fault::CutBlobAt(*cut))
            .reference(&blob.digest)
            .once();
    }
    for (blob, cut) in pull.blobs[1..].iter().zip(&cuts) {
        blob.get(&program).await;
        let asked = hub.requests_where(|request| {
            request.role == Role::Blob && request.reference.as_deref() == Some(&blob.digest)
        });
        let ranges: Vec<_> = asked
            .iter()
            .map(|request| request.range.as_deref())
            .collect();
        let again = format!("bytes={cut}-");
        match cut / KIB {
            0 => assert_eq!(ranges, [None, None]),
            1024 => assert_eq!(ranges, [None]),
            _ => assert_eq!(ranges, [None, Some(&*again)]),
        }
    }
}

/// Fault 1.
#[tokio::test]
async fn a_blob_that_is_cut_every_time_comes_piece_by_piece() {
    let (hub, program, pull) = cold(Image::with_layers(&[640 * KIB])).await;
    hub.fault(Fault::ResetAt(64 * KIB)).always();
    pull.blobs[1].get(&program).await;
    let answers = hub.requests_where(|request| request.role == Role::Blob);
    assert!((2..=10).contains(&answers.len()), "{answers}");
}

/// Fault 2.
#[tokio::test]
async fn wrong_bytes_are_never_completed_and_the_upstream_is_named() {
    for fault in [
        Fault::WrongBytes,
        Fault::WrongByteAt(0),
        Fault::WrongByteAt(300 * KIB - 1),
    ] {
        let (hub, program, pull) = cold(Image::with_layers(&[300 * KIB])).await;
        let armed = hub.fault(fault).always();
        is_never_completed(&hub, &program, &pull.blobs[1], &armed).await;
        let refused = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"wrong_bytes\"}";
        assert!(program.metric(refused).await >= 2.0);
        let line = program
            .log
            .line_with("an upstream's blob was refused")
            .await;
        assert!(line.expect("a line").contains("docker.io"));
    }
}

/// Fault 3.
#[tokio::test]
async fn a_content_length_that_lies_completes_nothing() {
    for fault in [
        Fault::ContentLength("102401".to_owned()),
        Fault::ContentLength("102399".to_owned()),
        Fault::ContentLength("-1".to_owned()),
        Fault::ContentLength("many".to_owned()),
        Fault::ContentLength("18446744073709551616".to_owned()),
        Fault::ShorterBy(1),
        Fault::LongerBy(1),
    ] {
        for is_manifest_known in [false, true] {
            let (hub, program, pull) = cold(Image::with_layers(&[100 * KIB])).await;
            if is_manifest_known {
                pull.by_tag.get(&program).await;
            }
            let armed = hub.fault(fault.clone()).always();
            is_never_completed(&hub, &program, &pull.blobs[1], &armed).await;
        }
    }
}

/// Fault 3: to say nothing of the length is allowed.
#[tokio::test]
async fn a_blob_without_a_content_length_is_served_with_the_one_that_the_manifest_tells() {
    for fault in [Fault::NoLength, Fault::Chunked] {
        for is_manifest_known in [false, true] {
            let (hub, program, pull) = cold(Image::with_layers(&[300 * KIB])).await;
            if is_manifest_known {
                pull.by_tag.get(&program).await;
            }
            hub.fault(fault.clone()).always();
            let answer = pull.blobs[1].get(&program).await;
            let length = is_manifest_known.then(|| (300 * KIB).to_string());
            assert_eq!(
                answer.header("content-length"),
                length.as_deref(),
                "{fault:?}"
            );
            pull.blobs[1].get(&program).await;
            let downloads = hub.count(|request| request.role == Role::Blob);
            assert_eq!(downloads, 1);
        }
    }
}

/// Fault 4: the manifest's repository is told so; to whom it did not lie, the digest decides.
#[tokio::test]
async fn a_blob_of_another_size_than_its_manifest_says_is_refused_as_it_comes() {
    let (hub, program, pull) = cold(Image::with_layers(&[100 * KIB]).overstated_sizes(7)).await;
    pull.by_tag.get(&program).await;
    let layer = &pull.blobs[1];
    let answer = program.get(&layer.path).await;
    assert_eq!(answer.refusal(), (502, "UNKNOWN".to_owned()));
    // What comes belongs to no request: it has its digest, and is kept.
    let kept = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";
    program.until_metric(kept, 1.0).await;
    let files = files_below(&program.setup.data());
    assert!(
        files.iter().any(|name| name.contains(&layer.digest[7..])),
        "{files:?}"
    );
    layer.get(&program).await;
    let downloads = hub.count(|request| request.role == Role::Blob);
    assert_eq!(downloads, 1, "{}", hub.requests());
}

/// Fault 5: what is inside is the client's affair; the digest decides.
#[tokio::test]
async fn a_layer_that_is_broken_inside_is_served_as_it_is() {
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let truncated: Vec<u8> = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        .into_iter()
        .chain(0..200)
        .collect();
    let mut trailing = truncated.clone();
    trailing.extend_from_slice(b"trailing garbage");
    let image = Image::with_layers(&[])
        .layer_bytes(gzip, truncated)
        .layer_bytes(gzip, trailing);
    let (hub, program, pull) = cold(image).await;
    pull.succeeds(&program).await;
    pull.succeeds(&program).await;
    assert_eq!(
        hub.count(|request| request.role == Role::Blob && request.is_get()),
        3
    );
}

/// Fault 6: slow, but moving.
#[tokio::test]
async fn bytes_that_drip_are_the_clients_as_they_come() {
    let (hub, program, pull) = cold(Image::with_layers(&[64 * KIB])).await;
    hub.fault(Fault::Drip(32 * KIB)).always();
    let mut flow = program.open(Ask::get(&pull.blobs[1].path)).await;
    flow.read(1).await;
    let first = flow.elapsed();
    let answer = flow.rest().await;
    assert!(answer.is_whole);
    assert!(
        first < Duration::from_secs(1).min(answer.took),
        "{first:?} of {:?}",
        answer.took
    );
}

/// Fault 10.
#[tokio::test]
async fn a_token_that_expires_in_the_middle_of_a_pull_is_renewed_unseen() {
    let hub = HubSim::new()
        .image(
            "library/nginx:1",
            Image::with_layers(&[200 * KIB, 100 * KIB]),
        )
        .token_ttl(Some(seconds(300)))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    pull.by_tag.get(&program).await;
    // By the hub's clock the token is dead, by ours it is not. Then it dies once more, between a cut and its resume.
    hub.advance(seconds(301));
    let cut = hub.fault(Fault::CutBlobAt(64 * KIB)).once();
    let gate = hub.hold(On::BlobContent);
    let (address, blob) = (program.address, pull.blobs[1].clone());
    let client = tokio::task::spawn(async move {
        blob.expect(&Ask::get(&blob.path).to(address).await);
    });
    gate.reached(1).await;
    hub.advance(seconds(301));
    gate.open();
    client.await.expect("a whole blob");
    assert_eq!(cut.strikes(), 1);
    insta::assert_snapshot!(hub.requests(), @r"
    HEAD registry /v2/library/nginx/manifests/1 401
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull 200
    HEAD registry /v2/library/nginx/manifests/1 200
    GET registry /v2/library/nginx/manifests/sha256:0a3bab6cd97b… 200 charged
    GET registry /v2/library/nginx/blobs/sha256:9853edbcf924… 401
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull 200
    GET registry /v2/library/nginx/blobs/sha256:9853edbcf924… 307
    GET blob sha256:9853edbcf924… 200
    GET registry /v2/library/nginx/blobs/sha256:9853edbcf924… bytes=65536- 401
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull 200
    GET registry /v2/library/nginx/blobs/sha256:9853edbcf924… bytes=65536- 307
    GET blob sha256:9853edbcf924… bytes=65536- 206
    ");
}

/// Fault 15.
#[tokio::test]
async fn passing_trouble_is_tried_again_and_not_noticed() {
    let (hub, program, pull) = cold(Image::small()).await;
    for on in [On::Token, On::Manifest, On::Blob, On::BlobContent] {
        hub.fault(Fault::Html(502)).on(on).once();
        hub.fault(Fault::Close).on(on).nth(3);
    }
    pull.succeeds(&program).await;
}

/// Fault 15.
#[tokio::test]
async fn lasting_trouble_is_told_as_json_after_few_tries() {
    let (hub, program, pull) = cold(Image::small()).await;
    pull.by_tag.get(&program).await;
    hub.clear_requests();
    hub.fault(Fault::Html(502)).on(On::BlobContent).always();
    let answer = program.get(&pull.blobs[1].path).await;
    assert_eq!(answer.refusal(), (502, "UNAVAILABLE".to_owned()));
    assert!(
        !answer.text().contains("html"),
        "the upstream's page came through: {}",
        answer.text()
    );
    let tries = hub.count(|request| request.role == Role::Blob);
    assert!((2..=5).contains(&tries), "{}", hub.requests());
}

/// Fault 17.
#[tokio::test]
async fn an_expired_signature_is_asked_for_again_once() {
    let (hub, program, pull) = cold(Image::small()).await;
    pull.by_tag.get(&program).await;
    hub.clear_requests();
    hub.fault(Fault::SignatureExpired).once();
    pull.blobs[1].get(&program).await;
    insta::assert_snapshot!(hub.requests(), @r"
    GET registry /v2/library/nginx/blobs/sha256:ed70983774f2… 307
    GET blob sha256:ed70983774f2… 403
    GET registry /v2/library/nginx/blobs/sha256:ed70983774f2… 307
    GET blob sha256:ed70983774f2… 200
    ");
    hub.clear_requests();
    hub.fault(Fault::SignatureExpired).always();
    let answer = program.get(&pull.blobs[2].path).await;
    insta::assert_snapshot!(answer.told(), @"502 UNAVAILABLE");
    let asked = hub.count(|request| request.role == Role::Blob);
    assert_eq!(asked, 2, "{}", hub.requests());
}

/// Fault 18.
#[tokio::test]
async fn a_tag_that_moves_in_the_middle_of_a_pull_leaves_the_client_one_image() {
    let (hub, program, before) =
        cold(Image::small().platforms(&["linux/amd64", "linux/arm64"])).await;
    before.by_tag.get(&program).await;
    hub.push(
        "library/nginx:1",
        Image::small().platforms(&["linux/amd64"]),
    );
    let after = Pull::of(&hub, "library/nginx:1");
    assert_ne!(before.by_tag.digest, after.by_tag.digest);
    // By digest, as every client goes on; and the tag is fresh for its time.
    before.succeeds(&program).await;
    let refreshed = program.setup.run(&["refresh", "nginx:1"]).await;
    assert!(refreshed.status.success(), "{}", refreshed.log);
    after.succeeds(&program).await;
    for part in before.by_digest.iter().chain(&before.blobs) {
        part.get(&program).await;
    }
}
