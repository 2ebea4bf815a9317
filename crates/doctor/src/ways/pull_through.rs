//! Lets a role fill ECR's pull-through cache: the policy statement to add, and how to see that it was that.

use forebay_oci::aws_partition;

use super::ecr_cache;
use super::{Ground, WayKind, WayOut, known};

/// The way, where a pull-through cache could not be filled.
pub(super) fn way(ground: &Ground<'_>) -> Option<WayOut> {
    let cache = ground.diagnosis.cause.as_ref()?.pull_through.as_ref()?;
    let (region, host, prefix) = (&cache.region, &cache.host, &cache.prefix);
    let role = cache.role.as_deref();
    let image = known::image(&cache.image)
        .filter(|image| !ground.cut.contains(&format!("{host}/{image}")))
        .unwrap_or_else(|| "<image>".to_owned());
    let why = "The first pull of an image through the rule makes its repository and brings it in, by the rights of who pulls; \
               later pulls need none of them. That is why other images of the same rule may work.";
    let way = WayOut::new(
        WayKind::LetTheCacheFill,
        "let the role that pulls fill the pull-through cache",
        why,
    );
    let way = if cache.is_said {
        way
    } else {
        way.run(
            "See that it is that: the rule has to be there and its upstream login valid, and the role has to be denied.",
            format!(
                "aws ecr validate-pull-through-cache-rule --region {region} --ecr-repository-prefix {prefix}\n{}",
                simulate(cache, role)
            ),
        )
    };
    let way = way
        .run(
            "Add the statement: for ECS to the task's execution role, for EKS and EC2 to the node's role.",
            ecr_cache::permissions((&cache.account, region), prefix, role),
        )
        .run(
            "Pull it once, with the rights of that role, and wait until it runs.",
            format!(
                "aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}\n\
                 docker pull {host}/{image}"
            ),
        )
        .step(
            "In a subnet without a route out, the first pull fails all the same: it needs a NAT gateway once; \u{201c}no basic auth credentials\u{201d} also means that nobody has logged in to ECR.",
            None,
        )
        .can_wait();
    Some(way)
}

/// Asks IAM whether the role may.
fn simulate(cache: &crate::PullThrough, role: Option<&str>) -> String {
    let role = role.unwrap_or("<task-execution-or-node-role>");
    let (account, region, prefix) = (&cache.account, &cache.region, &cache.prefix);
    let partition = aws_partition(region);
    format!(
        "aws iam simulate-principal-policy --policy-source-arn arn:{partition}:iam::{account}:role/{role} --action-names ecr:BatchImportUpstreamImage ecr:CreateRepository \\\n  \
         --resource-arns 'arn:{partition}:ecr:{region}:{account}:repository/{prefix}/*' --query 'EvaluationResults[].[EvalActionName,EvalDecision]' --output text"
    )
}
