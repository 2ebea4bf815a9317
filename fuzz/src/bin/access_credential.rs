//! Any text as a credential, of either scheme: nobody comes in, and nothing panics.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use forebay_access::{
    Access, AccessSeams, Credential, HashCost, Rules, SystemRandom, TokenKey, WorkloadRule,
    WorkloadRuleParts,
};
use forebay_content::memory::MemoryAccounts;
use forebay_content::{KeySet, Keys, KeysError, ManualClock, Secret};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

/// An issuer with the key of RFC 8037, appendix A.1, whose other half no fuzzer finds; seeds are signed by it.
struct Issuer;

#[async_trait]
impl Keys for Issuer {
    async fn keys(&self, _: &str, _: Option<&str>) -> Result<Arc<KeySet>, KeysError> {
        let json = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        Ok(Arc::new(KeySet::parse(json).unwrap_or_default()))
    }
}

static DOOR: LazyLock<(Runtime, Access)> = LazyLock::new(|| {
    let rule = WorkloadRule::new(WorkloadRuleParts {
        name: "deploy".parse().unwrap(),
        issuer: "https://i".to_owned(),
        audience: "a".to_owned(),
        claims: BTreeMap::from([("sub".to_owned(), vec!["s*".parse().unwrap()])]),
        rights: Vec::new(),
    });
    let rules = Rules {
        workloads: vec![rule.unwrap()],
        hash_cost: HashCost {
            memory_kib: 8,
            passes: 1,
        },
        ..Rules::default()
    };
    let seams = AccessSeams {
        accounts: Arc::new(MemoryAccounts::new()),
        keys: Arc::new(Issuer),
        clock: Arc::new(ManualClock::default()),
        random: Arc::new(SystemRandom),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let access = Access::new(seams, TokenKey::new(&[1; 32]), rules);
    (runtime.unwrap(), access.unwrap())
});

fuzz_target!(|text: &str| {
    let (runtime, access) = &*DOOR;
    let (name, password) = text.split_once('\n').unwrap_or(("", text));
    for credential in [
        Credential::Bearer(Secret::new(text)),
        Credential::Basic {
            name: name.to_owned(),
            password: Secret::new(password),
        },
    ] {
        let came = runtime.block_on(access.authenticate(Some(&credential), None));
        assert!(came.is_err());
    }
    let vouched = runtime.block_on(access.vouched(&Secret::new(text)));
    assert!(vouched.is_err());
});
