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
    assert_eq!(parse("/v2/_catalog?n=3"), Ok(Endpoint::Catalog));
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
        "/v2/a/b/blobs/uploads/id",
    ] {
        assert_eq!(
            parse(uploads),
            Ok(Endpoint::Uploads { name: name("a/b") }),
            "{uploads}"
        );
    }
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
            crate::Algorithm::Sha512
        } else {
            crate::Algorithm::Sha256
        };
        Digest::of(algorithm, &seed.to_le_bytes())
    })
}

fn endpoints() -> impl Strategy<Value = Endpoint> {
    let page = (any::<Option<u64>>(), proptest::option::of(".{0,40}"))
        .prop_map(|(n, last)| Page { n, last });
    prop_oneof![
        Just(Endpoint::Ping),
        Just(Endpoint::Catalog),
        (names(), digests()).prop_map(|(name, digest)| Endpoint::Blob { name, digest }),
        (names(), digests()).prop_map(|(name, digest)| Endpoint::Manifest {
            name,
            reference: digest.into()
        }),
        (names(), "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}").prop_map(|(name, tag)| Endpoint::Manifest {
            name,
            reference: tag.parse().unwrap()
        }),
        (names(), page).prop_map(|(name, page)| Endpoint::Tags { name, page }),
        (names(), digests(), proptest::option::of("[ -~]{0,40}")).prop_map(
            |(name, digest, artifact_type)| Endpoint::Referrers {
                name,
                digest,
                artifact_type
            }
        ),
        names().prop_map(|name| Endpoint::Uploads { name }),
    ]
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
