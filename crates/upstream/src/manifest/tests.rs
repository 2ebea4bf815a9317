use http::HeaderValue;

use super::*;

const MANIFEST: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

fn tag() -> Reference {
    "latest".parse::<forebay_oci::Tag>().unwrap().into()
}

fn digest() -> Digest {
    Digest::sha256(MANIFEST)
}

const INDEX: (&str, &str) = ("content-type", "application/vnd.oci.image.index.v1+json");

#[test]
fn a_head_tells_digest_type_and_size() {
    let text = digest().to_string();
    let full = headers(&[
        INDEX,
        ("docker-content-digest", &text),
        ("content-length", "88"),
    ]);
    for reference in [tag(), digest().into()] {
        let resolved = describe(&full, &reference).unwrap().unwrap();
        assert_eq!(resolved.digest, digest());
        assert_eq!(resolved.media_type, MediaType::OCI_INDEX);
        assert_eq!(resolved.size, Some(88));
    }
    // A tag needs the header; a digest is known already.
    assert_eq!(describe(&headers(&[INDEX]), &tag()).unwrap(), None);
    assert!(
        describe(&headers(&[INDEX]), &digest().into())
            .unwrap()
            .is_some()
    );
    let untold = headers(&[("docker-content-digest", &text)]);
    assert_eq!(describe(&untold, &tag()).unwrap(), None);
}

#[test]
fn digests_from_the_wire_are_digests_or_the_answer_is_invalid() {
    let other = Digest::sha256(b"other").to_string();
    let upper = digest().to_string().to_uppercase();
    for (told, why) in [
        ("sha256:../x", "no digest"),
        ("sha256:abc", "no digest"),
        (upper.as_str(), "no digest"),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", "no digest"),
        ("", "no digest"),
        (other.as_str(), "another manifest"),
    ] {
        let headers = headers(&[INDEX, ("docker-content-digest", told)]);
        let by_digest = describe(&headers, &digest().into()).unwrap_err();
        let got = check(&headers, &tag(), Bytes::from_static(MANIFEST)).unwrap_err();
        for error in [by_digest, got] {
            assert!(
                matches!(error, SourceError::Invalid { .. }),
                "{told}: {error}"
            );
            assert!(error.to_string().contains(why), "{told}: {error}");
        }
    }
}

#[test]
fn bytes_asked_for_by_digest_have_it_or_are_refused() {
    let asked = Reference::Digest(Digest::sha256(b"something else"));
    let error = check(&headers(&[INDEX]), &asked, Bytes::from_static(MANIFEST)).unwrap_err();
    assert!(matches!(error, SourceError::Invalid { .. }));
    let sha512 = Digest::of(forebay_oci::Algorithm::Sha512, MANIFEST);
    let content = check(
        &headers(&[INDEX]),
        &sha512.clone().into(),
        Bytes::from_static(MANIFEST),
    );
    assert_eq!(content.unwrap().digest, sha512);
}

#[test]
fn the_type_is_the_headers_or_the_documents() {
    let by_tag = |headers: &HeaderMap| check(headers, &tag(), Bytes::from_static(MANIFEST));
    for headers in [
        headers(&[]),
        headers(&[("content-type", "application/json; charset=utf-8")]),
        headers(&[("content-type", "text/plain")]),
        headers(&[("content-type", "nonsense")]),
    ] {
        let content = by_tag(&headers).unwrap();
        assert_eq!(content.media_type, MediaType::OCI_INDEX, "{headers:?}");
        assert_eq!(content.digest, digest());
    }
    let own = headers(&[("content-type", "application/vnd.example.thing+json")]);
    assert_eq!(
        by_tag(&own).unwrap().media_type.as_str(),
        "application/vnd.example.thing+json"
    );
}

#[test]
fn schema_1_web_pages_and_garbage_are_no_manifests() {
    let page: &[u8] = b"<html>gateway</html>";
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for (content_type, bytes, is_trouble) in [
        (schema1, MANIFEST, false),
        (INDEX.1, b"garbage" as &[u8], false),
        (INDEX.1, b"{}", false),
        ("text/html", page, true),
        (INDEX.1, page, true),
    ] {
        let headers = headers(&[("content-type", content_type)]);
        let error = check(&headers, &tag(), Bytes::from_static(bytes)).unwrap_err();
        let is_unavailable = matches!(error, SourceError::Unavailable { .. });
        assert_eq!(is_unavailable, is_trouble, "{error}");
        assert!(
            is_unavailable || matches!(error, SourceError::Invalid { .. }),
            "{error}"
        );
    }
}
