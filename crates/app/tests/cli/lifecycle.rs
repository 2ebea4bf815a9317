//! Lifecycle rules on the command line: what a wrong one says, and how those of Amazon ECR are read.

use insta::assert_snapshot;

use crate::program::Program;

#[test]
fn wrong_rules_are_told_each_with_its_line_and_what_to_do() {
    assert_snapshot!(
        Program::with_config(
            "[[lifecycle]]\nrepositories = [\"team/*\"]\nkeep_newst = 10\n\
             [[lifecycle]]\nrepositories = [\"Team/*\"]\nkeep_newest = 10\n"
        )
        .check()
    );
    assert_snapshot!(
        Program::with_config(
            "[[lifecycle]]\nrepositories = [\"team/*\"]\n\
             [[lifecycle]]\nrepositories = [\"team/*\"]\nkeep_newest = 10\nnot_pulled_for = \"90d\"\n\
             [[lifecycle]]\nrepositories = [\"team/*\"]\ntags = [\"v*\"]\nuntagged_after = \"14d\"\n\
             [[lifecycle]]\nrepositories = [\"team/*\"]\npushed_for = \"5m\"\n"
        )
        .check()
    );
    assert_snapshot!(
        Program::with_config(
            "[[lifecycle]]\nrepositories = [\"team/*\"]\ntags = []\nkeep_newest = 1\n"
        )
        .check()
    );
}

#[test]
fn right_rules_are_told_in_words() {
    let told = Program::with_config(
        "local = [\"team/*\"]\n\
         [[lifecycle]]\nrepositories = [\"team/*\"]\ntags = [\"v*\", \"release-*\"]\nkeep_newest = 10\n\
         [[lifecycle]]\nrepositories = [\"**\"]\nuntagged_after = \"14d\"\npriority = 1\n",
    )
    .check();
    for line in [
        "lifecycle rule 2 for **: untagged, pushed longer than 14 days ago",
        "lifecycle rule 1 for team/*: tagged v* or release-*, keep the newest 10",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

const POLICY: &str = r#"{"rules":[
 {"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["v"],"countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}},
 {"rulePriority":2,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}},
 {"rulePriority":3,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":90},
  "action":{"type":"transition","targetStorageClass":"archive"}}]}"#;

#[test]
fn a_policy_of_ecr_becomes_tables_that_the_configuration_takes() {
    let program = Program::new().file("policy.json", POLICY);
    let import = [
        "repo",
        "import",
        "ecr-lifecycle",
        "policy.json",
        "--repo",
        "team/*",
    ];
    let told = program.run(&import);
    assert_snapshot!(told);
    let stdin = ["repo", "import", "ecr-lifecycle", "-", "--repo", "team/*"];
    assert_eq!(program.run_with_input(&stdin, POLICY), told);
    let (_, tables) = told.split_once("----- stdout -----\n").expect("an output");
    let (tables, _) = tables.split_once("----- stderr").expect("an output");
    let checked = Program::with_config(tables).check();
    assert!(checked.starts_with("exit: 0"), "{checked}");
}

#[test]
fn what_is_no_policy_is_told_with_its_rule() {
    let program = Program::new().file(
        "policy.json",
        &POLICY.replace("imageCountMoreThan", "imageCount"),
    );
    assert_snapshot!(program.run(&["repo", "import", "ecr-lifecycle", "policy.json"]));
    assert_snapshot!(program.run(&["repo", "import", "ecr-lifecycle", "none.json"]));
}

#[test]
fn a_rule_by_flags_is_about_no_repository_that_is_not_named() {
    let told = Program::new().run(&["repo", "expire", "--keep-newest", "1", "--dry-run"]);
    assert!(told.starts_with("exit: 2"), "{told}");
    assert!(told.contains("or '**' for all"), "{told}");
}
