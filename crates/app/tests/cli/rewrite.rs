//! `rewrite`: the two incidents that are cured by it, from the file as it was to the file as it is to be, and its ways.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use insta::assert_snapshot;

use crate::program::Program;

/// `caseapp/infrastructure/app.py` of the incident, around the line that it quotes.
const APP: &str = r#"import os

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ecs_patterns as ecs_patterns


class CourtCaseStack(Stack):
    def __init__(self, scope, id, **kwargs):
        super().__init__(scope, id, **kwargs)
        docker_username = os.environ["DOCKER_USERNAME"]
        print(f"deploying {docker_username}/court-case-backend:latest")
        self.service = ecs_patterns.ApplicationLoadBalancedFargateService(
            self,
            "BackendService",
            task_image_options=ecs_patterns.ApplicationLoadBalancedTaskImageOptions(
                image=ecs.ContainerImage.from_registry(f"{docker_username}/court-case-backend:latest"),
                container_port=8000,
            ),
        )
"#;

const ECR: &str = "ecr:730335557645:us-east-1";

const POD: &str =
    "spec:\r\n  containers:\r\n  - image: nginx:1.27 # the web\r\nkind: Pod\r\napiVersion: v1\r\n";

fn incident() -> Program {
    Program::new().file("caseapp/infrastructure/app.py", APP)
}

fn read(program: &Program, name: &str) -> String {
    fs::read_to_string(program.path(name)).expect("a file")
}

#[test]
fn an_account_that_the_file_does_not_tell_is_asked_for() {
    assert_snapshot!(incident().run(&["rewrite", ".", "--to", ECR]));
}

#[test]
fn the_incidents_image_moves_to_ecr_as_the_incident_wants_it() {
    let program = incident();
    let set = ["--set", "docker_username=iseepatterns"];
    assert_snapshot!(program.run(&[&["rewrite", ".", "--to", ECR], &set[..]].concat()));
    assert_snapshot!(program.run(&[&["rewrite", ".", "--to", ECR, "--check"], &set[..]].concat()));
    assert_snapshot!(program.run(&[&["rewrite", ".", "--to", ECR, "--write"], &set[..]].concat()));
    let expected = APP.replace(
        "f\"{docker_username}/court-case-backend:latest\"),",
        "\"730335557645.dkr.ecr.us-east-1.amazonaws.com/court-case-backend:latest\"),",
    );
    assert_eq!(read(&program, "caseapp/infrastructure/app.py"), expected);
    let again = program.run(&[&["rewrite", ".", "--to", ECR, "--check"], &set[..]].concat());
    assert!(again.starts_with("exit: 0"), "{again}");
    assert_snapshot!(program.run(&["rewrite", "--undo"]));
    assert_eq!(read(&program, "caseapp/infrastructure/app.py"), APP);
    assert!(!program.path(".forebay-rewrite.json").exists());
}

#[test]
fn cortex_clusters_name_their_images_at_quay_as_their_version_wants() {
    let program = Program::new()
        .file("0.15/cluster.yaml", "cluster_name: old\nimage_manager: cortexlabs/manager:0.15.1\n")
        .file("0.20/cluster.yaml", "cluster_name: older\nregion: us-west-2\nimage_manager: cortexlabs/manager:0.20.0\n")
        .file("0.22/cluster.yaml", "cluster_name: newer\nimage_manager: cortexlabs/manager:0.22.1 # pinned\n")
        .file("0.23/cluster.yaml", "cluster_name: newest\nimage_manager: cortexlabs/manager:0.23.0\n")
        .file(
            "0.20/apis.yaml",
            "- name: iris\n  kind: RealtimeAPI\n  predictor:\n    type: python\n    path: p.py\n    image: \
             cortexlabs/python-predictor-gpu-slim:0.20.0-cuda10.1\n  compute:\n    gpu: 1\n",
        );
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "cortex"]));
}

#[test]
fn rules_that_are_wrong_are_a_usage_error() {
    let program = Program::new().file("pod.yaml", POD).file(
        "circle.toml",
        "[[rule]]\nregistry = \"a.example\"\nto = \"b.example/{repository}\"\n\n[[rule]]\nregistry = \"b.example\"\nto = \
         \"a.example/{repository}\"\n",
    );
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "circle.toml"]));
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "ecr:1:us-east-1"]));
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "nowhere"]));
    assert_snapshot!(program.run(&["rewrite"]));
}

#[test]
fn two_repositories_that_become_one_are_told() {
    let program = Program::new().file(
        "Dockerfile",
        "FROM a/app:1 AS x\nFROM b/app:1\nCOPY --from=x / /\n",
    );
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "quay:me"]));
}

#[test]
fn a_file_keeps_its_mode_its_line_ends_and_its_comments() {
    let program = Program::new().file_with_mode("pod.yaml", POD, 0o755);
    let told = program.run(&["rewrite", "pod.yaml", "--to", "mirror.gcr.io", "--write"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    let expected = POD.replace("nginx:1.27", "mirror.gcr.io/library/nginx:1.27");
    assert_eq!(read(&program, "pod.yaml"), expected);
    let about = fs::metadata(program.path("pod.yaml")).expect("a file");
    assert_eq!(about.permissions().mode() & 0o7777, 0o755);
    let left: Vec<_> = fs::read_dir(program.path("")).expect("a folder").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn nothing_is_taken_back_where_a_file_has_changed_since() {
    let program = Program::new().file("a.yaml", POD).file("b.yaml", POD);
    program.run(&["rewrite", ".", "--to", "mirror.gcr.io", "--write"]);
    let program = program.file("b.yaml", "kind: Pod\n");
    let written = read(&program, "a.yaml");
    assert_snapshot!(program.run(&["rewrite", "--undo"]));
    assert_eq!(read(&program, "a.yaml"), written);
}

#[test]
fn what_version_control_and_packages_keep_and_links_are_left_out_and_hidden_folders_are_not() {
    let program = Program::new()
        .file(".git/pod.yaml", POD)
        .file("node_modules/x/pod.yaml", POD)
        .file(".github/pod.yaml", POD)
        .file("README.md", "```sh\ndocker pull nginx:1.27\n```\n")
        .file("photo.png", "\u{0}image: nginx");
    let outside = Program::new().file("pod.yaml", POD);
    std::os::unix::fs::symlink(outside.path(""), program.path("linked")).expect("a link");
    std::os::unix::fs::symlink(outside.path("pod.yaml"), program.path("pod.yaml")).expect("a link");
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "mirror.gcr.io", "--check"]));
    assert_snapshot!(program.run(&[
        "rewrite",
        ".",
        "--to",
        "mirror.gcr.io",
        "--check",
        "--markdown"
    ]));
}

#[test]
fn a_link_that_is_named_has_its_file_written_and_stays_a_link() {
    let program = Program::new().file("real.yaml", POD);
    std::os::unix::fs::symlink(program.path("real.yaml"), program.path("link.yaml"))
        .expect("a link");
    let inode = fs::symlink_metadata(program.path("link.yaml"))
        .expect("a link")
        .ino();
    program.run(&["rewrite", "link.yaml", "--to", "mirror.gcr.io", "--write"]);
    assert_eq!(
        fs::symlink_metadata(program.path("link.yaml"))
            .expect("a link")
            .ino(),
        inode
    );
    assert!(read(&program, "real.yaml").contains("mirror.gcr.io/library/nginx:1.27"));
}

#[test]
fn undo_without_a_record_says_where_one_is_looked_for() {
    assert_snapshot!(Program::new().run(&["rewrite", "--undo"]));
}

#[test]
fn every_registry_that_forebay_knows_goes_through_it() {
    let program = Program::new();
    let shown = program.run(&["config", "show"]);
    let names = shown.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("[upstreams.\"")?;
        name.strip_suffix("\"]")
    });
    let lines: Vec<String> = names.map(|name| format!("FROM {name}/a/b:1")).collect();
    assert!(lines.len() >= 9, "{shown}");
    let program = program.file("Dockerfile", &lines.join("\n"));
    let told = program.run(&["rewrite", ".", "--to", "forebay:cache.example", "--check"]);
    assert_eq!(
        told.matches(" -> cache.example/").count(),
        lines.len(),
        "{told}"
    );
}

#[test]
fn an_own_kind_names_its_images_where_it_is_said_to() {
    let fleet = "apiVersion: acme.example/v1\nkind: Fleet\nspec:\n  workers:\n    - {runs: a/b:1}\n    - {runs: a/c:1}\n";
    let program = Program::new().file("fleet.yaml", fleet);
    let rewrite = ["rewrite", ".", "--to", "quay:me", "--check"];
    assert!(program.run(&rewrite).starts_with("exit: 0"));
    let own = ["--crd", "Fleet=spec.workers[].runs"];
    assert_snapshot!(program.run(&[&rewrite[..], &own[..]].concat()));
    assert_snapshot!(program.run(&[&rewrite[..], &["--crd", "Fleet=spec..runs"]].concat()));
}

#[test]
fn the_scripts_of_a_workflow_are_rewritten_too() {
    let workflow = "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          docker pull nginx:1.27\n          docker push acme/app:${{ github.sha }}\n";
    let program = Program::new().file(".github/workflows/ci.yml", workflow);
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "mirror.gcr.io"]));
}
