//! The four stories that this project began with, each from what the people there saw to a way out that was checked: on one
//! screen first, then with all of it.

use insta::assert_snapshot;

use crate::program::Program;

/// One command after the other, as a terminal shows them.
fn transcript(program: &Program, runs: &[&[&str]]) -> String {
    let mut told = String::new();
    for run in runs {
        told.push_str("$ forebay ");
        told.push_str(&run.join(" "));
        told.push('\n');
        told.push_str(&program.run(run));
        told.push('\n');
    }
    told
}

macro_rules! evidence {
    ($path:literal) => {
        include_str!(concat!("../../../evidence/tests/it/fixtures/", $path))
    };
}

/// Thirty services with a bad mount, and Docker Hub's abuse limit for all; then the mount is there.
#[test]
fn swarm_hap429() {
    let up = "\
ID             NAME             MODE         REPLICAS   IMAGE                          PORTS
k9p34y6n3wd2   tenants_dyn01    replicated   1/1        planetcorp/tenant-app:stable
3e2z8iq9y7jz   tenants_dyn02    replicated   1/1        planetcorp/tenant-app:stable
";
    let program = Program::new()
        .file("messages", evidence!("swarm-hap429/messages.log"))
        .file("service-ls", evidence!("swarm-hap429/service-ls.txt"))
        .file(
            "service-inspect",
            evidence!("swarm-hap429/service-inspect.json"),
        )
        .file("deploy.sh", evidence!("swarm-hap429/deploy.sh"))
        .file("service-ls-after", up);
    let as_of = "2020-06-09T14:10:00Z";
    let told = transcript(
        &program,
        &[
            &[
                "doctor",
                "--as-of",
                as_of,
                "--egress",
                "shared",
                "messages",
                "service-ls",
                "service-inspect",
                "deploy.sh",
            ],
            &[
                "doctor",
                "--all",
                "--as-of",
                as_of,
                "--egress",
                "shared",
                "messages",
                "service-ls",
                "service-inspect",
                "deploy.sh",
            ],
            &[
                "doctor",
                "--as-of",
                as_of,
                "--egress",
                "shared",
                "--support",
                "messages",
                "service-ls",
            ],
            &[
                "doctor",
                "--as-of",
                "2020-06-09T15:00:00Z",
                "service-ls-after",
            ],
        ],
    );
    let culprit = "docker service scale --detach tenants_dyn";
    let told_at_first = told.split("$ forebay").nth(1).expect("the first run");
    assert!(
        told_at_first.lines().count() <= 40,
        "one screen: {told_at_first}"
    );
    let stops = told.find(culprit).expect("the culprits are stopped");
    let cache = told.find("put Forebay in front").expect("a way out");
    assert!(stops < cache, "what floods is stopped first");
    assert_snapshot!(told);
}

/// A stack that waits for ever, because its tasks pull without an account; then its image lies in ECR.
#[test]
fn ecs_deployment_429() {
    let after = r#"{"tasks": [{"taskArn": "arn:aws:ecs:us-east-1:730335557645:task/CourtCaseCluster/1", "group": "service:CourtCaseBackend", "launchType": "FARGATE", "lastStatus": "RUNNING", "pullStoppedAt": "2026-01-15T15:20:00Z", "containers": [{"name": "backend", "image": "730335557645.dkr.ecr.us-east-1.amazonaws.com/court-case-backend:latest", "lastStatus": "RUNNING", "healthStatus": "HEALTHY"}]}]}
{"StackEvents": [{"StackName": "CourtCaseStack", "LogicalResourceId": "CourtCaseStack", "ResourceType": "AWS::CloudFormation::Stack", "Timestamp": "2026-01-15T15:21:00Z", "ResourceStatus": "CREATE_COMPLETE"}]}
"#;
    let program = Program::new()
        .file(
            "tasks.json",
            evidence!("ecs-deployment-429/describe-tasks.json"),
        )
        .file(
            "services.json",
            evidence!("ecs-deployment-429/describe-services.json"),
        )
        .file(
            "definition.json",
            evidence!("ecs-deployment-429/describe-task-definition.json"),
        )
        .file(
            "stack.json",
            evidence!("ecs-deployment-429/stack-events.json"),
        )
        .file("app.py", include_str!("fixtures/app.py"))
        .file("after.json", after);
    let to = "ecr:730335557645:us-east-1";
    let set = "docker_username=iseepatterns";
    let told = transcript(
        &program,
        &[
            &[
                "doctor",
                "--as-of",
                "2026-01-15T14:45:00Z",
                "--image-size",
                "500MB",
                "tasks.json",
                "services.json",
                "definition.json",
                "stack.json",
            ],
            &[
                "doctor",
                "--all",
                "--as-of",
                "2026-01-15T14:45:00Z",
                "--image-size",
                "500MB",
                "tasks.json",
                "services.json",
                "definition.json",
                "stack.json",
            ],
            &["rewrite", "app.py", "--to", to, "--set", set],
            &["rewrite", "app.py", "--to", to, "--set", set, "--write"],
            &["rewrite", "app.py", "--to", to, "--set", set, "--check"],
            &["doctor", "--as-of", "2026-01-15T15:30:00Z", "after.json"],
        ],
    );
    assert!(
        told.contains("500 MB × $0.10 per GB") && told.contains("$0.05"),
        "{told}"
    );
    assert_snapshot!(told);
}

/// Pods that wait for images; the description tells of the limit; Cortex's images lie at quay.io.
#[test]
fn cortex_cluster() {
    let pods = "\
NAMESPACE     NAME                                   READY   STATUS             RESTARTS   AGE
default       api-iris-classifier-6b8d7c9f4d-x2x7k   0/2     ImagePullBackOff   0          14m
default       operator-79c5f6b9cd-jv5zq              1/1     Running            0          3d
kube-system   cluster-autoscaler-5f6b9c7d8-9xk2l     0/1     ErrImagePull       0          2m
";
    let described = r#"Name:         api-iris-classifier-6b8d7c9f4d-x2x7k
Namespace:    default
Node:         ip-192-168-12-34.us-west-2.compute.internal/192.168.12.34
Status:       Pending
Controlled By:  ReplicaSet/api-iris-classifier-6b8d7c9f4d
Events:
  Type     Reason     Age                 From               Message
  ----     ------     ----                ----               -------
  Normal   Scheduled  14m                 default-scheduler  Successfully assigned default/api-iris-classifier-6b8d7c9f4d-x2x7k to ip-192-168-12-34.us-west-2.compute.internal
  Normal   Pulling    12m (x4 over 14m)   kubelet            Pulling image "cortexlabs/python-predictor-cpu:0.20.0"
  Warning  Failed     12m (x4 over 14m)   kubelet            Failed to pull image "cortexlabs/python-predictor-cpu:0.20.0": rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit
  Warning  Failed     12m (x4 over 14m)   kubelet            Error: ErrImagePull
  Normal   BackOff    4m (x42 over 14m)   kubelet            Back-off pulling image "cortexlabs/python-predictor-cpu:0.20.0"
"#;
    let cluster = "cluster_name: cortex\nsubnet_visibility: private\nimage_operator: cortexlabs/operator:0.20.0\nimage_downloader: cortexlabs/downloader:0.20.0\n";
    let api = "- name: iris-classifier\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: predictor.py\n    image: cortexlabs/python-predictor-cpu:0.20.0\n";
    let after = "\
NAMESPACE     NAME                                   READY   STATUS    RESTARTS   AGE
default       api-iris-classifier-7c9d8e0a5e-q8r4w   2/2     Running   0          3m
kube-system   cluster-autoscaler-6a7c0d8e9-4mn3p     1/1     Running   0          3m
";
    let program = Program::new()
        .file("pods", pods)
        .file("described", described)
        .file("cluster.yaml", cluster)
        .file("apis.yaml", api)
        .file("after", after);
    let as_of = "2020-12-01T10:00:00Z";
    let told = transcript(
        &program,
        &[
            &["doctor", "--as-of", as_of, "pods"],
            &[
                "doctor",
                "--as-of",
                as_of,
                "--egress",
                "shared",
                "pods",
                "described",
            ],
            &[
                "doctor",
                "--all",
                "--as-of",
                as_of,
                "--egress",
                "shared",
                "pods",
                "described",
            ],
            &["rewrite", "cluster.yaml", "apis.yaml", "--to", "cortex"],
            &[
                "rewrite",
                "cluster.yaml",
                "apis.yaml",
                "--to",
                "cortex",
                "--write",
            ],
            &[
                "rewrite",
                "cluster.yaml",
                "apis.yaml",
                "--to",
                "cortex",
                "--check",
            ],
            &["doctor", "--as-of", as_of, "after"],
        ],
    );
    assert!(told.contains("forebay rewrite . --to cortex"), "{told}");
    assert_snapshot!(told);
}

/// Jobs that start many tasks; an ECR pull-through cache rule is made, and files name images through it.
#[test]
fn ecr_pull_through() {
    // The dash is the one that the blog's editor made of the hyphen.
    let stopped = r#"{"tasks": [
 {"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/jobs/1", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/jobs", "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/nightly:4", "group": "family:nightly", "launchType": "FARGATE", "lastStatus": "STOPPED", "stoppedAt": "2023-07-13T02:03:00Z", "stoppedReason": "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/hashicorp/vault/manifests/sha256:50aa4698fa6262977cff89181b2664b99d8a56dbca847bf62f2ef04854597cf8: 429 Too Many Requests – Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit", "containers": [{"name": "vault", "image": "hashicorp/vault:1.14", "lastStatus": "STOPPED"}]}
]}
"#;
    let terraform = "resource \"aws_ecs_task_definition\" \"nightly\" {\n  family = \"nightly\"\n  container_definitions = jsonencode([{\n    name  = \"vault\"\n    image = \"hashicorp/vault:1.14\"\n  }])\n}\n";
    let after = r#"{"tasks": [{"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/jobs/2", "group": "family:nightly", "launchType": "FARGATE", "lastStatus": "RUNNING", "pullStoppedAt": "2023-07-14T02:03:00Z", "containers": [{"name": "vault", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/hashicorp/vault:1.14", "lastStatus": "RUNNING"}]}]}
"#;
    let program = Program::new()
        .file("stopped.json", stopped)
        .file("jobs.tf", terraform)
        .file("after.json", after);
    let to = "ecr-pull-through:123456789012:eu-west-1";
    let told = transcript(
        &program,
        &[
            &[
                "doctor",
                "--as-of",
                "2023-07-13T03:00:00Z",
                "--image-size",
                "hashicorp/vault:1.14=170MB",
                "--pulls",
                "20000",
                "stopped.json",
            ],
            &[
                "doctor",
                "--all",
                "--as-of",
                "2023-07-13T03:00:00Z",
                "--image-size",
                "hashicorp/vault:1.14=170MB",
                "--pulls",
                "20000",
                "stopped.json",
            ],
            &["rewrite", "jobs.tf", "--to", to],
            &["rewrite", "jobs.tf", "--to", to, "--write"],
            &["rewrite", "jobs.tf", "--to", to, "--check"],
            &["doctor", "--as-of", "2023-07-14T03:00:00Z", "after.json"],
        ],
    );
    assert!(
        told.contains("--name ecr-pullthroughcache/docker-hub"),
        "{told}"
    );
    assert_snapshot!(told);
}
