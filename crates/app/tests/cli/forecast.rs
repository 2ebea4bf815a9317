//! `forecast` offline: what is found and counted in files of each kind, and how it is told.

use insta::assert_snapshot;

use crate::program::Program;

const OFFLINE: [&str; 2] = ["forecast", "--offline"];

fn run(program: &Program, arguments: &[&str]) -> String {
    program.run(&[&OFFLINE[..], arguments].concat())
}

#[test]
fn what_runs_is_counted_as_each_format_says_it() {
    let program = Program::new()
        .file(
            "compose.yaml",
            "services:\n  web:\n    image: nginx:1.27\n    deploy: {replicas: 3}\n  agent:\n    image: busybox:1\n    \
             deploy: {mode: global}\n  api:\n    build: .\n    image: api:1\n",
        )
        .file("Dockerfile", "FROM golang:1.24 AS build\nFROM build\nCOPY --from=alpine:3 /a /b\n")
        .file(
            ".gitlab-ci.yml",
            "test:\n  parallel: 4\n  image: python:3.13\n  script: [pytest]\n",
        );
    assert_snapshot!(run(&program, &[".", "--nodes", "5"]));
}

#[test]
fn what_a_tool_prints_is_read_from_standard_input() {
    let program = Program::new();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\n";
    assert_snapshot!(program.run_with_input(&[&OFFLINE[..], &["-", "--json"]].concat(), pod));
}

#[test]
fn an_own_kind_is_read_where_it_is_said_to_name_its_image() {
    let program = Program::new().file(
        "fleet.yaml",
        "apiVersion: a/v1\nkind: Fleet\nmetadata: {name: f}\nspec: {replicas: 2, workers: [{runs: 'nginx:1'}]}\n",
    );
    let told = run(
        &program,
        &["fleet.yaml", "--crd", "Fleet=spec.workers[].runs"],
    );
    assert!(
        told.contains("fleet.yaml:4: Fleet f: starts: 2, nodes: 1 to 2"),
        "{told}"
    );
    let told = run(&program, &["fleet.yaml"]);
    assert!(told.contains("no image is named there"), "{told}");
}

#[test]
fn what_a_file_does_not_tell_is_told_and_not_guessed() {
    let program = Program::new().file(
        "task.yaml",
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: d, image: \
         'nginx:${TAG}'}, {name: e, image: 'busybox:1'}]}}}\n",
    );
    assert_snapshot!(run(&program, &["task.yaml"]));
    let told = run(
        &program,
        &["task.yaml", "--set", "TAG=1.27", "--nodes", "3"],
    );
    assert!(told.contains("docker.io/library/nginx:1.27\n"), "{told}");
}

#[test]
fn what_is_not_there_is_a_failure_and_two_wishes_that_exclude_each_other_are_a_usage_error() {
    assert_snapshot!(run(&Program::new(), &["gone"]));
    assert_snapshot!(run(&Program::new(), &[".", "--warm"]));
}
