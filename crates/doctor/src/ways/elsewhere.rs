//! Images of one's own, moved to ECR, GHCR or Quay: made, filled, and named in the files.
//!
//! Where Fargate leaves no setting for a mirror this is the way that needs no other machine.

use forebay_diagnosis::facts::{Facts, Image};

use super::targets::{Targets, targets};
use super::{Ground, WayKind, WayOut, ecr_cache, login, stack};
use crate::Platform;
use crate::costs::PriceName;

/// A registry to move to.
struct Elsewhere {
    kind: WayKind,
    title: &'static str,
    why: String,
    /// The host and what stands before an image's name there.
    prefix: String,
    login: String,
    /// How `forebay rewrite --to` calls it.
    rules: String,
}

/// The three registries; ECR first where anything of AWS is seen.
pub(super) fn ways(ground: &Ground<'_>) -> Vec<WayOut> {
    let mut ways = vec![ghcr(ground), quay(ground)];
    let ecr = ecr(ground);
    if ground.is_on_aws() {
        ways.insert(0, ecr);
    } else {
        ways.push(ecr);
    }
    ways
}

fn ecr(ground: &Ground<'_>) -> WayOut {
    let facts = ground.facts;
    let (account, region, host) = (facts.account(), facts.region(), facts.ecr_host());
    let roles = match facts.platform {
        Some(Platform::Ecs | Platform::Kubernetes) => {
            " ECS and EKS log in by the role of the task or node; machines elsewhere need a login, which ends after 12 hours."
        }
        _ => {
            " Each machine needs a login, which ends after 12 hours: use amazon-ecr-credential-helper; on ECS and EKS roles do it."
        }
    };
    let fargate = if facts.is_fargate == Some(true) {
        " Fargate logs in by the task's role, and needs no mirror setting, which it does not have."
    } else {
        ""
    };
    let place = Elsewhere {
        kind: WayKind::Ecr,
        title: "move the images to ECR",
        why: format!("No pull limit, in the same region, and private.{roles}{fargate}"),
        login: format!(
            "aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}"
        ),
        rules: format!("ecr:{account}:{region}"),
        prefix: host,
    };
    let targets = targets(facts);
    let create: Vec<String> = targets
        .repositories()
        .iter()
        .map(|repository| {
            format!(
                "aws ecr create-repository --region {region} --repository-name {repository} --image-scanning-configuration scanOnPush=true --encryption-configuration encryptionType=AES256"
            )
        })
        .collect();
    let way = place.begin().run(
        "Make the repositories, which are scanned and encrypted.",
        create.join("\n"),
    );
    let way = place.fill(way, facts, &targets);
    let way = redeploy(way, ground)
        .run(
            "In private subnets: VPC endpoints, so that pulls pass no NAT gateway.",
            ecr_cache::endpoints(region),
        )
        .can_wait();
    let mut costs = ground.costs.ecr_storage();
    costs.push(ground.costs.ecr_transfer());
    costs.push(ground.costs.nat("NAT gateway, without endpoints"));
    costs.push(ground.costs.endpoints());
    way.costing(costs, ground.costs.as_of())
}

fn ghcr(ground: &Ground<'_>) -> WayOut {
    let place = Elsewhere {
        kind: WayKind::Ghcr,
        title: "move the images to GHCR",
        why: "GitHub publishes no pull limit; it throttles floods, as everybody does.".to_owned(),
        prefix: "ghcr.io/<owner>".to_owned(),
        login: "docker login ghcr.io --username <github-user> --password-stdin < token.txt   # a token with write:packages"
            .to_owned(),
        rules: "ghcr:<owner>".to_owned(),
    };
    let way = place.fill(place.begin(), ground.facts, &targets(ground.facts));
    let way = let_in(way, ground.facts, &GHCR_LOGIN);
    let costs = vec![
        ground.costs.fixed(
            "storage and transfer",
            PriceName::GhcrMonth,
            "the container registry is free for now; GitHub gives a month's notice",
        ),
        ground.costs.nat("NAT gateway"),
    ];
    redeploy(way, ground).costing(costs, ground.costs.as_of())
}

fn quay(ground: &Ground<'_>) -> WayOut {
    let place = Elsewhere {
        kind: WayKind::Quay,
        title: "move the images to Quay",
        why: "Public images are free and have no pull limit; a few requests a second from an address are.".to_owned(),
        prefix: "quay.io/<organization>".to_owned(),
        login: "docker login quay.io --username <organization>+<robot> --password-stdin < token.txt".to_owned(),
        rules: "quay:<organization>".to_owned(),
    };
    let way = place.fill(place.begin(), ground.facts, &targets(ground.facts));
    let way = let_in(way, ground.facts, &QUAY_LOGIN);
    let costs = vec![
        crate::costs::free("public images", "free"),
        ground.costs.fixed(
            "private images, a month",
            PriceName::QuayPrivateMonth,
            "the smallest plan: five repositories",
        ),
        ground.costs.nat("NAT gateway"),
    ];
    redeploy(way, ground).costing(costs, ground.costs.as_of())
}

/// A login with which machines pull what is private.
struct Login {
    registry: &'static str,
    host: &'static str,
    user: &'static str,
    /// What is private at first, and which token may read it.
    about: &'static str,
}

const GHCR_LOGIN: Login = Login {
    registry: "ghcr",
    host: "ghcr.io",
    user: "<github-user>",
    about: "Packages are private at first. Make them public in their settings, or let the machines in with a token that has read:packages.",
};

const QUAY_LOGIN: Login = Login {
    registry: "quay",
    host: "quay.io",
    user: "<organization>+<robot>",
    about: "Repositories are private at first. Make them public in their settings, or let the machines in with a robot account that may read.",
};

/// Lets the machines in, before anything is deployed under the new names.
fn let_in(way: WayOut, facts: &Facts, login: &Login) -> WayOut {
    let Login {
        registry,
        host,
        user,
        about,
    } = login;
    let command = match facts.platform {
        Some(Platform::Kubernetes) => format!(
            "forebay setup kubernetes --registry {registry} --username {user} --password-stdin --namespace {} --write < token.txt",
            facts.namespace()
        ),
        Some(Platform::Ecs) => format!(
            "{}\n\
             forebay setup ecs --registry {registry} --file <file> --diff   # repositoryCredentials; the execution role must be allowed to read the secret",
            login::keep_secret(
                facts.region(),
                &format!("{registry}-credentials"),
                user,
                "password"
            )
        ),
        Some(Platform::Swarm) => format!(
            "docker login {host} --username {user} --password-stdin < token.txt   # on the manager that deploys, with --with-registry-auth"
        ),
        Some(Platform::Ci) => super::ci::login(facts.ci, registry),
        Some(Platform::Docker) | None => format!(
            "docker login {host} --username {user} --password-stdin < token.txt   # on each machine, as the user who pulls"
        ),
    };
    way.run(*about, command)
}

/// Cortex's own images lie at Quay since its 0.16.0, under the same names.
pub(super) fn cortex(ground: &Ground<'_>) -> Option<WayOut> {
    let mut images = ground
        .facts
        .hub_images
        .iter()
        .filter(|one| is_of_cortex(one));
    images.clone().next()?;
    let version = images.find_map(|image| release(&image.tag));
    let to = version.map_or_else(
        || "cortex".to_owned(),
        |version| format!("cortex:{version}"),
    );
    let why = "Cortex has its images at quay.io as well, from 0.16.0 on, which has no pull limit: nothing is pushed, only the \
               cluster's and the APIs' files change. From 0.23.0 on they lie there anyway; before 0.16.0, upgrade.";
    let way = WayOut::new(WayKind::Quay, "take Cortex's images from Quay", why).run(
        "What would change, then change it: keys that are missing are added.",
        format!("forebay rewrite . --to {to}\nforebay rewrite . --to {to} --write"),
    );
    let costs = vec![crate::costs::free("public images", "free")];
    let way = way
        .run(
            "A cluster takes other images only when it is made: take it down, bring it up with them, and wait until pods run.",
            "cortex cluster down\ncortex cluster up --config cluster.yaml\ncortex deploy\nforebay doctor --kube --wait",
        )
        .careful("from down to deploy no API answers. Where that cannot be, log in instead, which needs no new cluster: --way authenticate");
    Some(way.costing(costs, ground.costs.as_of()))
}

/// The release that a tag of Cortex's is of: `0.20.0` of `0.20.0-cuda10.1`.
fn release(tag: &str) -> Option<&str> {
    let version = tag.split('-').next()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    (version.split('.').count() == 3 && version.split('.').all(is_number)).then_some(version)
}

fn is_of_cortex(image: &Image) -> bool {
    image.repository.starts_with("cortexlabs/")
}

impl Elsewhere {
    fn begin(&self) -> WayOut {
        WayOut::new(self.kind, self.title, self.why.clone())
    }

    /// Logs in, pushes, rewrites.
    fn fill(&self, way: WayOut, facts: &Facts, targets: &Targets) -> WayOut {
        let push: Vec<String> = targets
            .pairs
            .iter()
            .map(|(written, target)| {
                let new = format!("{}/{target}", self.prefix);
                format!("docker pull {written}\ndocker tag {written} {new}\ndocker push {new}")
            })
            .collect();
        let more = facts.hub_images.len().saturating_sub(push.len());
        let mut commands = push.join("\n");
        if more > 0 {
            commands.push_str("\n# and the other images: --json names them all");
        }
        way.run("Log in.", &*self.login)
            .run(
                "Tag and push, from a machine that has the images or may still pull. Where machines differ in their processor, build or copy all platforms: docker buildx imagetools create.",
                commands,
            )
            .run(
                "Name these so in your files, and no others: first what would change, then do it. Each tag that stands there has to be pushed; what builds or runs with them in CI has to log in there, too. Where a name is put together, --set tells what a variable is.",
                targets.rewrite(&self.prefix, &self.rules),
            )
    }
}

/// Brings the new names to what runs, and waits until it does.
fn redeploy(way: WayOut, ground: &Ground<'_>) -> WayOut {
    let facts = ground.facts;
    match facts.platform {
        Some(Platform::Ecs) => {
            let option = |name: &str, value: Option<&String>| {
                value.map_or_else(String::new, |value| format!(" --{name} {value}"))
            };
            let wait = format!(
                "forebay doctor --ecs {}{}{} --wait",
                facts.cluster(),
                option("stack", facts.stack.as_ref()),
                option("region", facts.region.as_ref())
            );
            // A stack that is stuck takes no deployment.
            stack::free(way, facts, ground.stack)
                .run(
                    "Deploy, and wait until tasks run, health checks pass and the stack is complete.",
                    format!("cdk deploy\n{wait}"),
                )
                .run(
                    "Without CDK: register the task definition with the new image, then have the service use it. A new deployment alone would run the old one again.",
                    update_service(facts),
                )
                .can_wait()
        }
        Some(Platform::Kubernetes) => way.run(
            "Apply, and wait until pods run.",
            "kubectl apply -f .\nforebay doctor --kube --wait",
        ),
        Some(Platform::Swarm) => way.run(
            "Deploy, and see that tasks run.",
            "docker stack deploy --with-registry-auth -c <stack.yml> <stack>\nforebay doctor --swarm",
        ),
        _ => way,
    }
}

/// Has a service run a task definition of the file that names the new image.
fn update_service(facts: &Facts) -> String {
    let region = facts.region();
    let family = facts.task_family.as_deref().unwrap_or("<family>");
    format!(
        "aws ecs register-task-definition --region {region} --cli-input-json file://<task-definition.json>\n\
         aws ecs update-service --region {region} --cluster {} --service {} --task-definition {family}",
        facts.cluster(),
        facts.ecs_service()
    )
}
