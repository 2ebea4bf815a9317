//! What `--help` says: reviewed as text.

use insta::assert_snapshot;

use crate::program::Program;

#[test]
fn the_program_says_what_it_does() {
    assert_snapshot!(Program::new().run(&["--help"]));
}

#[test]
fn each_command_says_what_it_does_with_an_example() {
    for command in [
        &["serve"][..],
        &["budget"],
        &["top"],
        &["ledger"],
        &["ledger", "export"],
        &["alerts"],
        &["alerts", "test"],
        &["setup"],
        &["doctor"],
        &["forecast"],
        &["rewrite"],
        &["refresh"],
        &["fsck"],
        &["repo"],
        &["repo", "list"],
        &["repo", "create"],
        &["repo", "expire"],
        &["repo", "import", "ecr-lifecycle"],
        &["pin"],
        &["gc"],
        &["user"],
        &["user", "add"],
        &["token"],
        &["token", "create"],
        &["config"],
        &["config", "check"],
        &["config", "show"],
        &["config", "schema"],
        &["completions"],
        &["man"],
    ] {
        let help = Program::new().run(&[command, &["--help"]].concat());
        assert_snapshot!(command.join("-"), help);
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    assert_snapshot!(Program::new().run(&["serv"]));
    assert_snapshot!(Program::new().run(&["serve", "--lisen", "127.0.0.1:5000"]));
}

#[test]
fn a_flag_with_a_wrong_value_is_told_by_its_name() {
    assert_snapshot!(Program::new().run(&["config", "check", "--listen", "localhost:5000"]));
}
