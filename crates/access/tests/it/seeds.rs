//! What the fuzz target of credentials begins with: each text gets as far as it is there for, past all that stands before.

use forebay_access::{BadToken, Rules, Why, WorkloadRule, WorkloadRuleParts};
use forebay_content::{KeySet, Secret};

use crate::rig::{Rig, rules, why};

/// The public half of RFC 8037's example, appendix A.1: whoever makes a seed has the other.
const KEYS: &[u8] = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

macro_rules! seed {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../../fuzz/seeds/access_credential/", $name)),
        )
    };
}

/// The door of the target.
fn door() -> Rig {
    let rule = WorkloadRule::new(WorkloadRuleParts {
        name: "deploy".parse().unwrap(),
        issuer: "https://i".to_owned(),
        audience: "a".to_owned(),
        claims: [("sub".to_owned(), vec!["s*".parse().unwrap()])].into(),
        rights: Vec::new(),
    });
    let rules = Rules {
        service: Rules::default().service,
        workloads: vec![rule.unwrap()],
        ..rules(Vec::new())
    };
    let rig = Rig::with_key(rules, 1);
    let keys = KeySet::parse(KEYS).unwrap();
    let mut published = rig.issuers.published.lock().unwrap();
    published.insert("https://i".to_owned(), keys);
    drop(published);
    rig
}

#[tokio::test]
async fn each_seed_of_the_fuzz_target_is_refused_for_its_own_reason_and_no_earlier() {
    let rig = door();
    for ((name, text), expected) in [
        (seed!("job_of_no_signature"), BadToken::Signature),
        (seed!("job_that_expired"), BadToken::Expired),
        (seed!("job_too_early"), BadToken::Early),
        (seed!("job_for_another"), BadToken::Audience),
        (seed!("job_of_no_rule"), BadToken::Rule),
    ] {
        let refused = rig.access.vouched(&Secret::new(text)).await;
        assert_eq!(why(refused), Why::Token(expected), "{name}");
    }
    let ours = Secret::new(seed!("of_ours").1);
    assert_eq!(why(rig.bearer(&ours).await), Why::NoUser);
    let (name, password) = seed!("password").1.split_once('\n').unwrap();
    assert_eq!(why(rig.basic(name, password).await), Why::NoUser);
    assert_eq!(rig.access.hashes_done(), 1);
}
