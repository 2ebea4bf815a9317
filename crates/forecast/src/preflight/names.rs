//! Names that a `CloudFormation` template gives itself, which another stack, or the last try, may have taken.
//!
//! Templates in YAML, and in JSON, as CDK synthesizes them; a name that is no literal is `CloudFormation`'s to choose.

use std::collections::HashSet;

use forebay_references::{At, read_yaml};

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
    let (trees, _) = read_yaml(text);
    let resources = trees
        .iter()
        .filter_map(|tree| At::root(tree).get("Resources"));
    let (mut checks, mut seen) = (Vec::new(), HashSet::new());
    for (_, resource) in resources.flat_map(At::entries) {
        let kind = resource.text_of("Type");
        let named = NAMED.iter().find(|named| kind == Some(named.kind));
        let Some((named, name)) = named.and_then(|named| Some((named, name(resource, named)?)))
        else {
            continue;
        };
        if seen.insert((named.kind, name)) {
            checks.push(check(named, name, region));
        }
    }
    checks
}

/// The name that a resource is given as a plain text: what a tag or a function makes is known when it is deployed.
fn name<'a>(resource: At<'a>, named: &Named) -> Option<&'a str> {
    let at = resource.path(&["Properties", named.property])?;
    let text = at.text().filter(|_| at.tag().is_none())?;
    is_plain(text).then_some(text)
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
