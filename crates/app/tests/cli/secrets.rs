//! Secrets: from files that are nobody else's, and never shown.

use insta::assert_snapshot;

use crate::program::Program;

const BY_FILE: &str =
    "[upstreams.\"docker.io\"]\nusername = \"alice\"\npassword_file = \"hub.token\"\n";

#[test]
fn a_secret_file_lies_beside_the_configuration_file() {
    let program = Program::new()
        .file("etc/forebay.toml", BY_FILE)
        .file("etc/hub.token", "canary\n");
    assert_snapshot!(program.run(&["config", "check", "--config", "etc/forebay.toml"]));
}

#[test]
fn a_secret_file_for_everybody_is_refused() {
    let program = Program::with_config(BY_FILE).file_with_mode("hub.token", "canary\n", 0o644);
    assert_snapshot!(program.check());
}

#[test]
fn a_secret_file_for_a_group_is_taken() {
    let program = Program::with_config(BY_FILE).file_with_mode("hub.token", "canary\n", 0o440);
    assert!(
        program.check().starts_with("exit: 0"),
        "{}",
        program.check()
    );
}

#[test]
fn a_secret_file_that_is_no_secret_is_refused() {
    assert_snapshot!(Program::with_config(BY_FILE).check());
    assert_snapshot!(
        Program::with_config(BY_FILE)
            .file("hub.token", "\n")
            .check()
    );
    assert_snapshot!(
        Program::with_config(BY_FILE)
            .file("hub.token", "canary\ncanary\n")
            .check()
    );
}

#[test]
fn a_secret_comes_from_one_place() {
    let config = format!("{BY_FILE}password = \"canary\"\n");
    let program = Program::with_config(&config).file("hub.token", "canary");
    assert_snapshot!(program.check());
}

#[test]
fn a_name_and_a_password_come_together() {
    assert_snapshot!(
        Program::with_config("[upstreams.\"docker.io\"]\nusername = \"alice\"\n").check()
    );
    assert_snapshot!(
        Program::with_config("[upstreams.\"docker.io\"]\npassword = \"canary\"\n").check()
    );
}

#[test]
fn no_way_of_showing_shows_a_secret() {
    let config = "[upstreams.\"docker.io\"]\nusername = \"alice\"\npassword = \"canary\"\n\
                  proxy = \"http://bob:canary@proxy:3128\"\n\
                  [upstreams.\"ghcr.io\"]\nusername = \"carol\"\npassword_file = \"hub.token\"\n";
    let program = Program::with_config(config)
        .file("hub.token", "canary")
        .env("HTTPS_PROXY", "http://dave:canary@proxy:3128")
        .env("FOREBAY_UPSTREAMS__QUAY_IO__USERNAME", "erin")
        .env("FOREBAY_UPSTREAMS__QUAY_IO__PASSWORD", "canary");
    let args = ["--config", "forebay.toml"];
    for command in [
        &["config", "check"][..],
        &["config", "show"],
        &["config", "show", "--json"],
    ] {
        let told = program.run(&[command, &args].concat());
        assert!(told.starts_with("exit: 0"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
    assert!(
        program
            .run(&["config", "show", "--config", "forebay.toml"])
            .contains("password = \"***\"")
    );
}

#[test]
fn a_wrong_secret_is_told_without_it() {
    let config = "[upstreams.\"docker.io\"]\nusername = \"alice\"\npassword = \"can\\u0007ary\"\n\
                  [upstreams.\"ghcr.io\"]\nusername = \"a\"\npassword = [\"canary\"]\nproxy = \"ftp://canary\"\n";
    let told = Program::with_config(config).check();
    assert!(!told.contains("ary"), "{told}");
    assert_snapshot!(told);
}

#[test]
fn no_wrong_secret_of_any_kind_is_repeated() {
    let wrong = [
        "7318264950",
        "7318264950.5",
        "0x7318264950",
        "7318264950s",
        "s7318264950",
        "\"7318264950\\u0007\"",
        "\"7318264950",
        "'7318264950",
        "\"a\" 7318264950",
        "[\"7318264950\"]",
        "{ a = \"7318264950\" }",
        "{ 7318264950",
    ];
    for value in wrong {
        let config =
            format!("[upstreams.\"docker.io\"]\nusername = \"alice\"\npassword = {value}\n");
        let program = Program::with_config(&config);
        for command in ["check", "show"] {
            let told = program.run(&["config", command, "--config", "forebay.toml"]);
            assert!(told.starts_with("exit: 2"), "{value}: {told}");
            assert!(!told.contains("7318264950"), "{value}: {told}");
        }
    }
}

#[test]
fn stars_are_no_secret() {
    let config = "[upstreams.\"docker.io\"]\nusername = \"alice\"\npassword = \"***\"\n";
    assert_snapshot!(Program::with_config(config).check());
}

#[test]
fn a_login_that_somebody_wrote_into_an_image_is_not_told() {
    let program = Program::new()
        .file(
            "compose.yaml",
            "services:\n  a: {image: \"https://u:canary@reg.example/x:1\"}\n",
        )
        .file("Dockerfile", "FROM u:canary@reg.example/x:1\n");
    for command in [
        &["forecast", ".", "--offline"][..],
        &["forecast", ".", "--offline", "--json"],
        &["rewrite", ".", "--to", "forebay:c.example"],
        &["rewrite", ".", "--to", "forebay:c.example", "--json"],
    ] {
        let told = program.run(command);
        assert!(told.contains("not an image reference"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
}
