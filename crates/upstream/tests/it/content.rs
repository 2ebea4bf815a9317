//! Content: what is believed of an answer, and what is not.

use forebay_content::{ByteRange, ContentSource, SourceError, collect};
use forebay_oci::{MediaType, Page};
use hub_sim::{Fault, HubSim, Image, On};

use crate::rig::{MAX_BLOB_BYTES, Rig, open_hub, request, split};

fn is_invalid(error: &SourceError) -> bool {
    matches!(error, SourceError::Invalid { .. })
}

#[tokio::test]
async fn a_tag_costs_a_head_and_its_manifest_a_get() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let (request, reference) = split("library/nginx:1");
    let resolved = rig.upstream.resolve(&request, &reference).await.unwrap();
    let manifest = hub.manifest("library/nginx:1");
    assert_eq!(resolved.digest.to_string(), manifest.digest());
    assert_eq!(resolved.media_type, MediaType::OCI_MANIFEST);
    assert_eq!(resolved.size, Some(manifest.bytes().len() as u64));
    assert_eq!(hub.charged(), 0);
    for image in [
        "library/nginx:1".to_owned(),
        format!("library/nginx@{}", manifest.digest()),
    ] {
        let (request, reference) = split(&image);
        let content = rig.upstream.manifest(&request, &reference).await.unwrap();
        assert_eq!(content.bytes, *manifest.bytes());
        assert_eq!(content.digest, resolved.digest);
        assert_eq!(content.media_type, MediaType::OCI_MANIFEST);
    }
    assert_eq!(hub.charged(), 2);
    let accepted = hub.requests()[0].header("accept").unwrap().to_owned();
    for media_type in MediaType::MANIFESTS {
        assert!(accepted.contains(media_type.as_str()));
    }
}

#[tokio::test]
async fn a_head_without_the_answer_is_followed_by_the_one_get_that_has_it() {
    for fault in [
        Fault::WithoutHeader("docker-content-digest".to_owned()),
        Fault::Status(405),
    ] {
        let hub = open_hub().await;
        let rig = Rig::of(&hub);
        hub.fault(fault.clone())
            .on(On::Manifest)
            .method("HEAD")
            .always();
        let digest = rig.resolve("library/nginx:1").await.unwrap();
        assert_eq!(
            digest.to_string(),
            hub.digest("library/nginx:1"),
            "{fault:?}"
        );
        assert_eq!(hub.charged(), 1);
    }
}

#[tokio::test]
async fn false_digests_are_refused() {
    let other = format!("sha256:{}", "0".repeat(64));
    for told in ["sha256:../x", "sha256:ABC", "md5:abc", other.as_str()] {
        let hub = open_hub().await;
        let rig = Rig::of(&hub);
        hub.fault(Fault::ContentDigest(told.to_owned())).always();
        let by_digest = format!("library/nginx@{}", hub.digest("library/nginx:1"));
        assert!(
            is_invalid(&rig.manifest("library/nginx:1").await.unwrap_err()),
            "{told}"
        );
        assert!(
            is_invalid(&rig.manifest(&by_digest).await.unwrap_err()),
            "{told}"
        );
        assert!(
            is_invalid(&rig.resolve(&by_digest).await.unwrap_err()),
            "{told}"
        );
    }
}

#[tokio::test]
async fn another_manifest_than_was_asked_for_is_refused() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::WrongBytes).on(On::Manifest).always();
    let by_digest = format!("library/nginx@{}", hub.digest("library/nginx:1"));
    assert!(is_invalid(&rig.manifest(&by_digest).await.unwrap_err()));
    assert!(is_invalid(
        &rig.manifest("library/nginx:1").await.unwrap_err()
    ));
}

#[tokio::test]
async fn what_has_no_end_is_not_read_to_its_end() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Endless)
        .on(On::Manifest)
        .method("GET")
        .always();
    hub.fault(Fault::Endless).on(On::Tags).always();
    assert!(is_invalid(
        &rig.manifest("library/nginx:1").await.unwrap_err()
    ));
    let page = Page::default();
    let tags = rig.upstream.tags(&request("library/nginx"), &page).await;
    assert!(is_invalid(&tags.unwrap_err()));
    for record in hub.requests().iter() {
        assert!(record.sent < 64 * 1024 * 1024, "{record}");
    }
}

#[tokio::test]
async fn an_endless_error_is_an_error_all_the_same() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Status(403)).on(On::Manifest).always();
    hub.fault(Fault::Endless).on(On::Manifest).always();
    let error = rig.manifest("library/nginx:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Denied), "{error}");
}

#[tokio::test]
async fn compressed_bytes_are_refused() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    for fault in [Fault::Gzip, Fault::GzipBomb(1 << 24)] {
        let armed = hub.fault(fault).on(On::Any).always();
        let error = rig.blob("library/nginx", &layer).await.unwrap_err();
        assert!(
            is_invalid(&error) && error.to_string().contains("gzip"),
            "{error}"
        );
        let error = rig.manifest("library/nginx:1").await.unwrap_err();
        assert!(is_invalid(&error), "{error}");
        hub.lift(&armed);
    }
}

#[tokio::test]
async fn parts_of_a_blob_are_the_parts_that_were_asked_for() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let layer = hub.layers("library/nginx:1").last().unwrap().clone();
    let digest = layer.digest().parse().unwrap();
    let size = layer.size();
    let ask = async |range| {
        let request = request("library/nginx");
        rig.upstream.blob(&request, &digest, Some(range)).await
    };
    for (range, part) in [
        (ByteRange::From { first: 10 }, 10..size),
        (
            ByteRange::Between {
                first: 10,
                last: 19,
            },
            10..20,
        ),
        (
            ByteRange::Between {
                first: 10,
                last: u64::MAX,
            },
            10..size,
        ),
        (ByteRange::Last { length: 7 }, size - 7..size),
    ] {
        let blob = ask(range).await.unwrap();
        assert_eq!(
            (blob.size, blob.range.clone()),
            (Some(size), Some(part.clone()))
        );
        let bytes = collect(blob.body, MAX_BLOB_BYTES).await.unwrap();
        assert_eq!(bytes, layer.slice(part));
    }
    let error = ask(ByteRange::From { first: size }).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Range(outside) if outside.size == size),
        "{error}"
    );
    hub.fault(Fault::IgnoreRange).once();
    let whole = ask(ByteRange::From { first: 10 }).await.unwrap();
    assert_eq!((whole.size, whole.range), (Some(size), None));
    for lie in ["bytes 0-9/10", "bytes 11-20/30", "nonsense"] {
        hub.fault(Fault::Header("content-range".to_owned(), lie.to_owned()))
            .on(On::BlobContent)
            .once();
        let error = ask(ByteRange::From { first: 10 }).await.unwrap_err();
        assert!(is_invalid(&error), "{lie}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_in_an_error() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let layer = hub
        .layers("library/nginx:1")
        .last()
        .unwrap()
        .digest()
        .to_owned();
    for fault in [
        Fault::CutBlobAt(100),
        Fault::ResetAt(100),
        Fault::ContentLength("1000000".to_owned()),
    ] {
        hub.fault(fault.clone()).on(On::BlobContent).once();
        let blob = rig.open_blob("library/nginx", &layer).await.unwrap();
        let error = collect(blob.body, MAX_BLOB_BYTES).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Unavailable { .. }),
            "{fault:?}: {error}"
        );
    }
    for fault in [Fault::NoLength, Fault::Chunked] {
        hub.fault(fault.clone()).once();
        let blob = rig.open_blob("library/nginx", &layer).await.unwrap();
        assert_eq!(blob.size, None, "{fault:?}");
        collect(blob.body, MAX_BLOB_BYTES).await.unwrap();
    }
}

#[tokio::test]
async fn a_part_is_as_long_as_its_range_says_even_where_nothing_else_does() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let layer = hub.layers("library/nginx:1").last().unwrap().clone();
    let digest = layer.digest().parse().unwrap();
    for (framing, fault, expected) in [
        (Fault::NoLength, Fault::CutAt(5), "unavailable"),
        (Fault::Chunked, Fault::ShorterBy(5), "unavailable"),
        (Fault::Chunked, Fault::LongerBy(5), "invalid"),
    ] {
        hub.fault(framing).once();
        hub.fault(fault.clone()).once();
        let part = Some(ByteRange::From { first: 10 });
        let request = request("library/nginx");
        let blob = rig.upstream.blob(&request, &digest, part).await.unwrap();
        assert_eq!(blob.range, Some(10..layer.size()));
        let error = collect(blob.body, MAX_BLOB_BYTES).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_blobs_head_tells_its_size_and_is_no_pull() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let layer = hub.layers("library/nginx:1")[0].clone();
    let digest = layer.digest().parse().unwrap();
    let request = request("library/nginx");
    let size = rig.upstream.stat_blob(&request, &digest).await.unwrap();
    assert_eq!(size, Some(layer.size()));
    let absent = forebay_oci::Digest::sha256(b"absent");
    let error = rig.upstream.stat_blob(&request, &absent).await.unwrap_err();
    assert_eq!(error.to_string(), "blob not found");
    assert!(hub.requests().iter().all(hub_sim::Record::is_head));
}

#[tokio::test]
async fn tags_come_by_pages_whose_links_lead_nowhere_else() {
    let mut sim = HubSim::new().open();
    for tag in ["a", "b", "c", "d"] {
        sim = sim.image(&format!("library/nginx:{tag}"), Image::small());
    }
    let hub = sim.start().await;
    let rig = Rig::of(&hub);
    let first = Page {
        n: Some(2),
        last: None,
    };
    let list = rig
        .upstream
        .tags(&request("library/nginx"), &first)
        .await
        .unwrap();
    let text = String::from_utf8(list.json.to_vec()).unwrap();
    assert!(text.contains(r#"["a","b"]"#), "{text}");
    let more = list.more.unwrap();
    assert_eq!((more.n, more.last.as_deref()), (Some(2), Some("b")));
    let list = rig
        .upstream
        .tags(&request("library/nginx"), &more)
        .await
        .unwrap();
    assert_eq!(list.more, None);

    let hostile = format!(
        "<{}/v2/x/tags/list?last=b&n=2>; rel=\"next\"",
        hub.trap_url()
    );
    hub.fault(Fault::Link(hostile.clone())).times(2);
    let list = rig
        .upstream
        .tags(&request("library/nginx"), &first)
        .await
        .unwrap();
    assert_eq!(list.more.as_ref().unwrap().last.as_deref(), Some("b"));
    // The same place again would be a loop.
    let list = rig
        .upstream
        .tags(&request("library/nginx"), &list.more.unwrap())
        .await;
    assert_eq!(list.unwrap().more, None);
    assert_eq!(hub.count(|record| record.role == hub_sim::Role::Trap), 0);
    let error = rig
        .upstream
        .tags(&request("library/none"), &first)
        .await
        .unwrap_err();
    assert!(
        matches!(error, SourceError::NotFound(_) | SourceError::Unauthorized),
        "{error}"
    );
}

#[tokio::test]
async fn referrers_are_found_by_the_api_or_by_the_tag() {
    for has_api in [true, false] {
        let mut sim = HubSim::new().open();
        if !has_api {
            sim = sim.without_referrers_api();
        }
        let hub = sim
            .image("library/nginx:1", Image::small())
            .image("library/nginx:2", Image::small().seed(7))
            .referrer(
                "library/nginx:1",
                Image::artifact("application/vnd.example.sbom"),
            )
            .start()
            .await;
        let rig = Rig::of(&hub);
        let request = request("library/nginx");
        let of = async |tag: &str, artifact_type| {
            let digest = hub.digest(tag).parse().unwrap();
            rig.upstream
                .referrers(&request, &digest, artifact_type)
                .await
        };
        let list = of("library/nginx:1", None).await.unwrap();
        let index = forebay_oci::Manifest::parse(&list.json).unwrap();
        assert_eq!(index.manifests.len(), 1, "{has_api}");
        assert!(!list.filtered);
        let filtered = of("library/nginx:1", Some("application/vnd.other"))
            .await
            .unwrap();
        assert_eq!(filtered.filtered, has_api);
        hub.clear_requests();
        let none = of("library/nginx:2", None).await.unwrap();
        let index = forebay_oci::Manifest::parse(&none.json).unwrap();
        assert!(index.manifests.is_empty() && index.media_type.is_index());
        // That there is nothing is found out without a GET that could be a pull.
        let is_pull = |record: &hub_sim::Record| record.is(On::Manifest) && record.is_get();
        assert_eq!(hub.count(is_pull), 0);
    }
}
