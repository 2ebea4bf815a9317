//! What jobs of a workflow have in common, and what no step of theirs covers.

use forebay_setup::{Access, Client, Plan, Registry, plan_access};

use crate::disk::Disk;

const FILE: &str = "ci.yml";

const ECR: &str = "730335557645.dkr.ecr.us-east-1.amazonaws.com";

fn access(registry: Registry) -> Access {
    Access {
        client: Client::GithubActions,
        registry,
        host: (registry == Registry::Ecr).then(|| ECR.to_owned()),
        username: None,
        password: None,
        secret: None,
        namespace: "default".to_owned(),
        image: None,
        context: ".".to_owned(),
        file: Some(FILE.to_owned()),
    }
}

fn planned(access: &Access, text: &str) -> Plan {
    plan_access(access, &Disk::with(FILE, text)).expect("it can be changed")
}

fn changed(access: &Access, text: &str) -> String {
    planned(access, text).files[0].after.clone()
}

#[test]
fn what_jobs_may_in_common_is_said_once_and_by_the_most_that_one_needs() {
    let push =
        |job: &str| format!("  {job}:\n    steps:\n      - run: docker push ghcr.io/o/{job}\n");
    let pull =
        |job: &str| format!("  {job}:\n    steps:\n      - run: docker pull ghcr.io/o/{job}\n");
    for (stated, wanted) in [
        ("contents: read", "contents: read\n  packages: write\n"),
        ("packages: read", "packages: write\n"),
    ] {
        for jobs in [
            push("a") + &push("b"),
            pull("a") + &push("b"),
            push("a") + &pull("b"),
        ] {
            let text = format!("permissions:\n  {stated}\njobs:\n{jobs}");
            let after = changed(&access(Registry::Ghcr), &text);
            assert_eq!(after.matches("packages:").count(), 1, "{after}");
            assert!(after.contains(wanted), "{after}");
        }
    }
    let text = "jobs:\n  a:\n    permissions:\n      contents: read\n    container: ghcr.io/o/base\n    steps:\n      - run: docker pull ghcr.io/o/a\n";
    let after = changed(&access(Registry::Ghcr), text);
    assert_eq!(after.matches("packages: read").count(), 1, "{after}");
}

/// Lines of its steps and of its services come before those of the job itself.
#[test]
fn a_permission_stands_behind_all_that_the_jobs_last_key_gets() {
    let mut with_build = access(Registry::Ghcr);
    with_build.image = Some("o/app:1".to_owned());
    let text = "jobs:\n  a:\n    steps:\n      - run: docker build .\n";
    let after = changed(&with_build, text);
    assert!(
        after.ends_with(
            "docker push ghcr.io/o/app:1\n    permissions:\n      contents: read\n      packages: write\n"
        ),
        "{after}"
    );
    let text = "jobs:\n  a:\n    steps:\n      - run: docker push ghcr.io/o/app\n    services:\n      db:\n        image: ghcr.io/o/db\n";
    let after = changed(&access(Registry::Ghcr), text);
    assert!(
        after.ends_with(
            "password: ${{ secrets.GITHUB_TOKEN }}\n    permissions:\n      contents: read\n      packages: write\n"
        ),
        "{after}"
    );
}

#[test]
fn a_job_that_logs_in_at_ecr_without_credentials_of_its_own_is_told() {
    let step = "      - uses: aws-actions/configure-aws-credentials@v4\n";
    let job = |job: &str, before: &str| {
        format!("  {job}:\n    steps:\n{before}      - run: docker push {ECR}/{job}\n")
    };
    let keys = "      - run: docker push x\n        env: {AWS_ACCESS_KEY_ID: x}\n";
    let text = format!(
        "jobs:\n{}{}{}",
        job("one", step),
        job("two", ""),
        job("own", keys)
    );
    let plan = planned(&access(Registry::Ecr), &text);
    let told = |job: &str| {
        let begin = format!("{job} logs in without credentials of AWS");
        plan.notes.iter().any(|note| note.starts_with(&begin))
    };
    assert!(told("two"), "{:?}", plan.notes);
    assert!(!told("one") && !told("own"), "{:?}", plan.notes);
}

#[test]
fn what_is_pulled_before_any_step_is_told_with_what_lets_it_in() {
    let text = "jobs:\n  a:\n    container: acme/base:1\n    steps:\n      - uses: docker://acme/lint:1\n      - uses: docker://ghcr.io/acme/lint:1\n";
    let plan = planned(&access(Registry::Hub), text);
    let told = |what: &str| plan.notes.iter().filter(|note| note.contains(what)).count();
    assert_eq!(told("a: docker://acme/lint:1 is pulled before any step"), 1);
    assert_eq!(told("docker://ghcr.io"), 0, "{:?}", plan.notes);
    assert_eq!(told("they take `credentials:` of their own"), 1);
    assert_eq!(told("nothing is to be changed"), 0, "{:?}", plan.notes);

    let mut without_file = access(Registry::Hub);
    without_file.file = None;
    let plan = plan_access(&without_file, &Disk::default()).expect("it can");
    assert!(
        plan.snippets
            .iter()
            .any(|snippet| snippet.text.starts_with("credentials:\n  username: ")),
        "{:?}",
        plan.snippets
    );
    assert!(
        plan.notes.iter().any(|note| note.contains("docker://")),
        "{:?}",
        plan.notes
    );
}

/// The workflow of an incident: one job pushes to Docker Hub, and the next one deploys.
#[test]
fn a_job_that_may_not_mean_ecr_gets_no_login_that_would_fail() {
    let text = |image: &str| {
        format!(
            "jobs:\n  build:\n    steps:\n      - run: docker push {image}\n  deploy:\n    needs: build\n    steps:\n      - uses: \
             aws-actions/configure-aws-credentials@v4\n      - run: cdk deploy\n"
        )
    };
    for image in [
        "iseepatterns/court-case-backend:latest",
        "${{ secrets.DOCKER_USERNAME }}/court-case-backend",
    ] {
        let text = text(image);
        let plan = planned(&access(Registry::Ecr), &text);
        assert_eq!(plan.files[0].after, text);
        let is_told = plan
            .notes
            .iter()
            .any(|note| note.starts_with("build: left"));
        assert_eq!(is_told, image.starts_with('$'), "{:?}", plan.notes);
        let mut with_build = access(Registry::Ecr);
        with_build.image = Some("court-case-backend:1".to_owned());
        let after = changed(&with_build, &text);
        let (build, deploy) = after.split_once("  deploy:").expect("two jobs");
        assert!(!build.contains("ecr get-login"), "{after}");
        assert!(deploy.contains("ecr get-login"), "{after}");
    }
    let text = text("iseepatterns/court-case-backend:latest");
    assert_eq!(changed(&access(Registry::Ghcr), &text), text);
}

#[test]
fn what_is_built_is_one_word_whatever_it_holds() {
    let text = "jobs:\n  a:\n    steps:\n      - run: cdk deploy\n";
    let mut access = access(Registry::Ghcr);
    let mut build = |image: &str, context: &str| {
        access.image = Some(image.to_owned());
        access.context = context.to_owned();
        plan_access(&access, &Disk::with(FILE, text)).map(|plan| plan.files[0].after.clone())
    };
    let named = build("ghcr.io/org/app:1", ".").expect("it can be built");
    assert!(named.contains("--tag ghcr.io/org/app:1 .\n"), "{named}");
    let after = build("org/app:1", "a b; id").expect("it can be built");
    assert!(
        after.contains("docker build --tag ghcr.io/org/app:1 'a b; id'\n"),
        "{after}"
    );
    let after = build("org/app:${{ github.sha }}", "$DIR/x").expect("it can be built");
    assert!(
        after.contains(
            "        env:\n          IMAGE: ghcr.io/org/app:${{ github.sha }}\n        run: |\n          docker build --tag \
             \"$IMAGE\" \"$DIR/x\"\n          docker push \"$IMAGE\"\n"
        ),
        "{after}"
    );
    for (image, context) in [
        ("org/app:1", "${{ github.event.issue.title }}"),
        ("org/app:${{ GitHub.head_ref }}", "."),
        ("org/app:1", "--file=x"),
        ("", "."),
        ("org/a b:1", "."),
        ("Org/app:1", "."),
        ("app:1", "."),
        ("quay.io/org/app:1", "."),
    ] {
        assert!(build(image, context).is_err(), "{image} {context}");
    }
}

#[test]
fn a_pipeline_builds_where_docker_runs() {
    let mut access = access(Registry::Ecr);
    access.client = Client::GitlabCi;
    access.image = Some("web:latest".to_owned());
    let build = "build:\n  image: docker:27\n  script:\n    - docker build -t old .\n";
    let deploy =
        "deploy:\n  image: amazon/aws-cli\n  script:\n    - aws ecs update-service --cluster c\n";
    let after = changed(&access, &format!("{build}{deploy}"));
    assert!(after.ends_with(deploy), "{after}");
    assert!(after.contains("docker push"), "{after}");
    plan_access(&access, &Disk::with(FILE, deploy)).expect_err("no docker runs there");
    let with_docker = deploy.replace("  image: amazon/aws-cli\n", "  image: docker:27\n");
    let after = changed(&access, &format!("{build}{with_docker}"));
    let (_, deploys) = after.split_once("deploy:").expect("the job");
    assert!(deploys.contains("docker push"), "{after}");
}

#[test]
fn a_job_whose_steps_stand_elsewhere_is_not_taken_for_one_without_images() {
    let steps = "x: &s\n  - run: docker push ghcr.io/a/b\njobs:\n  a:\n";
    for alias in ["    steps: *s\n", "    runs-on: u\n    steps: *s\n"] {
        let disk = Disk::with(FILE, &format!("{steps}{alias}"));
        let plan = plan_access(&access(Registry::Ghcr), &disk).expect("it can be read");
        let told = plan.notes.join("\n");
        assert!(told.contains("a has steps that stand elsewhere"), "{told}");
        assert!(!told.contains("nothing is to be changed"), "{told}");
    }
}
