//! Access over accounts in memory, with hashes as cheap as they come.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use forebay_access::{
    Access, AccessSeams, HashCost, NoRandomness, Policy, Random, Rule, Rules, TokenKey,
};
use forebay_api_registry::AccessPoint;
use forebay_content::memory::MemoryAccounts;
use forebay_content::{KeySet, Keys, KeysError, ManualClock, Right, Secret};

/// The only user.
pub(crate) const ALICE: (&str, &str) = ("alice", "correct horse");

/// Nobody vouches for anybody.
struct NoKeys;

/// Numbers that can be foretold.
#[derive(Debug)]
struct Sevens;

impl Random for Sevens {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        bytes.fill(7);
        Ok(())
    }
}

#[async_trait]
impl Keys for NoKeys {
    async fn keys(&self, issuer: &str, _: Option<&str>) -> Result<Arc<KeySet>, KeysError> {
        Err(KeysError {
            issuer: issuer.to_owned(),
            cause: Arc::new(std::io::Error::other("nobody")),
        })
    }
}

/// Lets in alice, who may do to these repositories what is said, and nobody else.
pub(crate) async fn alice(repositories: &[&str], acts: &str) -> AccessPoint {
    let right = Right {
        repositories: repositories
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
        acts: acts.parse().unwrap(),
    };
    let who = vec!["user:alice".parse().unwrap()];
    let rules = Rules {
        service: "registry.example".to_owned(),
        policy: Policy::new(vec![Rule { who, right }], BTreeMap::new()).unwrap(),
        hash_cost: HashCost {
            memory_kib: 8,
            passes: 1,
        },
        ..Rules::default()
    };
    let seams = AccessSeams {
        accounts: Arc::new(MemoryAccounts::new()),
        keys: Arc::new(NoKeys),
        clock: Arc::new(ManualClock::default()),
        random: Arc::new(Sevens),
    };
    let access = Access::new(seams, TokenKey::new(&[1; 32]), rules).unwrap();
    let (name, password) = (ALICE.0.parse().unwrap(), Secret::new(ALICE.1));
    access.desk().add_user(&name, &password).await.unwrap();
    AccessPoint {
        access: Arc::new(access),
        url: None,
    }
}
