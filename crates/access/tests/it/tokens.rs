//! Tokens of the token flow that somebody else made, or changed (B10).

use std::time::Duration;

use forebay_access::{BadToken, Identity, MAX_TOKEN_PART_BYTES, Narrowing, Rules, Why};
use forebay_content::{Clock as _, Secret, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::rig::{Rig, SERVICE, encode, rules, why};

fn claims(rig: &Rig) -> Value {
    let now = rig.clock.now().unix_seconds();
    json!({
        "iss": SERVICE, "aud": SERVICE, "sub": "anonymous", "iat": now, "nbf": now, "exp": now + 60,
        "jti": "x", "access": [],
    })
}

/// Signed with the rig's own key.
fn sign(claims: &Value) -> Secret {
    let key = EncodingKey::from_secret(&[1; 32]);
    Secret::new(jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap())
}

async fn refused(rig: &Rig, token: &Secret) -> BadToken {
    match why(rig.bearer(token).await) {
        Why::Token(why) => why,
        why => panic!("{why:?}"),
    }
}

#[tokio::test]
async fn a_token_that_says_all_right_is_taken() {
    let rig = Rig::new(rules(Vec::new()));
    let bearer = rig.bearer(&sign(&claims(&rig))).await.unwrap();
    assert_eq!(bearer.principal.to_string(), "anonymous");
}

#[tokio::test]
async fn claims_that_are_not_ours_are_refused() {
    let rig = Rig::new(rules(Vec::new()));
    let now = claims(&rig)["iat"].as_u64().unwrap();
    for (claim, value, expected) in [
        ("iss", json!("other.example"), BadToken::Issuer),
        ("iss", json!([SERVICE]), BadToken::Claims),
        ("iss", Value::Null, BadToken::Claims),
        ("aud", json!("other.example"), BadToken::Audience),
        ("aud", json!([SERVICE]), BadToken::Claims),
        ("exp", json!(now), BadToken::Expired),
        ("exp", json!(now - 1000), BadToken::Expired),
        ("exp", json!(now + 3601), BadToken::Expired),
        ("exp", json!(u64::MAX), BadToken::Expired),
        ("exp", json!(-1), BadToken::Claims),
        ("exp", json!("never"), BadToken::Claims),
        ("exp", Value::Null, BadToken::Claims),
        ("nbf", json!(now + 31), BadToken::Early),
        ("iat", json!(now + 31), BadToken::Early),
        ("sub", json!("user:"), BadToken::Claims),
        ("sub", json!("root"), BadToken::Claims),
        ("sub", json!("workload:deploy"), BadToken::Claims),
        ("stamp", json!(7), BadToken::Revoked),
        (
            "access",
            json!([{ "type": "repository", "name": "x", "actions": [] }]),
            BadToken::Claims,
        ),
        (
            "access",
            json!([{ "type": "repository", "name": "a/b", "actions": ["own"] }]),
            BadToken::Claims,
        ),
        (
            "access",
            json!([{ "type": "admin", "name": "a", "actions": ["*"] }]),
            BadToken::Claims,
        ),
    ] {
        let mut claims = claims(&rig);
        claims[claim] = value.clone();
        assert_eq!(
            refused(&rig, &sign(&claims)).await,
            expected,
            "{claim} {value}"
        );
    }
    let no_such_user = json!("user:alice");
    let mut claims = claims(&rig);
    claims["sub"] = no_such_user;
    assert_eq!(why(rig.bearer(&sign(&claims)).await), Why::NoUser);
}

#[tokio::test]
async fn another_header_than_ours_is_refused() {
    let rig = Rig::new(rules(Vec::new()));
    let claims = encode(claims(&rig).to_string());
    let own = sign(&self::claims(&rig));
    let signature = own.expose().rsplit('.').next().unwrap().to_owned();
    for (header, expected) in [
        (json!({ "alg": "none" }), BadToken::Algorithm),
        (json!({ "alg": "None" }), BadToken::Algorithm),
        (json!({ "alg": "" }), BadToken::Algorithm),
        (json!({ "alg": "HS384" }), BadToken::Algorithm),
        (json!({ "alg": "HS512" }), BadToken::Algorithm),
        (json!({ "alg": "RS256" }), BadToken::Algorithm),
        (json!({ "alg": "EdDSA" }), BadToken::Algorithm),
        (json!({ "alg": ["HS256"] }), BadToken::Header),
        (json!({}), BadToken::Header),
        (json!([]), BadToken::Header),
        (
            json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "AA" } }),
            BadToken::Header,
        ),
        (
            json!({ "alg": "HS256", "jku": "https://evil.example" }),
            BadToken::Header,
        ),
        (
            json!({ "alg": "HS256", "x5u": "https://evil.example" }),
            BadToken::Header,
        ),
        (json!({ "alg": "HS256", "x5c": ["AA"] }), BadToken::Header),
        (json!({ "alg": "HS256", "crit": ["exp"] }), BadToken::Header),
        (json!({ "alg": "HS256", "b64": false }), BadToken::Header),
        (
            json!({ "alg": "HS256", "kid": "../../dev/null" }),
            BadToken::Signature,
        ),
    ] {
        for signature in ["", signature.as_str()] {
            let token = format!("{}.{claims}.{signature}", encode(header.to_string()));
            let found = refused(&rig, &Secret::new(token)).await;
            assert_eq!(found, expected, "{header}");
        }
    }
}

#[tokio::test]
async fn a_changed_or_torn_token_is_refused() {
    let rig = Rig::new(rules(Vec::new()));
    let token = sign(&claims(&rig));
    let text = token.expose();
    for place in 0..text.len() {
        let torn = Secret::new(&text[..place]);
        rig.bearer(&torn).await.unwrap_err();
        for other in ["A", "_", ".", " ", "=", "+"] {
            let mut changed = text.to_owned();
            changed.replace_range(place..=place, other);
            // The last digit of a part has bits that mean nothing; a strict reader has but one form of them.
            if changed != text {
                rig.bearer(&Secret::new(changed)).await.unwrap_err();
            }
        }
    }
    for text in ["", ".", "..", "...", "a.b", "a.b.c.d", "é.é.é"] {
        assert_eq!(
            rig.bearer(&Secret::new(text))
                .await
                .unwrap_err()
                .to_string(),
            "the credential is not right, or not valid any more"
        );
    }
}

/// CVE-2025-30204: a header of megabytes, or of a million dots, is refused by its length.
#[tokio::test]
async fn a_token_of_a_megabyte_is_refused_before_it_is_read() {
    let rig = Rig::new(rules(Vec::new()));
    let long = "A".repeat(MAX_TOKEN_PART_BYTES + 1);
    for token in [
        format!("{long}.e30.AA"),
        format!("e30.{long}.AA"),
        format!("e30.e30.{long}"),
        ".".repeat(1_000_000),
        "A".repeat(1_000_000),
    ] {
        assert_eq!(refused(&rig, &Secret::new(token)).await, BadToken::TooLong);
    }
}

/// CVE-2023-27584, CVE-2026-44428: keys and audiences are each installation's own.
#[tokio::test]
async fn a_token_of_another_installation_is_refused() {
    let ours = Rig::new(rules(Vec::new()));
    let theirs = Rig::with_key(rules(Vec::new()), 2);
    let issued = theirs
        .access
        .issue(&Identity::anonymous(), Narrowing::default());
    let token = issued.unwrap().token;
    theirs.bearer(&token).await.unwrap();
    assert_eq!(refused(&ours, &token).await, BadToken::Signature);
    // Even if somebody had copied the key.
    let renamed = Rig::new(Rules {
        service: "other.example".to_owned(),
        ..rules(Vec::new())
    });
    let issued = renamed
        .access
        .issue(&Identity::anonymous(), Narrowing::default());
    assert_eq!(
        refused(&ours, &issued.unwrap().token).await,
        BadToken::Issuer
    );
}

#[tokio::test]
async fn no_two_tokens_are_alike_and_a_clock_set_back_a_little_breaks_none() {
    let rig = Rig::new(rules(Vec::new()));
    let issue = || {
        let issued = rig
            .access
            .issue(&Identity::anonymous(), Narrowing::default());
        issued.unwrap().token
    };
    let token = issue();
    assert_ne!(token, issue());
    let now = rig.clock.now();
    rig.clock.jump_to(Timestamp(now.0 - 20_000));
    rig.bearer(&token).await.unwrap();
    rig.clock.jump_to(Timestamp(now.0 - 40_000));
    assert_eq!(refused(&rig, &token).await, BadToken::Early);
    rig.clock.advance(Duration::from_secs(40));
    rig.bearer(&token).await.unwrap();
}
