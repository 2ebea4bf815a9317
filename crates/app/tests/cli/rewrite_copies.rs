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
    let again = program.run(&["rewrite", ".", "--to", ECR, "--json", "--write"]);
    assert!(again.contains("\"is_written\": false"), "{again}");
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

#[test]
fn where_no_rule_says_whether_a_place_fills_itself_that_is_told() {
    let rule = |mirror: &str| {
        format!(
            "[[rule]]\nregistry = \"docker.io\"\nto = \"me.azurecr.io/{{repository}}\"\n{mirror}"
        )
    };
    let program = tree().file("rules.toml", &rule(""));
    assert_snapshot!(program.run(&["rewrite", "compose.yaml", "--to", "rules.toml"]));
    for (mirror, is_copied) in [("mirror = true", false), ("mirror = false", true)] {
        let program = tree().file("rules.toml", &rule(mirror));
        let told = program.run(&["rewrite", ".", "--to", "rules.toml"]);
        assert!(!told.contains("unknown whether"), "{told}");
        assert_eq!(told.contains("skopeo copy"), is_copied, "{told}");
    }
}

#[test]
fn images_that_become_one_are_told_where_there_are_no_others() {
    let program = Program::new().file("Dockerfile", "FROM a/app:1\nFROM b/app:1\n");
    let told = program.run(&["rewrite", ".", "--to", "quay:me"]);
    assert!(
        told.contains("not shown are those that become one"),
        "{told}"
    );
}

#[test]
fn an_image_of_which_only_the_tag_is_not_known_is_rewritten_by_its_name() {
    let program = Program::new()
        .file("compose.yaml", "services:\n  a:\n    image: nginx:${TAG} # ours\n")
        .file("run.sh", "docker push acme/app:$V\ndocker run \"redis:$V\"\n")
        .file("rules.toml", "[[rule]]\nname = \"redis\"\ntag = \"7\"\nkeep = true\n\n[[rule]]\nto = \"quay.io/me/{name}\"\n");
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "rules.toml"]));
}

#[test]
fn what_cannot_be_pinned_is_not_told_as_left() {
    let program = Program::with_config("[upstreams.\"quay.io\"]\nenabled = false\n").file(
        "compose.yaml",
        "services:\n  a:\n    image: quay.io/a/b:1\n",
    );
    let pin = ["--pin", "--config", "forebay.toml"];
    let rewrite = ["rewrite", "compose.yaml", "--to", "forebay:cache.example"];
    assert_snapshot!(program.run(&[&rewrite[..], &pin[..]].concat()));
    let json = program.run(&[&rewrite[..], &pin[..], &["--json"]].concat());
    assert!(json.contains("\"left\": [],"), "{json}");
    assert!(json.contains("\"not_pinned\": [\n"), "{json}");
}
