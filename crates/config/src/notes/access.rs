//! Rules of access that give nothing, or more than they seem to.

use forebay_access::Who;
use forebay_content::{AccountName, Right};
use forebay_oci::{Act, TargetPattern};

use super::glob::Pattern;
use super::{first_part, may_be_local, upstream_of};
use crate::resolved::{AccessConfig, AccessRule, Config};

/// Who may pull by one rule, and what.
struct Pulls<'c> {
    who: &'c [Who],
    repositories: Vec<Pattern<'c>>,
}

/// What there is to say of the rules, in their order.
pub(super) fn notes(config: &Config, access: &AccessConfig) -> Vec<String> {
    if access.rules.is_empty() && access.workloads.is_empty() {
        return vec![
            "`[access]` has no rules, so nobody may pull or push anything but robots what their tokens say: write [[access.allow]]".to_owned(),
        ];
    }
    let pulls: Vec<Pulls<'_>> = access.rules.iter().filter_map(Pulls::of).collect();
    let mut notes = of_groups(access);
    for (number, rule) in (1..).zip(&access.rules) {
        let name = format!("rule {number} of `access.allow`");
        notes.extend(of_changes(config, &name, rule));
        notes.extend(of_strangers(access, &name, rule));
        let written = (&*name, "actions = [\"pull\", \"push\"]");
        notes.extend(of_pushes_without_pull(
            (Some(access), &pulls),
            written,
            rule,
        ));
    }
    notes
}

/// What there is to say of a robot's token that is called `name` and has this right.
pub fn notes_of_token(config: &Config, name: &AccountName, right: Right) -> Vec<String> {
    let access = config.access.as_ref();
    let rules = access.map_or(&[][..], |access| &access.rules);
    let pulls: Vec<Pulls<'_>> = rules.iter().filter_map(Pulls::of).collect();
    let who = format!("robot:{name}").parse().into_iter().collect();
    let token = AccessRule { who, right };
    let mut notes = of_changes(config, "the token", &token);
    notes.extend(of_pushes_without_pull(
        (access, &pulls),
        ("the token", "--actions pull,push"),
        &token,
    ));
    notes
}

/// What a rule lets somebody change where nobody can.
fn of_changes(config: &Config, name: &str, rule: &AccessRule) -> Vec<String> {
    let acts = changes_of(rule);
    if acts.is_empty() {
        return Vec::new();
    }
    let patterns = rule.right.repositories.iter();
    let nowhere =
        patterns.filter_map(|pattern| Some((pattern, why_unchangeable(config, pattern)?)));
    let told = nowhere.map(|(pattern, why)| {
        let acts = acts.join(", ");
        format!("{name} gives no right to {acts} by {pattern}: {why}")
    });
    told.collect()
}

/// Why nothing can be pushed to the repositories that a pattern stands for; `None` if something can.
fn why_unchangeable(config: &Config, pattern: &TargetPattern) -> Option<String> {
    let Some(local) = pattern.find_local() else {
        return (!pattern.is_everything()).then(|| {
            "it stands for an upstream's repositories, and only those that live here can be pushed to".to_owned()
        });
    };
    let first = first_part(local);
    if let Some(meant) = upstream_of(config, first) {
        return Some(format!("names that begin with {first} are {meant}'s"));
    }
    if may_be_local(config, local) {
        return None;
    }
    let reserved = config.local.iter().chain([local]);
    let reserved: Vec<String> = reserved.map(|pattern| format!("\"{pattern}\"")).collect();
    Some(format!(
        "`local` reserves no such names, so they are an upstream's and nobody can push to them; write local = [{}] before the first table",
        reserved.join(", ")
    ))
}

/// Groups that everybody is in.
fn of_groups(access: &AccessConfig) -> Vec<String> {
    let groups = access.groups.iter();
    let open = groups.filter(|(_, members)| members.contains(&Who::Anonymous));
    let told = open.map(|(name, _)| {
        format!(
            "`access.groups` has anonymous in {name}, so everybody is in it: a rule for group:{name} is for all whom `clients.allow` lets in, without a login"
        )
    });
    told.collect()
}

/// A rule that lets everybody change something.
fn of_strangers(access: &AccessConfig, name: &str, rule: &AccessRule) -> Option<String> {
    let acts = changes_of(rule);
    let is_for_everybody = |who: &Who| match who {
        Who::Group(group) => members(access, group).any(|member| *member == Who::Anonymous),
        who => *who == Who::Anonymous,
    };
    if acts.is_empty() || !rule.who.iter().any(is_for_everybody) {
        return None;
    }
    let patterns: Vec<&str> = rule
        .right
        .repositories
        .iter()
        .map(TargetPattern::as_str)
        .collect();
    Some(format!(
        "{name} lets everybody whom `clients.allow` lets in {} without a login: {}",
        acts.join(", "),
        patterns.join(", ")
    ))
}

/// A rule that lets somebody push who may not pull, by its name and how to write the right one.
fn of_pushes_without_pull(
    (access, pulls): (Option<&AccessConfig>, &[Pulls<'_>]),
    (name, right): (&str, &str),
    rule: &AccessRule,
) -> Option<String> {
    let acts = rule.right.acts;
    if !acts.has(Act::Push) || acts.has(Act::Pull) {
        return None;
    }
    let repositories = rule.right.repositories.iter();
    let repositories: Vec<Pattern<'_>> = repositories
        .map(|pattern| Pattern::of(pattern.as_str()))
        .collect();
    let lacks = |who: &&Who| !may_pull((access, pulls), who, &repositories);
    let lacking: Vec<String> = rule
        .who
        .iter()
        .filter(lacks)
        .map(ToString::to_string)
        .collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "{name} lets {} push and no rule lets them pull there: clients look first what is there, and fail; write {right}",
            lacking.join(", ")
        )
    })
}

/// Whether some rule may let them pull from all of these, as far as names tell.
fn may_pull(
    (access, pulls): (Option<&AccessConfig>, &[Pulls<'_>]),
    who: &Who,
    repositories: &[Pattern<'_>],
) -> bool {
    let stands_for =
        |given: &Who| given == who || *given == Who::Anonymous || given.to_string().contains('*');
    let is_for = |given: &Who| match (given, access) {
        (Who::Group(group), Some(access)) => given == who || members(access, group).any(stands_for),
        (given, _) => stands_for(given),
    };
    let pulls = pulls.iter().filter(|one| one.who.iter().any(is_for));
    let pulls: Vec<&Pattern<'_>> = pulls.flat_map(|one| &one.repositories).collect();
    repositories.iter().all(|pattern| {
        let mut pulls = pulls.iter();
        pulls.any(|pull| pull.covers(pattern))
    })
}

fn members<'c>(access: &'c AccessConfig, group: &str) -> impl Iterator<Item = &'c Who> {
    access.groups.get(group).into_iter().flatten()
}

impl<'c> Pulls<'c> {
    /// `None` of a rule that lets nobody pull.
    fn of(rule: &'c AccessRule) -> Option<Self> {
        rule.right.acts.has(Act::Pull).then(|| Self {
            who: &rule.who,
            repositories: rule
                .right
                .repositories
                .iter()
                .map(|pattern| Pattern::of(pattern.as_str()))
                .collect(),
        })
    }
}

/// What a rule lets somebody do beside pull.
fn changes_of(rule: &AccessRule) -> Vec<&'static str> {
    let acts = rule.right.acts.iter();
    acts.filter(|act| *act != Act::Pull)
        .map(Act::as_str)
        .collect()
}
