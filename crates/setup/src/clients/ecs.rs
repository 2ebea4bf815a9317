//! Amazon ECS: instances of one's own have a dockerd; Fargate lets nobody set a mirror.
//!
//! The agent's file by <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html>.

use forebay_setup_files::{SetupError, json};

use crate::plan::{Order, Plan, Snippet, refuse_loopback};

use super::docker;

const FARGATE: &str = "Fargate has no setting for a mirror. There, name images as Forebay has them, over https \
                       (HOST/docker.io/library/nginx), with forebay rewrite; or let it in at the registry: \
                       forebay setup ecs --registry hub|ghcr|quay|ecr";

const CACHED: &str = "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached starts what the instance has and asks nobody: behind a tag that has \
                      moved, such as latest, it keeps the old image. Give each image a tag of its own or a digest, or leave \
                      that line out";

const ANEW: &str = "the script makes daemon.json anew: where an AMI of yours has one, write its keys into the script, too";

pub(super) fn plan(order: &Order) -> Result<Plan, SetupError> {
    refuse_loopback(order, "each container instance")?;
    let mut daemon = json::put_first(
        "daemon.json",
        "",
        ("registry-mirrors", &order.address.to_string()),
    )?;
    if order.address.is_plain() {
        let insecure = ("insecure-registries", order.address.authority());
        daemon = json::put_first("daemon.json", &daemon, (insecure.0, &insecure.1))?;
    }
    // prefer-cached: a task that is started anew on the same instance asks for nothing.
    let text = format!(
        "#!/bin/sh\nmkdir -p /etc/docker\ncat >/etc/docker/daemon.json <<'JSON'\n{daemon}JSON\n\
         systemctl restart docker\necho ECS_IMAGE_PULL_BEHAVIOR=prefer-cached >>/etc/ecs/ecs.config\n"
    );
    Ok(Plan::default()
        .snippet(Snippet {
            title: "user data of container instances (EC2 launch type)",
            text,
        })
        .falls(docker::OPEN)
        .note(ANEW)
        .note(CACHED)
        .note(FARGATE))
}
