//! Workload identity: programs that another issuer vouches for, such as a job of GitHub Actions or GitLab, or a service account of
//! Kubernetes.
//!
//! A token of `OpenID` Connect says who a program is; a rule of the operator's says what whoever is so may do here. Only issuers that a
//! rule names are ever asked for keys.

mod nearest;
mod public_issuer;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use forebay_content::{AccountName, Right, Stamp};
use serde_json::{Map, Value};

use crate::wildcard::Wildcard;
use public_issuer::PublicIssuer;

pub(crate) use nearest::find_nearest;
pub(crate) use verify::{algorithm, check_times, key_for, subject_of};

/// The most rules.
pub const MAX_WORKLOAD_RULES: usize = 1_000;

/// Claims that say nothing of whose token it is (RFC 7519, section 4.1).
const OF_EVERY_TOKEN: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// Who may come with a token of an issuer, and what they may do then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRule {
    name: AccountName,
    issuer: Arc<str>,
    audience: String,
    claims: BTreeMap<String, Vec<Wildcard>>,
    rights: Arc<[Right]>,
    stamp: Stamp,
}

/// A rule as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRuleParts {
    /// What the rule is called: `workload:NAME` in policies and logs.
    pub name: AccountName,
    /// The claim `iss`, exactly: a URL with https.
    pub issuer: String,
    /// What must be in the claim `aud`, exactly.
    pub audience: String,
    /// Other claims: of each, one of the patterns must match. A claim within another is named by its path, with slashes.
    pub claims: BTreeMap<String, Vec<Wildcard>>,
    /// What they may do, beside what policies give to the rule's name.
    pub rights: Vec<Right>,
}

/// A rule that would let in whom nobody meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWorkloadRule {
    /// The issuer is no https URL.
    #[error("the issuer of rule {0} is no URL with https")]
    Issuer(AccountName),
    /// There is no audience.
    #[error(
        "rule {0} names no audience: a token that was meant for another service would be taken"
    )]
    Audience(AccountName),
    /// No claim is bound.
    #[error(
        "rule {0} takes every token of its issuer: anybody's job of a public service; bind a claim such as `sub` to a value"
    )]
    Everybody(AccountName),
    /// The issuer is everybody's, and no owner is named.
    #[error(
        "rule {name} takes jobs of whoever has an account at {issuer}: bind a claim to an owner that is written out, such as {example}"
    )]
    NoOwner {
        /// The rule.
        name: AccountName,
        /// The issuer.
        issuer: String,
        /// A claim to bind.
        example: String,
    },
    /// A claim can have no value.
    #[error("rule {name} has no value for the claim {claim}")]
    NoValue {
        /// The rule.
        name: AccountName,
        /// The claim.
        claim: String,
    },
}

impl WorkloadRule {
    /// A rule of these parts.
    ///
    /// # Errors
    /// It would take tokens that nobody meant.
    pub fn new(parts: WorkloadRuleParts) -> Result<Self, InvalidWorkloadRule> {
        let stamp = stamp_of(&parts);
        let WorkloadRuleParts {
            name,
            issuer,
            audience,
            claims,
            rights,
        } = parts;
        let host = issuer.strip_prefix("https://");
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            return Err(InvalidWorkloadRule::Issuer(name));
        }
        if audience.is_empty() {
            return Err(InvalidWorkloadRule::Audience(name));
        }
        if let Some((claim, _)) = claims.iter().find(|(_, patterns)| patterns.is_empty()) {
            let claim = claim.clone();
            return Err(InvalidWorkloadRule::NoValue { name, claim });
        }
        let binds = |pattern: &Wildcard| pattern.as_str().bytes().any(|byte| byte != b'*');
        let mut telling = claims
            .iter()
            .filter(|(claim, _)| !OF_EVERY_TOKEN.contains(&claim.as_str()));
        if !telling.any(|(_, patterns)| patterns.iter().all(binds)) {
            return Err(InvalidWorkloadRule::Everybody(name));
        }
        if let Some(public) = PublicIssuer::find(&issuer)
            && !public.has_owner(&claims)
        {
            let example = public.example();
            return Err(InvalidWorkloadRule::NoOwner {
                name,
                issuer,
                example,
            });
        }
        Ok(Self {
            name,
            issuer: issuer.into(),
            audience,
            claims,
            rights: rights.into(),
            stamp,
        })
    }

    /// Its name.
    pub fn name(&self) -> &AccountName {
        &self.name
    }

    /// Whose tokens it takes.
    pub fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// What they may do.
    pub(crate) fn rights(&self) -> &Arc<[Right]> {
        &self.rights
    }

    /// What tells the rule from what it was before it was changed.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// True if the claim `aud` has what the rule wants: a text, or a list with it.
    pub(crate) fn is_meant(&self, claims: &Map<String, Value>) -> bool {
        match claims.get("aud") {
            Some(Value::String(audience)) => *audience == self.audience,
            Some(Value::Array(list)) => list
                .iter()
                .any(|item| item.as_str() == Some(&self.audience)),
            _ => false,
        }
    }

    /// True if each claim that the rule names has one of its values.
    pub(crate) fn takes(&self, claims: &Map<String, Value>) -> bool {
        self.unmet(claims).next().is_none()
    }

    /// The claims that the rule names and that do not have one of its values.
    fn unmet<'s>(&'s self, claims: &'s Map<String, Value>) -> impl Iterator<Item = &'s str> {
        let unmet = self.claims.iter().filter(|(name, patterns)| {
            !find_claim(claims, name).is_some_and(|value| is_one_of(value, patterns))
        });
        unmet.map(|(name, _)| name.as_str())
    }
}

/// A claim of this name, or the one at this path.
fn find_claim<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('/')?;
    find_claim(claims.get(first)?.as_object()?, rest)
}

fn is_one_of(value: &Value, patterns: &[Wildcard]) -> bool {
    let is_text = |text: &str| patterns.iter().any(|pattern| pattern.matches(text));
    match value {
        Value::String(text) => is_text(text),
        Value::Bool(truth) => is_text(if *truth { "true" } else { "false" }),
        Value::Number(number) => is_text(&number.to_string()),
        Value::Array(list) => list.iter().any(|item| item.as_str().is_some_and(is_text)),
        Value::Null | Value::Object(_) => false,
    }
}

/// A hash of all that the rule says: its form of debugging names every part.
fn stamp_of(parts: &WorkloadRuleParts) -> Stamp {
    let text = format!("{parts:?}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let first = hash.as_ref().first_chunk::<8>().copied();
    Stamp(u64::from_be_bytes(first.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(claims: &[(&str, &[&str])]) -> WorkloadRuleParts {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        WorkloadRuleParts {
            name: "deploy".parse().unwrap(),
            issuer: "https://issuer.example".to_owned(),
            audience: "registry.example".to_owned(),
            claims: claims
                .iter()
                .map(|(name, texts)| ((*name).to_owned(), patterns(texts)))
                .collect(),
            rights: Vec::new(),
        }
    }

    #[test]
    fn a_rule_takes_the_claims_that_it_names_and_no_others() {
        let claims = json!({
            "sub": "system:serviceaccount:ci:builder",
            "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "builder" } },
            "protected": true, "run": 7, "groups": ["a", "b"], "none": null
        });
        let claims = claims.as_object().unwrap();
        for (bound, is_taken) in [
            (("sub", &["system:serviceaccount:ci:*"][..]), true),
            (("sub", &["x", "*:builder"]), true),
            (("sub", &["system:serviceaccount:ci"]), false),
            (("kubernetes.io/namespace", &["ci"]), true),
            (("kubernetes.io/serviceaccount/name", &["builder"]), true),
            (("kubernetes.io/serviceaccount", &["builder*"]), false),
            (("kubernetes.io/namespace/x", &["ci"]), false),
            (("protected", &["true"]), true),
            (("run", &["7"]), true),
            (("groups", &["b"]), true),
            (("groups", &["c"]), false),
            (("none", &["null"]), false),
            (("missing", &["a"]), false),
        ] {
            let rule = WorkloadRule::new(parts(&[bound])).unwrap();
            assert_eq!(rule.takes(claims), is_taken, "{bound:?}");
        }
        let both = WorkloadRule::new(parts(&[("run", &["7"]), ("groups", &["c"])])).unwrap();
        assert!(!both.takes(claims));
    }

    #[test]
    fn a_rule_that_takes_everybody_is_refused() {
        let everybody = Err(InvalidWorkloadRule::Everybody("deploy".parse().unwrap()));
        for claims in [
            &[][..],
            &[("sub", &["*"][..])],
            &[("aud", &["registry.example"]), ("exp", &["1*"])],
            &[("sub", &["repo:a/*", "**"])],
        ] {
            assert_eq!(WorkloadRule::new(parts(claims)), everybody, "{claims:?}");
        }
        let good: &[(&str, &[&str])] = &[("sub", &["repo:a/*"])];
        assert!(WorkloadRule::new(parts(good)).is_ok());
        for issuer in [
            "",
            "https://",
            "http://issuer.example",
            "issuer.example",
            "https:///x",
        ] {
            let mut parts = parts(good);
            issuer.clone_into(&mut parts.issuer);
            assert!(WorkloadRule::new(parts).is_err(), "{issuer}");
        }
        let mut parts_ = parts(good);
        parts_.audience.clear();
        assert!(WorkloadRule::new(parts_).is_err());
        assert!(WorkloadRule::new(parts(&[("sub", &[]), ("run", &["7"])])).is_err());
    }

    #[test]
    fn a_changed_rule_has_another_stamp() {
        let stamp = |text| {
            WorkloadRule::new(parts(&[("sub", &[text])]))
                .unwrap()
                .stamp()
        };
        assert_eq!(stamp("a"), stamp("a"));
        assert_ne!(stamp("a"), stamp("b"));
    }
}
