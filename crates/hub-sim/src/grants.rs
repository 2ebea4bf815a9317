//! The tokens that were given out, what they are good for and until when.
//!
//! Tokens look like JWTs, and their payload says what Docker Hub's says, but the registry trusts only this table.

use crate::limits::Limit;
use crate::refusal::token_id;
use crate::rope::mix_text;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// So many tokens are remembered; the oldest are forgotten first.
const MAX_TOKENS: usize = 100_000;

/// What one token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Whose it is; none is anonymous.
    pub(crate) account: Option<String>,
    /// Repositories that may be pulled from with it.
    pub(crate) repositories: Vec<String>,
    pub(crate) expires: Duration,
}

/// All tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    access: HashMap<String, Grant>,
    order: VecDeque<String>,
    refresh: HashMap<String, String>,
    issued: u64,
}

impl Grants {
    /// Gives out a token. The limit is told in its payload, as Docker Hub does.
    pub(crate) fn issue(&mut self, grant: Grant, limit: Option<Limit>, now: Duration) -> String {
        self.issued += 1;
        let token = write_token(&grant, limit, now, self.issued);
        if self.order.len() >= MAX_TOKENS
            && let Some(oldest) = self.order.pop_front()
        {
            self.access.remove(&oldest);
        }
        self.order.push_back(token.clone());
        self.access.insert(token.clone(), grant);
        token
    }

    /// An account's refresh token: always the same one.
    pub(crate) fn issue_refresh(&mut self, account: &str) -> String {
        let token = format!("refresh-{:016x}", mix_text(account));
        self.refresh.insert(token.clone(), account.to_owned());
        token
    }

    pub(crate) fn find_refresh(&self, token: &str) -> Option<&str> {
        self.refresh.get(token).map(String::as_str)
    }

    /// What a token is good for, if it is known and has not expired.
    pub(crate) fn find(&self, token: &str, now: Duration) -> Option<&Grant> {
        self.access.get(token).filter(|grant| now < grant.expires)
    }

    /// Whose token it is or was, expired or not.
    pub(crate) fn find_owner(&self, token: &str) -> Option<&str> {
        self.access.get(token)?.account.as_deref()
    }

    /// Makes every token that was given out worthless.
    pub(crate) fn revoke_all(&mut self) {
        self.access.clear();
        self.order.clear();
    }
}

fn write_token(grant: &Grant, limit: Option<Limit>, now: Duration, number: u64) -> String {
    let access: Vec<_> = grant
        .repositories
        .iter()
        .map(|name| {
            let mut access = json!({"type": "repository", "name": name, "actions": ["pull"]});
            if let Some(limit) = limit {
                access["parameters"] = json!({
                    "pull_limit": limit.count.to_string(),
                    "pull_limit_interval": limit.window.as_secs().to_string(),
                });
            }
            access
        })
        .collect();
    let payload = json!({
        "access": access,
        "aud": "registry.docker.io",
        "exp": grant.expires.as_secs(),
        "iat": now.as_secs(),
        "iss": "auth.docker.io",
        "jti": token_id(&number.to_string()),
        "sub": grant.account.as_deref().unwrap_or_default(),
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let signature = URL_SAFE_NO_PAD.encode(mix_text(&payload).to_be_bytes());
    format!("{header}.{payload}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::{Grant, Grants};
    use crate::clock::minutes;

    #[test]
    fn a_token_is_good_until_it_expires_or_is_revoked() {
        let mut grants = Grants::default();
        let grant = Grant {
            account: None,
            repositories: vec!["a/b".into()],
            expires: minutes(5),
        };
        let token = grants.issue(grant.clone(), None, minutes(0));
        assert_eq!(grants.find(&token, minutes(4)), Some(&grant));
        assert_eq!(grants.find(&token, minutes(5)), None);
        grants.revoke_all();
        assert_eq!(grants.find(&token, minutes(1)), None);
    }
}
