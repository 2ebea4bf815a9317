//! `--preflight`: runs the checks of what was found, and adds what registries said.

use std::collections::BTreeSet;

use forebay_forecast::preflight::{
    Check, Finding, Outcome, State, ecr_image, ecr_repository, secret, stack,
};
use forebay_forecast::{Budget, Fact, Presence, Survey, Wanted};

use super::gather::Gathered;
use super::tools;

/// The most programs that are run for what files name of one kind, one after the other: each takes a second.
const MAX_CHECKS: usize = 200;

/// Looks at all that a deploy of this needs, one after the other.
pub(super) async fn look(
    gathered: &Gathered,
    survey: &Survey,
    (name, region): (Option<&str>, Option<&str>),
) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut checks = Vec::new();
    for (wanted, fact) in gathered.images.iter().zip(&survey.facts) {
        if !wanted.is_pulled() {
            checks.extend(ecr_repository(&wanted.image));
            continue;
        }
        // What a HEAD has told needs no second answer.
        let is_told = fact.presence != Presence::NotAsked;
        checks.extend(ecr_image(&wanted.image).filter(|_| !is_told));
        found.extend(told_image(wanted, fact).filter(|_| is_told));
        if !matches!(fact.presence, Presence::Missing | Presence::Refused) {
            found.extend(platforms(wanted, fact));
        }
    }
    found.extend(survey.budgets.iter().filter_map(credentials));
    found.extend(run_all(&checks, "images and repositories in ECR").await);
    let secrets: Vec<Check> = gathered.secrets.iter().map(|arn| secret(arn)).collect();
    found.extend(run_all(&secrets, "secrets").await);
    if let Some(name) = name {
        let check = stack(name, region);
        let outcome = tools::run(&check.command).await;
        let finding = check.read(&outcome);
        // The names of a stack that is there are its own.
        let is_there = matches!(outcome, Outcome::Ended { is_ok: true, .. });
        let is_new = finding.state == State::Good && !is_there;
        found.push(finding);
        let names = if is_new { &gathered.names[..] } else { &[] };
        found.extend(run_all(names, "names that the template gives").await);
    }
    found
}

/// Runs the checks of one kind, one after the other, and says of how many it did not.
async fn run_all(checks: &[Check], kind: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for check in checks.iter().take(MAX_CHECKS) {
        found.push(check.read(&tools::run(&check.command).await));
    }
    found.extend(left_out(checks.len(), kind));
    found
}

/// What is not looked at of so many checks of a kind.
fn left_out(count: usize, kind: &str) -> Option<Finding> {
    let more = count.checked_sub(MAX_CHECKS).filter(|more| *more > 0)?;
    Some(Finding {
        what: format!("{more} more of the {kind}"),
        state: State::Failed,
        told: format!("not looked at: no more than {MAX_CHECKS} of them are"),
        cure: None,
    })
}

/// Whether a registry charges the account that is configured for it; `None` if no account is known.
fn credentials(budget: &Budget) -> Option<Finding> {
    let what = format!("credentials for {}", budget.registry);
    if budget.credentials_not_applied {
        let cure = "look at the upstream's username and password in forebay config show";
        return Some(Finding {
            what,
            state: State::Bad,
            told: "they are not being applied: it charges an address".to_owned(),
            cure: Some(cure.to_owned()),
        });
    }
    let payer = budget.payer.as_ref().filter(|_| budget.is_of_account)?;
    Some(Finding {
        what,
        state: State::Good,
        told: format!("work: it charges {payer}"),
        cure: None,
    })
}

fn told_image(wanted: &Wanted, fact: &Fact) -> Option<Finding> {
    let mut cure = None;
    let (state, told) = match fact.presence {
        Presence::There => (State::Good, "is there".to_owned()),
        Presence::Missing => (State::Bad, "is not there".to_owned()),
        Presence::Refused => {
            let registry = &wanted.image.registry;
            cure = Some(format!(
                "look at its name; if it is private, at username and password of the upstream {registry}"
            ));
            let told = "is not there, or needs other credentials than are configured here";
            (State::Bad, told.to_owned())
        }
        Presence::Unknown => (State::Failed, fact.why.clone().unwrap_or_default()),
        Presence::NotAsked => return None,
    };
    Some(Finding {
        what: format!("image {}", wanted.image),
        state,
        told,
        cure,
    })
}

/// The platforms that files want of an image and that it does not have, as far as its index is kept: to fetch it would cost a pull.
fn platforms(wanted: &Wanted, fact: &Fact) -> Vec<Finding> {
    let wants: BTreeSet<&String> = wanted
        .uses
        .iter()
        .filter_map(|one| one.platform.as_ref())
        .collect();
    let finding = |platform: &String| {
        let is_it = |has: &String| has == platform || has.starts_with(&format!("{platform}/"));
        let (state, told) = if fact.platforms.is_empty() {
            let told = "not known: to see it costs a pull; --warm tells";
            (State::Unknown, told.to_owned())
        } else if fact.platforms.iter().any(is_it) {
            (State::Good, "is there".to_owned())
        } else {
            (
                State::Bad,
                format!("it has only {}", fact.platforms.join(", ")),
            )
        };
        Finding {
            what: format!("{platform} of {}", wanted.image),
            state,
            told,
            cure: None,
        }
    };
    wants.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_looked_at_is_told_by_its_kind() {
        assert_eq!(left_out(MAX_CHECKS, "secrets"), None);
        let found = left_out(MAX_CHECKS + 17, "secrets").expect("a finding");
        assert_eq!(found.what, "17 more of the secrets");
        assert_eq!(found.told, "not looked at: no more than 200 of them are");
    }
}
