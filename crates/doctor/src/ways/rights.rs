//! Rights of AWS that a refusal names, and the commands that give them.
//!
//! AWS lets in by roles, the one of the task or of the nodes: a login at a registry cures none of these refusals.

use forebay_diagnosis::facts::{Facts, role_in, safe};
use forebay_oci::aws_partition;

use super::login::Registry;
use super::{Ground, WayKind, WayOut};
use crate::{Class, Evidence, Platform};

/// What a pull from ECR needs, and the managed policies hold.
const PULLING: [&str; 4] = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
];

/// What stands before the right in each of AWS' refusals.
const REFUSED: &str = "is not authorized to perform: ";

/// What AWS refused to whom.
pub(crate) struct Refusal {
    role: Option<String>,
    /// `ecr:BatchGetImage`.
    right: String,
    /// The ARN that it was refused on, or `*`.
    resource: String,
    /// Whether a policy forbids it: then none that allows it helps.
    is_forbidden: bool,
    /// Whether a policy of what was asked for would have to allow it.
    is_by_resource: bool,
}

/// The first refusal among the failures of a class, one that names the role before others.
pub(super) fn find_refusal(evidence: &Evidence, class: Class) -> Option<Refusal> {
    let failed = evidence.events.iter().filter(|event| {
        let failure = event.failure.as_ref();
        failure.is_some_and(|failure| failure.class == class)
    });
    let refusals = failed.filter_map(|event| Refusal::read(&event.message));
    refusals.min_by_key(|refusal| refusal.role.is_none())
}

/// Gives the role the right that it was refused.
pub(super) fn way(ground: &Ground<'_>, registry: &Registry) -> Option<WayOut> {
    let refusal = ground.refusal.as_ref()?;
    let cause = ground.diagnosis.cause.as_ref()?;
    let is_of_cache = cause.pull_through.as_ref().is_some_and(|one| one.is_said);
    let (whose, blank) = match ground.facts.platform {
        Some(Platform::Ecs) => ("the task's execution role", "<task-execution-role>"),
        Some(Platform::Kubernetes) => ("the role of the nodes", "<node-role>"),
        _ => ("the role", refusal.role.as_deref()?),
    };
    if is_of_cache {
        return None;
    }
    let role = refusal.role.as_deref().unwrap_or(blank);
    let Refusal {
        right, resource, ..
    } = refusal;
    let title = match &refusal.role {
        Some(role) => format!("give {role} the right {right}"),
        None => format!("give {whose} the right {right}"),
    };
    let way = WayOut::new(
        WayKind::Mend,
        title,
        "AWS refuses that right to the role: no login at a registry helps.",
    );
    let way = if refusal.is_forbidden {
        way.run(
            "A policy forbids it, which wins over each that allows it: take that out first.",
            format!("aws iam list-attached-role-policies --role-name {role}\naws iam list-role-policies --role-name {role}"),
        )
    } else {
        way
    };
    let command = if PULLING.contains(&right.as_str()) {
        let region = match registry {
            Registry::Ecr(_, region) => region,
            _ => ground.facts.region(),
        };
        attach(role, ground.facts, region)
    } else {
        let name = right.replace(':', "-");
        grant(role, &name, &format!("\"{right}\""), resource)
    };
    let text = match ground.facts.platform {
        Some(Platform::Ecs) => {
            format!("Give it to {whose}; tasks that start from then on have it.")
        }
        _ => format!("Give it to {whose}; the next try has it."),
    };
    Some(across_accounts(way.run(text, command), refusal, registry))
}

/// Lets a role pull from the ECR of its account.
pub(super) fn attach(role: &str, facts: &Facts, region: &str) -> String {
    let policy = match facts.platform {
        Some(Platform::Ecs) => "service-role/AmazonECSTaskExecutionRolePolicy",
        _ => "AmazonEC2ContainerRegistryPullOnly",
    };
    format!(
        "aws iam attach-role-policy --role-name {role} --policy-arn arn:{}:iam::aws:policy/{policy}",
        aws_partition(region)
    )
}

/// Allows a role what `actions` says in JSON, beside what it may.
pub(super) fn grant(role: &str, name: &str, actions: &str, resource: &str) -> String {
    format!(
        "aws iam put-role-policy --role-name {role} --policy-name {name} \\\n  \
         --policy-document '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":{actions},\"Resource\":\"{resource}\"}}]}}'"
    )
}

/// Another account's repository has to let the role in, too.
fn across_accounts(way: WayOut, refusal: &Refusal, registry: &Registry) -> WayOut {
    let repository = refusal.repository().filter(|_| refusal.is_by_resource);
    let (Some((account, repository)), Registry::Ecr(_, region)) = (repository, registry) else {
        return way;
    };
    way.run(
        format!("Where the role is not of the account {account}, the repository's policy has to let it in, too: what does it say?"),
        format!("aws ecr get-repository-policy --registry-id {account} --region {region} --repository-name {repository}"),
    )
}

impl Refusal {
    fn read(message: &str) -> Option<Self> {
        let (_, said) = message.split_once(REFUSED)?;
        let right = said.split_whitespace().next()?;
        let (service, action) = right.split_once(':')?;
        let is_word = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !is_word(service) || !is_word(action) {
            return None;
        }
        let resource = said.split_once("on resource: ").and_then(|(_, behind)| {
            let resource = behind.split_whitespace().next()?;
            safe(resource).filter(|arn| arn.starts_with("arn:aws"))
        });
        Some(Self {
            role: role_in(message),
            right: right.to_owned(),
            resource: resource.unwrap_or_else(|| "*".to_owned()),
            is_forbidden: said.contains("explicit deny"),
            is_by_resource: said.contains("no resource-based policy"),
        })
    }

    /// The account and the name of `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`.
    fn repository(&self) -> Option<(&str, &str)> {
        let (arn, name) = self.resource.split_once(":repository/")?;
        Some((arn.rsplit(':').next()?, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_and_nothing_in_it_that_a_shell_obeys() {
        let refusal = Refusal::read("AccessDeniedException: User: arn:aws:sts::730335557645:assumed-role/taskExec/abc is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:730335557645:secret:hub-AbCdEf because no identity-based policy allows it").unwrap();
        assert_eq!(refusal.role.as_deref(), Some("taskExec"));
        assert_eq!(refusal.right, "secretsmanager:GetSecretValue");
        assert!(refusal.resource.ends_with(":secret:hub-AbCdEf") && !refusal.is_forbidden);
        let odd = Refusal::read("is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:$(id) with an explicit deny").unwrap();
        assert_eq!((odd.resource.as_str(), odd.role), ("*", None));
        assert!(odd.is_forbidden);
        assert!(Refusal::read("is not authorized to perform: ecr:$(id) on resource: *").is_none());
    }
}
