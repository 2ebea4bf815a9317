//! Which blocks of Terraform name images, and by which attributes.
//!
//! By the kind of a resource and never by an attribute's name alone: machines have an `image`, too.

/// How a resource names images.
pub(crate) struct Resource {
    /// What its type begins with.
    pub(crate) prefix: &'static str,
    /// Attributes that hold an image, in the block and in those within it.
    pub(crate) images: &'static [&'static str],
    /// Attributes that hold container definitions: JSON in a text, or an expression that becomes JSON.
    pub(crate) definitions: &'static [&'static str],
    /// What it is to people.
    pub(crate) kind: &'static str,
}

/// The resources. Source: the providers' own references. First match wins.
const RESOURCES: [Resource; 23] = [
    resource(
        "aws_ecs_task_definition",
        &[],
        &["container_definitions"],
        "ECS task definition",
    ),
    resource(
        "aws_batch_job_definition",
        &[],
        &["container_properties", "ecs_properties", "node_properties"],
        "Batch job",
    ),
    resource(
        "aws_lambda_function",
        &["image_uri"],
        &[],
        "Lambda function",
    ),
    resource(
        "aws_apprunner_service",
        &["image_identifier"],
        &[],
        "App Runner service",
    ),
    resource(
        "aws_codebuild_project",
        &["image"],
        &[],
        "CodeBuild project",
    ),
    resource("aws_sagemaker_model", &["image"], &[], "SageMaker model"),
    resource(
        "aws_lightsail_container_service_deployment_version",
        &["image"],
        &[],
        "Lightsail service",
    ),
    resource("kubernetes_deployment", &["image"], &[], "Deployment"),
    resource("kubernetes_stateful_set", &["image"], &[], "StatefulSet"),
    resource("kubernetes_daemon", &["image"], &[], "DaemonSet"),
    resource("kubernetes_cron_job", &["image"], &[], "CronJob"),
    resource("kubernetes_job", &["image"], &[], "Job"),
    resource(
        "kubernetes_replication_controller",
        &["image"],
        &[],
        "ReplicationController",
    ),
    resource("kubernetes_pod", &["image"], &[], "Pod"),
    resource(
        "kubernetes_manifest",
        &[],
        &["manifest"],
        "Kubernetes manifest",
    ),
    resource("docker_image", &["name"], &[], "Docker image"),
    resource("docker_container", &["image"], &[], "Docker container"),
    resource("docker_service", &["image"], &[], "Swarm service"),
    resource("google_cloud_run", &["image"], &[], "Cloud Run service"),
    resource("azurerm_container_", &["image"], &[], "Azure container"),
    resource("fly_machine", &["image"], &[], "Fly machine"),
    resource(
        "scaleway_container",
        &["registry_image"],
        &[],
        "Scaleway container",
    ),
    resource("koyeb_service", &["image"], &[], "Koyeb service"),
];

/// Attributes of modules that are an image by their name alone.
pub(super) const OF_MODULES: Resource = resource(
    "module",
    &["container_image", "docker_image", "image", "image_uri"],
    &["container_definitions"],
    "Terraform module",
);

/// A Nomad job: the image of a task's configuration.
pub(super) const OF_JOBS: Resource = resource("job", &["image"], &[], "Nomad job");

const fn resource(
    prefix: &'static str,
    images: &'static [&'static str],
    definitions: &'static [&'static str],
    kind: &'static str,
) -> Resource {
    Resource {
        prefix,
        images,
        definitions,
        kind,
    }
}

/// How the resources of a type name images.
pub(crate) fn of_type(name: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|resource| name.starts_with(resource.prefix))
}
