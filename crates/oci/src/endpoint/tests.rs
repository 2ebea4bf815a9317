use proptest::prelude::*;

use super::*;

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parse(uri: &str) -> Result<Endpoint, EndpointError> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    Endpoint::parse(path, &Query::parse(query)?)
}

#[test]
fn each_endpoint_of_the_spec_is_known() {
    let name = |text: &str| text.parse::<RepositoryName>().unwrap();
    assert_eq!(parse("/v2/"), Ok(Endpoint::Ping));
    assert_eq!(parse("/v2"), Ok(Endpoint::Ping));
    assert_eq!(
        parse("/v2/_catalog?n=3"),
        Ok(Endpoint::Catalog {
            page: Page {
                n: Some(3),
                last: None
            }
        })
    );
    assert_eq!(
        parse("/v2/library/nginx/manifests/1.27"),
        Ok(Endpoint::Manifest {
            name: name("library/nginx"),
            reference: "1.27".parse().unwrap()
        })
    );
    assert_eq!(
        parse(&format!("/v2/nginx/manifests/{SHA}")),
        Ok(Endpoint::Manifest {
            name: name("nginx"),
            reference: SHA.parse().unwrap()
        })
    );
    assert_eq!(
        parse(&format!("/v2/a/b/c/blobs/{SHA}")),
        Ok(Endpoint::Blob {
            name: name("a/b/c"),
            digest: SHA.parse().unwrap()
        })
    );
    assert_eq!(
        parse("/v2/a/tags/list?n=10&last=v%31"),
        Ok(Endpoint::Tags {
            name: name("a"),
            page: Page {
                n: Some(10),
                last: Some("v1".into())
            }
        })
    );
    for uploads in [
        "/v2/a/b/blobs/uploads/",
        "/v2/a/b/blobs/uploads",
        "/v2/a/b/blobs/uploads/?mount=&from=",
    ] {
        let start = UploadStart::default();
        let name = name("a/b");
        assert_eq!(
            parse(uploads),
            Ok(Endpoint::Uploads { name, start }),
            "{uploads}"
        );
    }
}

#[test]
fn what_is_said_as_an_upload_begins_is_read() {
    let begun = |query: &str| match parse(&format!("/v2/a/blobs/uploads/?{query}")).unwrap() {
        Endpoint::Uploads { start, .. } => start,
        other => panic!("{other:?}"),
    };
    let digest = Some(SHA.parse().unwrap());
    let start = UploadStart::default();
    assert_eq!(
        begun(&format!("digest={SHA}")),
        UploadStart {
            digest: digest.clone(),
            ..start.clone()
        }
    );
    let encoded = SHA.replace(':', "%3A");
    let mount = begun(&format!("mount={encoded}&from=b%2Fc"));
    let from = Some("b/c".parse().unwrap());
    assert_eq!(
        mount,
        UploadStart {
            mount: digest,
            from,
            ..start.clone()
        }
    );
    let algorithm = Some(Algorithm::Sha512);
    assert_eq!(
        begun("digest-algorithm=sha512"),
        UploadStart { algorithm, ..start }
    );
    for wrong in [
        "digest=x",
        "mount=sha256:1",
        "digest-algorithm=md5",
        "from=../x",
        "from=A",
    ] {
        assert!(
            parse(&format!("/v2/a/blobs/uploads/?{wrong}")).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn an_upload_is_named_by_what_it_was_given_and_by_nothing_else() {
    let id = "0123456789abcdef0123456789abcdef";
    let upload = Endpoint::Upload {
        name: "a/b".parse().unwrap(),
        session: id.parse().unwrap(),
        digest: None,
    };
    assert_eq!(parse(&format!("/v2/a/b/blobs/uploads/{id}")), Ok(upload));
    for other in ["id", "..", &id[1..], &id.to_uppercase()] {
        let parsed = parse(&format!("/v2/a/b/blobs/uploads/{other}"));
        assert_eq!(
            parsed,
            Err(EndpointError::Upload(InvalidUploadId)),
            "{other}"
        );
    }
    assert!(parse(&format!("/v2/a/b/blobs/uploads/{id}?digest=x")).is_err());
}

#[test]
fn a_manifest_is_pushed_under_so_many_tags_and_no_more() {
    let tags = |count: usize| {
        let pairs: Vec<_> = (0..count).map(|n| format!("tag=v{n}")).collect();
        Query::parse(&pairs.join("&")).map(|query| query.tags.len())
    };
    assert_eq!(tags(10), Ok(10));
    assert_eq!(tags(MAX_TAGS), Ok(MAX_TAGS));
    assert_eq!(tags(MAX_TAGS + 1), Err(EndpointError::Query("tag")));
    assert_eq!(
        Query::parse("tag=a&tag=a").map(|query| query.tags.len()),
        Ok(1)
    );
    assert!(Query::parse("tag=../x").is_err());
}

#[test]
fn repositories_may_be_named_like_endpoints() {
    for repository in [
        "manifests",
        "blobs",
        "tags/list",
        "a/blobs/uploads",
        "referrers/manifests",
    ] {
        let endpoint = Endpoint::Manifest {
            name: repository.parse().unwrap(),
            reference: "latest".parse().unwrap(),
        };
        assert_eq!(parse(&endpoint.to_string()), Ok(endpoint));
    }
}

#[test]
fn hostile_paths_are_no_endpoint() {
    for path in [
        "",
        "/",
        "/v1/",
        "/v2x",
        "/v22/",
        "//v2/",
        "/v2//",
        "/v2/a",
        "/v2/a/manifests",
        "/v2/a/manifests/",
        "/v2/manifests/latest",
        "/v2/../v2/a/manifests/x",
        "/v2/a/../b/manifests/x",
        "/v2/a/%2e%2e/manifests/x",
        "/v2/a%2fb/manifests/x",
        "/v2/a/manifests/%2e%2e",
        "/v2/a/manifests/..",
        "/v2/a/manifests/a\\b",
        "/v2/a/manifests/x\0",
        "/v2/a/blobs/sha256:..",
        "/v2/a/blobs/../../etc/passwd",
        "/v2/a/tags/list/",
        "/v2/a/tags/x",
        "/v2/A/manifests/x",
        "/v2/a//manifests/x",
    ] {
        assert!(parse(path).is_err(), "{path:?}");
    }
}

#[test]
fn junk_in_the_query_is_an_error_and_never_more() {
    for query in [
        "n=-1",
        "n=abc",
        "n=99999999999999999999",
        "n=",
        "last=%ff",
        &format!("ns={}", "a".repeat(2000)),
    ] {
        assert!(
            matches!(Query::parse(query), Err(EndpointError::Query(_))),
            "{query:.40}"
        );
    }
    assert_eq!(Query::parse("&&x=y&n=5&n=6").unwrap().page.n, Some(5));
}

fn names() -> impl Strategy<Value = RepositoryName> {
    "[a-z0-9]{1,8}([._-][a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,8}){0,4}"
        .prop_map(|text| text.parse().unwrap())
}

fn digests() -> impl Strategy<Value = Digest> {
    any::<(u64, bool)>().prop_map(|(seed, long)| {
        let algorithm = if long {
            Algorithm::Sha512
        } else {
            Algorithm::Sha256
        };
        Digest::of(algorithm, &seed.to_le_bytes())
    })
}

fn endpoints() -> impl Strategy<Value = Endpoint> {
    let page = (any::<Option<u64>>(), proptest::option::of(".{0,40}"))
        .prop_map(|(n, last)| Page { n, last });
    prop_oneof![
        Just(Endpoint::Ping),
        page.clone().prop_map(|page| Endpoint::Catalog { page }),
        (names(), digests()).prop_map(|(name, digest)| Endpoint::Blob { name, digest }),
        (names(), digests()).prop_map(|(name, digest)| Endpoint::Manifest {
            name,
            reference: digest.into()
        }),
        (names(), "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}").prop_map(|(name, tag)| Endpoint::Manifest {
            name,
            reference: tag.parse().unwrap()
        }),
        (names(), page.clone()).prop_map(|(name, page)| Endpoint::Tags { name, page }),
        (
            names(),
            digests(),
            proptest::option::of("[ -~]{0,40}"),
            page
        )
            .prop_map(|(name, digest, artifact_type, page)| Endpoint::Referrers {
                name,
                digest,
                artifact_type,
                page
            }),
        (names(), starts()).prop_map(|(name, start)| Endpoint::Uploads { name, start }),
        (names(), any::<u128>(), proptest::option::of(digests())).prop_map(
            |(name, random, digest)| Endpoint::Upload {
                name,
                session: UploadId::new(random),
                digest
            }
        ),
    ]
}

fn starts() -> impl Strategy<Value = UploadStart> {
    use proptest::option::of;
    (
        of(digests()),
        of(Just(Algorithm::Sha512)),
        of(digests()),
        of(names()),
    )
        .prop_map(|(digest, algorithm, mount, from)| UploadStart {
            digest,
            algorithm,
            mount,
            from,
        })
}

proptest! {
    #[test]
    fn an_endpoint_parses_from_what_it_prints(endpoint in endpoints()) {
        prop_assert_eq!(parse(&endpoint.to_string()), Ok(endpoint));
    }

    #[test]
    fn no_path_and_no_query_panics(path in "/v2/.{0,80}", query in ".{0,80}") {
        if let Ok(query) = Query::parse(&query) {
            let _ = Endpoint::parse(&path, &query);
        }
    }
}
