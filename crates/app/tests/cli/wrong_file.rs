//! Each kind of wrong file, told with file, line, the nearest key and what to do.

use insta::assert_snapshot;

use crate::program::Program;

fn check(config: &str) -> String {
    Program::with_config(config).check()
}

#[test]
fn an_unknown_key_is_told_with_the_nearest() {
    assert_snapshot!(check(
        "listen = \"127.0.0.1:5000\"\n\n[cache]\nmax_sze = \"50GiB\"\n"
    ));
}

#[test]
fn a_key_like_no_other_is_told_with_the_keys_there_are() {
    assert_snapshot!(check("[cache]\ncolour = \"blue\"\n"));
}

#[test]
fn a_key_in_the_wrong_section_is_told_where_it_belongs() {
    assert_snapshot!(check(
        "max_size = \"50GiB\"\n[cache]\nlisten = \"127.0.0.1:5000\"\nusername = \"a\"\n"
    ));
}

#[test]
fn an_unknown_section_is_told_with_the_nearest() {
    assert_snapshot!(check(
        "[cahce]\nmax_size = \"50GiB\"\n[upstream.\"docker.io\"]\n"
    ));
}

#[test]
fn a_section_that_is_no_table_is_told() {
    assert_snapshot!(check("cache = \"50GiB\"\nupstreams = [\"docker.io\"]\n"));
}

#[test]
fn an_upstream_without_quotes_is_told_how_to_quote() {
    assert_snapshot!(check("[upstreams.docker.io]\nusername = \"alice\"\n"));
}

#[test]
fn wrong_types_are_told_with_what_is_wanted() {
    assert_snapshot!(check(
        "listen = 5000\ndata = true\n[cache]\nmax_size = 53687091200\ntag_ttl = 300\non_gone = \"server\"\n\
         [log]\naccess = \"true\"\nformat = \"JSON\"\n[server]\nmax_connections = 1.5\n[clients]\nallow = \"10.0.0.0/8\"\n"
    ));
}

#[test]
fn amounts_without_a_unit_are_told_how_to_write_them() {
    assert_snapshot!(check(
        "[cache]\nmax_size = \"1000\"\ntag_ttl = \"300\"\nversion_ttl = \"6 hours\"\n"
    ));
}

#[test]
fn an_item_of_a_list_is_told_at_its_own_line() {
    assert_snapshot!(check(
        "[clients]\nallow = [\n  \"10.0.0.0/8\",\n  \"192.168.1.1/16\",\n]\n"
    ));
}

#[test]
fn a_wrong_rule_is_told() {
    assert_snapshot!(check(
        "[cache]\ntag_rules = [{ pattern = \"v*\", tll = \"6h\" }]\n"
    ));
    assert_snapshot!(check("[[cache.tag_rules]]\npattern = \"v*\"\n"));
    assert_snapshot!(check(
        "[[cache.tag_rules]]\npattern = \"v[\"\nttl = \"6h\"\n"
    ));
}

#[test]
fn a_duplicate_key_is_told() {
    assert_snapshot!(check("[cache]\ntag_ttl = \"5m\"\ntag_ttl = \"6m\"\n"));
}

#[test]
fn a_file_that_is_no_toml_is_told_without_its_text() {
    let told = check("[upstreams.\"docker.io\"]\npassword = \"canary\n");
    assert!(!told.contains("canary"), "{told}");
    assert_snapshot!(told);
}

#[test]
fn many_problems_are_told_together_and_the_rest_counted() {
    let keys: Vec<String> = (0..13).map(|n| format!("nonsense_{n:02} = 1\n")).collect();
    assert_snapshot!(check(&keys.concat()));
}

#[test]
fn mistakes_of_every_kind_are_told_at_once() {
    assert_snapshot!(check(
        "listen = \"0.0.0.0:5000\"\n[cache]\nmax_sze = \"50GiB\"\ntag_ttl = 300\nnegative_ttl = \"25h\"\n\
         [upstreams.\"docker.io\"]\nusername = \"alice\"\n\
         [upstreams.\"ghcr.io\"]\nburst = 0\nprefix = \"a/b\"\n\
         [upstreams.\"quay.io\"]\nurl = \"http://registry.example.com\"\n[server]\nmax_connections = 0\n"
    ));
}

#[test]
fn no_mistake_makes_another_that_nobody_made() {
    let wrong = [
        // Who may ask, where the password is, that plain http is meant, and what the root is: written, and not understood.
        "listen = \"0.0.0.0:5000\"\n[clients]\nalow = [\"10.0.0.0/8\"]\n",
        "listen = \"0.0.0.0:5000\"\n[clients]\nallow = [\"10.0.0.0/33\"]\n",
        "listen = \"0.0.0.0:5000\"\n[cleints]\nallow = [\"10.0.0.0/8\"]\n",
        "[upstreams.\"docker.io\"]\nusername = \"alice\"\npasword_file = \"a\"\n",
        "[upstreams.\"quay.io\"]\nurl = \"http://registry.example.com\"\ninsecure = 1\n",
        "root = \"r.example.com\"\n[upstreams.\"r.example.com\"]\nurll = \"https://10.0.0.1\"\n",
        "root = \"r.example.com\"\nupstreams = \"r.example.com\"\n",
    ];
    for config in wrong {
        let told = check(config);
        assert_eq!(told.matches("error:").count(), 1, "{told}");
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    assert_snapshot!(Program::new().check());
}

#[test]
fn serve_refuses_a_wrong_file_too() {
    let program = Program::with_config("[cache]\nmax_sze = \"50GiB\"\n");
    assert_snapshot!(program.run(&["serve", "--config", "forebay.toml"]));
}

#[test]
fn a_right_file_is_said_to_be_right() {
    assert_snapshot!(check(
        "[upstreams.\"docker.io\"]\nurl = \"http://127.0.0.1:7000\"\nusername = \"alice\"\npassword = \"canary\"\n\
         [upstreams.\"registry.example.com\"]\nallow = [\"library/*\", \"hashicorp/vault\"]\n"
    ));
}

#[test]
fn what_a_right_file_does_not_do_is_noted() {
    let program = Program::with_config(
        r#"
local = ["team/*"]
[upstreams."registry.example"]
hosts = ["private.forebay.example"]
authorize = "client"
[[access.allow]]
who = ["user:alice"]
actions = ["push"]
repositories = ["other/*"]
[[lifecycle]]
repositories = ["**"]
keep_newest = 10
[[lifecycle]]
repositories = ["team/*"]
not_pulled_for = "90d"
"#,
    );
    let program = program.file("photos/holiday.jpg", "mine");
    let words = [
        "config",
        "check",
        "--config",
        "forebay.toml",
        "--data",
        "photos",
    ];
    assert_snapshot!(program.run(&words));
}

#[test]
fn a_file_with_all_the_common_keys_is_right() {
    let program = Program::with_config(
        r#"
listen = "127.0.0.1:5000"
data = "./forebay-data"
[upstreams."docker.io"]
url = "http://127.0.0.1:7000"
token_hosts = ["127.0.0.1:7000"]
blob_hosts = ["127.0.0.9:7001", "[::1]:7001"]
username = "alice"
password_file = "hub.token"
[clients]
allow = ["10.0.0.0/8"]
[cache]
on_gone = "serve"
max_size = "50GiB"
tag_ttl = "5m"
version_ttl = "6h"
"#,
    );
    let told = program.file("hub.token", "canary\n").check();
    assert!(told.starts_with("exit: 0"), "{told}");
}
