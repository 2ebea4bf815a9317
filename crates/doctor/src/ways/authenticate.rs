//! Pulling with an account: the limit is then the account's, not the address's.

use forebay_oci::aws_partition;

use super::{Ground, WayKind, WayOut, ci, login, rights};
use crate::Platform;
use crate::costs::{Cost, PriceName, free};
use crate::document::Code;

/// The secret's name; `forebay setup --registry hub` has the same.
const SECRET: &str = "dockerhub-credentials";

/// Docker Hub, as Docker's clients name it in their credentials.
const HUB: &str = "https://index.docker.io/v1/";

/// The way.
pub(super) fn way(ground: &Ground<'_>) -> WayOut {
    let why = "A free account has 200 pulls in six hours of its own, whatever the address; a paid one has no pull limit. \
               It does not help against the abuse limit. Use a token that may only read, one for each group of machines.";
    let way = if ground.is_by_account() {
        let why =
            format!("An account is used up already; another one has a limit of its own. {why}");
        WayOut::new(
            WayKind::Authenticate,
            "pull with another Docker Hub account",
            why,
        )
    } else {
        WayOut::new(WayKind::Authenticate, "pull with a Docker Hub account", why)
    };
    let way = match ground.facts.platform {
        Some(Platform::Kubernetes) => kubernetes(way, ground.facts.namespace()),
        Some(Platform::Ecs) => ecs(way, ground),
        Some(Platform::Swarm) => swarm(way),
        Some(Platform::Ci) => ci::authenticate(way, ground.facts),
        Some(Platform::Docker) | None => way.run(
            "On each machine, as the user who pulls; systemd units and cron jobs have their own home.",
            "docker login --username <docker-id> --password-stdin < token.txt",
        ),
    };
    let way = login::see_used(way, ground);
    let mut costs: Vec<Cost> = vec![free("a free account", "200 pulls in six hours")];
    if ground.facts.platform == Some(Platform::Ecs) {
        costs.push(ground.costs.fixed(
            "the secret, a month",
            PriceName::SecretMonth,
            "one secret in Secrets Manager",
        ));
    }
    way.costing(costs, ground.costs.as_of())
}

fn kubernetes(way: WayOut, namespace: &str) -> WayOut {
    way.run(
        "A pull secret in each namespace that pulls.",
        format!(
            "forebay setup kubernetes --registry hub --username <docker-id> --password-stdin --namespace {namespace} --write < token.txt"
        ),
    )
    .run(
        "By hand, the same for all pods of the namespace that name no account of their own.",
        login::pull_secret(HUB, "<docker-id>", namespace, SECRET),
    )
    .careful("a service account's pull secrets reach new pods only: pods that wait have to be made anew")
    .can_wait()
}

fn ecs(way: WayOut, ground: &Ground<'_>) -> WayOut {
    let facts = ground.facts;
    let (region, account) = (facts.region(), facts.account());
    let partition = aws_partition(region);
    let file = "\"repositoryCredentials\": {\"credentialsParameter\": \"<secret-arn>\"}";
    way.run(
        "The login in Secrets Manager; the token is in token.txt.",
        login::keep_secret(region, SECRET, "<docker-id>", "password"),
    )
    .step(
        "In each container of the task definition.",
        Some(Code::of("json", file)),
    )
    .run(
        "In CDK, CloudFormation or a task definition: it is put in its place, and the diff shown first.",
        "forebay setup ecs --registry hub --file <file> --diff",
    )
    .run(
        "The task's execution role must be allowed to read it; CDK grants it by itself.",
        rights::grant(
            "<task-execution-role>",
            "docker-hub-login",
            "\"secretsmanager:GetSecretValue\"",
            &format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{SECRET}-*"),
        ),
    )
}

fn swarm(way: WayOut) -> WayOut {
    way.run(
        "Log in on the manager, and send the login along once.",
        "docker login --username <docker-id> --password-stdin < token.txt\n\
         docker stack deploy --with-registry-auth -c <stack.yml> <stack>",
    )
    .careful(
        "with --with-registry-auth each try of a task asks the registry with the login: a service that cannot run then floods it. Give each service a restart_policy with delay and max_attempts first, and name images by digest",
    )
}
