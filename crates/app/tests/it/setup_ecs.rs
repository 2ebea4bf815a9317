//! `setup ecs --registry`: what it writes, runs and prints, taken by the true `aws` command before moto.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::aws_cli::AwsCli;
use crate::client::PATIENCE;
use crate::moto::Moto;

const TASK: &str = r#"{
  "family": "web",
  "containerDefinitions": [
    {"name": "web", "image": "acme/web:1", "memory": 128},
    {"name": "side", "image": "quay.io/acme/side:1", "memory": 64}
  ]
}
"#;

const STACK: &str = "\
AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: stacked # by CloudFormation
      ContainerDefinitions:
        - Name: web
          Image: acme/web:1
          Memory: 128
";

/// Runs a command with this on its standard input; whether it succeeded, and all that it said.
async fn run(mut command: Command, aws: &AwsCli, input: &str) -> (bool, String) {
    command.env_clear().envs(aws.environment());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("a program");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let ended = timeout(PATIENCE, child.wait_with_output());
    let output = ended.await.expect("in time").expect("an end");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// One run at a time has the lock of /.
static HERE: Mutex<()> = Mutex::const_new(());

async fn setup(aws: &AwsCli, file: &Path, args: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    let client = ["setup", "ecs", "--registry", "hub", "--file"];
    command.args(client).arg(file).args(args);
    let _one = HERE.lock().await;
    let (is_ok, said) = run(command, aws, input).await;
    assert!(is_ok, "{said}");
    said
}

async fn secret(aws: &AwsCli, name: &str) -> serde_json::Value {
    let value = ["--query", "SecretString", "--output", "text"];
    let get = ["secretsmanager", "get-secret-value", "--secret-id", name];
    let text = aws.run(&[&get[..], &value[..]].concat()).await;
    serde_json::from_str(&text).expect("JSON")
}

/// Which secret each container of a task definition is let in by.
async fn credentials(aws: &AwsCli, family: &str) -> String {
    let query =
        "taskDefinition.containerDefinitions[].[name, repositoryCredentials.credentialsParameter]";
    let describe = [
        "ecs",
        "describe-task-definition",
        "--task-definition",
        family,
    ];
    aws.run(&[&describe[..], &["--query", query, "--output", "text"]].concat())
        .await
}

#[tokio::test]
async fn a_login_is_kept_named_and_changed() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let Some(aws) = AwsCli::before(&moto.url).await else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let task = folder.path().join("task.json");
    fs::write(&task, TASK).expect("a file");

    let write = ["--username", "bob", "--password-stdin", "--write"];
    let told = setup(&aws, &task, &write, "dckr_pat_first\n").await;
    assert!(!told.contains("dckr_pat"), "{told}");
    let login = |password| json!({"username": "bob", "password": password});
    assert_eq!(
        secret(&aws, "dockerhub-credentials").await,
        login("dckr_pat_first")
    );

    // Once more, with another password: the secret changes, the file is as it is to be.
    let written = fs::read_to_string(&task).expect("a file");
    let told = setup(&aws, &task, &write, "dckr_pat_second\n").await;
    assert!(
        told.contains("put-secret-value") && !told.contains("dckr_pat"),
        "{told}"
    );
    assert_eq!(
        secret(&aws, "dockerhub-credentials").await,
        login("dckr_pat_second")
    );
    assert_eq!(fs::read_to_string(&task).expect("a file"), written);

    // `aws` checks what it is given against the API's own description.
    let file = format!("file://{}", task.display());
    aws.run(&["ecs", "register-task-definition", "--cli-input-json", &file])
        .await;
    assert_eq!(
        credentials(&aws, "web").await,
        "web\tdockerhub-credentials\nside\tNone"
    );

    setup(&aws, &task, &["--undo"], "").await;
    assert_eq!(fs::read_to_string(&task).expect("a file"), TASK);
}

#[tokio::test]
async fn what_is_printed_can_be_run_as_it_is() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let Some(aws) = AwsCli::before(&moto.url).await else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let stack = folder.path().join("stack.yaml");
    fs::write(&stack, STACK).expect("a file");
    let args = ["--secret", "team/hub-login", "--write"];
    let told = setup(&aws, &stack, &args, "").await;

    let mut lines = told.lines().filter_map(|line| line.strip_prefix("then: "));
    let line = lines.next().and_then(|line| line.split("  (").next());
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(line.expect("a command"));
    shell.current_dir(folder.path());
    let login = json!({"username": "bob", "password": "p\"'$x"});
    fs::write(folder.path().join("login.json"), login.to_string()).expect("a file");
    let (is_ok, said) = run(shell, &aws, "").await;
    assert!(is_ok, "{said}");
    assert_eq!(secret(&aws, "team/hub-login").await, login);

    let body = format!("file://{}", stack.display());
    aws.run(&[
        "cloudformation",
        "create-stack",
        "--stack-name",
        "s",
        "--template-body",
        &body,
    ])
    .await;
    assert_eq!(credentials(&aws, "stacked").await, "web\tteam/hub-login");
}
