//! What is written of access, and what it comes to.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use forebay_oci::Act;

use crate::resolved::AccessConfig;
use crate::{Config, ConfigErrors, Environment, Flags, Sources, as_toml, load, show};

/// A bcrypt hash of the lowest cost.
const HASH: &str = "$2y$05$abcdefghijklmnopqrstuuJ4e3wNvGBtbbCkaeaDmDIyxYIBhTRC6";

/// A workload that lacks nothing.
const WORKLOAD: &str = "[[access.workloads]]\nname = \"main\"\nissuer = \"https://gitlab.example\"\n\
                        audience = \"registry\"\nclaims = { ref = \"main\" }\n";

struct Written {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Written {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forebay.toml");
        std::fs::write(&path, text).unwrap();
        let sources = Sources::new(Some(path), Environment::default(), Flags::default());
        Self { folder, sources }
    }

    /// With a file beside it that only its owner reads.
    fn beside(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        load(&self.sources)
    }

    fn access(&self) -> Option<AccessConfig> {
        self.load().unwrap().access
    }

    /// What is wrong, with its line and hints, without the folder.
    fn told(&self) -> String {
        use crate::Advice as _;
        let errors = self.load().expect_err("nothing is wrong");
        let problems = errors.problems().iter().map(|problem| {
            let hints = problem.hints();
            let hints: Vec<_> = hints.iter().map(|hint| format!(" ({hint})")).collect();
            format!("{problem}{}", hints.concat())
        });
        let told: Vec<_> = problems.collect();
        let folder: &Path = self.folder.path();
        told.join("\n")
            .replace(&format!("{}/", folder.display()), "")
    }
}

fn told(text: &str) -> String {
    Written::new(text).told()
}

#[test]
fn access_is_configured_as_soon_as_anything_of_it_is_written() {
    assert_eq!(Written::new("").access(), None);
    for text in [
        "[access]\n",
        "[access]\ntoken_lifetime = \"5m\"\n",
        "[access.groups]\ndev = []\n",
    ] {
        let access = Written::new(text).access().expect(text);
        assert!(access.rules.is_empty() && access.htpasswd.is_empty());
        assert_eq!(access.service, "forebay");
    }
    let environment = Environment::of([("FOREBAY_ACCESS__SERVICE", "registry")]);
    let sources = Sources::new(None, environment, Flags::default());
    assert!(load(&sources).unwrap().access.is_some());
}

#[test]
fn what_is_shown_where_nothing_is_written_configures_nothing() {
    let shown = as_toml(&show(&Written::new("").sources).unwrap());
    assert!(!shown.contains("[access]"), "{shown}");
    assert_eq!(Written::new(&shown).access(), None);
}

#[test]
fn all_that_can_be_written_comes_to_what_it_says_and_is_shown() {
    let text = "[access]\nhtpasswd_file = \"users\"\ntoken_lifetime = \"10m\"\nurl = \"https://registry.example:5443\"\n\
        [access.groups]\ndev = [\"user:alice\", \"robot:ci-*\"]\n\
        [[access.allow]]\nwho = [\"group:dev\", \"workload:main\"]\nrepositories = [\"team/*\", \"docker.io/library/*\"]\n\
        actions = [\"pull\", \"push\"]\n\
        [[access.allow]]\nwho = [\"anonymous\"]\nrepositories = [\"**\"]\nactions = [\"pull\"]\n\
        [[access.workloads]]\nname = \"main\"\nissuer = \"https://kubernetes.default.svc\"\naudience = \"registry\"\n\
        claims = { \"kubernetes.io/namespace\" = [\"ci\", \"ci-*\"], sub = \"system:*\" }\nrepositories = [\"team/app\"]\n\
        actions = [\"push\"]\nca_file = \"ca.pem\"\nprivate = true\nkey_hosts = [\"10.0.0.1:6443\"]\n";
    let written = Written::new(text)
        .beside("users", &format!("# ours\nbob:{HASH}\n"))
        .beside("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let access = written.access().unwrap();
    assert_eq!(access.rules.len(), 2);
    assert!(
        access.rules[0].right.acts.has(Act::Push) && !access.rules[0].right.acts.has(Act::Delete)
    );
    assert_eq!(access.groups["dev"].len(), 2);
    assert_eq!(access.htpasswd.len(), 1);
    assert_eq!(access.workloads[0].name().as_str(), "main");
    let issuer = &access.issuers[0];
    assert_eq!(issuer.issuer, "https://kubernetes.default.svc");
    assert!(issuer.private && issuer.ca_file.is_some());
    assert_eq!(issuer.key_hosts, ["10.0.0.1:6443"]);
    assert_eq!(access.token_lifetime.as_secs(), 600);
    assert_eq!(access.service, "registry.example");
    // What is shown can be written again, and is the same.
    let shown = as_toml(&show(&written.sources).unwrap());
    assert!(!shown.contains(HASH), "{shown}");
    let again = Written::new(&shown).access().unwrap();
    assert_eq!(again, access, "{shown}");
}

#[test]
fn a_wrong_rule_is_told_with_its_line_and_the_way_out() {
    let rule = |who: &str, repositories: &str, actions: &str| {
        told(&format!(
            "[[access.allow]]\nwho = [{who}]\nrepositories = [{repositories}]\nactions = [{actions}]\n"
        ))
    };
    let (who, repositories, actions) = ("\"user:a\"", "\"team/*\"", "\"pull\"");
    for (told, expected) in [
        (
            rule("\"alice\"", repositories, actions),
            "forebay.toml:2: `access.allow` has a rule whose `who` holds \"alice\": nobody is called so",
        ),
        (
            rule("\"alice\"", repositories, actions),
            "(a user is written \"user:alice\")",
        ),
        (
            rule("", repositories, actions),
            "has a rule whose `who` is empty",
        ),
        (
            rule(who, "", actions),
            "has a rule whose `repositories` is empty",
        ),
        (
            rule(who, repositories, ""),
            "has a rule whose `actions` is empty",
        ),
        (
            rule(who, "\"Team/*\"", actions),
            "forebay.toml:3: `access.allow` has a rule whose `repositories` holds \"Team/*\", which matches nothing",
        ),
        (
            rule(who, "\"docker.io\"", actions),
            "write docker.io/** for all of that registry",
        ),
        (
            rule(who, "\"library/*\"", actions),
            "(write \"docker.io/library/*\")",
        ),
        (
            rule(who, repositories, "\"pul\""),
            "has a rule whose `actions` is \"pul\"",
        ),
        (
            rule(who, repositories, "\"pul\""),
            "(the nearest is \"pull\")",
        ),
        (
            rule("\"group:dev\"", repositories, actions),
            "a rule is for group:dev, and there is no such group",
        ),
        (
            rule("\"workload:main\"", repositories, actions),
            "a rule for workload:main, and no workload is called so (write one as [[access.workloads]])",
        ),
        (
            told("[[access.allow]]\nwho = [\"user:a\"]\n"),
            "has a rule without `actions`",
        ),
        (
            told("[[access.allow]]\nwhom = [\"user:a\"]\n"),
            "has a rule with the unknown key `whom` (the nearest key is `who`)",
        ),
        (
            told("[access]\nallow = [\"user:a\"]\n"),
            "wanted a rule such as",
        ),
        (
            told("[access.groups]\nb = [\"group:a\"]\na = []\n"),
            "group:b has a group as a member",
        ),
        (
            told("[access.groups]\n\"a b\" = []\n"),
            "has a group \"a b\"",
        ),
        (
            told("[access.groups]\ndev = [\"alice\"]\n"),
            "has a group `dev` that holds \"alice\"",
        ),
    ] {
        assert!(told.contains(expected), "{told}\nwanted {expected}");
    }
}

#[test]
fn a_wrong_workload_is_told_with_its_line_and_what_it_would_let_in() {
    let with = |from: &str, to: &str| told(&WORKLOAD.replace(from, to));
    for (told, expected) in [
        (
            with("https://gitlab", "http://gitlab"),
            "forebay.toml:1: `access.workloads`: the issuer of rule main is no URL with https",
        ),
        (
            with("https://gitlab.example", "https://gitlab.example/?a=b"),
            "the issuer of rule main has a query or fragment",
        ),
        (
            with("https://gitlab", "https://me@gitlab"),
            "the issuer of rule main has a user or password",
        ),
        (
            with("\"registry\"", "\"\""),
            "has a workload whose `audience` is empty",
        ),
        (
            with("\"main\" }", "\"*\" }"),
            "takes every token of its issuer",
        ),
        (
            with(
                "https://gitlab.example",
                "https://token.actions.githubusercontent.com",
            ),
            "forebay.toml:1: `access.workloads`: rule main takes jobs of whoever has an account at \
             https://token.actions.githubusercontent.com: bind a claim to an owner that is written out, such as repository = \"YOURS/*\"",
        ),
        (
            with("{ ref = \"main\" }", "{}"),
            "takes every token of its issuer",
        ),
        (
            with("{ ref = \"main\" }", "{ ref = [] }"),
            "has no value for the claim ref",
        ),
        (
            with("{ ref = \"main\" }", "{ ref = true }"),
            "has a claim `ref` that is true",
        ),
        (
            with("claims = { ref = \"main\" }", ""),
            "has a workload without `claims`",
        ),
        (
            with("name = \"main\"", "name = \"a/b\""),
            "has a workload whose `name` is \"a/b\"",
        ),
        (
            told(&format!("{WORKLOAD}repositories = [\"a/*\"]\n")),
            "has a workload without `actions`",
        ),
        (
            told(&format!("{WORKLOAD}ca_file = \"none.pem\"\n")),
            "the `ca_file` of main: none.pem cannot be read",
        ),
        (
            told(&format!("{WORKLOAD}{WORKLOAD}")),
            "has two that are called main",
        ),
        (
            told(&format!(
                "{WORKLOAD}{}private = true\n",
                WORKLOAD.replace("\"main\"\nissuer", "\"other\"\nissuer")
            )),
            "other says otherwise than a rule before it how https://gitlab.example is reached",
        ),
    ] {
        assert!(told.contains(expected), "{told}\nwanted {expected}");
    }
}

#[test]
fn a_file_of_users_is_told_by_its_line_and_never_shown() {
    let text = "[access]\nhtpasswd_file = \"users\"\n";
    for (file, expected) in [
        (
            format!("alice:{HASH}\nbob:hunter2\n"),
            "line 2 has no bcrypt hash",
        ),
        ("hunter2".to_owned(), "line 1 is no name and hash"),
    ] {
        let told = Written::new(text).beside("users", &file).told();
        assert!(told.contains(expected), "{told}");
        assert!(
            told.starts_with("forebay.toml:2: `access.htpasswd_file`: users"),
            "{told}"
        );
        assert!(!told.contains("hunter2") && !told.contains(HASH));
    }
    assert!(told(text).contains("users cannot be read"));
    let open = Written::new(text).beside("users", "");
    let path = open.folder.path().join("users");
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(open.told().contains("can be read by everybody"));
}

#[test]
fn the_other_keys_have_bounds() {
    for (key, expected) in [
        ("token_lifetime = \"30s\"", "at least 1m is wanted"),
        ("token_lifetime = \"2h\"", "at most 1h is taken"),
        ("service = \"a\\\"b\"", "`access.service` is"),
        ("url = \"https://registry.example/v2\"", "has a path"),
        ("url = \"registry.example\"", "is not a URL"),
    ] {
        let told = told(&format!("[access]\n{key}\n"));
        assert!(told.contains(expected), "{told}");
    }
}
