//! What to do where no pull limit is the cause: one short way for each class, as data.

use forebay_diagnosis::facts::{name_and_port, safe};
use forebay_oci::{EcrHost, ImageName};

use super::login::{self, Registry};
use super::{Ground, WayKind, WayOut, known, rights, tls};
use crate::{Class, Platform};

/// A class's way: its title, why, and what is run.
type Mending = (
    Class,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// What is asked of an image that is not there.
const TAGS: &str = "Which tags are there?";
const PLATFORMS: &str = "Where the tag is right: for which platforms is it?";

const MENDINGS: [Mending; 11] = [
    (
        Class::LoginLockout,
        "let the lockout pass, and correct the login",
        "The account is locked for 10 to 15 minutes after the last wrong login; each further try begins it anew.",
        &[
            (
                "Find who still shows the old login, and take it away there.",
                "grep -l auths /root/.docker/config.json /home/*/.docker/config.json\nkubectl get secrets -A --field-selector type=kubernetes.io/dockerconfigjson",
            ),
            (
                "After 15 minutes without any try, log in with a new token.",
                "docker login --username <docker-id> --password-stdin < token.txt",
            ),
        ],
    ),
    (
        Class::HubApiLimit,
        "ask Docker Hub's web API less often",
        "It is a limit of hub.docker.com's API, not of pulls: tools that list tags reach it.",
        &[(
            "Tags can be listed at the registry instead, through Forebay too.",
            "skopeo list-tags docker://<repository>",
        )],
    ),
    (
        Class::OtherRegistryLimit,
        "ask that registry less often, or with a login",
        "It is a limit of its own: a Docker account changes nothing there.",
        &[(
            "Forebay in front asks once for all.",
            "forebay setup containerd --upstream <registry> --write",
        )],
    ),
    (
        Class::Auth,
        "give it the right credentials",
        "The registry refuses the login, or wants one: Docker Hub says so of images that do not exist, too.",
        &[(
            "Does the image exist, and may this account see it?",
            "<login> && docker manifest inspect <image>",
        )],
    ),
    (
        Class::NotFound,
        "correct the image's name, tag or platform",
        "The registry answers, and does not have it.",
        &[
            (
                TAGS,
                "skopeo list-tags docker://<repository>   # without skopeo: docker run --rm quay.io/skopeo/stable list-tags docker://<repository>",
            ),
            (PLATFORMS, "docker buildx imagetools inspect <image>"),
        ],
    ),
    (
        Class::Dns,
        "mend the look-up of names",
        "The registry's name cannot be looked up: no request gets as far as a limit.",
        &[(
            "On the machine that pulls.",
            "getent hosts registry-1.docker.io\nresolvectl status\ncat /etc/resolv.conf",
        )],
    ),
    (
        Class::Timeout,
        "see why the registry does not answer in time",
        "A proxy, a firewall or a slow line: the limit answers at once, this does not.",
        &[(
            "On the machine that pulls.",
            "curl -sS -o /dev/null -w '%{http_code} %{time_total}s\\n' https://registry-1.docker.io/v2/\nforebay doctor --probe",
        )],
    ),
    (
        Class::Network,
        "see why the registry cannot be reached",
        "The connection is refused or breaks off: a firewall, a proxy, a route.",
        &[(
            "On the machine that pulls; 401 is a good answer.",
            "curl -sS -o /dev/null -w '%{http_code}\\n' https://registry-1.docker.io/v2/\nforebay doctor --probe",
        )],
    ),
    (
        Class::NoSpace,
        "make room on the disk",
        "Layers cannot be stored; what was used up is disk, no limit.",
        &[
            (
                "What takes the room?",
                "df -h /var/lib/docker /var/lib/containerd\ndocker system df",
            ),
            (
                "If it is images that no container uses, they can go; each is pulled anew when it is wanted, which the limit counts.",
                "docker image prune --all   # with containerd: sudo crictl rmi --prune",
            ),
        ],
    ),
    (
        Class::KubeletThrottle,
        "let the kubelet pull more at a time",
        "The kubelet's own limit (registryPullQPS, registryBurst) holds pulls back; they go on within seconds.",
        &[(
            "In the kubelet's configuration, if it does not pass by itself.",
            "# in the kubelet's configuration:\n  registryPullQPS: 10\n  registryBurst: 20",
        )],
    ),
    (
        Class::StartFailure,
        "mend what ends the containers",
        "Their images are good; each new try may ask the registry, and become a flood.",
        &[(
            "What do they say themselves?",
            "docker service ps --no-trunc <service>\nkubectl logs <pod> --previous\ndocker logs <container>",
        )],
    ),
];

/// What to run where only symptoms are known is in the diagnosis' open questions.
pub(super) fn way(class: Class, ground: &Ground<'_>) -> Option<WayOut> {
    let cause = ground.diagnosis.cause.as_ref();
    let named = cause.and_then(|cause| cause.registry.as_deref());
    let image = concerned(ground);
    let registry = match (named, &image) {
        (None, Some((name, _))) => Registry::of(Some(&name.registry)),
        _ => Registry::of(named),
    };
    if class == Class::Tls {
        return tls::way(ground, &registry);
    }
    if let Some(way) = rights::way(ground, &registry) {
        return Some(way);
    }
    let (_, title, why, steps) = MENDINGS.iter().find(|(known, ..)| *known == class)?;
    let way = WayOut::new(WayKind::Mend, *title, *why);
    if is_trouble_of_ecs(class, ground) {
        return Some(ways_to_registry(way, ground, &registry));
    }
    if let Registry::Ecr(host, region) = &registry
        && matches!(class, Class::Auth | Class::NotFound)
    {
        let name = image.as_ref().map(|(name, _)| name.repository.to_string());
        let images = images_of_ecr(host, region, name.as_deref());
        let way = match (class, &image) {
            (Class::Auth, _) => login::let_in(way, ground.facts, &registry).run(TAGS, images),
            (_, None) => way.run(TAGS, images),
            (_, Some((_, image))) => way.run(TAGS, images).run(
                PLATFORMS,
                format!(
                    "{} && \\\n  docker buildx imagetools inspect {image}",
                    registry.docker_login()
                ),
            ),
        };
        return Some(way);
    }
    let looked_up = find_looked_up(ground);
    let fill = |commands: &str| {
        let commands = match &looked_up {
            Some(host) => commands.replace(
                "getent hosts registry-1.docker.io",
                &format!("getent hosts {host}"),
            ),
            None => commands.to_owned(),
        };
        let commands = match &registry {
            Registry::Hub => commands,
            other => at_registry(&commands, other.at().trim()),
        };
        let commands = commands.replace("<login>", &format!("docker login{}", registry.at()));
        let commands = match (&registry, named) {
            (Registry::Hub, None) => commands,
            (Registry::Hub, Some(_)) => commands.replace("<registry>", "docker.io"),
            (other, _) => commands.replace("<registry>", other.at().trim()),
        };
        match &image {
            Some((name, image)) => commands.replace("<image>", image).replace(
                "<repository>",
                &format!("{}/{}", name.registry, name.repository),
            ),
            None => commands,
        }
    };
    let way = steps
        .iter()
        .fold(way, |way, (text, commands)| way.run(*text, fill(commands)));
    Some(match class {
        Class::Auth => login::let_in(way, ground.facts, &registry),
        _ => way,
    })
}

/// The first image that is concerned, read and as it is written.
fn concerned(ground: &Ground<'_>) -> Option<(ImageName, String)> {
    let found = ground.diagnosis;
    let suspects = found.culprits.iter().chain(&found.victims);
    let mut images = suspects
        .flat_map(|suspect| &suspect.images)
        .filter(|image| !ground.cut.contains(*image));
    let image = images.find_map(|image| known::image(image))?;
    Some((image.parse().ok()?, image))
}

/// What ECR has of an image: its own API tells, where other tools need a login of twelve hours.
fn images_of_ecr(host: &str, region: &str, repository: Option<&str>) -> String {
    let account = EcrHost::parse(host).map_or("<account-id>", |host| host.account());
    let repository = repository.unwrap_or("<image>");
    format!(
        "aws ecr describe-images --region {region} --registry-id {account} --repository-name {repository} --query 'sort_by(imageDetails, &imagePushedAt)[-20:].[imagePushedAt, imageTags]'"
    )
}

/// The host whose name could not be looked up, as the lines have it: a registry has several.
fn find_looked_up(ground: &Ground<'_>) -> Option<String> {
    const BEFORE: [&str; 3] = ["lookup ", "resolve host: ", "ENOTFOUND "];
    let quotes = ground.diagnosis.evidence.iter();
    let mut failed = quotes.filter(|quote| quote.class == Some(Class::Dns));
    failed.find_map(|quote| {
        let behind = |before: &&str| quote.text.split_once(*before).map(|(_, behind)| behind);
        let host = BEFORE.iter().find_map(behind)?.split_whitespace().next()?;
        safe(host.trim_end_matches([':', '.', ',']))
            .filter(|host| host.contains('.') && !host.contains(['/', '@', ':']))
    })
}

/// Whether it is ECS that does not reach a registry.
fn is_trouble_of_ecs(class: Class, ground: &Ground<'_>) -> bool {
    ground.facts.platform == Some(Platform::Ecs) && matches!(class, Class::Timeout | Class::Network)
}

/// A task has the ways out of its subnets, and nobody can log in there to try them.
fn ways_to_registry(way: WayOut, ground: &Ground<'_>, registry: &Registry) -> WayOut {
    let (region, facts) = (ground.facts.region(), ground.facts);
    let way = way.run(
        "In which subnets and security groups do its tasks run, and have they a public address?",
        format!(
            "aws ecs describe-services --region {region} --cluster {} --services {} --query 'services[].networkConfiguration.awsvpcConfiguration'",
            facts.cluster(),
            facts.ecs_service()
        ),
    )
    .run(
        "Each of these subnets wants a route 0.0.0.0/0: to a NAT gateway, or to an internet gateway if tasks have a public address (assignPublicIp=ENABLED). A subnet that is not listed has its VPC's main table.",
        format!(
            "aws ec2 describe-route-tables --region {region} --filters Name=association.subnet-id,Values=<subnet> --query 'RouteTables[].Routes'"
        ),
    )
    .run(
        "Their security groups have to let port 443 out.",
        format!(
            "aws ec2 describe-security-groups --region {region} --group-ids <group> --query 'SecurityGroups[].IpPermissionsEgress'"
        ),
    );
    if !matches!(registry, Registry::Ecr(..)) {
        return way;
    }
    way.run(
        "Without such a route ECR wants endpoints in the VPC: ecr.api, ecr.dkr and, for layers, s3.",
        format!("aws ec2 describe-vpc-endpoints --region {region} --query 'VpcEndpoints[].[ServiceName,State,VpcId]' --output text"),
    )
}

/// Commands for Docker Hub as another registry takes them, which may have a port of its own.
fn at_registry(commands: &str, registry: &str) -> String {
    let (name, _) = name_and_port(registry);
    commands
        .replace(
            "https://registry-1.docker.io",
            &format!("https://{registry}"),
        )
        .replace("registry-1.docker.io", name)
        .replace("doctor --probe", &format!("doctor --probe={registry}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stands_only_where_a_port_may() {
        let told: Vec<String> = MENDINGS
            .iter()
            .flat_map(|(.., steps)| steps.iter())
            .map(|(_, commands)| at_registry(commands, "reg.example:5000"))
            .collect();
        let told = told.join("\n");
        for command in [
            "getent hosts reg.example\n",
            " https://reg.example:5000/v2/",
            "forebay doctor --probe=reg.example:5000",
        ] {
            assert!(told.contains(command), "{command}: {told}");
        }
    }
}
