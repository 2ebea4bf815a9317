//! `rewrite` to a registry of one's own: what has to be copied there first, and nothing where a place fills itself.

use insta::assert_snapshot;

use crate::program::Program;

const ECR: &str = "ecr:730335557645:us-east-1";

fn tree() -> Program {
    let digest = format!("sha256:{}", "0".repeat(64));
    Program::new()
        .file(
            "Dockerfile",
            &format!("FROM nginx:1.27 AS a\nFROM nginx:1.27 AS b\nFROM acme/app@{digest}\n"),
        )
        .file(
            "compose.yaml",
            "services:\n  a:\n    image: nginx:1.27\n  b:\n    image: redis\n  c:\n    image: ghcr.io/acme/x:1\n",
        )
}

#[test]
fn each_image_is_to_be_copied_once_and_its_repository_made() {
    let program = tree();
    assert_snapshot!(program.run(&["rewrite", ".", "--to", ECR, "--write"]));
    let again = program.run(&["rewrite", ".", "--to", ECR, "--write"]);
    assert!(!again.contains("copy"), "{again}");
}

#[test]
fn elsewhere_no_repository_is_made_and_those_that_become_one_are_left_to_a_person() {
    let program = tree().file("x.dockerfile", "FROM a/app:1\nFROM b/app:1\nFROM b/web:1\n");
    assert_snapshot!(program.run(&["rewrite", "x.dockerfile", "--to", "quay:me"]));
}

#[test]
fn json_has_all_of_it() {
    let program = tree();
    assert_snapshot!(program.run(&["rewrite", ".", "--to", ECR, "--json"]));
    let written = program.run(&["rewrite", ".", "--to", ECR, "--json", "--write"]);
    assert!(written.contains("\"is_written\": true"), "{written}");
    assert!(written.ends_with("----- stderr -----\n"), "{written}");
    let check = program.run(&["rewrite", ".", "--to", "quay:me", "--json", "--check"]);
    assert!(check.starts_with("exit: 0"), "{check}");
}

#[test]
fn nothing_is_copied_to_a_place_that_fills_itself() {
    let program = tree().file(
        "rules.toml",
        "[[rule]]\nregistry = \"docker.io\"\nto = \"730335557645.dkr.ecr.us-east-1.amazonaws.com/docker-hub/{repository}\"\n",
    );
    for goal in [
        "ecr-pull-through:730335557645:us-east-1",
        "forebay:cache.example",
        "mirror.gcr.io",
        "public.ecr.aws",
        "rules.toml",
    ] {
        let told = program.run(&["rewrite", ".", "--to", goal]);
        assert!(told.contains("would change"), "{goal}: {told}");
        assert!(!told.contains("skopeo"), "{goal}: {told}");
        let json = program.run(&["rewrite", ".", "--to", goal, "--json"]);
        assert!(json.contains("\"copy_first\": []"), "{goal}: {json}");
    }
}
