//! A job of another issuer before the whole program: it trades its token for one of ours, and pulls with that.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hub_sim::{HubSim, Image};
use serde_json::Value;

use crate::client::{Answer, Ask};
use crate::issuer::Issuer;
use crate::program::{Forebay, Program};

const IMAGE: &str = "/v2/library/nginx/manifests/1";

/// What a docker login and pull ask for a token with.
async fn trade(program: &Program, token: &str) -> Answer {
    let credential = BASE64_STANDARD.encode(format!("oidc:{token}"));
    let path = "/token?service=forebay&scope=repository:library/nginx:pull";
    let ask = Ask::get(path).header("authorization", &format!("Basic {credential}"));
    ask.to(program.address).await
}

#[tokio::test]
async fn a_job_gets_what_its_rule_says_for_a_token_of_its_issuer() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let issuer = Issuer::start().await;
    let setup = Forebay::before(&hub).with(&format!(
        "[[access.workloads]]\nname = \"ci\"\nissuer = \"{}\"\naudience = \"registry\"\nca_file = \"ca.pem\"\n\
         claims = {{ ref = \"refs/heads/main\" }}\nrepositories = [\"docker.io/library/*\"]\nactions = [\"pull\"]\n",
        issuer.url
    ));
    std::fs::write(setup.file("ca.pem"), &issuer.authority_pem).expect("a file");
    let program = setup.start().await;
    assert_eq!(program.get(IMAGE).await.status, 401);
    let good = issuer.token("registry", "refs/heads/main");
    let given = trade(&program, &good).await;
    assert_eq!(given.status, 200, "{}", program.log.text());
    let given: Value = serde_json::from_slice(&given.body).expect("JSON");
    let ours = given["token"].as_str().expect("a token");
    let bearer = |token: &str| Ask::get(IMAGE).header("authorization", &format!("Bearer {token}"));
    assert_eq!(bearer(ours).to(program.address).await.status, 200);
    // An issuer's token is no token of ours.
    assert_eq!(bearer(&good).to(program.address).await.status, 401);
    for (audience, branch) in [
        ("registry", "refs/heads/feature"),
        ("another", "refs/heads/main"),
    ] {
        let refused = trade(&program, &issuer.token(audience, branch)).await;
        assert_eq!(refused.status, 401, "{audience} {branch}");
        assert!(!refused.text().contains("refs/heads"), "{}", refused.text());
    }
    // The operator hears what the rule wanted otherwise; the client, as little as before.
    for (claim, value) in [("ref", "\"refs/heads/feature\""), ("aud", "\"another\"")] {
        let told = format!("issuer={} rule=ci claim={claim} value={value}", issuer.url);
        let line = program.log.line_with(&told).await.expect("a line");
        assert!(line.contains("client=127.0.0.1"), "{line}");
    }
    let asked = issuer.asked.lock().expect("whole").clone();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/keys"]);
    assert!(!program.log.text().contains(&good));
}
