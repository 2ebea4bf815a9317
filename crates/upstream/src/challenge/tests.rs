use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::*;

#[expect(
    clippy::unnecessary_wraps,
    reason = "what it is compared with may be none"
)]
fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
    Some(Challenge::Bearer {
        realm: realm.to_owned(),
        service: service.map(str::to_owned),
    })
}

#[test]
fn challenges_are_read_as_registries_write_them() {
    let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull""#;
    let table = [
        (
            hub,
            bearer("https://auth.docker.io/token", Some("registry.docker.io")),
        ),
        (
            r#"bearer Realm = "https://a/t" , SERVICE=s"#,
            bearer("https://a/t", Some("s")),
        ),
        (
            r#"Bearer scope="a,b \"c\", realm=x",realm="https://a/t""#,
            bearer("https://a/t", None),
        ),
        (r#"Bearer realm="a\"b\\c""#, bearer(r#"a"b\c"#, None)),
        (
            r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#,
            Some(Challenge::Basic),
        ),
        (
            r#"Basic realm="x", Bearer realm="https://a/t""#,
            bearer("https://a/t", None),
        ),
        (
            r#"Negotiate abc==, Basic realm="x""#,
            Some(Challenge::Basic),
        ),
        (
            r#"Digest realm="x", nonce="y", Bearer realm="https://a/t",service="s""#,
            bearer("https://a/t", Some("s")),
        ),
        ("Basic", Some(Challenge::Basic)),
        (r#",, Bearer realm="1",realm="2",,"#, bearer("1", None)),
        // A parameter's value is no scheme, whatever it says.
        (r#"Digest realm="Bearer realm=https://evil/t""#, None),
        ("Bearer", None),
        (r#"Bearer service="s""#, None),
        (r#"Bearer realm="unfinished"#, None),
        (r#"Bearer realm="x"y"#, None),
        (r#"realm="https://a/t""#, None),
        ("", None),
        ("=,=;\"", None),
    ];
    for (value, expected) in table {
        assert_eq!(choose([value.as_bytes()]), expected, "{value}");
    }
}

#[test]
fn all_headers_of_an_answer_count() {
    let values: [&[u8]; 3] = [b"Basic realm=x", b"\xff\xfe", b"Bearer realm=y"];
    assert_eq!(choose(values), bearer("y", None));
    assert_eq!(choose([]), None);
}

#[test]
fn a_huge_header_is_not_looked_at() {
    let huge = format!(r#"Bearer realm="{}""#, "x".repeat(MAX_VALUE_BYTES));
    assert_eq!(choose([huge.as_bytes()]), None);
    let many = "Basic,".repeat(1_000);
    assert_eq!(choose([many.as_bytes()]), Some(Challenge::Basic));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4)) {
        let _ = choose(values.iter().map(Vec::as_slice));
    }

    #[test]
    fn no_near_miss_makes_it_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        let _ = choose([pieces.concat().as_bytes()]);
    }

    #[test]
    fn a_quoted_realm_is_read_back(realm in "[ -~]{0,60}", service in "[ -~]{0,60}") {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let value = format!(r#"Bearer realm="{}",service="{}""#, quote(&realm), quote(&service));
        assert_eq!(choose([value.as_bytes()]), bearer(&realm, Some(&service)));
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Bearer ".to_owned()),
        Just("Basic".to_owned()),
        Just("realm=".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(",".to_owned()),
        Just("=".to_owned()),
        "[a-z é]{1,5}",
    ]
}
