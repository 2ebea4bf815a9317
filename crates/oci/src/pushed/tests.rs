use super::*;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn descriptor(content: &str, media_type: &str) -> String {
    let digest = Digest::sha256(content.as_bytes());
    let size = content.len();
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

fn parse(text: &str, content_type: &str) -> Result<PushedManifest, InvalidPush> {
    PushedManifest::parse(text.as_bytes(), MediaType::parse(content_type).as_ref())
}

#[test]
fn an_image_needs_its_configuration_and_its_layers_but_none_that_lie_elsewhere() {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{},"layers":[{},{},{}]}}"#,
        descriptor("c", "application/vnd.oci.image.config.v1+json"),
        descriptor("l", "application/vnd.oci.image.layer.v1.tar+gzip"),
        descriptor("l", "application/vnd.oci.image.layer.v1.tar+gzip"),
        descriptor(
            "n",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        ),
    );
    let pushed = parse(&text, IMAGE).unwrap();
    let presence: Vec<Presence> = pushed.children.iter().map(|child| child.presence).collect();
    assert_eq!(
        presence,
        [Presence::Required, Presence::Expected, Presence::Elsewhere]
    );
    assert!(pushed.children.iter().all(|child| !child.is_manifest));
    assert_eq!(pushed.media_type, MediaType::OCI_MANIFEST);
    let config_type = Some("application/vnd.oci.image.config.v1+json");
    assert_eq!(pushed.artifact_type.as_deref(), config_type);
    assert_eq!((pushed.subject, pushed.annotations), (None, None));
}

#[test]
fn an_index_may_be_sparse_and_empty() {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        descriptor("m", IMAGE)
    );
    let pushed = parse(&text, INDEX).unwrap();
    assert!(pushed.children[0].is_manifest);
    assert_eq!(pushed.children[0].presence, Presence::Elsewhere);
    assert_eq!(pushed.artifact_type, None);
    let empty = parse(r#"{"schemaVersion":2,"manifests":[]}"#, "").unwrap();
    assert_eq!(empty.media_type, MediaType::OCI_INDEX);
    assert!(empty.children.is_empty());
}

#[test]
fn an_artifact_says_its_type_and_what_it_is_about() {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","artifactType":"application/vnd.example.sbom","config":{},"layers":[],
            "subject":{},"annotations":{{"org.example.a":"1"}}}}"#,
        descriptor("{}", "application/vnd.oci.empty.v1+json"),
        descriptor("s", IMAGE),
    );
    let pushed = parse(&text, IMAGE).unwrap();
    assert_eq!(pushed.subject, Some(Digest::sha256(b"s")));
    assert_eq!(
        pushed.artifact_type.as_deref(),
        Some("application/vnd.example.sbom")
    );
    assert_eq!(
        pushed.annotations.as_deref(),
        Some(r#"{"org.example.a":"1"}"#)
    );
}

#[test]
fn what_is_passed_over_is_sound_as_well() {
    let with = |rest: &[u8]| {
        let begin = &br#"{"schemaVersion":2,"manifests":[],"org.example.x":"#[..];
        let bytes = [begin, rest, b"}"].concat();
        PushedManifest::parse(&bytes, Some(&MediaType::OCI_INDEX))
    };
    assert!(with(b"{\"kept\":[1,null,\"x\"]}").is_ok());
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for rest in [&b"\"\xff\""[..], b"{\"\xc0\x80\":1}", deep.as_bytes()] {
        let refused = with(rest).unwrap_err();
        let is_form = matches!(refused, InvalidPush::Manifest(InvalidManifest::Form(_)));
        assert!(is_form, "{refused}");
    }
}

#[test]
fn what_two_clients_could_read_in_two_ways_is_not_taken() {
    let (config, layer, manifest) = (
        descriptor("c", "a/b"),
        descriptor("l", "a/b"),
        descriptor("m", IMAGE),
    );
    let image = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{config},"layers":[{layer}]}}"#
    );
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{manifest}]}}"#);
    let both =
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[],"manifests":[{manifest}]}}"#);
    let twice =
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}],"layers":[]}}"#);
    assert!(matches!(
        parse(&image, INDEX),
        Err(InvalidPush::MediaTypes { .. })
    ));
    assert!(matches!(
        parse(&index, IMAGE),
        Err(InvalidPush::MediaTypes { .. })
    ));
    let mistyped = index.replacen('{', &format!(r#"{{"mediaType":"{IMAGE}","#), 1);
    assert!(matches!(
        parse(&mistyped, IMAGE),
        Err(InvalidPush::Fields(_))
    ));
    assert!(matches!(
        parse(&both, IMAGE),
        Err(InvalidPush::Manifest(InvalidManifest::Ambiguous))
    ));
    assert!(matches!(
        parse(&twice, IMAGE),
        Err(InvalidPush::Manifest(InvalidManifest::Form(_)))
    ));
    let old = parse(r#"{"schemaVersion":1,"mediaType":"a/b"}"#, "a/b");
    assert!(matches!(old, Err(InvalidPush::SchemaVersion(1))));
    for broken in [
        "",
        "{",
        "{}",
        "[]",
        "null",
        "\u{feff}{}",
        &"[".repeat(100_000),
    ] {
        assert!(parse(broken, IMAGE).is_err(), "{broken:.20}");
    }
    for annotations in ["[]", "1", r#"{"a":1}"#, r#"{"a":{}}"#] {
        let text = format!(r#"{{"schemaVersion":2,"manifests":[],"annotations":{annotations}}}"#);
        assert!(parse(&text, INDEX).is_err(), "{annotations}");
    }
}

#[test]
fn the_same_bytes_are_of_one_type_whatever_the_request_says() {
    let (config, layer) = (descriptor("c", "a/b"), descriptor("l", "a/b"));
    let untyped = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#);
    for header in [
        "text/html",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.example+json",
    ] {
        let refused = parse(&untyped, header).unwrap_err();
        let expected = format!(
            "the request's Content-Type is {header}, and the manifest is of the type {IMAGE}"
        );
        assert_eq!(refused.to_string(), expected);
    }
    for header in ["", IMAGE] {
        let pushed = parse(&untyped, header).unwrap();
        assert_eq!(pushed.media_type, MediaType::OCI_MANIFEST);
    }
    for written in [
        "text/html",
        "application/javascript",
        "image/svg+xml",
        "no type",
        "text/x+json",
    ] {
        let typed = untyped.replacen('{', &format!(r#"{{"mediaType":"{written}","#), 1);
        for header in ["", written] {
            let refused = parse(&typed, header);
            assert!(matches!(refused, Err(InvalidPush::NoJson(_))), "{written}");
        }
    }
}
