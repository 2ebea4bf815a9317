//! `doctor --ecs`: the true `aws` command before moto, which plays ECS and `CloudFormation`.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::aws_cli::AwsCli;
use crate::client::PATIENCE;
use crate::moto::Moto;
use crate::program::Forebay;

const TEMPLATE: &str = r#"{"Resources": {
    "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "shop"}},
    "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": "backend",
        "ContainerDefinitions": [{"Name": "web", "Image": "acme/backend:1", "Memory": 128}]}},
    "Service": {"Type": "AWS::ECS::Service", "Properties": {"ServiceName": "backend", "Cluster": {"Ref": "Cluster"},
        "TaskDefinition": {"Ref": "Task"}, "DesiredCount": 1}}
}}"#;

const BARE: &str = r#"{"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "batch"}}}}"#;

const REASON: &str = "CannotPullContainerError: pull image manifest has been retried 7 time(s): httpReadSeeker: failed open: \
    unexpected status code https://registry-1.docker.io/v2/acme/backend/manifests/sha256:50aa4698fa6262977cff89181b2664b99d8a56dbca847bf62f2ef04854597cf8: \
    429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";

/// Tasks stay as they are for so many looks; moto moves them on with each.
async fn hold_tasks(moto: &Moto) {
    let address = (
        "127.0.0.1",
        moto.url.port().expect("a port that the kernel chose"),
    );
    let body =
        r#"{"model_name": "ecs::task", "transition": {"progression": "manual", "times": 100}}"#;
    let request = format!(
        "POST /moto-api/state-manager/set-transition HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut wire = TcpStream::connect(address).await?;
        wire.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        wire.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(PATIENCE, exchange)
        .await
        .expect("an answer")
        .expect("an answer");
    assert!(
        answer
            .split(' ')
            .nth(1)
            .is_some_and(|status| status.starts_with('2')),
        "{answer}"
    );
}

async fn deploy(aws: &AwsCli, stack: &str, template: &str) {
    let args = [
        "cloudformation",
        "create-stack",
        "--stack-name",
        stack,
        "--template-body",
        template,
    ];
    aws.run(&args).await;
}

/// Begins a task in a cluster; its name.
async fn run_task(aws: &AwsCli, cluster: &str) -> String {
    let subnet = [
        "ec2",
        "describe-subnets",
        "--query",
        "Subnets[0].SubnetId",
        "--output",
        "text",
    ];
    let network = format!(
        "awsvpcConfiguration={{subnets=[{}]}}",
        aws.run(&subnet).await
    );
    let args = [
        "ecs",
        "run-task",
        "--cluster",
        cluster,
        "--task-definition",
        "backend",
        "--launch-type",
        "FARGATE",
        "--network-configuration",
        &network,
        "--query",
        "tasks[0].taskArn",
        "--output",
        "text",
    ];
    aws.run(&args).await
}

async fn doctor(aws: &AwsCli, args: &[&str]) -> (Option<i32>, String, String) {
    let mut setup = Forebay::new();
    for (name, value) in aws.environment() {
        setup = setup.env(name, &value);
    }
    let words: Vec<&str> = ["doctor"].iter().chain(args).copied().collect();
    let ended = setup.run(&words).await;
    (ended.status.code(), ended.out, ended.log)
}

#[tokio::test]
async fn tasks_services_and_stacks_are_asked_for_and_waited_for() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let Some(aws) = AwsCli::before(&moto.url).await else {
        return;
    };
    hold_tasks(&moto).await;
    deploy(&aws, "shop", TEMPLATE).await;
    deploy(&aws, "batch", BARE).await;

    let shop = [
        "--ecs",
        "shop",
        "--stack",
        "shop",
        "--wait",
        "--timeout",
        "1s",
    ];
    let (code, _, log) = doctor(&aws, &shop).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("it does not run in time: service backend: 0 of 1 run"),
        "{log}"
    );

    let task = run_task(&aws, "batch").await;
    let batch = [
        "--ecs",
        "batch",
        "--stack",
        "batch",
        "--wait",
        "--timeout",
        "1m",
    ];
    let (code, _, log) = doctor(&aws, &batch).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("it runs: stack batch is CREATE_COMPLETE, tasks: 1"),
        "{log}"
    );

    let end = [
        "ecs",
        "stop-task",
        "--cluster",
        "batch",
        "--task",
        &task,
        "--reason",
        REASON,
    ];
    aws.run(&end).await;
    let (code, out, log) = doctor(&aws, &["--ecs", "batch", "--json"]).await;
    assert_eq!((code, log.as_str()), (Some(1), ""), "{out}");
    assert!(out.contains("\"pull-limit\""), "{out}");

    let (code, _, log) = doctor(&aws, &["--ecs", "nowhere"]).await;
    assert_eq!(code, Some(3), "{log}");
    assert!(
        log.contains("note: aws ecs list-services") && log.contains("Cluster not found"),
        "{log}"
    );
    assert!(!log.contains("s3cret"));
}
