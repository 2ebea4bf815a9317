//! Programs that another issuer vouches for (B10).

use std::time::Duration;

use forebay_access::{BadToken, Identity, Refusal, Rules, Verdict, Why};
use forebay_content::{Clock as _, KeySet, Secret};
use forebay_oci::Act;
use serde_json::{Value, json};

use crate::rig::{ISSUER, Rig, SERVICE, Signer, encode, right, rules, why, workload};

pub(crate) fn publish(rig: &Rig, signer: &Signer) {
    publish_keys(rig, signer.keys());
}

fn publish_keys(rig: &Rig, keys: KeySet) {
    let mut published = rig.issuers.published.lock().unwrap();
    published.insert(ISSUER.to_owned(), keys);
}

pub(crate) fn token(rig: &Rig, signer: &Signer) -> Secret {
    signer.sign(
        &json!({ "alg": "EdDSA", "kid": "ed", "typ": "JWT" }),
        &claims(rig),
    )
}

fn claims(rig: &Rig) -> Value {
    let now = rig.clock.now().unix_seconds();
    json!({
        "iss": ISSUER, "aud": SERVICE, "sub": "job", "iat": now, "nbf": now, "exp": now + 600,
        "repository": "org/app", "ref": "refs/heads/main",
    })
}

fn deploy_rules() -> Rules {
    let main = [("repository", "org/*"), ("ref", "refs/heads/main")];
    Rules {
        workloads: vec![
            workload("deploy", &main, &[right(&["team/*"], "pull,push")]),
            workload(
                "build",
                &[("repository", "org/*")],
                &[right(&["team/*"], "pull")],
            ),
        ],
        ..rules(Vec::new())
    }
}

fn rig() -> (Rig, Signer) {
    let rig = Rig::new(deploy_rules());
    let signer = Signer::new();
    publish(&rig, &signer);
    (rig, signer)
}

async fn refused(rig: &Rig, token: &Secret) -> BadToken {
    match why(rig.access.vouched(token).await) {
        Why::Token(why) => why,
        why => panic!("{why:?}"),
    }
}

#[tokio::test]
async fn a_job_comes_in_by_the_first_rule_that_takes_its_token() {
    let (rig, signer) = rig();
    for (alg, kid) in [("EdDSA", "ed"), ("ES256", "ec"), ("RS256", "rsa")] {
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT", "x5t": "AA" });
        let job = rig
            .access
            .vouched(&signer.sign(&header, &claims(&rig)))
            .await;
        let job = job.unwrap();
        let name = "workload:deploy (job of https://issuer.example)";
        assert_eq!(job.principal.to_string(), name);
        let push = rig.verdict(&job, "local/team/app", Act::Push);
        assert_eq!(push, Verdict::Allowed);
        assert_eq!(rig.verdict(&job, "local/x", Act::Pull), Verdict::Hidden);
    }
    let mut claims = claims(&rig);
    claims["ref"] = json!("refs/heads/feature");
    let header = json!({ "alg": "EdDSA", "kid": "ed" });
    let job = rig
        .access
        .vouched(&signer.sign(&header, &claims))
        .await
        .unwrap();
    assert!(job.principal.to_string().starts_with("workload:build "));
    let push = rig.verdict(&job, "local/team/app", Act::Push);
    assert_eq!(push, Verdict::Refused);
}

#[tokio::test]
async fn a_job_logs_in_with_its_token_as_a_password() {
    let (rig, signer) = rig();
    let token = token(&rig, &signer);
    let by_basic = rig.basic("oidc", token.expose()).await.unwrap();
    assert_eq!(by_basic, rig.access.vouched(&token).await.unwrap());
    assert_eq!(rig.access.hashes_done(), 0);
}

#[tokio::test]
async fn what_a_job_is_given_does_not_outlive_its_own_token() {
    let (rig, signer) = rig();
    let job = rig.access.vouched(&token(&rig, &signer)).await.unwrap();
    let issue = |job: &Identity| rig.access.issue(job, forebay_access::Narrowing::default());
    assert_eq!(issue(&job).unwrap().lifetime, Duration::from_mins(5));
    let mut claims = claims(&rig);
    claims["exp"] = json!(claims["iat"].as_u64().unwrap() + 10);
    let header = json!({ "alg": "EdDSA", "kid": "ed" });
    let job = rig
        .access
        .vouched(&signer.sign(&header, &claims))
        .await
        .unwrap();
    // With the leeway that clocks have.
    assert_eq!(issue(&job).unwrap().lifetime, Duration::from_secs(70));
}

#[tokio::test]
async fn claims_that_no_rule_takes_are_refused() {
    let (rig, signer) = rig();
    let now = rig.clock.now().unix_seconds();
    let header = json!({ "alg": "EdDSA", "kid": "ed" });
    for (claim, value, expected) in [
        ("iss", json!("https://issuer.example/"), BadToken::Issuer),
        ("iss", json!("https://evil.example"), BadToken::Issuer),
        ("iss", json!([ISSUER]), BadToken::Claims),
        ("iss", Value::Null, BadToken::Claims),
        ("aud", json!("other.example"), BadToken::Audience),
        ("aud", json!(["other.example"]), BadToken::Audience),
        ("aud", json!([]), BadToken::Audience),
        ("aud", Value::Null, BadToken::Audience),
        ("aud", json!({ "0": SERVICE }), BadToken::Audience),
        ("exp", json!(now - 60), BadToken::Expired),
        ("exp", json!(0), BadToken::Expired),
        ("exp", Value::Null, BadToken::Claims),
        ("exp", json!("2030"), BadToken::Claims),
        ("exp", json!(1e300), BadToken::Claims),
        ("nbf", json!(now + 61), BadToken::Early),
        ("nbf", json!("soon"), BadToken::Claims),
        ("iat", json!(now + 61), BadToken::Early),
        ("repository", json!("organization/app"), BadToken::Rule),
        ("repository", Value::Null, BadToken::Rule),
        ("repository", json!({ "org/app": true }), BadToken::Rule),
        ("sub", Value::Null, BadToken::Claims),
        ("sub", json!(7), BadToken::Claims),
        ("sub", json!(""), BadToken::Claims),
    ] {
        let mut claims = claims(&rig);
        claims[claim] = value.clone();
        let found = refused(&rig, &signer.sign(&header, &claims)).await;
        assert_eq!(found, expected, "{claim} {value}");
    }
    let mut claims = claims(&rig);
    claims.as_object_mut().unwrap().remove("exp");
    assert_eq!(
        refused(&rig, &signer.sign(&header, &claims)).await,
        BadToken::Claims
    );
    // A list of audiences with ours in it, and a time with a fraction, are as good as any.
    let mut claims = self::claims(&rig);
    claims["aud"] = json!(["other.example", SERVICE]);
    #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
    let fraction = now as f64 + 5.5;
    claims["exp"] = json!(fraction);
    rig.access
        .vouched(&signer.sign(&header, &claims))
        .await
        .unwrap();
}

/// CVE-2025-24976, CVE-2026-33322: a token never says by what it is checked.
#[tokio::test]
async fn headers_that_name_their_own_key_are_refused() {
    let (rig, signer) = rig();
    let evil = Signer::new();
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AA" });
    for (member, value) in [
        ("jwk", key),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("unheard-of", json!(1)),
    ] {
        for signer in [&signer, &evil] {
            let mut header = json!({ "alg": "EdDSA", "kid": "ed" });
            header[member] = value.clone();
            let found = refused(&rig, &signer.sign(&header, &claims(&rig))).await;
            assert_eq!(found, BadToken::Header, "{member}");
        }
    }
    let asked = rig.issuers.asked.lock().unwrap();
    assert_eq!(*asked, [], "nobody was asked for such a token's key");
}

#[tokio::test]
async fn an_algorithm_that_is_not_the_key_s_own_is_refused() {
    let (rig, signer) = rig();
    let claims = claims(&rig);
    for (alg, kid) in [
        ("none", "ed"),
        ("NONE", "ed"),
        ("HS256", "ed"),
        ("HS256", "ec"),
        ("ES256", "ed"),
        ("EdDSA", "ec"),
        ("RS256", "ed"),
        ("RS256", "ec"),
        ("RS512", "ed"),
        ("PS256", "ed"),
        ("ES384", "ec"),
        ("EdDSA", "rsa"),
        ("ES256", "rsa"),
        ("HS256", "rsa"),
        ("PS256", "rsa"),
        ("RS512", "rsa"),
        ("", "ed"),
    ] {
        let token = signer.sign(&json!({ "alg": alg, "kid": kid }), &claims);
        assert_eq!(
            refused(&rig, &token).await,
            BadToken::Algorithm,
            "{alg} {kid}"
        );
        let unsigned = token.expose().rsplit_once('.').unwrap().0.to_owned() + ".";
        let unsigned = Secret::new(unsigned);
        assert_eq!(
            refused(&rig, &unsigned).await,
            BadToken::Algorithm,
            "{alg} {kid}"
        );
    }
    // Signed by HMAC with the public key's own bytes, as everybody knows them.
    let keys = signer.keys();
    for key in &keys.keys {
        let text = format!("{key:?}");
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        let secret = jsonwebtoken::EncodingKey::from_secret(text.as_bytes());
        let token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
        let token = Secret::new(token);
        assert_eq!(refused(&rig, &token).await, BadToken::Algorithm);
    }
}

#[tokio::test]
async fn a_key_s_id_finds_that_key_or_none() {
    let (rig, signer) = rig();
    let claims = claims(&rig);
    for kid in [
        "",
        "ED",
        "ed ",
        "../../../../dev/null",
        "' OR 1=1 --",
        "ed\0",
    ] {
        let token = signer.sign(&json!({ "alg": "EdDSA", "kid": kid }), &claims);
        assert_eq!(refused(&rig, &token).await, BadToken::Key, "{kid:?}");
    }
    // Without an id, of two keys neither is tried.
    let nameless = signer.sign(&json!({ "alg": "EdDSA" }), &claims);
    assert_eq!(refused(&rig, &nameless).await, BadToken::Key);
    let mut only = signer.keys();
    only.keys.truncate(1);
    publish_keys(&rig, only);
    rig.access.vouched(&nameless).await.unwrap();
}

#[tokio::test]
async fn an_issuer_s_new_key_is_asked_for_once() {
    let (rig, signer) = rig();
    let token = token(&rig, &signer);
    publish_keys(&rig, KeySet::default());
    assert_eq!(refused(&rig, &token).await, BadToken::Key);
    let asked = std::mem::take(&mut *rig.issuers.asked.lock().unwrap());
    let issuer = || ISSUER.to_owned();
    assert_eq!(asked, [(issuer(), None), (issuer(), Some("ed".to_owned()))]);
    publish(&rig, &signer);
    rig.access.vouched(&token).await.unwrap();
    assert_eq!(*rig.issuers.asked.lock().unwrap(), [(issuer(), None)]);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_told_apart_from_a_wrong_token() {
    let (rig, signer) = rig();
    let token = token(&rig, &signer);
    rig.issuers.published.lock().unwrap().clear();
    let refused = rig.access.vouched(&token).await.unwrap_err();
    assert!(matches!(refused, Refusal::Keys(_)), "{refused:?}");
}

/// Only who is trusted is ever asked for keys (A4).
#[tokio::test]
async fn an_issuer_that_no_rule_names_is_not_asked() {
    let (rig, signer) = rig();
    for issuer in [
        "https://169.254.169.254/",
        "http://issuer.example",
        "file:///etc",
        "",
    ] {
        let mut claims = claims(&rig);
        claims["iss"] = json!(issuer);
        let token = signer.sign(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims);
        assert_eq!(refused(&rig, &token).await, BadToken::Issuer);
    }
    assert_eq!(*rig.issuers.asked.lock().unwrap(), []);
}

#[tokio::test]
async fn another_s_signature_and_a_changed_claim_are_refused() {
    let (rig, signer) = rig();
    let evil = Signer::new();
    let forged = evil.sign(&json!({ "alg": "ES256", "kid": "ec" }), &claims(&rig));
    assert_eq!(refused(&rig, &forged).await, BadToken::Signature);
    let token = token(&rig, &signer);
    let mut parts: Vec<_> = token.expose().split('.').collect();
    let mut other = claims(&rig);
    other["repository"] = json!("org/other");
    let other = encode(other.to_string());
    parts[1] = &other;
    let changed = Secret::new(parts.join("."));
    assert_eq!(refused(&rig, &changed).await, BadToken::Signature);
}

#[tokio::test]
async fn a_subject_that_would_break_a_log_is_told_without_its_breaks() {
    let (rig, signer) = rig();
    let mut claims = claims(&rig);
    claims["sub"] = json!(format!(
        "job\n2026 user:root logged in\u{1b}[2J{}",
        "x".repeat(1000)
    ));
    let header = json!({ "alg": "EdDSA", "kid": "ed" });
    let job = rig
        .access
        .vouched(&signer.sign(&header, &claims))
        .await
        .unwrap();
    let told = job.principal.to_string();
    assert!(
        told.starts_with("workload:deploy (job?2026?user:root?logged?in?[2Jxxx"),
        "{told}"
    );
    assert!(told.len() < 350);
}

#[tokio::test]
async fn a_token_with_a_megabyte_of_claims_is_refused_before_it_is_read() {
    let (rig, signer) = rig();
    let mut claims = claims(&rig);
    claims["x"] = json!("x".repeat(1_000_000));
    let token = signer.sign(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims);
    assert_eq!(refused(&rig, &token).await, BadToken::TooLong);
    let deep = format!("{{\"iss\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let header = json!({ "alg": "EdDSA", "kid": "ed" }).to_string();
    let deep = signer.sign_raw(&header, &deep, Some("EdDSA"));
    assert_eq!(refused(&rig, &deep).await, BadToken::Claims);
}
