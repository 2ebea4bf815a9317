//! What the checks ask, and how their answers are read.

use super::*;

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:docker-AbCdEf";

fn ended(is_ok: bool, text: &str) -> Outcome {
    Outcome::Ended {
        is_ok,
        out: text.to_owned(),
        err: text.to_owned(),
    }
}

#[test]
fn only_ecr_is_asked_about_repositories() {
    let check = |text: &str| ecr_image(&text.parse().expect("an image"));
    assert_eq!(check("nginx"), None);
    assert_eq!(check("public.ecr.aws/a/b:1"), None);
    let check = check("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1").expect("a check");
    let line = check.command.join(" ");
    assert!(
        line.starts_with("aws ecr describe-images --region eu-west-1 --registry-id 123456789012"),
        "{line}"
    );
    let finding = check.read(&ended(
        false,
        "An error occurred (RepositoryNotFoundException) when…",
    ));
    assert_eq!(finding.state, State::Bad);
    let cure = finding.cure.expect("a cure");
    assert!(
        cure.contains("--region eu-west-1 --repository-name a/b"),
        "{cure}"
    );
    let missing = check.read(&ended(
        false,
        "An error occurred (ImageNotFoundException) when",
    ));
    assert_eq!(missing.told, "its repository exists, and has no such image");
    assert_eq!(check.read(&Outcome::NotInstalled).state, State::Failed);
    let states = ["sha256:ab\n", "<html>login</html>", "{\"imageDetails\"", ""]
        .map(|out| check.read(&ended(true, out)).state);
    assert_eq!(
        states,
        [State::Good, State::Failed, State::Failed, State::Failed]
    );
}

#[test]
fn what_is_pushed_needs_its_repository_alone() {
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1";
    let check = ecr_repository(&image.parse().expect("an image")).expect("a check");
    assert!(!check.command.iter().any(|word| word.contains("imageTag")));
    let found = check.read(&ended(false, "(RepositoryNotFoundException) when"));
    assert_eq!(found.state, State::Bad);
    let cure = found.cure.expect("a cure");
    assert!(
        cure.contains("--region eu-west-1 --repository-name a/b"),
        "{cure}"
    );
    assert_eq!(check.read(&ended(true, "a/b")).state, State::Good);
    assert_eq!(ecr_repository(&"nginx".parse().expect("an image")), None);
}

#[test]
fn secrets_are_found_without_the_key_behind_them_and_only_whole() {
    let text = format!(
        "valueFrom: {SECRET}:password::\nother: \"{SECRET}\"\nno: arn:aws:secretsmanager:${{AWS::Region}}:1:secret:a"
    );
    assert_eq!(secrets(&text), [SECRET]);
    let command = secret(SECRET).command.join(" ");
    assert!(command.ends_with("--query ARN --output text"), "{command}");
}

#[test]
fn a_stack_is_free_done_stuck_or_under_way() {
    let check = stack("web", None);
    for (outcome, state) in [
        (ended(true, "CREATE_COMPLETE\n"), State::Good),
        (ended(true, "UPDATE_ROLLBACK_COMPLETE"), State::Good),
        (ended(true, "ROLLBACK_COMPLETE"), State::Bad),
        (ended(true, "CREATE_IN_PROGRESS"), State::Bad),
        (ended(true, "DELETE_FAILED"), State::Bad),
        (ended(true, "UPDATE_ROLLBACK_FAILED"), State::Bad),
        (
            ended(false, "Stack with id web does not exist"),
            State::Good,
        ),
        (ended(false, "Unable to locate credentials"), State::Failed),
        (ended(false, "(AccessDenied) when calling"), State::Failed),
        (ended(true, "None"), State::Failed),
        (ended(false, ""), State::Failed),
    ] {
        assert_eq!(check.read(&outcome).state, state, "{outcome:?}");
    }
}

#[test]
fn what_to_do_with_a_stack_fits_its_status_and_names_it() {
    let check = stack("web", Some("eu-west-1"));
    for (status, cure) in [
        (
            "UPDATE_IN_PROGRESS",
            "cancel-update-stack --stack-name web --region eu-west-1",
        ),
        (
            "CREATE_IN_PROGRESS",
            "delete-stack --stack-name web --region eu-west-1",
        ),
        (
            "DELETE_IN_PROGRESS",
            "describe-stack-events --stack-name web --region eu-west-1",
        ),
        (
            "CREATE_FAILED",
            "describe-stack-events --stack-name web --region eu-west-1",
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            "continue-update-rollback --stack-name web --region eu-west-1",
        ),
    ] {
        let found = check.read(&ended(true, status));
        let said = found.cure.unwrap_or_default();
        assert!(said.contains(cure), "{status}: {said}");
        let cancels = said.contains("cancel-update-stack");
        assert_eq!(cancels, status == "UPDATE_IN_PROGRESS", "{status}: {said}");
    }
}

#[test]
fn secrets_of_every_partition_are_found() {
    for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso-b"] {
        let arn = SECRET.replace("arn:aws:", &format!("arn:{partition}:"));
        assert_eq!(secrets(&format!("x: {arn}\n")), [arn]);
    }
    assert!(secrets("arn:aws:iam::123456789012:role:a:b").is_empty());
}

#[test]
fn names_that_a_template_gives_are_free_or_taken() {
    let template = r#"{"Resources": {
        "R": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "web/app"}},
        "L": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/ecs/web"}},
        "M": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/ecs/web"}},
        "C": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": {"Ref": "Name"}}},
        "E": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "a'b"}},
        "O": {"Type": "AWS::ECS::Service", "Properties": {"Name": "web"}}}}"#;
    let checks = names(template, Some("us-east-1"));
    let lines: Vec<String> = checks.iter().map(|check| check.command.join(" ")).collect();
    assert_eq!(
        lines,
        [
            "aws ecr describe-repositories --repository-names web/app --query repositories[].repositoryName \
             --output text --region us-east-1",
            "aws logs describe-log-groups --log-group-name-prefix /ecs/web --query \
             logGroups[?logGroupName=='/ecs/web'].logGroupName --output text --region us-east-1",
        ]
    );
    for (outcome, state) in [
        (ended(true, "/ecs/web\n"), State::Bad),
        (ended(true, ""), State::Good),
        (ended(true, "None\n"), State::Good),
        (
            ended(false, "(RepositoryNotFoundException) when"),
            State::Good,
        ),
        (ended(false, "(LoadBalancerNotFound) when"), State::Good),
        (ended(false, "(AccessDeniedException) when"), State::Failed),
    ] {
        assert_eq!(checks[1].read(&outcome).state, state, "{outcome:?}");
    }
    assert!(names("Resources:\n  A: {Type: AWS::ECS::Cluster}\n", None).is_empty());
    let template = "Resources:\n  A: {Type: AWS::ECS::Cluster, Properties: {ClusterName: web}}\n  \
                    B: {Type: AWS::ECS::Cluster, Properties: {ClusterName: !Sub 'web'}}\n";
    let checks = names(template, None);
    let told: Vec<_> = checks.iter().map(|check| check.what.as_str()).collect();
    assert_eq!(told, ["name web of a cluster"]);
}
