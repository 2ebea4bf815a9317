//! Names that a `CloudFormation` template gives itself, which another stack, or the last try, may have taken.
//!
//! Only templates in JSON, as CDK synthesizes them; a name that is no literal is `CloudFormation`'s to choose.

use serde_json::Value;

use super::{Check, Kind, words};

/// A kind of resource that exists once by its name, and how AWS is asked for it: `{}` is the name.
struct Named {
    kind: &'static str,
    property: &'static str,
    word: &'static str,
    command: &'static [&'static str],
}

/// What deploys of containers give names. Each prints the name if it is taken, and nothing or an error if it is not.
const NAMED: [Named; 5] = [
    Named {
        kind: "AWS::ECR::Repository",
        property: "RepositoryName",
        word: "repository",
        command: &[
            "ecr",
            "describe-repositories",
            "--repository-names",
            "{}",
            "--query",
            "repositories[].repositoryName",
        ],
    },
    Named {
        kind: "AWS::Logs::LogGroup",
        property: "LogGroupName",
        word: "log group",
        command: &[
            "logs",
            "describe-log-groups",
            "--log-group-name-prefix",
            "{}",
            "--query",
            "logGroups[?logGroupName=='{}'].logGroupName",
        ],
    },
    Named {
        kind: "AWS::ECS::Cluster",
        property: "ClusterName",
        word: "cluster",
        command: &[
            "ecs",
            "describe-clusters",
            "--clusters",
            "{}",
            "--query",
            "clusters[?status=='ACTIVE'].clusterName",
        ],
    },
    Named {
        kind: "AWS::ElasticLoadBalancingV2::LoadBalancer",
        property: "Name",
        word: "load balancer",
        command: &[
            "elbv2",
            "describe-load-balancers",
            "--names",
            "{}",
            "--query",
            "LoadBalancers[].LoadBalancerName",
        ],
    },
    Named {
        kind: "AWS::SecretsManager::Secret",
        property: "Name",
        word: "secret",
        command: &[
            "secretsmanager",
            "describe-secret",
            "--secret-id",
            "{}",
            "--query",
            "Name",
        ],
    },
];

/// The checks whether the names that a template gives are free. Of use where its stack is not there: else they are its own.
pub fn names(text: &str, region: Option<&str>) -> Vec<Check> {
    // Cheap: most files are no templates.
    if !text.contains("AWS::") {
        return Vec::new();
    }
    let template: Value = serde_json::from_str(text).unwrap_or_default();
    let resources = template["Resources"].as_object();
    let resources = resources
        .into_iter()
        .flat_map(|resources| resources.values());
    let mut checks: Vec<Check> = Vec::new();
    for resource in resources {
        let named = NAMED.iter().find(|named| resource["Type"] == named.kind);
        let name = named.and_then(|named| {
            let name = resource["Properties"][named.property].as_str()?;
            is_plain(name).then(|| check(named, name, region))
        });
        checks.extend(name.filter(|check| !checks.contains(check)));
    }
    checks
}

/// Nothing that would be more than a name on a command line or in a query.
fn is_plain(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_/.#".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_of_name)
}

fn check(named: &Named, name: &str, region: Option<&str>) -> Check {
    let mut command = vec!["aws".to_owned()];
    command.extend(named.command.iter().map(|word| word.replace("{}", name)));
    command.extend(words(&["--output", "text"]));
    if let Some(region) = region {
        command.extend(words(&["--region", region]));
    }
    Check {
        what: format!("name {name} of a {}", named.word),
        command,
        kind: Kind::Name,
    }
}
