//! Rules of upstreams: their names, addresses, and what belongs to two of them.

use insta::assert_snapshot;

use crate::program::Program;

fn check(config: &str) -> String {
    Program::with_config(config).check()
}

#[test]
fn names_that_only_look_like_another_are_refused() {
    assert_snapshot!(check(
        "[upstreams.\"Docker.io\"]\n[upstreams.\"docker.io.\"]\n[upstreams.\".ghcr.io\"]\n[upstreams.\"dосker.io\"]\n\
         [upstreams.\"quay.io:443\"]\n[upstreams.\"hub\"]\n"
    ));
    assert_snapshot!(check(
        "[upstreams.\"dokcer.io\"]\nusername = \"alice\"\npassword = \"canary\"\n"
    ));
    assert_snapshot!(check("# nothing\n[upstreams.\"ghrc.io\"]\n"));
}

#[test]
fn addresses_carry_no_user_and_no_path() {
    assert_snapshot!(check(
        "[upstreams.\"a.example\"]\nurl = \"https://alice:canary@a.example\"\n\
         [upstreams.\"b.example\"]\nurl = \"https://b.example/v2/\"\n\
         [upstreams.\"c.example\"]\nurl = \"c.example\"\n\
         [upstreams.\"d.example\"]\nurl = \"http://d.example\"\n"
    ));
}

#[test]
fn where_the_same_images_are_is_not_known_of_another_registry_and_that_is_told() {
    let built_in = check("");
    assert!(!built_in.contains("note:"), "{built_in}");
    let other = check("[upstreams.\"docker.io\"]\nurl = \"http://127.0.0.1:7000\"\n");
    let note = "note: docker.io/library/* is not looked for at public.ecr.aws/docker/library/*, \
                because the url of docker.io is not the built-in one";
    assert!(other.contains(note), "{other}");
    let said = "[[equivalents]]\nfrom = \"docker.io/library/*\"\nto = [\"public.ecr.aws/docker/library/*\", \
                \"mirror.gcr.io/library/*\"]\n[upstreams.\"docker.io\"]\nurl = \"http://127.0.0.1:7000\"\n";
    let said = check(said);
    assert!(
        said.starts_with("exit: 0") && !said.contains("note:"),
        "{said}"
    );
}

#[test]
fn plain_http_to_a_public_host_is_refused() {
    assert_snapshot!(check(
        "[upstreams.\"docker.io\"]\nurl = \"http://registry-1.docker.io\"\n"
    ));
}

#[test]
fn a_prefix_or_host_means_one_upstream() {
    assert_snapshot!(check(
        "[upstreams.\"a.example\"]\nprefix = \"hub\"\nhosts = [\"cache.example\", \"quay.io\"]\n\
         [upstreams.\"b.example\"]\nprefix = \"hub\"\nhosts = [\"cache.example\"]\n"
    ));
}

#[test]
fn an_upstream_that_is_asked_as_its_clients_has_a_host_of_its_own_and_no_other_door() {
    assert_snapshot!(check(
        "root = \"a.example\"\n\
         [upstreams.\"a.example\"]\nauthorize = \"client\"\nprefix = \"mine\"\nauthorize_for = \"2h\"\n\
         [upstreams.\"b.example\"]\nauthorize = \"clients\"\n"
    ));
}

#[test]
fn the_root_is_an_upstream() {
    assert_snapshot!(check("root = \"docker.com\"\n"));
    assert_snapshot!(check("[upstreams.\"docker.io\"]\nenabled = false\n"));
}

#[test]
fn an_empty_allow_list_is_refused() {
    assert_snapshot!(check("[upstreams.\"docker.io\"]\nallow = []\n"));
}

#[test]
fn a_ca_file_is_there_and_holds_certificates() {
    let config = "[upstreams.\"a.example\"]\nca_file = \"ca.pem\"\n";
    assert_snapshot!(check(config));
    assert_snapshot!(
        Program::with_config(config)
            .file("ca.pem", "nothing")
            .check()
    );
}

#[test]
fn ecr_needs_an_account_and_a_region_and_one_way_to_log_in() {
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    assert_snapshot!(check(&format!("[upstreams.\"{ecr}\"]\nprivate = true\n")));
    assert_snapshot!(check(&format!(
        "[upstreams.\"{ecr}\"]\necr_account = \"123456789012\"\n"
    )));
    assert_snapshot!(check(&format!(
        "[upstreams.\"{ecr}\"]\necr_account = 123456789012\necr_region = \"eu-west-1\"\n"
    )));
    assert_snapshot!(check(&format!(
        "[upstreams.\"{ecr}\"]\necr_account = \"123456789012\"\necr_region = \"eu-west-2\"\n"
    )));
    assert_snapshot!(check(
        "[upstreams.\"a.example\"]\nusername = \"alice\"\npassword = \"canary\"\naws_secret = \"hub\"\n"
    ));
}

#[test]
fn ecr_by_account_and_region_derives_its_address() {
    assert_snapshot!(check(
        "[upstreams.\"ecr.example\"]\necr_account = \"123456789012\"\necr_region = \"cn-north-1\"\n"
    ));
}

#[test]
fn listening_off_loopback_needs_clients() {
    assert_snapshot!(check("listen = [\"127.0.0.1:5000\", \"0.0.0.0:5000\"]\n"));
}

#[test]
fn a_key_that_would_do_nothing_is_refused() {
    assert_snapshot!(check(
        "[upstreams.\"docker.io\"]\naws_secret_region = \"eu-west-1\"\naws_endpoint = \"http://aws.example\"\n"
    ));
}

#[test]
fn a_pace_at_which_nothing_would_come_is_refused() {
    assert_snapshot!(check(
        "[upstreams.\"docker.io\"]\nrequests_per_minute = 0\nburst = 100001\n"
    ));
}

#[test]
fn another_name_of_docker_hub_is_no_upstream_of_its_own() {
    assert_snapshot!(check(
        "[upstreams.\"index.docker.io\"]\nusername = \"alice\"\n[upstreams.\"registry-1.docker.io\"]\n"
    ));
}

#[test]
fn patterns_that_can_match_nothing_are_told() {
    assert_snapshot!(check(
        "[upstreams.\"docker.io\"]\nallow = [\"nginx\", \"docker.io/org/app\", \"library/redis\"]\n"
    ));
}

#[test]
fn a_root_that_is_not_enabled_is_told_with_where() {
    assert_snapshot!(check(
        "root = \"ghcr.io\"\n\n[upstreams.\"ghcr.io\"]\nenabled = false\n"
    ));
}

/// What no start takes, by the configuration alone, is told by a check in the same words.
#[test]
fn what_keeps_a_server_from_its_start_is_told_before() {
    let rubbish = "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n";
    let rules =
        "[[access.allow]]\nwho = [\"anonymous\"]\nrepositories = [\"**\"]\nactions = [\"pull\"]\n";
    let issuer = "[[access.workloads]]\nname = \"ci\"\nissuer = \"https://issuer.example\"\naudience = \"a\"\nclaims = { sub = \"ci\" }\nca_file = \"rubbish.pem\"\n";
    let own = |host: &str, rest: &str| {
        format!("local = [\"team/*\"]\n[upstreams.\"docker.io\"]\nhosts = [\"{host}\"]\n{rest}")
    };
    let cases = [
        (
            own("localhost", ""),
            "forebay.toml:3: clients reach Forebay at localhost, which `upstreams.\"docker.io\".hosts` gives to docker.io",
        ),
        (
            own("hub.example", "[access]\nurl = \"https://hub.example\"\n") + rules,
            "forebay.toml:3: clients reach Forebay at hub.example, which",
        ),
        (
            "[upstreams.\"ghcr.io\"]\nhosts = [\"registry-1.docker.io\"]\n".to_owned(),
            "forebay.toml:2: `upstreams.\"ghcr.io\".hosts` holds \"registry-1.docker.io\", which is another upstream's name",
        ),
        (
            "[upstreams.\"docker.io\"]\nca_file = \"rubbish.pem\"\n".to_owned(),
            "cannot set up upstreams.\"docker.io\"",
        ),
        (format!("{rules}{issuer}"), "cannot set up access.workloads"),
    ];
    for (config, told) in cases {
        let program = Program::with_config(&config).file("rubbish.pem", rubbish);
        let checked = program.check();
        assert!(checked.contains(told), "{checked}");
        let started = program.run(&["serve", "--config", "forebay.toml"]);
        let why = |told: &str| told.split_once("error: ").map(|(_, why)| why.to_owned());
        assert_eq!(why(&started), why(&checked));
    }
}

#[test]
fn a_host_of_ours_that_is_an_upstreams_is_noted_where_nothing_is_lost_by_it_yet() {
    let checked = check("[upstreams.\"docker.io\"]\nhosts = [\"127.0.0.1:5000\"]\n");
    assert!(checked.starts_with("exit: 0"), "{checked}");
    let note = "note: clients reach Forebay at 127.0.0.1:5000, which `upstreams.\"docker.io\".hosts` gives to docker.io: no local repository is reached there";
    assert!(checked.contains(note), "{checked}");
}
