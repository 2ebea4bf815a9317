//! The kinds of value: tables of what is read and what is refused, and that what prints reads back.

use std::time::Duration;

use ipnet::IpNet;
use proptest::prelude::*;
use url::Url;

use super::*;
use crate::advice::Hint;
use crate::origin::Origin;
use crate::proxy::ProxyChoice;
use crate::resolved::{ListenAddress, TagRule};

fn refused<T: TextValue>(text: &str) -> String {
    match T::from_text(text) {
        Ok(value) => panic!("{text:?} was read as {:?}", value.text()),
        Err(Wrong { what, hints, .. }) => {
            let hints: Vec<String> = hints.iter().map(Hint::to_string).collect();
            format!("{what} / {}", hints.join(" / "))
        }
    }
}

fn untyped(text: &str) -> Node {
    Node {
        origin: Origin::Default,
        raw: Raw::Untyped(text.to_owned()),
    }
}

#[test]
fn spans_of_time_are_numbers_with_units() {
    for (text, ms) in [
        ("0s", 0),
        ("500ms", 500),
        ("90s", 90_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("1d2h3m4s5ms", 93_784_005),
    ] {
        let span = TimeSpan::from_text(text).ok();
        assert_eq!(span, Some(TimeSpan(Duration::from_millis(ms))), "{text}");
    }
    for text in [
        "",
        "5",
        "m",
        "5 m",
        "-5m",
        "1.5h",
        "5m1h",
        "5m5m",
        "5y",
        "5M",
        "99999999999999999d",
    ] {
        refused::<TimeSpan>(text);
    }
    assert!(refused::<TimeSpan>("300").contains("\"300s\""));
}

#[test]
fn sizes_are_numbers_with_units() {
    for (text, bytes) in [
        ("1KB", 1_000),
        ("1KiB", 1_024),
        ("512MiB", 536_870_912),
        ("10GB", 10_000_000_000),
        ("50GiB", 53_687_091_200),
        ("2TiB", 2_199_023_255_552),
    ] {
        assert_eq!(
            ByteSize::from_text(text).ok(),
            Some(ByteSize(bytes)),
            "{text}"
        );
    }
    for text in [
        "",
        "GiB",
        "5B",
        "1.5GiB",
        "-1GiB",
        "5 GiB",
        "99999999999TiB",
    ] {
        refused::<ByteSize>(text);
    }
    assert!(refused::<ByteSize>("1073741824").contains("\"1GiB\""));
    assert!(refused::<ByteSize>("50").contains("\"50GiB\""));
    assert!(refused::<ByteSize>("50G").contains("\"50GiB\" or \"50GB\""));
    assert!(refused::<ByteSize>("50gib").contains("\"50GiB\""));
}

proptest! {
    #[test]
    fn a_printed_span_reads_back(ms in 0_u64..=400 * 86_400_000) {
        let span = TimeSpan(Duration::from_millis(ms));
        prop_assert_eq!(TimeSpan::from_text(&span.to_string()).ok(), Some(span));
    }

    #[test]
    fn a_printed_size_reads_back(number in 0_u64..1_000_000, unit in 0_usize..8) {
        let units = ["KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB"];
        let size = ByteSize::from_text(&format!("{number}{}", units[unit])).ok();
        prop_assert!(size.is_some());
        prop_assert_eq!(size.map(|size| ByteSize::from_text(&size.to_string()).ok()), Some(size));
    }

    #[test]
    fn no_text_breaks_a_reader(text in ".{0,40}") {
        let _ = TimeSpan::from_text(&text);
        let _ = ByteSize::from_text(&text);
        let _ = HostPort::from_text(&text);
        let _ = RepositoryGlob::from_text(&text);
        let _ = ListenAddress::from_text(&text);
        let _ = IpNet::from_text(&text);
        let _ = Url::from_text(&text);
        let _ = Vec::<TagRule>::read(&untyped(&text));
    }
}

#[test]
fn a_host_is_written_in_one_way() {
    for host in [
        "docker.io",
        "localhost",
        "127.0.0.1:5000",
        "a-b.example:65535",
        "[::1]:5000",
        "[fd00::1]",
    ] {
        assert!(HostPort::from_text(host).is_ok(), "{host}");
    }
    for host in [
        "",
        "Docker.io",
        "docker.io.",
        ".docker.io",
        "docker..io",
        "dосker.io",
        "xn--dcker-jua.io",
        "docker.io:0",
        "docker.io:080",
        "docker.io:99999",
        "docker.io:",
        "https://docker.io",
        "docker.io/library",
        "user@docker.io",
        "a_b.io",
        "-a.io",
        "docker.io\n",
        "[::1]x",
        "[::1",
        "[::0001]",
        "[1.2.3.4]",
        "::1",
    ] {
        refused::<HostPort>(host);
    }
}

#[test]
fn a_url_is_a_scheme_a_host_and_a_port() {
    for url in [
        "https://registry-1.docker.io",
        "http://127.0.0.1:7000",
        "http://[::1]:7000/",
    ] {
        assert!(Url::from_text(url).is_ok(), "{url}");
    }
    for url in [
        "registry-1.docker.io",
        "ftp://a.io",
        "https://",
        "https://a.io/v2",
        "https://a.io?x=1",
        "https://a.io#x",
        "https://a.io./",
    ] {
        refused::<Url>(url);
    }
    let told = refused::<Url>("https://alice:canary@a.io");
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn a_network_says_no_more_than_it_means() {
    assert!(IpNet::from_text("10.0.0.0/8").is_ok());
    assert!(IpNet::from_text("fd00::/8").is_ok());
    for (mapped, own) in [
        ("::ffff:192.0.2.2/128", "192.0.2.2/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ] {
        assert_eq!(IpNet::from_text(mapped).unwrap().to_string(), own);
    }
    assert!(refused::<IpNet>("10.1.2.3/8").contains("\"10.0.0.0/8\""));
    assert!(refused::<IpNet>("10.1.2.3").contains("\"10.1.2.3/32\""));
}

#[test]
fn a_listen_address_is_no_name() {
    assert!(refused::<ListenAddress>("localhost:5000").contains("127.0.0.1:5000"));
    assert!(refused::<ListenAddress>(":5000").contains("0.0.0.0:5000"));
    assert!(refused::<ListenAddress>("5000").contains("127.0.0.1:5000"));
    assert!(refused::<ListenAddress>("::1").contains("[::1]:5000"));
    let within_tls = refused::<ListenAddress>("https://:5443");
    assert!(
        within_tls.contains("\"https://0.0.0.0:5443\""),
        "{within_tls}"
    );
    for (text, printed, is_tls) in [
        ("127.0.0.1:5000", "127.0.0.1:5000", false),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", false),
        ("https://[::]:5443", "https://[::]:5443", true),
    ] {
        let address = ListenAddress::from_text(text).unwrap();
        assert_eq!(
            (address.text(), address.is_tls),
            (printed.to_owned(), is_tls)
        );
    }
    for wrong in [
        "https://127.0.0.1:5443/",
        "https://https://127.0.0.1:5443",
        "ftp://127.0.0.1:1",
    ] {
        refused::<ListenAddress>(wrong);
    }
}

#[test]
fn patterns_of_repositories_stay_within_a_path_part() {
    let matches = |pattern: &str, name: &str| {
        let glob = RepositoryGlob::from_text(pattern).map(|glob| glob.0.compile_matcher());
        glob.is_ok_and(|glob| glob.is_match(name))
    };
    assert!(matches("library/*", "library/nginx"));
    assert!(!matches("library/*", "library/a/b"));
    assert!(matches("org/**", "org/a/b"));
    assert!(matches("hashicorp/vault", "hashicorp/vault"));
    assert!(!matches("hashicorp/vault", "hashicorp/vault-k8s"));
    for pattern in [
        "",
        "Library/*",
        "nginx:1",
        "/nginx",
        "nginx/",
        "a[",
        "a b",
        "a@sha256",
    ] {
        refused::<RepositoryGlob>(pattern);
    }
}

#[test]
fn a_prefix_is_one_part_that_is_no_host() {
    assert!(Prefix::from_text("ecr-public").is_ok());
    for prefix in [
        "",
        "v2",
        "library",
        "a/b",
        "docker.io",
        "localhost",
        "Hub",
        "-a",
        "a:b",
    ] {
        refused::<Prefix>(prefix);
    }
}

#[test]
fn a_list_in_one_variable_is_comma_separated_or_toml() {
    let hosts = |text| Vec::<HostPort>::read(&untyped(text)).ok();
    let two = Some(vec![HostPort("a.io".into()), HostPort("b.io:1".into())]);
    assert_eq!(hosts("a.io, b.io:1"), two);
    assert_eq!(hosts("[\"a.io\", 'b.io:1']"), two);
    assert_eq!(hosts(""), Some(vec![]));
    assert_eq!(hosts("[\"a.io\""), None);
    let rules = Vec::<TagRule>::read(&untyped("[{ pattern = 'v*', ttl = '6h' }]"));
    assert_eq!(rules.map(|rules| rules.len()).ok(), Some(1));
}

#[test]
fn a_proxy_never_prints_its_password() {
    for text in [
        "http://alice:canary@proxy:3128",
        "alice:canary@proxy:3128",
        "ftp://u:canary@x",
        "http://u:canary@",
    ] {
        match ProxyChoice::from_text(text) {
            Ok(proxy) => assert!(
                !format!("{} {proxy:?}", proxy.text()).contains("canary"),
                "{text}"
            ),
            Err(wrong) => assert!(!wrong.what.contains("canary"), "{text}"),
        }
    }
}
