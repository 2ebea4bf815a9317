//! Tokens that are still good, by what they are good for.
//!
//! Pure: times are arguments. A token has a number, so that whoever was refused with it drops that one and no newer one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use forebay_oci::RepositoryName;
use http::HeaderValue;

use crate::login::Fingerprint;
use crate::token::Token;

/// The most tokens that are kept: one a repository that was asked for within the hour.
pub(crate) const MAX_TOKENS: usize = 10_000;

/// What a token is good for, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    /// Whose it is; `None` for nobody's.
    pub(crate) login: Option<Fingerprint>,
    /// The token service.
    pub(crate) realm: Arc<str>,
    /// What it calls the registry.
    pub(crate) service: Option<Arc<str>>,
    /// What it allows.
    pub(crate) scope: String,
}

/// The scope of what is asked about a repository: all that we do is pull.
pub(crate) fn pull_scope(repository: &RepositoryName) -> String {
    format!("repository:{repository}:pull")
}

/// A token as it is used.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The Authorization header's value; marked as sensitive.
    pub(crate) header: HeaderValue,
    /// Which one this is.
    pub(crate) number: u64,
}

/// The tokens.
#[derive(Debug)]
pub(crate) struct TokenCache {
    tokens: HashMap<TokenKey, Kept>,
    next_number: u64,
    capacity: usize,
}

#[derive(Debug)]
struct Kept {
    held: Held,
    until: Duration,
}

impl TokenCache {
    /// A cache of at most `capacity` tokens.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            tokens: HashMap::new(),
            next_number: 0,
            capacity,
        }
    }

    /// The token, if it is still good at `now`.
    pub(crate) fn find(&self, key: &TokenKey, now: Duration) -> Option<Held> {
        let kept = self.tokens.get(key).filter(|kept| now < kept.until)?;
        Some(kept.held.clone())
    }

    /// Keeps a token that came at `now`; none if its text cannot be a header.
    pub(crate) fn keep(&mut self, key: TokenKey, token: &Token, now: Duration) -> Option<Held> {
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", token.secret.expose())).ok()?;
        header.set_sensitive(true);
        self.next_number += 1;
        let held = Held {
            header,
            number: self.next_number,
        };
        if self.tokens.len() >= self.capacity && !self.tokens.contains_key(&key) {
            self.make_room(now);
        }
        let kept = Kept {
            held: held.clone(),
            until: now + token.usable_for,
        };
        self.tokens.insert(key, kept);
        Some(held)
    }

    /// Forgets the token of this number, and no newer one.
    pub(crate) fn drop_refused(&mut self, key: &TokenKey, number: u64) {
        if self
            .tokens
            .get(key)
            .is_some_and(|kept| kept.held.number == number)
        {
            self.tokens.remove(key);
        }
    }

    /// Drops what has expired; where that is not enough, the tenth that expires first, so that the next calls need not look.
    fn make_room(&mut self, now: Duration) {
        self.tokens.retain(|_, kept| now < kept.until);
        if self.tokens.len() < self.capacity {
            return;
        }
        let mut ends: Vec<Duration> = self.tokens.values().map(|kept| kept.until).collect();
        let tenth = (ends.len() / 10).min(ends.len().saturating_sub(1));
        let (_, &mut end, _) = ends.select_nth_unstable(tenth);
        self.tokens.retain(|_, kept| end < kept.until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn key(scope: &str) -> TokenKey {
        TokenKey {
            login: None,
            realm: "https://auth.example/token".into(),
            service: None,
            scope: scope.to_owned(),
        }
    }

    fn token(seconds: u64) -> Token {
        Token {
            secret: Secret::new("t"),
            usable_for: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_token_is_found_until_it_expires() {
        let mut cache = TokenCache::new(10);
        cache
            .keep(key("a"), &token(10), Duration::from_secs(100))
            .unwrap();
        assert!(cache.find(&key("a"), Duration::from_secs(109)).is_some());
        assert!(cache.find(&key("a"), Duration::from_secs(110)).is_none());
        assert!(cache.find(&key("b"), Duration::from_secs(100)).is_none());
    }

    #[test]
    fn a_refusal_drops_its_own_token_and_no_newer_one() {
        let mut cache = TokenCache::new(10);
        let old = cache.keep(key("a"), &token(10), Duration::ZERO).unwrap();
        let new = cache.keep(key("a"), &token(10), Duration::ZERO).unwrap();
        cache.drop_refused(&key("a"), old.number);
        assert_eq!(
            cache.find(&key("a"), Duration::ZERO).unwrap().number,
            new.number
        );
        cache.drop_refused(&key("a"), new.number);
        assert!(cache.find(&key("a"), Duration::ZERO).is_none());
    }

    #[test]
    fn a_full_cache_drops_what_expires_first() {
        let mut cache = TokenCache::new(100);
        for number in 0..1_000_u64 {
            let scope = number.to_string();
            cache.keep(key(&scope), &token(10_000 + number), Duration::ZERO);
            assert!(cache.tokens.len() <= 100);
            assert!(cache.find(&key(&scope), Duration::ZERO).is_some());
        }
        let mut same_end = TokenCache::new(10);
        for number in 0..100_u64 {
            same_end.keep(key(&number.to_string()), &token(10), Duration::ZERO);
            assert!(same_end.tokens.len() <= 10);
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let mut cache = TokenCache::new(1);
        let token = Token {
            secret: Secret::new("s3cret"),
            usable_for: Duration::from_secs(1),
        };
        cache.keep(key("a"), &token, Duration::ZERO);
        assert!(!format!("{cache:?}").contains("s3cret"));
    }
}
