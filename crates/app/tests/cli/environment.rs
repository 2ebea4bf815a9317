//! Every key by its variable, and variables that are no key's.

use insta::assert_snapshot;

use crate::program::Program;

fn show(program: &Program, key: &str) -> String {
    let shown = program.run(&["config", "show", "--config", "forebay.toml"]);
    let line = shown
        .lines()
        .find(|line| line.starts_with(&format!("{key} =")));
    line.map_or(shown.clone(), |line| {
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn the_environment_goes_before_the_file_and_a_flag_before_both() {
    let program = Program::with_config("data = \"/a\"\n").env("FOREBAY_DATA", "/b");
    assert_eq!(show(&program, "data"), "data = \"/b\" # env FOREBAY_DATA");
    let flagged = program.run(&["config", "show", "--data", "/c"]);
    assert!(
        flagged.contains("data = \"/c\"") && flagged.contains("# flag --data"),
        "{flagged}"
    );
}

#[test]
fn dots_and_dashes_of_a_name_are_underscores() {
    let program = Program::with_config("[upstreams.\"my-hub.example:5000\"]\n")
        .env("FOREBAY_UPSTREAMS__MY_HUB_EXAMPLE_5000__PREFIX", "hub")
        .env("FOREBAY_UPSTREAMS__DOCKER_IO__USERNAME", "alice")
        .env("FOREBAY_UPSTREAMS__DOCKER_IO__PASSWORD", "canary");
    let variable = "FOREBAY_UPSTREAMS__MY_HUB_EXAMPLE_5000__PREFIX";
    assert_eq!(
        show(&program, "prefix"),
        format!("prefix = \"hub\" # env {variable}")
    );
    assert_eq!(
        show(&program, "username"),
        "username = \"alice\" # env FOREBAY_UPSTREAMS__DOCKER_IO__USERNAME"
    );
}

#[test]
fn lists_are_comma_separated_or_toml() {
    for text in ["10.0.0.0/8, fd00::/8", "[\"10.0.0.0/8\", \"fd00::/8\"]"] {
        let program = Program::with_config("").env("FOREBAY_CLIENTS__ALLOW", text);
        assert_eq!(
            show(&program, "allow"),
            "allow = [\"10.0.0.0/8\", \"fd00::/8\"] # env FOREBAY_CLIENTS__ALLOW"
        );
    }
}

#[test]
fn a_variable_of_no_key_stops_with_the_nearest() {
    assert_snapshot!(
        Program::with_config("")
            .env("FOREBAY_CACHE__MAXSIZE", "50GiB")
            .env("FOREBAY_UPSTREAMS__DOKER_IO__PASSWORD", "canary")
            .env("FOREBAY_WHATEVER_ELSE_THERE_IS", "1")
            .check()
    );
}

#[test]
fn a_wrong_value_is_told_by_its_variable() {
    assert_snapshot!(
        Program::with_config("")
            .env("FOREBAY_CACHE__MAX_SIZE", "50")
            .check()
    );
}

#[test]
fn a_variable_that_means_two_upstreams_is_refused() {
    assert_snapshot!(
        Program::with_config("[upstreams.\"a-b.example\"]\n[upstreams.\"a.b.example\"]\n")
            .env("FOREBAY_UPSTREAMS__A_B_EXAMPLE__PREFIX", "ab")
            .check()
    );
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_are_no_settings() {
    let program = Program::with_config("")
        .env("FOREBAY_PORT", "tcp://10.0.0.1:5000")
        .env("FOREBAY_SERVICE_HOST", "10.0.0.1")
        .env("FOREBAY_PORT_5000_TCP_ADDR", "10.0.0.1");
    assert!(program.check().starts_with("exit: 0"));
}

#[test]
fn the_file_may_be_named_by_a_variable() {
    let program = Program::new()
        .file("other.toml", "nonsense = 1\n")
        .env("FOREBAY_CONFIG", "other.toml");
    assert_snapshot!(program.run(&["config", "check"]));
}

#[test]
fn a_proxy_of_the_environment_that_is_none_is_told_without_its_password() {
    assert_snapshot!(
        Program::with_config("")
            .env("HTTPS_PROXY", "socks5://alice:canary@proxy:1080")
            .check()
    );
}

#[test]
fn a_port_that_is_no_link_of_kubernetes_is_told() {
    assert_snapshot!(Program::with_config("").env("FOREBAY_PORT", "5000").check());
}

#[test]
fn no_upstream_is_added_by_a_variable() {
    let variable = "FOREBAY_UPSTREAMS__REGISTRY_EXAMPLE_COM__URL";
    let program = Program::with_config("").env(variable, "https://registry.example.com");
    assert_snapshot!(program.check());
}
