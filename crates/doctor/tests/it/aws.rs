//! Where AWS or ECR refuses: the cure is a role's right, and no login that nobody has.

use forebay_doctor::WayKind;

use crate::found::find;

const HOST: &str = "730335557645.dkr.ecr.us-east-1.amazonaws.com";

/// A task of Fargate that stopped so.
fn task(image: &str, reason: &str) -> String {
    format!(
        r#"{{"tasks": [{{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:api", "launchType": "FARGATE", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "stopCode": "TaskFailedToStart", "stoppedReason": "{reason}", "containers": [{{"name": "x", "image": "{image}"}}]}}]}}
"#
    )
}

fn row(message: &str) -> String {
    format!(
        "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\nshop   2m   Warning   Failed   pod/api-7c9f7b5d8f-x2x7k   {message}\n"
    )
}

/// The first way out: its title, and all that is typed.
fn first_way(text: &str) -> String {
    let (_, ways) = find(&[text]);
    let way = &ways.ways[0];
    assert_eq!(way.kind, WayKind::Mend, "{text}");
    let codes = way.steps.iter().filter_map(|step| step.code.as_ref());
    let codes = codes.map(|code| code.text.clone());
    let told: Vec<String> = std::iter::once(way.title.clone()).chain(codes).collect();
    told.join("\n")
}

#[test]
fn a_right_that_aws_refuses_is_given_to_the_role_that_the_refusal_names() {
    let refused = |how: &str, right: &str, on: &str| {
        format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: {how}: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::730335557645:assumed-role/taskExec/abc is not authorized to perform: {right} on resource: {on} because no identity-based policy allows the {right} action"
        )
    };
    let secret =
        "arn:aws:secretsmanager:us-east-1:730335557645:secret:dockerhub-credentials-AbCdEf";
    let of_ecr = refused(
        "unable to retrieve ecr registry auth",
        "ecr:GetAuthorizationToken",
        "*",
    );
    let of_secret = refused(
        "unable to retrieve secret from asm",
        "secretsmanager:GetSecretValue",
        secret,
    );
    let of_node = format!(
        "Failed to pull image \"{HOST}/api:v9\": rpc error: code = Unknown desc = Error response from daemon: pull access denied for {HOST}/api, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::730335557645:assumed-role/eks-node/i-0abc is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:730335557645:repository/api because no resource-based policy allows the ecr:BatchGetImage action"
    );
    for (text, cures) in [
        (
            task(&format!("{HOST}/api:1"), &of_ecr),
            vec![
                "give taskExec the right ecr:GetAuthorizationToken",
                "attach-role-policy --role-name taskExec --policy-arn arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
            ],
        ),
        (
            task("acme/api:1", &of_secret),
            vec![
                "put-role-policy --role-name taskExec",
                "\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"arn:aws:secretsmanager:us-east-1:730335557645:secret:dockerhub-credentials-AbCdEf\"",
            ],
        ),
        (
            row(&of_node),
            vec![
                "attach-role-policy --role-name eks-node --policy-arn arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
                "get-repository-policy --registry-id 730335557645 --region us-east-1 --repository-name api",
            ],
        ),
    ] {
        let told = first_way(&text);
        assert!(
            !told.contains("docker login") && !told.contains("--registry hub"),
            "{told}"
        );
        for cure in cures {
            assert!(told.contains(cure), "{cure}: {told}");
        }
    }
}

#[test]
fn at_ecr_no_password_is_asked_for_that_nobody_has() {
    let forbidden = format!(
        "Failed to pull image \"{HOST}/api:v2\": failed to resolve reference \"{HOST}/api:v2\": unexpected status from HEAD request to https://{HOST}/v2/api/manifests/v2: 403 Forbidden"
    );
    let missing = format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {HOST}/api:v9: {HOST}/api:v9: not found"
    );
    let look = "aws ecr describe-images --region us-east-1 --registry-id 730335557645 --repository-name api";
    for (text, cures) in [
        (
            row(&forbidden),
            vec![
                "attach-role-policy --role-name <node-role>",
                "--registry ecr",
                look,
            ],
        ),
        (task(&format!("{HOST}/api:v9"), &missing), vec![look]),
        (
            format!(
                "Error response from daemon: Head \"https://{HOST}/v2/api/manifests/v9\": no basic auth credentials\n"
            ),
            vec![
                "aws ecr get-login-password --region us-east-1 | docker login --username AWS --password-stdin",
            ],
        ),
    ] {
        let told = first_way(&text);
        for cure in cures {
            assert!(told.contains(cure), "{cure}: {told}");
        }
        let is_prompt = told
            .lines()
            .any(|line| line.contains("docker login") && !line.contains("--password-stdin"));
        assert!(!is_prompt && !told.contains("skopeo"), "{told}");
    }
}

#[test]
fn fargate_is_told_no_setting_of_a_machine_where_no_tls_comes_about() {
    let of = |fault: &str| {
        let reason = format!(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref reg.example:5000/b:1: failed to do request: Head https://reg.example:5000/v2/b/manifests/1: {fault}"
        );
        let (_, ways) = find(&[&task("reg.example:5000/b:1", &reason)]);
        format!("{:?}", ways.ways[0])
    };
    let plain = of("http: server gave HTTP response to HTTPS client");
    assert!(
        plain.contains("Nothing tells Fargate to speak plain HTTP") && !plain.contains("spoken"),
        "{plain}"
    );
    let unknown = of("x509: certificate signed by unknown authority");
    assert!(
        unknown.contains("public authorities alone") && !unknown.contains("install"),
        "{unknown}"
    );
}
