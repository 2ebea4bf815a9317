//! `config show`: each value and where it came from.

use insta::assert_snapshot;

use crate::program::Program;

#[test]
fn the_defaults_are_shown_as_defaults() {
    assert_snapshot!(Program::new().run(&["config", "show"]));
}

#[test]
fn each_origin_is_shown() {
    let program = Program::with_config(
        "data = \"kept\"\n\n[upstreams.\"ecr.example\"]\necr_account = \"123456789012\"\necr_region = \"eu-west-1\"\n\n\
         [cache]\ntag_rules = [{ pattern = \"v*\", ttl = \"1h30m\" }]\n",
    )
    .env("FOREBAY_CACHE__MAX_SIZE", "20GB")
    .env("FOREBAY_LOG__FORMAT", "json");
    let shown = program.run(&[
        "config",
        "show",
        "--config",
        "forebay.toml",
        "--listen",
        "127.0.0.1:0",
    ]);
    let written: Vec<&str> = shown
        .lines()
        .filter(|line| !line.ends_with("# default"))
        .collect();
    assert_snapshot!(written.join("\n"));
}

#[test]
fn what_is_shown_can_be_written() {
    let shown = Program::new().run(&["config", "show"]);
    let toml = shown.split("----- stdout -----\n").nth(1);
    let toml = toml
        .and_then(|rest| rest.split("----- stderr -----").next())
        .expect("standard output");
    let again = Program::with_config(toml).run(&["config", "show", "--config", "forebay.toml"]);
    let values = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|line| line.split("  #").next().unwrap_or_default().trim_end());
        lines.map(str::to_owned).collect()
    };
    // Paths in a file start at its folder.
    assert_eq!(values(&again), values(&shown));
}

#[test]
fn json_has_key_value_and_origin() {
    let shown = Program::new().run(&["config", "show", "--json"]);
    let lines: Vec<&str> = shown.lines().take(12).collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_only_stands_for_a_value_is_shown_as_a_comment() {
    let program = Program::with_config(
        "[upstreams.\"docker.io\"]\nurl = \"http://127.0.0.1:7000\"\nusername = \"alice\"\npassword = \"canary\"\n",
    );
    let shown = program.run(&["config", "show", "--config", "forebay.toml"]);
    let comments: Vec<&str> = shown.lines().filter(|line| line.starts_with('#')).collect();
    assert_snapshot!(comments.join("\n"));
}
