//! Who may do what to which repositories: the operator's rules, and the one decision that they lead to.
//!
//! Pure, and decided anew at each request on the routed target: for tags, digests, mounts, referrers and lists alike.

use std::collections::BTreeMap;

use forebay_content::Right;
use forebay_oci::{Act, Target, TargetPattern};

use crate::grant::{Grant, gives};
use crate::principal::Principal;
use crate::who::Who;

/// The operator's rules. They only ever give: what no rule gives is refused, so that their order means nothing.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    groups: BTreeMap<String, Vec<Who>>,
}

/// One rule: these may do that there.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Whom it is for.
    pub who: Vec<Who>,
    /// What it gives them.
    pub right: Right,
}

/// Rules that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// More than can be looked through at each request.
    #[error(
        "there are {0} rules, members and patterns, and at most {MAX_PARTS} can be looked through at each request"
    )]
    TooMany(usize),
    /// A rule is for a group that nobody defined.
    #[error("a rule is for group:{0}, and there is no such group")]
    NoGroup(String),
    /// A group has a group as a member.
    #[error("group:{0} has a group as a member: name its members themselves")]
    NestedGroup(String),
}

/// What is decided of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It may be done.
    Allowed,
    /// Not by this credential, but another may do: 401 with a challenge. To whoever has not logged in, whatever there is or
    /// is not; and to a principal who may, with a token that was not given for it.
    Login,
    /// Answered as if the repository were not there: the principal may not even pull from it.
    Hidden,
    /// The principal may pull from it, but not do this: 403.
    Refused,
}

/// The most rules, patterns and members of groups together.
const MAX_PARTS: usize = 10_000;

impl Policy {
    /// A policy of these rules, for these groups.
    ///
    /// # Errors
    /// There are too many, or a group that is not there or within another is named.
    pub fn new(
        rules: Vec<Rule>,
        groups: BTreeMap<String, Vec<Who>>,
    ) -> Result<Self, InvalidPolicy> {
        let parts = rules.iter().map(Rule::parts).sum::<usize>();
        let parts = parts + groups.values().map(Vec::len).sum::<usize>();
        if parts > MAX_PARTS {
            return Err(InvalidPolicy::TooMany(parts));
        }
        for (name, members) in &groups {
            if members.iter().any(|who| matches!(who, Who::Group(_))) {
                return Err(InvalidPolicy::NestedGroup(name.clone()));
            }
        }
        for who in rules.iter().flat_map(|rule| &rule.who) {
            match who {
                Who::Group(name) if !groups.contains_key(name) => {
                    return Err(InvalidPolicy::NoGroup(name.clone()));
                }
                _ => {}
            }
        }
        Ok(Self { rules, groups })
    }

    /// True if a rule, or the principal's credential itself, gives the right; whatever a token is bounded to.
    fn gives(&self, principal: &Principal, grant: &Grant, target: &Target, act: Act) -> bool {
        let by_rule = self.rules.iter().any(|rule| {
            gives(std::slice::from_ref(&rule.right), target, act) && self.is_for(rule, principal)
        });
        by_rule || grant.gives(target, act)
    }

    /// True if a rule for every repository there is or will be, or the credential itself, gives the right to all there are.
    fn gives_everywhere(&self, principal: &Principal, grant: &Grant, act: Act) -> bool {
        let is_everywhere = |right: &Right| {
            let mut patterns = right.repositories.iter();
            right.acts.has(act) && patterns.any(TargetPattern::is_everything)
        };
        let mut rules = self.rules.iter();
        rules.any(|rule| is_everywhere(&rule.right) && self.is_for(rule, principal))
            || grant.rights.iter().any(is_everywhere)
    }

    fn is_for(&self, rule: &Rule, principal: &Principal) -> bool {
        rule.who.iter().any(|who| match who {
            Who::Group(name) => {
                let members = self.groups.get(name).into_iter().flatten();
                members.into_iter().any(|who| who.is(principal))
            }
            who => who.is(principal),
        })
    }
}

impl Rule {
    fn parts(&self) -> usize {
        1 + self.who.len() + self.right.repositories.len()
    }
}

/// Decides whether `principal`, who comes with `grant`, may do `act` to `target`.
pub fn decide(
    policy: &Policy,
    principal: &Principal,
    grant: &Grant,
    target: &Target,
    act: Act,
) -> Verdict {
    if policy.gives(principal, grant, target, act) {
        return if grant.covers(target, act) {
            Verdict::Allowed
        } else {
            Verdict::Login
        };
    }
    if *principal == Principal::Anonymous {
        Verdict::Login
    } else if policy.gives(principal, grant, target, Act::Pull) {
        Verdict::Refused
    } else {
        Verdict::Hidden
    }
}

/// Decides whether `principal`, who comes with `grant`, may do `act` to all repositories, those included that are not there yet. A
/// token that was given for some is good for none of it.
pub fn decide_everywhere(
    policy: &Policy,
    principal: &Principal,
    grant: &Grant,
    act: Act,
) -> Verdict {
    let is_given = policy.gives_everywhere(principal, grant, act);
    match (is_given, grant.narrowing.is_none()) {
        (true, true) => Verdict::Allowed,
        (true, false) => Verdict::Login,
        (false, _) if *principal == Principal::Anonymous => Verdict::Login,
        (false, _) => Verdict::Refused,
    }
}
