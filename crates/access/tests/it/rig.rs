//! What the stories share: a door with cheap hashes, accounts in memory, and an issuer of tokens whose keys are ours.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forebay_access::{
    Access, AccessSeams, Credential, HashCost, Identity, NoRandomness, Policy, Random, Refusal,
    Rule, Rules, TokenKey, Verdict, Why, WorkloadRule, WorkloadRuleParts,
};
use forebay_content::memory::MemoryAccounts;
use forebay_content::{KeySet, Keys, KeysError, ManualClock, Right, Secret};
use forebay_oci::{Act, Target};
use serde_json::{Value, json};

pub(crate) const SERVICE: &str = "registry.example";
pub(crate) const ISSUER: &str = "https://issuer.example";

/// Numbers that differ and can be foretold.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            chunk.copy_from_slice(&number.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// An issuer's keys, and what was asked for.
#[derive(Default)]
pub(crate) struct Issuers {
    pub(crate) published: Mutex<BTreeMap<String, KeySet>>,
    pub(crate) asked: Mutex<Vec<(String, Option<String>)>>,
}

#[async_trait]
impl Keys for Issuers {
    async fn keys(&self, issuer: &str, missing: Option<&str>) -> Result<Arc<KeySet>, KeysError> {
        let asked = (issuer.to_owned(), missing.map(str::to_owned));
        self.asked.lock().unwrap().push(asked);
        let published = self.published.lock().unwrap();
        published
            .get(issuer)
            .map(|keys| Arc::new(keys.clone()))
            .ok_or_else(|| KeysError {
                issuer: issuer.to_owned(),
                cause: Arc::from(Box::<dyn std::error::Error + Send + Sync>::from("down")),
            })
    }
}

/// A door and all that is behind it.
pub(crate) struct Rig {
    pub(crate) access: Access,
    pub(crate) accounts: Arc<MemoryAccounts>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) clock: ManualClock,
}

impl Rig {
    pub(crate) fn new(rules: Rules) -> Self {
        Self::with_key(rules, 1)
    }

    pub(crate) fn with_key(rules: Rules, key: u8) -> Self {
        let accounts = Arc::new(MemoryAccounts::new());
        let issuers = Arc::new(Issuers::default());
        let clock = ManualClock::default();
        let seams = AccessSeams {
            accounts: Arc::clone(&accounts) as _,
            keys: Arc::clone(&issuers) as _,
            clock: Arc::new(clock.clone()),
            random: Arc::new(Counting::default()),
        };
        Self {
            access: Access::new(seams, TokenKey::new(&[key; 32]), rules).unwrap(),
            accounts,
            issuers,
            clock,
        }
    }

    pub(crate) async fn with_user(self, name: &str, password: &str) -> Self {
        let desk = self.access.desk();
        let name = name.parse().unwrap();
        desk.add_user(&name, &Secret::new(password)).await.unwrap();
        self
    }

    pub(crate) async fn basic(&self, name: &str, password: &str) -> Result<Identity, Refusal> {
        self.access
            .authenticate(Some(&basic(name, password)), None)
            .await
    }

    pub(crate) async fn bearer(&self, token: &Secret) -> Result<Identity, Refusal> {
        let credential = Credential::Bearer(token.clone());
        self.access.authenticate(Some(&credential), None).await
    }

    pub(crate) fn verdict(&self, identity: &Identity, target: &str, act: Act) -> Verdict {
        self.access.decide(identity, &at(target), act)
    }
}

pub(crate) fn basic(name: &str, password: &str) -> Credential {
    Credential::Basic {
        name: name.to_owned(),
        password: Secret::new(password),
    }
}

/// `docker.io/library/nginx`, or `local/team/app`.
pub(crate) fn at(target: &str) -> Target {
    let (upstream, repository) = target.split_once('/').unwrap();
    Target {
        upstream: upstream.into(),
        repository: repository.parse().unwrap(),
    }
}

pub(crate) fn right(repositories: &[&str], acts: &str) -> Right {
    let patterns = repositories.iter().map(|text| text.parse().unwrap());
    Right {
        repositories: patterns.collect(),
        acts: acts.parse().unwrap(),
    }
}

pub(crate) fn rule(who: &[&str], repositories: &[&str], acts: &str) -> Rule {
    Rule {
        who: who.iter().map(|text| text.parse().unwrap()).collect(),
        right: right(repositories, acts),
    }
}

/// Rules with hashes as cheap as they come.
pub(crate) fn rules(policy: Vec<Rule>) -> Rules {
    Rules {
        service: SERVICE.to_owned(),
        policy: Policy::new(policy, BTreeMap::new()).unwrap(),
        hash_cost: HashCost {
            memory_kib: 8,
            passes: 1,
        },
        ..Rules::default()
    }
}

pub(crate) fn workload(name: &str, claims: &[(&str, &str)], rights: &[Right]) -> WorkloadRule {
    let claims = claims
        .iter()
        .map(|(claim, pattern)| ((*claim).to_owned(), vec![pattern.parse().unwrap()]));
    WorkloadRule::new(WorkloadRuleParts {
        name: name.parse().unwrap(),
        issuer: ISSUER.to_owned(),
        audience: SERVICE.to_owned(),
        claims: claims.collect(),
        rights: rights.to_vec(),
    })
    .unwrap()
}

#[track_caller]
pub(crate) fn why<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Why {
    refused.unwrap_err().why().expect("a wrong credential")
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An issuer's key of Ed25519, and one of P-256.
/// One of 2048 bits, as GitHub, GitLab and clusters have; slow to make.
static RSA: LazyLock<rsa::KeyPair> =
    LazyLock::new(|| rsa::KeyPair::generate(KeySize::Rsa2048).unwrap());

pub(crate) struct Signer {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        Self {
            ed25519: Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap(),
            p256: EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                pkcs8.unwrap().as_ref(),
            )
            .unwrap(),
        }
    }

    /// `ed`, `ec` and `rsa`, as the issuer publishes them.
    pub(crate) fn keys(&self) -> KeySet {
        let rsa = RSA.public_key();
        let n = rsa.modulus().big_endian_without_leading_zero();
        let e = rsa.exponent().big_endian_without_leading_zero();
        let (x, y) = self.p256.public_key().as_ref()[1..].split_at(32);
        let json = json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encode(self.ed25519.public_key()) },
            { "kty": "EC", "crv": "P-256", "kid": "ec", "x": encode(x), "y": encode(y) },
            { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": encode(n), "e": encode(e) },
        ]});
        KeySet::parse(json.to_string().as_bytes()).unwrap()
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> Secret {
        self.sign_raw(
            &header.to_string(),
            &claims.to_string(),
            header["alg"].as_str(),
        )
    }

    pub(crate) fn sign_raw(&self, header: &str, claims: &str, alg: Option<&str>) -> Secret {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match alg {
            Some("ES256") => {
                let random = aws_lc_rs::rand::SystemRandom::new();
                let signed = self.p256.sign(&random, message.as_bytes()).unwrap();
                encode(signed)
            }
            Some("RS256") => {
                let random = aws_lc_rs::rand::SystemRandom::new();
                let mut signed = vec![0; RSA.public_modulus_len()];
                RSA.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signed)
                    .unwrap();
                encode(signed)
            }
            _ => encode(self.ed25519.sign(message.as_bytes())),
        };
        Secret::new(format!("{message}.{signature}"))
    }
}
