//! How a login at a registry comes to those who pull: by which registry it is, and by platform.
//!
//! A password comes from a file or by a pipe: on a command line others on the machine read it.

use forebay_diagnosis::facts::{Facts, safe};
use forebay_limits::pull_secrets_template;
use forebay_oci::{EcrHost, is_docker_hub};

use super::{Ground, WayOut, ci, rights};
use crate::Platform;

/// A registry that wants a login.
pub(super) enum Registry {
    Hub,
    Ghcr,
    Quay,
    /// A private registry of ECR: its host and region.
    Ecr(String, String),
    /// Any other, by its host.
    Other(String),
}

impl Registry {
    /// The one of a host; without one, Docker Hub.
    pub(super) fn of(host: Option<&str>) -> Self {
        match host {
            None => Self::Hub,
            Some(host) if is_docker_hub(host) => Self::Hub,
            Some("ghcr.io") => Self::Ghcr,
            Some("quay.io") => Self::Quay,
            Some(host) => {
                let other = safe(host).filter(|host| !host.contains(['/', '@', '_']));
                let other = other.unwrap_or_else(|| "<registry>".to_owned());
                match EcrHost::parse(&other) {
                    Some(ecr) => Self::Ecr(other.clone(), ecr.region().to_owned()),
                    None => Self::Other(other),
                }
            }
        }
    }

    /// What `docker login` takes, with a space before it; nothing for Docker Hub.
    pub(super) fn at(&self) -> String {
        match self {
            Self::Hub => String::new(),
            Self::Ghcr => " ghcr.io".to_owned(),
            Self::Quay => " quay.io".to_owned(),
            Self::Ecr(host, _) | Self::Other(host) => format!(" {host}"),
        }
    }

    const fn user(&self) -> &'static str {
        match self {
            Self::Hub => "<docker-id>",
            Self::Ghcr => "<github-user>",
            Self::Quay => "<organization>+<robot>",
            Self::Ecr(..) => "AWS",
            Self::Other(_) => "<user>",
        }
    }

    /// What `forebay setup --registry` calls it.
    const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Hub => Some("hub"),
            Self::Ghcr => Some("ghcr"),
            Self::Quay => Some("quay"),
            Self::Ecr(..) => Some("ecr"),
            Self::Other(_) => None,
        }
    }

    /// Logs in Docker's client.
    pub(super) fn docker_login(&self) -> String {
        let (at, user) = (self.at(), self.user());
        match self {
            Self::Ecr(_, region) => format!(
                "aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin{at}"
            ),
            _ => format!("docker login{at} --username {user} --password-stdin < token.txt"),
        }
    }
}

/// Lets in whoever pulls on this platform.
pub(super) fn let_in(way: WayOut, facts: &Facts, registry: &Registry) -> WayOut {
    match facts.platform {
        Some(Platform::Kubernetes) => kubernetes(way, facts, registry),
        Some(Platform::Ecs) => ecs(way, facts, registry),
        Some(Platform::Swarm) => way.run(
            "Log in on the manager, and send the login along once.",
            format!(
                "{}\ndocker stack deploy --with-registry-auth -c <stack.yml> <stack>",
                registry.docker_login()
            ),
        ),
        Some(Platform::Ci) => in_job(way, facts, registry),
        Some(Platform::Docker) | None => way.run(
            "On each machine, as the user who pulls.",
            registry.docker_login(),
        ),
    }
}

fn kubernetes(way: WayOut, facts: &Facts, registry: &Registry) -> WayOut {
    let namespace = facts.namespace();
    let command = match (registry, registry.name()) {
        (Registry::Ecr(host, region), _) => {
            let way = way.run(
                "Nodes of AWS log in at ECR by their role, which has to be allowed to.",
                rights::attach("<node-role>", facts, region),
            );
            return way.run(
                "Nodes elsewhere need a pull secret, which ends after twelve hours: a makeshift.",
                format!(
                    "aws ecr get-login-password --region {region} | forebay setup kubernetes --registry ecr --host {host} --namespace {namespace} --password-stdin --write"
                ),
            );
        }
        (_, Some(name)) => format!(
            "forebay setup kubernetes --registry {name} --username {} --password-stdin --namespace {namespace} --write < token.txt",
            registry.user()
        ),
        (_, None) => pull_secret(
            registry.at().trim(),
            registry.user(),
            namespace,
            "registry-credentials",
        ),
    };
    way.run("A pull secret in the namespace that pulls.", command)
}

/// Makes a pull secret, and has the namespace's pods use it; the token is in no command line.
pub(super) fn pull_secret(server: &str, user: &str, namespace: &str, secret: &str) -> String {
    let kubectl = format!("kubectl --namespace {namespace}");
    let template = pull_secrets_template(secret);
    format!(
        "printf '{{\"auths\":{{\"%s\":{{\"username\":\"%s\",\"password\":\"%s\"}}}}}}' '{server}' '{user}' \"$(cat token.txt)\" | {kubectl} create secret generic {secret} --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=/dev/stdin\n\
         list=$({kubectl} get serviceaccount default --output {template}) && \\\n  \
         {kubectl} patch serviceaccount default --type merge --patch \"$list\"   # beside those that it has"
    )
}

/// Keeps a login in Secrets Manager; the token is in no command line.
pub(super) fn keep_secret(region: &str, secret: &str, user: &str, key: &str) -> String {
    format!(
        "printf '{{\"username\":\"%s\",\"{key}\":\"%s\"}}' '{user}' \"$(cat token.txt)\" | aws secretsmanager create-secret --region {region} --name {secret} --secret-string file:///dev/stdin"
    )
}

fn ecs(way: WayOut, facts: &Facts, registry: &Registry) -> WayOut {
    match registry.name() {
        Some("ecr") => way.run(
            "ECS logs in at ECR by the task's execution role, which has to be allowed to.",
            rights::attach("<task-execution-role>", facts, facts.region()),
        ),
        Some(name) => way.run(
            "Credentials in the task definition: they are put in their place, and the diff shown first.",
            format!("forebay setup ecs --registry {name} --file <file> --diff"),
        ),
        None => way.run(
            "The login in Secrets Manager; each container of the task definition then names it in repositoryCredentials.",
            keep_secret(facts.region(), "registry-credentials", registry.user(), "password"),
        ),
    }
}

fn in_job(way: WayOut, facts: &Facts, registry: &Registry) -> WayOut {
    match (registry, registry.name()) {
        (Registry::Hub, _) => ci::authenticate(way, facts),
        (Registry::Ecr(host, _), _) => way.run(
            "In the workflow, before the first pull.",
            ci::login_at_ecr(facts.ci, host, &registry.docker_login()),
        ),
        (_, Some(name)) => way.run(
            "In the workflow, before the first pull.",
            ci::login(facts.ci, name),
        ),
        (_, None) => way.run(
            "In the job, before the first pull.",
            ci::login_by_hand(&registry.at()),
        ),
    }
}

/// How to see that a login is used: Forebay's own probe would show Forebay's.
pub(super) fn see_used(way: WayOut, ground: &Ground<'_>) -> WayOut {
    let facts = ground.facts;
    let refused = if ground.is_by_account() {
        "where the registry still refuses, it names that account then."
    } else {
        "where the registry still refuses, it names the account then, no address."
    };
    match facts.platform {
        Some(Platform::Kubernetes) => way.run(
            format!("See that new pods have it; {refused}"),
            format!(
                "kubectl --namespace {} get pods -o 'custom-columns=POD:.metadata.name,SECRETS:.spec.imagePullSecrets[*].name'",
                facts.namespace()
            ),
        ),
        Some(Platform::Ecs) => way.run(
            format!("See that the task definition has it; {refused}"),
            format!(
                "aws ecs describe-task-definition --region {} --task-definition {} --query 'taskDefinition.containerDefinitions[].[image,repositoryCredentials.credentialsParameter]' --output text",
                facts.region(),
                facts.task_family.as_deref().unwrap_or("<family>")
            ),
        ),
        Some(Platform::Ci) => {
            let said = ci::says_login(facts);
            way.step(format!("See that it is used: {said}; {refused}"), None)
        }
        Some(Platform::Swarm | Platform::Docker) | None => way.step(
            format!("See that it is used: the account's page Usage at https://hub.docker.com counts its pulls; {refused}"),
            None,
        ),
    }
}
