//! `setup github-actions` and `gitlab-ci` of files as people have them: several jobs, containers and services, workflows that
//! are called, matrices. Each change is a golden difference, made once and taken back.

use std::fs;

use insta::assert_snapshot;

use crate::program::Program;

const FILES: [(&str, &str, &str); 3] = [
    (
        "github-actions",
        "jobs.yml",
        include_str!("fixtures/pipelines/jobs.yml"),
    ),
    (
        "github-actions",
        "matrix.yml",
        include_str!("fixtures/pipelines/matrix.yml"),
    ),
    (
        "gitlab-ci",
        "gitlab.yml",
        include_str!("fixtures/pipelines/gitlab.yml"),
    ),
];

const ECR: &str = "730335557645.dkr.ecr.us-east-1.amazonaws.com";

/// What is asked for, by a name.
const ORDERS: [(&str, &[&str]); 5] = [
    ("forebay", &["--address", "http://10.0.0.5:5000"]),
    ("hub", &["--registry", "hub"]),
    ("ghcr", &["--registry", "ghcr"]),
    ("quay", &["--registry", "quay"]),
    ("ecr", &["--registry", "ecr", "--host", ECR]),
];

/// Jobs that have a permission in common, and images that no step's login covers.
#[test]
fn what_jobs_have_in_common_is_written_once() {
    let text = include_str!("fixtures/pipelines/common.yml");
    let program = Program::new().file("common.yml", text);
    for (name, order) in ORDERS {
        let args = [
            "setup",
            "github-actions",
            "--file",
            "common.yml",
            "--root",
            ".",
            "--diff",
        ];
        assert_snapshot!(
            format!("common-{name}"),
            program.run(&[&args[..], order].concat())
        );
    }
}

#[test]
fn each_step_stands_in_its_place_and_is_taken_back() {
    for (client, path, text) in FILES {
        for (name, order) in ORDERS {
            let program = Program::new().file(path, text);
            let run = |act: &str| {
                let client = ["setup", client, "--file", path, "--root", ".", act];
                let order = if act == "--undo" { &[] } else { order };
                program.run(&[&client[..], order].concat())
            };
            let short = path.trim_end_matches(".yml");
            assert_snapshot!(format!("{short}-{name}"), run("--diff"));
            let written = run("--write");
            assert!(written.starts_with("exit: 0"), "{path} {name}: {written}");
            let again = run("--write");
            assert!(
                again.contains("nothing was written"),
                "{path} {name}: {again}"
            );
            if written.contains("wrote ") {
                let undone = run("--undo");
                assert!(undone.starts_with("exit: 0"), "{path} {name}: {undone}");
            }
            let now = fs::read_to_string(program.path(path)).expect("a file");
            assert_eq!(now, text, "{path} {name}");
        }
    }
}
