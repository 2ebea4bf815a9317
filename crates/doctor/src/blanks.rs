//! What stands in commands for names that nothing told, and where each name is to be found.
//!
//! Pure: a table. Who pastes a command must not have to guess what to put for `<cluster>`.

use serde::Serialize;

use crate::document::Section;

/// A name that is to be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Blank {
    /// As it stands in commands.
    pub name: &'static str,
    /// What it is, or what tells it.
    pub what: &'static str,
}

/// The blanks, those that others are found by first.
const BLANKS: [Blank; 55] = [
    blank(
        "<account-id>",
        "aws sts get-caller-identity --query Account --output text",
    ),
    blank("<region>", "aws configure get region"),
    blank("<cluster>", "aws ecs list-clusters"),
    blank(
        "<service>",
        "aws ecs list-services --cluster <cluster>, or docker service ls",
    ),
    blank("<family>", "aws ecs list-task-definition-families"),
    blank(
        "<task-execution-role>",
        "the name in executionRoleArn: aws ecs describe-task-definition --task-definition <family>",
    ),
    blank(
        "<task-execution-or-node-role>",
        "the name in executionRoleArn of the task definition, or of the role that the nodes have",
    ),
    blank(
        "<node-role>",
        "the end of nodegroup.nodeRole: aws eks describe-nodegroup; or the role of the nodes' instance profile",
    ),
    blank(
        "<task-definition.json>",
        "the file of the task definition, with the new image",
    ),
    blank("<secret-arn>", "the ARN that create-secret printed"),
    blank("<rule>", "aws events list-rules"),
    blank("<log-group>", "aws logs describe-log-groups"),
    blank("<flow-logs>", "a file of what VPC flow logs have recorded"),
    blank("<vpc>", "aws ec2 describe-vpcs"),
    blank(
        "<subnets>",
        "aws ec2 describe-subnets: the private ones, with blanks between",
    ),
    blank(
        "<subnet>",
        "one of the subnets that the service's configuration names",
    ),
    blank("<group>", "aws ec2 describe-security-groups"),
    blank("<route-tables>", "aws ec2 describe-route-tables"),
    blank("<namespace>", "kubectl get pods --all-namespaces"),
    blank("<pod>", "kubectl get pods --all-namespaces"),
    blank(
        "<workload>",
        "kubectl get deployments,statefulsets,daemonsets,cronjobs,jobs --all-namespaces",
    ),
    blank("<node>", "kubectl get nodes, or docker node ls"),
    blank("<container>", "the name in the pod's spec, or docker ps"),
    blank("<stack>", "docker stack ls"),
    blank("<stack.yml>", "the file that the stack was deployed from"),
    blank("<replicas>", "how many ran before"),
    blank(
        "<policy>",
        "the restart policy of before, as docker inspect shows it",
    ),
    blank(
        "<memory>",
        "more than it may have now, such as 512Mi in Kubernetes or 512M in a swarm",
    ),
    blank("<unit>", "systemctl list-units"),
    blank(
        "token.txt",
        "a file of yours that holds the token and nothing else: (umask 077; cat > token.txt), paste it, then Enter and Ctrl-D",
    ),
    blank("<docker-id>", "your user name at Docker Hub"),
    blank("<github-user>", "your user name at GitHub"),
    blank("<owner>", "your user or organization at GitHub"),
    blank("<organization>", "your organization at Quay"),
    blank("<robot>", "the robot account that you made at Quay"),
    blank("<user>", "your user name there"),
    blank("<registry>", "the registry's host"),
    blank("<forebay-host>", "the machine that Forebay runs on"),
    blank(
        "<network>",
        "who may ask Forebay: the machines' network, such as 10.0.0.0/8",
    ),
    blank("<file>", "the file that says what is run"),
    blank("<image>", "the image's name"),
    blank(
        "<repository>",
        "the image's name with its registry, without a tag",
    ),
    blank("<tag>", "the image's tag"),
    blank("<path>", "the folder that is not there"),
    blank("<log>", "the file of the log"),
    blank("<workflow.yml>", "the workflow's file"),
    blank(
        "<workflow>",
        "the workflow's name or file: gh workflow list",
    ),
    blank(
        "<workflow-id>",
        "circleci: the workflow's id, in its address",
    ),
    blank("<run>", "gh run list"),
    blank("<job>", "the job's name or number, in its address"),
    blank("<pipeline>", "the pipeline's number, in its address"),
    blank("<build>", "the build's number, in its address"),
    blank("<jenkins>", "the address of Jenkins"),
    blank(
        "<credentials-id>",
        "the id of the login among Jenkins' credentials",
    ),
    blank("<auth>", "account and token in base64, made as said"),
];

const fn blank(name: &'static str, what: &'static str) -> Blank {
    Blank { name, what }
}

/// What is to be filled in in these texts, each once.
pub(crate) fn blanks_in<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Blank> {
    let texts: Vec<&str> = texts.collect();
    let is_there = |blank: &&Blank| texts.iter().any(|text| text.contains(blank.name));
    BLANKS.iter().filter(is_there).copied().collect()
}

/// Tells what is to be filled in, if anything is.
pub(crate) fn fill_in(section: Section, blanks: &[Blank]) -> Section {
    let told: Vec<String> = blanks
        .iter()
        .map(|blank| format!("{}: {}", blank.name, blank.what))
        .collect();
    match told.as_slice() {
        [] => section,
        told => section.paragraph(format!("Fill in {}", told.join("; "))),
    }
}
