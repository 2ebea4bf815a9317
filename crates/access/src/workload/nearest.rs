//! Which rule an issuer's token came nearest to that none takes, for the operator who wrote them.

use std::cmp::Reverse;

use forebay_limits::printable;
use serde_json::{Map, Value};

use super::{WorkloadRule, find_claim};
use crate::refusal::NearestRule;

/// The claim that names whom a token is for.
const AUDIENCE: &str = "aud";

/// The longest value that is told, in bytes.
const MAX_VALUE_BYTES: usize = 100;

/// Of the rules of a token's issuer the one of which these claims, of which the signature is right, meet the most; of several the first.
/// `None` if there are no rules, or it takes the token.
pub(crate) fn find_nearest<'r>(
    rules: impl Iterator<Item = &'r WorkloadRule>,
    claims: &Map<String, Value>,
) -> Option<NearestRule> {
    let rule = rules.min_by_key(|rule| Reverse(rule.count_met(claims)))?;
    let claim = rule.wants_otherwise(claims).next()?;
    Some(NearestRule {
        issuer: rule.issuer().clone(),
        rule: rule.name().clone(),
        claim: claim.to_owned(),
        value: find_claim(claims, claim).map(told).unwrap_or_default(),
    })
}

impl WorkloadRule {
    /// The claims that it wants otherwise than they are, in its order.
    fn wants_otherwise<'s>(
        &'s self,
        claims: &'s Map<String, Value>,
    ) -> impl Iterator<Item = &'s str> {
        let audience = (!self.is_meant(claims)).then_some(AUDIENCE);
        audience.into_iter().chain(self.unmet(claims))
    }

    fn count_met(&self, claims: &Map<String, Value>) -> usize {
        1 + self.claims.len() - self.wants_otherwise(claims).count()
    }
}

/// A value as JSON has it, which escapes what would end a line, as far as it is told.
fn told(value: &Value) -> String {
    printable(&value.to_string(), MAX_VALUE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::WorkloadRuleParts;

    fn rule(name: &str, audience: &str, claims: &[(&str, &str)]) -> WorkloadRule {
        let claims = claims
            .iter()
            .map(|(claim, text)| ((*claim).to_owned(), vec![text.parse().unwrap()]));
        let parts = WorkloadRuleParts {
            name: name.parse().unwrap(),
            issuer: "https://issuer.example".to_owned(),
            audience: audience.to_owned(),
            claims: claims.collect::<BTreeMap<_, _>>(),
            rights: Vec::new(),
        };
        WorkloadRule::new(parts).unwrap()
    }

    fn nearest(claims: Value) -> (String, String, String) {
        let rules = [
            rule("main", "here", &[("ref", "main"), ("sub", "repo:acme/*")]),
            rule("tags", "here", &[("ref_type", "tag"), ("ref", "v*")]),
            rule("other", "there", &[("ref", "main")]),
        ];
        let Value::Object(claims) = claims else {
            panic!("an object");
        };
        let nearest = find_nearest(rules.iter(), &claims).unwrap();
        assert_eq!(&*nearest.issuer, "https://issuer.example");
        (nearest.rule.to_string(), nearest.claim, nearest.value)
    }

    #[test]
    fn the_rule_of_which_most_is_met_is_named_with_its_first_claim_that_is_not() {
        for (claims, (rule, claim, value)) in [
            (
                json!({ "aud": "here", "ref": "main", "sub": "repo:evil/app" }),
                ("main", "sub", "\"repo:evil/app\""),
            ),
            (
                json!({ "aud": "here", "ref": "x", "ref_type": "tag" }),
                ("tags", "ref", "\"x\""),
            ),
            (json!({ "aud": ["here"], "ref": 7 }), ("main", "ref", "7")),
            (json!({ "aud": "here" }), ("main", "ref", "")),
            (json!({ "aud": "nowhere" }), ("main", "aud", "\"nowhere\"")),
        ] {
            let expected = (rule.to_owned(), claim.to_owned(), value.to_owned());
            assert_eq!(nearest(claims.clone()), expected, "{claims}");
        }
    }

    #[test]
    fn a_value_is_told_in_one_line_and_no_longer_than_it_may_be() {
        let value = format!("a\nb\u{1b}{}", "ä".repeat(1_000));
        let (.., told) = nearest(json!({ "aud": "here", "ref": value }));
        assert!(told.starts_with("\"a\\nb\\u001bä"), "{told}");
        assert!(told.len() <= MAX_VALUE_BYTES, "{told}");
    }
}
