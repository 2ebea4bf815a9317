//! An ECR pull-through cache rule for Docker Hub, by CLI and Terraform, and the VPC endpoints that pulls from ECR need.
//!
//! ECR wants the login in Secrets Manager, in the account and region of the rule, under a name that begins with
//! `ecr-pullthroughcache/`, with the keys `username` and `accessToken`
//! (docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html).

use forebay_oci::aws_partition;

use super::{Ground, WayKind, WayOut, login, rights};
use crate::costs::PriceName;
use crate::document::Code;

/// The prefix of the repositories; `forebay rewrite --to ecr-pull-through` has the same.
const PREFIX: &str = "docker-hub";

/// The secret's name.
const SECRET: &str = "ecr-pullthroughcache/docker-hub";

/// The way.
pub(super) fn way(ground: &Ground<'_>) -> Option<WayOut> {
    let facts = ground.facts;
    let (account, region, host) = (facts.account(), facts.region(), facts.ecr_host());
    let image = facts.images().into_iter().next()?;
    let why = "ECR pulls from Docker Hub once, with an account, and keeps what it pulled: images keep their names behind a prefix. \
               The first pull of a tag, and a look once a day whether it moved, still go to Docker Hub.";
    let rule = format!(
        "aws ecr create-pull-through-cache-rule --region {region} --ecr-repository-prefix {PREFIX} \\\n  \
         --upstream-registry-url registry-1.docker.io \\\n  --credential-arn \"$(aws secretsmanager describe-secret --region {region} --secret-id {SECRET} --query ARN --output text)\""
    );
    let way = WayOut::new(
        WayKind::EcrPullThrough,
        "an ECR pull-through cache rule",
        why,
    )
    .run(
        "Keep the Docker Hub login in Secrets Manager. The name has to begin so; the token is in token.txt.",
        login::keep_secret(region, SECRET, "<docker-id>", "accessToken"),
    )
    .run("Make the rule.", rule)
    .step("The same in Terraform.", Some(Code::of("hcl", terraform())))
    .can_wait()
    .run(
        "Allow the role that pulls to fill the cache: without it the first pull of an image is refused.",
        permissions((account, region), PREFIX, None),
    )
    .run(
        "See that it works.",
        format!(
            "aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}\n\
             docker pull {host}/{PREFIX}/{}{}",
            image.repository, image.suffix()
        ),
    )
    .run(
        "Name images so in your files: first what would change, then do it.",
        format!(
            "forebay rewrite . --to ecr-pull-through:{account}:{region}\n\
             forebay rewrite . --to ecr-pull-through:{account}:{region} --write"
        ),
    )
    .run(
        "In private subnets: VPC endpoints, so that later pulls pass no NAT gateway. The first pull of an image through the rule still needs a route out, such as a NAT gateway: make it once from a subnet that has one.",
        endpoints(region),
    )
    .can_wait();
    let costs = costs(ground);
    Some(way.costing(costs, ground.costs.as_of()))
}

fn costs(ground: &Ground<'_>) -> Vec<crate::costs::Cost> {
    let mut costs = ground.costs.ecr_storage();
    costs.push(ground.costs.ecr_transfer());
    costs.push(ground.costs.fixed(
        "the secret, a month",
        PriceName::SecretMonth,
        "one secret in Secrets Manager",
    ));
    costs.push(ground.costs.nat("NAT gateway, without endpoints"));
    costs.push(ground.costs.endpoints());
    costs
}

fn terraform() -> String {
    format!(
        "resource \"aws_secretsmanager_secret\" \"docker_hub\" {{\n  name = \"{SECRET}\"\n}}\n\n\
         resource \"aws_ecr_pull_through_cache_rule\" \"docker_hub\" {{\n  ecr_repository_prefix = \"{PREFIX}\"\n  \
         upstream_registry_url = \"registry-1.docker.io\"\n  credential_arn        = aws_secretsmanager_secret.docker_hub.arn\n}}\n\n\
         # The value is put in by hand, so that it stands in no state file."
    )
}

/// Lets a role fill the cache behind a prefix.
pub(super) fn permissions(
    (account, region): (&str, &str),
    prefix: &str,
    role: Option<&str>,
) -> String {
    let role = role.unwrap_or("<task-execution-or-node-role>");
    let partition = aws_partition(region);
    rights::grant(
        role,
        "ecr-pull-through",
        "[\"ecr:BatchImportUpstreamImage\",\"ecr:CreateRepository\"]",
        &format!("arn:{partition}:ecr:{region}:{account}:repository/{prefix}/*"),
    )
}

/// The endpoints that pulls from ECR need: its API, its registry, and S3, where the layers lie.
pub(super) fn endpoints(region: &str) -> String {
    format!(
        "aws ec2 create-vpc-endpoint --region {region} --vpc-id <vpc> --vpc-endpoint-type Interface --service-name com.amazonaws.{region}.ecr.api --subnet-ids <subnets> --security-group-ids <group>\n\
         aws ec2 create-vpc-endpoint --region {region} --vpc-id <vpc> --vpc-endpoint-type Interface --service-name com.amazonaws.{region}.ecr.dkr --subnet-ids <subnets> --security-group-ids <group>\n\
         aws ec2 create-vpc-endpoint --region {region} --vpc-id <vpc> --vpc-endpoint-type Gateway --service-name com.amazonaws.{region}.s3 --route-table-ids <route-tables>"
    )
}
