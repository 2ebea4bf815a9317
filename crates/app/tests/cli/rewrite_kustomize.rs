//! `rewrite` of kustomizations together with their resources: what kustomize makes of both is what it made before, elsewhere.

use std::fs;

use insta::assert_snapshot;

use crate::program::Program;

fn tree() -> Program {
    Program::new()
        .file(
            "base/web.yaml",
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx:1.27\n  - image: acme/app\n  - image: redis:7\n",
        )
        .file(
            "base/kustomization.yaml",
            "resources: [web.yaml]\nimages:\n- name: acme/app\n  newName: quay.io/acme/app\n  newTag: \"1\"\n",
        )
        .file(
            "prod/kustomization.yaml",
            "resources:\n- ../base\nimages:\n- name: \"nginx\" # the web\n  newTag: \"1.28\"\n- {name: quay.io/acme/app, newTag: \"2\"}\n",
        )
        .file(
            "remote/kustomization.yaml",
            "resources: [https://example.com/x.yaml]\nimages:\n- name: nginx\n  newTag: \"1.28\"\n",
        )
        // What is no resource of it does not count.
        .file("remote/Dockerfile", "FROM nginx:1.27\n")
}

#[test]
fn names_follow_what_the_same_run_makes_of_the_resources() {
    let program = tree();
    let to = ["--to", "forebay:cache.example"];
    assert_snapshot!(program.run(&[&["rewrite", "."], &to[..]].concat()));
    program.run(&[&["rewrite", ".", "--write"], &to[..]].concat());
    let again = program.run(&[&["rewrite", ".", "--check"], &to[..]].concat());
    assert!(again.starts_with("exit: 0"), "{again}");
    program.run(&["rewrite", "--undo"]);
    let now = |file: &str| fs::read_to_string(program.path(file)).expect("a file");
    let before = tree();
    for file in [
        "base/web.yaml",
        "base/kustomization.yaml",
        "prod/kustomization.yaml",
    ] {
        let text = fs::read_to_string(before.path(file)).expect("a file");
        assert_eq!(now(file), text);
    }
}

#[test]
fn a_name_that_stays_is_told() {
    let told = tree().run(&[
        "rewrite",
        "prod",
        "--to",
        "forebay:cache.example",
        "--check",
    ]);
    assert_snapshot!(told);
}

#[test]
fn a_name_does_not_follow_what_is_not_written() {
    use std::os::unix::ffi::OsStrExt as _;

    let kustomization = "resources: [base]\nimages:\n- name: nginx\n  newTag: \"1.28\"\n";
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: nginx:1.27\n";
    let program = Program::new()
        .file("kustomization.yaml", kustomization)
        .file("base/kustomization.yaml", "resources: [web.yaml]\n")
        .file("other.yaml", pod);
    let name = std::ffi::OsStr::from_bytes(b"base/web\xff.yaml");
    fs::write(program.path("").join(name), pod).expect("a file");
    let told = program.run(&["rewrite", ".", "--write", "--to", "forebay:cache.example"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(
        told.contains("kustomization.yaml: not written: it finds images by the names in"),
        "{told}"
    );
    let now = |file: &str| fs::read_to_string(program.path(file)).expect("a file");
    assert_eq!(now("kustomization.yaml"), kustomization);
    assert!(now("other.yaml").contains("cache.example"));
}

#[test]
fn names_are_compared_as_they_are_written_however_deep_the_resource_and_in_patches_too() {
    let pod = |image: &str| {
        format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {image}\n")
    };
    let patched = "resources: [web.yaml]\nimages:\n- name: redis\n  newTag: \"8\"\npatches:\n- patch: |\n    - op: replace\n      path: /spec/containers/0/image\n      value: redis:7\n";
    let program = Program::new()
        .file("common/web.yaml", &pod("nginx:1.27"))
        .file(
            "base/kustomization.yaml",
            "resources: [../common/web.yaml]\n",
        )
        .file(
            "prod/kustomization.yaml",
            "resources: [../base]\nimages:\n- name: nginx\n  newTag: \"1.28\"\n",
        )
        .file("other/web.yaml", &pod("docker.io/library/nginx:1.27"))
        .file(
            "other/kustomization.yaml",
            "resources: [web.yaml]\nimages:\n- name: nginx\n  newTag: \"1.28\"\n",
        )
        .file("patched/web.yaml", &pod("docker:27"))
        .file("patched/kustomization.yaml", patched);
    let told = program.run(&["rewrite", ".", "--to", "forebay:cache.example"]);
    assert_snapshot!(told);
}
