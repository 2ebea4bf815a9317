//! Logins in their places: workflows, task definitions, templates and CDK.

use forebay_setup::{Access, Client, Input, Password, Plan, Registry, plan_access};

use crate::disk::Disk;

const ECR: &str = "730335557645.dkr.ecr.us-east-1.amazonaws.com";

fn access(client: Client, registry: Registry, file: &str) -> Access {
    Access {
        client,
        registry,
        host: (registry == Registry::Ecr).then(|| ECR.to_owned()),
        username: Some("iseepatterns".to_owned()),
        password: None,
        secret: None,
        namespace: "default".to_owned(),
        image: None,
        context: ".".to_owned(),
        file: Some(file.to_owned()),
    }
}

/// The text after a plan, which is checked to be done with once.
fn changed(access: &Access, text: &str) -> String {
    let file = access.file.clone().expect("a file");
    let run = |text: &str| {
        let plan = plan_access(access, &Disk::with(&file, text)).expect("it can be changed");
        plan.files[0].after.clone()
    };
    let once = run(text);
    assert_eq!(run(&once), once, "twice is once");
    once
}

const WORKFLOW: &str = "\
jobs:
  build:
    runs-on: ubuntu-latest
    permissions: # least
      contents: read
    steps:
    - uses: actions/checkout@v4
    # the image
    - run: docker build -t ghcr.io/o/app .
  lint:
    steps:
    - run: docker run --rm hadolint/hadolint:2.12.0 < Dockerfile
";

#[test]
fn a_login_comes_before_the_first_step_that_needs_it() {
    assert_eq!(
        changed(&access(Client::GithubActions, Registry::Ghcr, "ci.yml"), WORKFLOW),
        "\
jobs:
  build:
    runs-on: ubuntu-latest
    permissions: # least
      contents: read
      packages: write
    steps:
    - uses: actions/checkout@v4
    - name: Log in to GitHub's container registry
      env:
        REGISTRY_USERNAME: ${{ github.actor }}
        REGISTRY_PASSWORD: ${{ secrets.GITHUB_TOKEN }}
      run: printf '%s' \"$REGISTRY_PASSWORD\" | docker login --username \"$REGISTRY_USERNAME\" --password-stdin ghcr.io
    # the image
    - run: docker build -t ghcr.io/o/app .
  lint:
    steps:
    - run: docker run --rm hadolint/hadolint:2.12.0 < Dockerfile
"
    );
}

#[test]
fn a_job_gets_the_login_only_where_its_images_have_to_do_with_the_registry() {
    let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    for (step, is_let_in) in [
        (
            "run: docker run --rm hadolint/hadolint:2.12.0 < Dockerfile".to_owned(),
            false,
        ),
        (
            "run: docker pull acme/x:${{ github.sha }}".to_owned(),
            false,
        ),
        ("run: docker build -t app .".to_owned(), false),
        (
            "run: docker build -t app . && docker push ghcr.io/acme/app".to_owned(),
            false,
        ),
        (format!("run: docker pull {ecr}/app"), true),
        ("run: docker pull $ECR/app".to_owned(), true),
        ("run: docker pull ${{ env.ECR }}/app".to_owned(), true),
        (
            "run: docker build -t app . && docker push app".to_owned(),
            false,
        ),
        (
            "run: docker push iseepatterns/court-case-backend:latest".to_owned(),
            false,
        ),
        ("run: docker push $IMAGE".to_owned(), true),
        (
            "{uses: docker/build-push-action@v6, with: {push: true, tags: app}}".to_owned(),
            false,
        ),
        (
            "{uses: docker/build-push-action@v6, with: {push: true, tags: $IMAGE}}".to_owned(),
            true,
        ),
        (
            "{uses: docker/build-push-action@v6, with: {push: false, tags: app}}".to_owned(),
            false,
        ),
    ] {
        let text = format!(
            "env:\n  ECR: {ecr}\n  AWS_ACCESS_KEY_ID: x\njobs:\n  a:\n    steps:\n      - {step}\n"
        );
        let mut access = access(Client::GithubActions, Registry::Ecr, "ci.yml");
        access.host = Some(ecr.to_owned());
        let after = changed(&access, &text);
        assert_eq!(after.contains("Log in to Amazon ECR"), is_let_in, "{after}");
        assert_eq!(after == text, !is_let_in, "{after}");
    }
}

#[test]
fn a_login_at_ecr_comes_after_the_credentials_of_aws() {
    let text = "jobs:\n  a:\n    steps:\n      - run: docker compose build\n      - uses: aws-actions/configure-aws-credentials@v4\n      - run: docker push $X\n";
    let after = changed(
        &access(Client::GithubActions, Registry::Ecr, "ci.yml"),
        text,
    );
    let place = |what: &str| after.find(what).expect("it is there");
    assert!(
        place("configure-aws-credentials") < place("Log in to Amazon ECR"),
        "{after}"
    );
    assert!(
        place("Log in to Amazon ECR") < place("docker push $X"),
        "{after}"
    );
}

#[test]
fn a_workflow_that_logs_in_already_stays_as_it_is() {
    for login in [
        "uses: docker/login-action@v3",
        "run: docker login docker.io -u x --password-stdin",
    ] {
        let text =
            format!("jobs:\n  a:\n    steps:\n      - {login}\n      - run: docker pull nginx\n");
        assert_eq!(
            changed(
                &access(Client::GithubActions, Registry::Hub, "ci.yml"),
                &text
            ),
            text
        );
    }
}

#[test]
fn build_and_push_come_before_the_deployment() {
    let mut access = access(Client::GitlabCi, Registry::Quay, ".gitlab-ci.yml");
    access.image = Some("team/app:1".to_owned());
    let text = "stages: [a]\ntest:\n  script:\n    - make\n\ndeploy:\n  script:\n    # go\n    - kubectl apply -f k8s\n";
    assert_eq!(
        changed(&access, text),
        "stages: [a]\ntest:\n  script:\n    - make\n\ndeploy:\n  script:\n    - printf '%s' \"$QUAY_TOKEN\" | docker login --username \"$QUAY_USERNAME\" --password-stdin quay.io\n    - docker build --tag quay.io/team/app:1 .\n    - docker push quay.io/team/app:1\n    # go\n    - kubectl apply -f k8s\n"
    );
}

#[test]
fn a_pipeline_builds_where_the_image_has_docker() {
    let mut access = access(Client::GitlabCi, Registry::Quay, ".gitlab-ci.yml");
    access.image = Some("team/app:1".to_owned());
    for (image, is_there) in [
        ("image: docker.io/bitnami/kubectl:1.30", false),
        ("image: $CI_REGISTRY/kubectl:$V", false),
        ("image: amazon/aws-cli\n  services: [docker:dind]", false),
        (
            "image: {name: 'docker.io/alpine/k8s:1.30', entrypoint: ['']}",
            false,
        ),
        ("image: docker:27", true),
        (
            "image: {name: \"reg.example:5000/ci/aws-docker@sha256:ab\"}",
            true,
        ),
        ("image: $TOOLS", true),
        ("tags: [shell]", true),
        ("extends: .deploy", true),
    ] {
        let text = format!(
            "dep:\n  {image}\n  script:\n    - kubectl apply -f k8s\nbuild:\n  image: docker:27\n  script:\n    - docker build \
             .\n"
        );
        let after = changed(&access, &text);
        let at = after.find("docker push").expect("it pushes");
        let build = after.find("build:\n").expect("a job");
        assert_eq!(at < build, is_there, "{image}: {after}");
    }
}

#[test]
fn an_image_is_one_at_the_registry() {
    let other = "999999999999.dkr.ecr.us-east-1.amazonaws.com/app:1";
    for (registry, image, is_fit) in [
        (Registry::Quay, "my.org/app:1", true),
        (Registry::Quay, "quay.io/my.org/app:1", true),
        (Registry::Quay, "ghcr.io/app:1", false),
        (Registry::Quay, "docker.elastic.co/org/app:1", false),
        (Registry::Quay, other, false),
        (Registry::Ghcr, "my.org/app:1", false),
        (Registry::Ecr, other, false),
        (Registry::Ecr, "docker.io/library/app:1", true),
        (Registry::Ecr, "app:1", true),
    ] {
        let mut access = access(Client::GithubActions, registry, "ci.yml");
        access.image = Some(image.to_owned());
        let planned = plan_access(&access, &Disk::with("ci.yml", WORKFLOW));
        assert_eq!(planned.is_ok(), is_fit, "{registry:?} {image}");
    }
}

#[test]
fn a_line_of_a_script_is_one_text_whatever_is_built() {
    let mut access = access(Client::GitlabCi, Registry::Quay, ".gitlab-ci.yml");
    access.image = Some("team/app:$CI_COMMIT_SHA".to_owned());
    access.context = "a b: # $(id)".to_owned();
    let after = changed(&access, "deploy:\n  script:\n    - kubectl apply -f k8s\n");
    assert!(
        after.contains(
            "    - 'docker build --tag \"quay.io/team/app:$CI_COMMIT_SHA\" ''a b: # $(id)'''\n    - docker push \
             \"quay.io/team/app:$CI_COMMIT_SHA\"\n"
        ),
        "{after}"
    );
}

#[test]
fn each_container_at_the_registry_gets_its_credentials() {
    let hub = |file: &str| access(Client::Ecs, Registry::Hub, file);
    assert_eq!(
        changed(
            &hub("task.json"),
            "{\n  \"containerDefinitions\": [\n    {\n      \"image\": \"org/app:1\"\n    },\n    {\n      \"image\": \"ghcr.io/a/b:1\"\n    }\n  ]\n}\n"
        ),
        "{\n  \"containerDefinitions\": [\n    {\n      \"image\": \"org/app:1\",\n      \"repositoryCredentials\": {\"credentialsParameter\": \"dockerhub-credentials\"}\n    },\n    {\n      \"image\": \"ghcr.io/a/b:1\"\n    }\n  ]\n}\n"
    );
    let template = "Resources:\n  T:\n    Properties:\n      ContainerDefinitions:\n        - Image: nginx:1.27 # web\n          Name: web\n        - Image: !Ref image\n";
    assert_eq!(
        changed(&hub("stack.yaml"), template),
        template.replace("Name: web\n", "Name: web\n          RepositoryCredentials:\n            CredentialsParameter: dockerhub-credentials\n")
    );
}

#[test]
fn an_image_is_followed_to_what_it_is_as_a_rewrite_follows_it() {
    let template = "Parameters:\n  Img: {Type: String, Default: 'org/x:1'}\n  Other: {Type: String, Default: 'quay.io/x:1'}\n\
                    Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n        \
                    - Image: !Ref Img\n          Name: a\n        - Image: !Sub \"org/y:${AWS::StackName}\"\n          Name: b\n        \
                    - Image: !Ref Other\n          Name: c\n        - Image: !Ref Unknown\n          Name: d\n";
    let after = changed(&access(Client::Ecs, Registry::Hub, "stack.yaml"), template);
    let mut expected = template.to_owned();
    for name in ["a", "b"] {
        let line = format!("Name: {name}\n");
        let more = "          RepositoryCredentials:\n            CredentialsParameter: dockerhub-credentials\n";
        expected = expected.replace(&line, &format!("{line}{more}"));
    }
    assert_eq!(after, expected);
    for (image, wanted) in [
        ("user + \"/app:\" + \"v1\"", true),
        ("\"quay.io/\" + user + \":v1\"", false),
        ("f\"org/{user}:v1\"", true),
        ("unknown + \"/app:\" + tag", true),
        ("unknown + tag", false),
        ("REDIS", true),
        ("OTHER", false),
    ] {
        let text = format!(
            "from aws_cdk import aws_ecs as ecs\nREDIS = \"redis:7\"\nOTHER = \"quay.io/a/b:1\"\nuser = \"me\"\n\
             class S(cdk.Stack):\n    def __init__(self):\n        ecs.ContainerImage.from_registry({image})\n"
        );
        let after = changed(&access(Client::Ecs, Registry::Hub, "app.py"), &text);
        assert_eq!(after.contains("credentials="), wanted, "{image}");
    }
}

const STACK: &str = "\
from aws_cdk import aws_ecs as ecs


class Stack(cdk.Stack):
    def __init__(self, scope, id):
        docker_username = \"iseepatterns\"
        a = ecs.ContainerImage.from_registry(f\"{docker_username}/court-case-backend:latest\")
        b = ecs.ContainerImage.from_registry(
            \"redis:7\",  # the cache
        )
        c = ecs.ContainerImage.from_registry(\"quay.io/a/b:1\")
";

#[test]
fn cdk_in_python_names_the_secret_where_the_image_is_named() {
    let after = changed(&access(Client::Ecs, Registry::Hub, "app.py"), STACK);
    for line in [
        "from aws_cdk import aws_ecs as ecs\nfrom aws_cdk import aws_secretsmanager as secretsmanager\n",
        "court-case-backend:latest\", credentials=secretsmanager.Secret.from_secret_name_v2(self, \"DockerHubPullSecret\", \"dockerhub-credentials\"))\n",
        "\"redis:7\", credentials=secretsmanager.Secret.from_secret_name_v2(self, \"DockerHubPullSecret2\", \"dockerhub-credentials\"),  # the cache\n",
        "c = ecs.ContainerImage.from_registry(\"quay.io/a/b:1\")\n",
    ] {
        assert!(after.contains(line), "{line} is not in:\n{after}");
    }
    let quay = changed(&access(Client::Ecs, Registry::Quay, "app.py"), STACK);
    assert!(quay.contains("\"quay.io/a/b:1\", credentials="), "{quay}");
    assert_eq!(quay.matches("credentials=").count(), 1);
}

#[test]
fn cdk_in_typescript_names_the_secret_where_the_image_is_named() {
    let text = "import * as ecs from 'aws-cdk-lib/aws-ecs';\nclass S {\n  f() {\n    a(ecs.ContainerImage.fromRegistry('nginx'));\n    a(ecs.ContainerImage.fromRegistry(\"nginx\", { x: 1 }));\n  }\n}\n";
    let after = changed(&access(Client::Ecs, Registry::Hub, "app.ts"), text);
    for line in [
        "import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';\n",
        "fromRegistry('nginx', { credentials: secretsmanager.Secret.fromSecretNameV2(this, 'DockerHubPullSecret', 'dockerhub-credentials') }));\n",
        "fromRegistry(\"nginx\", { credentials: secretsmanager.Secret.fromSecretNameV2(this, 'DockerHubPullSecret2', 'dockerhub-credentials'), x: 1 }));\n",
    ] {
        assert!(after.contains(line), "{line} is not in:\n{after}");
    }
}

#[test]
fn a_password_is_on_no_command_line_and_in_no_debug_text() {
    for client in [
        Client::Docker,
        Client::Podman,
        Client::Swarm,
        Client::Kubernetes,
        Client::Ecs,
    ] {
        let mut access = access(client, Registry::Hub, "");
        access.file = None;
        access.password = Some(Password::new("dckr_pat_x\n"));
        let plan: Plan = plan_access(&access, &Disk::default()).expect("it can");
        assert!(!format!("{plan:?}").contains("dckr_pat_x"), "{client}");
        let is_given = plan
            .steps
            .iter()
            .any(|step| matches!(&step.input, Input::Secret { password, .. } if *password == Password::new("dckr_pat_x")));
        assert!(is_given, "{client}");
    }
}
