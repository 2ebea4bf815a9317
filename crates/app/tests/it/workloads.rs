//! Jobs that others vouch for before the whole program: they trade their tokens for ones of ours, and pull and push with those.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_oci::Digest;
use http::Method;
use hub_sim::{HubSim, Image};
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::issuer::Issuer;
use crate::program::{Forebay, Program};
use crate::repositories::audited;

const IMAGE: &str = "/v2/library/nginx/manifests/1";

const PULL: &str = "repository:library/nginx:pull";
const PUSH: &str = "repository:team/app:pull,push";

/// What a docker login and pull or push ask for a token with.
async fn trade(program: &Program, token: &str, scope: &str) -> Answer {
    let credential = BASE64_STANDARD.encode(format!("oidc:{token}"));
    let path = format!("/token?service=forebay&scope={scope}");
    let ask = Ask::get(&path).header("authorization", &format!("Basic {credential}"));
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
    let given = trade(&program, &good, PULL).await;
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
        let refused = trade(&program, &issuer.token(audience, branch), PULL).await;
        assert_eq!(refused.status, 401, "{audience} {branch}");
        assert!(!refused.text().contains("refs/heads"), "{}", refused.text());
    }
    // The operator hears what the rule wanted otherwise; the client, as little as before.
    for (claim, value) in [("ref", "\"refs/heads/feature\""), ("aud", "\"another\"")] {
        let told = format!("issuer={} rule=ci claim={claim} value={value}", issuer.url);
        let line = program.log.line_with(&told).await.expect("a line");
        assert!(line.contains("client=127.0.0.1"), "{line}");
    }
    let asked = issuer.asked();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/keys"]);
    assert!(!program.log.text().contains(&good));
}

/// Pushes an image as whoever bears this token, and pulls it again.
async fn push(program: &Program, token: &str) {
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let layer = "a layer";
    let blob = format!(
        "/v2/team/app/blobs/uploads/?digest={}",
        Digest::sha256(layer.as_bytes())
    );
    let image = "/v2/team/app/manifests/1";
    let bearer = format!("Bearer {token}");
    for (method, path, body) in [(Method::POST, &*blob, layer), (Method::PUT, image, index)] {
        let ask = Ask::new(method, path).header("authorization", &bearer);
        let ask = ask.header("content-type", "application/vnd.oci.image.index.v1+json");
        let pushed = ask.body(body).to(program.address).await;
        assert_eq!(pushed.status, 201, "{path}: {}", pushed.text());
    }
    let pulled = Ask::get(image).header("authorization", &bearer);
    assert!(pulled.to(program.address).await.is(index.as_bytes()));
}

/// Trades a job's token and pushes with what it gets.
async fn log_in_and_push(program: &Program, token: &str) {
    let given = trade(program, token, PUSH).await;
    assert_eq!(given.status, 200, "{}", program.log.text());
    let given: Value = serde_json::from_slice(&given.body).expect("JSON");
    push(program, given["token"].as_str().expect("a token")).await;
}

/// The token is refused, and the operator told what of it is not as the rule has it.
async fn is_not_taken(program: &Program, token: &str, claim: &str) {
    let refused = trade(program, token, PUSH).await;
    assert_eq!(refused.status, 401, "{claim}: {}", refused.text());
    let told = program.log.line_with(&format!("claim={claim} ")).await;
    assert!(told.is_some(), "{claim}");
}

/// With a rule for jobs of this issuer that push to `team/*`.
fn with_rule(issuer: &Issuer, keys: &str) -> Forebay {
    let setup = Forebay::new();
    std::fs::write(setup.file("ca.pem"), &issuer.authority_pem).expect("a file");
    setup.with(&format!(
        "local = [\"team/*\"]\n[[access.workloads]]\nname = \"deploy\"\nissuer = \"{}\"\naudience = \"registry.example\"\n\
         ca_file = \"ca.pem\"\nrepositories = [\"team/*\"]\nactions = [\"pull\", \"push\"]\n{keys}",
        issuer.url
    ))
}

/// As a cluster signs for the token of a pod: RS256, several audiences, who it is within another claim; and as it shows its keys: at
/// its address, to whoever has a token of its own.
#[tokio::test]
async fn a_service_account_of_a_cluster_pushes_by_what_its_pod_is_given() {
    let issuer = Issuer::like_cluster("token-of-our-own-pod").await;
    let address = issuer.url.replace("https://localhost", "127.0.0.1");
    let setup = with_rule(
        &issuer,
        &format!(
            "private = true\ntoken_file = \"pod-token\"\nkey_hosts = [\"{address}\"]\n\
             claims = {{ sub = \"system:serviceaccount:ci:*\", \"kubernetes.io/serviceaccount/name\" = \"builder\" }}\n"
        ),
    );
    std::fs::write(setup.file("pod-token"), "of-yesterday\n").expect("a file");
    let program = setup.start().await;
    let pod = |audiences: &[&str], account: &str| {
        issuer.sign(json!({
            "aud": audiences, "jti": "0c9d5b2e-1f0a-4a3e-9a55-6a0c53a30d19",
            "kubernetes.io": {
                "namespace": "ci",
                "node": { "name": "node-1", "uid": "5f1f1b3c-0d7e-4d6b-8a43-0f6f1f8a2f10" },
                "pod": { "name": "build-7xk2p", "uid": "a1b53a8f-6d53-4bd6-8b3c-52f4d3f5b7f3" },
                "serviceaccount": { "name": account, "uid": "9f3e9d7b-6c84-4a0e-8c07-4f2f0a6d7c52" },
            },
            "sub": format!("system:serviceaccount:ci:{account}"),
        }))
    };
    let audiences = ["https://kubernetes.default.svc", "registry.example"];
    let builder = pod(&audiences, "builder");
    // Without its keys nobody is known; started anew it asks at once, and not when it would try again.
    let unheard = trade(&program, &builder, PUSH).await;
    assert_eq!(unheard.status, 503, "{}", unheard.text());
    assert_eq!(
        issuer.asked(),
        ["refused /.well-known/openid-configuration"]
    );
    let program = program.stop().await.setup;
    std::fs::write(program.file("pod-token"), "token-of-our-own-pod\n").expect("a file");
    let program = program.start().await;
    log_in_and_push(&program, &builder).await;
    assert_eq!(
        issuer.asked()[1..],
        ["/.well-known/openid-configuration", "/openid/v1/jwks"]
    );
    is_not_taken(&program, &pod(&audiences[..1], "builder"), "aud").await;
    let another = pod(&audiences, "default");
    is_not_taken(&program, &another, "kubernetes.io/serviceaccount/name").await;
    let who = format!(
        "workload:deploy (system:serviceaccount:ci:builder of {})",
        issuer.url
    );
    let pushed = audited(&program.setup, "push-manifest");
    assert_eq!(pushed, [["local/team/app:1", &*who, "done"]]);
    for secret in [&*builder, "token-of-our-own-pod"] {
        assert!(!program.log.text().contains(secret));
    }
}

/// As GitLab signs for `id_tokens` of a job: RS256, numbers and truths as texts, its keys below another path.
#[tokio::test]
async fn a_job_of_gitlab_pushes_from_the_branches_that_are_protected() {
    let issuer = Issuer::like_gitlab().await;
    let setup = with_rule(
        &issuer,
        "claims = { project_path = \"acme/*\", ref_protected = \"true\", ref_type = \"branch\" }\n",
    );
    let program = setup.start().await;
    let job = |project: &str, is_protected: &str| {
        issuer.sign(json!({
            "namespace_id": "72", "namespace_path": "acme", "project_id": "20", "project_path": project,
            "user_id": "1", "user_login": "alice", "user_email": "alice@acme.example", "user_access_level": "maintainer",
            "groups_direct": ["acme/platform"], "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": is_protected,
            "runner_id": 1, "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
            "project_visibility": "private", "ci_config_ref_uri": "gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main",
            "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "aud": "registry.example",
            "sub": format!("project_path:{project}:ref_type:branch:ref:main"),
        }))
    };
    log_in_and_push(&program, &job("acme/app", "true")).await;
    assert_eq!(
        issuer.asked(),
        ["/.well-known/openid-configuration", "/oauth/discovery/keys"]
    );
    is_not_taken(&program, &job("acme/app", "false"), "ref_protected").await;
    is_not_taken(&program, &job("acme-evil/app", "true"), "project_path").await;
    let who = format!(
        "workload:deploy (project_path:acme/app:ref_type:branch:ref:main of {})",
        issuer.url
    );
    let pushed = audited(&program.setup, "push-manifest");
    assert_eq!(pushed, [["local/team/app:1", &*who, "done"]]);
}
