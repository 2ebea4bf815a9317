//! When issuers are asked for their keys, what is taken from them, and what is used while they cannot be had.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::Keys as _;
use forebay_http_kit::ClientPolicy;
use forebay_outside::{
    FETCH_WITHIN, Issuer, MAX_FRESH, MIN_FRESH, MISSING_KEY_WAIT, RETRY_WAIT, STALE_FOR,
};
use futures::future::join_all;
use http::HeaderValue;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::issuer::{Asker, CONFIGURATION, FakeIssuer, KEYS};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn keys_are_found_where_the_configuration_says_and_asked_for_once() {
    let issuer = FakeIssuer::start(&["a", "b"]).await;
    let asker = Asker::of(&issuer);
    for _ in 0..3 {
        assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a", "b"]);
        assert_eq!(asker.keys(&issuer, Some("a")).await.unwrap(), ["a", "b"]);
    }
    assert_eq!(issuer.asked(), [CONFIGURATION, KEYS]);
}

#[tokio::test]
async fn keys_hold_as_long_as_the_issuer_says_within_bounds() {
    for (header, holds) in [
        ("\r\ncache-control: max-age=600", Duration::from_mins(10)),
        ("\r\ncache-control: no-store", MIN_FRESH),
        ("\r\ncache-control: max-age=1", MIN_FRESH),
        ("\r\ncache-control: max-age=31536000", MAX_FRESH),
        ("", Duration::from_hours(1)),
    ] {
        let issuer = FakeIssuer::start(&[]).await;
        issuer.publish(&["a"], header);
        let asker = Asker::of(&issuer);
        assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a"]);
        issuer.publish(&["b"], header);
        asker.clock.advance(holds.saturating_sub(SECOND));
        assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a"], "{header}");
        asker.clock.advance(SECOND);
        assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["b"], "{header}");
        assert_eq!(issuer.key_requests(), 2);
    }
}

#[tokio::test]
async fn a_new_key_is_asked_for_at_once_but_made_up_ones_only_once_a_minute() {
    let issuer = FakeIssuer::start(&["a"]).await;
    let asker = Asker::of(&issuer);
    asker.keys(&issuer, None).await.unwrap();
    asker.clock.advance(MISSING_KEY_WAIT);
    issuer.publish(&["a", "new"], "");
    assert_eq!(
        asker.keys(&issuer, Some("new")).await.unwrap(),
        ["a", "new"]
    );
    for made_up in ["x", "y", "z"] {
        assert_eq!(
            asker.keys(&issuer, Some(made_up)).await.unwrap(),
            ["a", "new"]
        );
        asker.clock.advance(SECOND);
    }
    assert_eq!(issuer.key_requests(), 2);
    asker.clock.advance(MISSING_KEY_WAIT);
    asker.keys(&issuer, Some("x")).await.unwrap();
    assert_eq!(issuer.key_requests(), 3);
}

#[tokio::test]
async fn a_thousand_who_wait_cost_one_fetch_and_whoever_leaves_stops_none() {
    let issuer = FakeIssuer::start(&["a"]).await;
    let asker = Asker::of(&issuer);
    // The first to ask goes away before anything came.
    let first = asker.issuers.keys(&issuer.url, None);
    assert!(futures::poll!(Box::pin(first)).is_pending());
    let all = join_all((0..1_000).map(|_| asker.keys(&issuer, None))).await;
    assert!(all.iter().all(|keys| keys.as_ref().unwrap() == &["a"]));
    assert_eq!(issuer.asked(), [CONFIGURATION, KEYS]);
}

#[tokio::test]
async fn known_keys_are_used_for_a_day_while_the_issuer_cannot_be_had() {
    let issuer = FakeIssuer::start(&["a"]).await;
    let asker = Asker::of(&issuer);
    asker.keys(&issuer, None).await.unwrap();
    issuer.say(KEYS, "503 Service Unavailable", "");
    asker.clock.advance(Duration::from_hours(1));
    assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a"]);
    assert_eq!(issuer.key_requests(), 2, "it was tried");
    assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a"]);
    assert_eq!(issuer.key_requests(), 2, "and is left alone for a while");
    asker.clock.advance(RETRY_WAIT);
    asker.keys(&issuer, None).await.unwrap();
    assert_eq!(issuer.key_requests(), 3);
    asker.clock.advance(STALE_FOR);
    let why = asker.why(&issuer).await;
    assert!(
        why.ends_with("it answered with status 503 to what asked for its keys"),
        "{why}"
    );
    // It comes back.
    issuer.publish(&["b"], "");
    asker.clock.advance(RETRY_WAIT);
    assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["b"]);
}

#[tokio::test]
async fn an_issuer_that_never_answered_is_not_asked_by_each_who_comes() {
    let issuer = FakeIssuer::start(&[]).await;
    issuer.say(CONFIGURATION, "404 Not Found", "");
    let asker = Asker::of(&issuer);
    for _ in 0..3 {
        let why = asker.why(&issuer).await;
        assert!(
            why.contains("status 404 to what asked for its configuration"),
            "{why}"
        );
    }
    assert_eq!(issuer.asked(), [CONFIGURATION]);
}

#[tokio::test]
async fn a_stop_leaves_nobody_waiting_for_an_issuer() {
    let issuer = FakeIssuer::start(&["a"]).await;
    issuer.hang(KEYS);
    let asker = Asker::of(&issuer);
    let waiting = asker.why(&issuer);
    let cutting = async {
        issuer.was_asked(2).await;
        asker.tasks.stop();
    };
    let (why, ()) = tokio::join!(waiting, cutting);
    assert!(why.ends_with("it was not asked to the end"), "{why}");
}

#[tokio::test]
async fn an_issuer_that_hangs_is_given_up_in_time() {
    let issuer = FakeIssuer::start(&["a"]).await;
    issuer.hang(KEYS);
    let asker = Asker::of(&issuer);
    let waiting = asker.why(&issuer);
    let passing = async {
        issuer.was_asked(2).await;
        asker.clock.advance(FETCH_WITHIN);
    };
    let (why, ()) = tokio::join!(waiting, passing);
    assert!(why.ends_with("it did not answer in time"), "{why}");
}

#[tokio::test]
async fn what_an_issuer_says_is_taken_only_if_it_is_what_it_should_be() {
    let long = format!(r#"{{"issuer":"{}"}}"#, "x".repeat(70_000));
    let many = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000));
    let elsewhere = r#"{"issuer":"ISSUER","jwks_uri":"http://169.254.169.254/latest"}"#;
    let other_port = r#"{"issuer":"ISSUER","jwks_uri":"http://127.0.0.1:1/keys"}"#;
    let nowhere = r#"{"issuer":"ISSUER","jwks_uri":"keys"}"#;
    for (path, head, body, expected) in [
        (CONFIGURATION, "200 OK", "<html>", "no JSON with `issuer`"),
        (
            CONFIGURATION,
            "200 OK",
            r#"{"issuer":"ISSUER"}"#,
            "no JSON with `issuer`",
        ),
        (
            CONFIGURATION,
            "200 OK",
            r#"{"issuer":"https://another.example","jwks_uri":"ISSUER/keys"}"#,
            "that of another issuer",
        ),
        (CONFIGURATION, "200 OK", nowhere, "names no address"),
        (
            CONFIGURATION,
            "200 OK",
            elsewhere,
            "keys at http://169.254.169.254",
        ),
        (
            CONFIGURATION,
            "200 OK",
            other_port,
            "keys at http://127.0.0.1:1",
        ),
        (
            CONFIGURATION,
            "200 OK",
            &long,
            "configuration did not come whole",
        ),
        (
            CONFIGURATION,
            "302 Found\r\nlocation: /keys",
            "",
            "configuration cannot be asked for",
        ),
        (KEYS, "200 OK", &many, "keys did not come whole"),
        (KEYS, "200 OK", "[]", "no key set"),
        (KEYS, "204 No Content", "", "status 204"),
        (
            KEYS,
            "307 Temporary Redirect\r\nlocation: /other",
            "",
            "keys cannot be asked for",
        ),
    ] {
        let issuer = FakeIssuer::start(&["a"]).await;
        issuer.say(path, head, &body.replace("ISSUER", &issuer.url));
        let why = Asker::of(&issuer).why(&issuer).await;
        assert!(why.contains(expected), "{why}: wanted {expected}");
    }
}

#[tokio::test]
async fn keys_may_be_at_a_host_that_the_operator_listed() {
    let (issuer, keys) = (
        FakeIssuer::start(&[]).await,
        FakeIssuer::start(&["a"]).await,
    );
    let configuration = format!(
        r#"{{"issuer":"{}","jwks_uri":"{}{KEYS}"}}"#,
        issuer.url, keys.url
    );
    issuer.say(CONFIGURATION, "200 OK", &configuration);
    let mut named = Issuer::new(&issuer.url).unwrap();
    named.key_hosts = vec![keys.url.trim_start_matches("http://").to_owned()];
    assert_eq!(Asker::with(named).keys(&issuer, None).await.unwrap(), ["a"]);
    assert_eq!((issuer.asked().len(), keys.asked().len()), (1, 1));
}

#[tokio::test]
async fn a_token_is_shown_to_the_issuer_and_its_listed_hosts_as_the_file_has_it_then() {
    let (issuer, keys) = (
        FakeIssuer::start(&[]).await,
        FakeIssuer::start(&["a"]).await,
    );
    let configuration = format!(
        r#"{{"issuer":"{}","jwks_uri":"{}{KEYS}"}}"#,
        issuer.url, keys.url
    );
    issuer.say(CONFIGURATION, "200 OK", &configuration);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let mut named = Issuer::new(&issuer.url).unwrap();
    named.key_hosts = vec![keys.url.trim_start_matches("http://").to_owned()];
    named.token_file = Some(file.clone());
    let asker = Asker::with(named);
    let why = asker.why(&issuer).await;
    assert!(why.contains("the token in its `token_file`"), "{why}");
    for wrong in ["", "two\nlines", &"x".repeat(20_000)] {
        std::fs::write(&file, wrong).unwrap();
        asker.clock.advance(RETRY_WAIT);
        let why = asker.why(&issuer).await;
        assert!(why.contains("the token in its `token_file`"), "{why}");
        assert!(!why.contains("two") && !why.contains("xxx"), "{why}");
    }
    assert_eq!(issuer.asked(), [""; 0], "nobody is asked without it");

    for token in ["first.token", "second.token"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        asker.clock.advance(MAX_FRESH);
        assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a"]);
        let bearer = Some(format!("Bearer {token}"));
        assert_eq!(issuer.shown().last(), Some(&bearer));
        assert_eq!(keys.shown().last(), Some(&bearer));
    }
    assert_eq!((issuer.asked().len(), keys.asked().len()), (2, 2));
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_dialled_only_if_the_operator_said_so() {
    let mut issuer = FakeIssuer::start(&["a"]).await;
    issuer.url = issuer.url.replace("127.0.0.1", "localhost");
    let configuration = format!(r#"{{"issuer":"{0}","jwks_uri":"{0}{KEYS}"}}"#, issuer.url);
    issuer.say(CONFIGURATION, "200 OK", &configuration);
    let mut named = Issuer::new(&issuer.url).unwrap();
    let why = Asker::with(named.clone()).why(&issuer).await;
    assert!(why.contains("configuration cannot be asked for"), "{why}");
    assert_eq!(issuer.asked(), [""; 0]);
    named.private = true;
    assert_eq!(Asker::with(named).keys(&issuer, None).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn nobody_is_asked_whom_no_rule_names() {
    let issuer = FakeIssuer::start(&["a"]).await;
    let asker = Asker::of(&issuer);
    asker.set(Vec::new());
    let why = asker.why(&issuer).await;
    assert!(why.ends_with("no rule names it"), "{why}");
    assert_eq!(issuer.asked(), [""; 0]);
}

#[tokio::test]
async fn a_reload_forgets_only_what_changed() {
    let (same, changed) = (
        FakeIssuer::start(&["a"]).await,
        FakeIssuer::start(&["b"]).await,
    );
    let asker = Asker::of(&same);
    let named = |issuer: &FakeIssuer| Issuer::new(&issuer.url).unwrap();
    asker.set(vec![named(&same), named(&changed)]);
    asker.keys(&same, None).await.unwrap();
    asker.keys(&changed, None).await.unwrap();
    let mut other = named(&changed);
    other.key_hosts = vec!["keys.example".to_owned()];
    asker.set(vec![named(&same), other]);
    asker.keys(&same, None).await.unwrap();
    asker.keys(&changed, None).await.unwrap();
    assert_eq!((same.key_requests(), changed.key_requests()), (1, 2));
}

#[tokio::test]
async fn what_is_prepared_changes_nothing_until_it_is_taken_over() {
    let issuer = FakeIssuer::start(&["a"]).await;
    let asker = Asker::of(&issuer);
    let policy = ClientPolicy::new(HeaderValue::from_static("forebay/test"));
    let nobody = asker.issuers.prepare(Vec::new(), &policy).unwrap();
    assert_eq!(asker.keys(&issuer, None).await.unwrap(), ["a"]);
    asker.issuers.take_over(nobody);
    let why = asker.why(&issuer).await;
    assert!(why.ends_with("no rule names it"), "{why}");
}

#[tokio::test]
async fn an_issuer_with_an_authority_of_its_own_is_believed_by_that() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let signed = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = FakeIssuer::at(&listener, "https");
    issuer.publish(&["a"], "");
    let (serving, acceptor) = (issuer.clone(), TlsAcceptor::from(Arc::new(tls)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(wire) = acceptor.accept(stream).await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.answer(wire).await });
            }
        }
    });
    let mut named = Issuer::new(&issuer.url).unwrap();
    let why = Asker::with(named.clone()).why(&issuer).await;
    assert!(why.contains("configuration cannot be asked for"), "{why}");
    named.extra_roots_pem = Some(authority.pem().into_bytes());
    assert_eq!(Asker::with(named).keys(&issuer, None).await.unwrap(), ["a"]);
}
