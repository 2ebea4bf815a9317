//! What SIGHUP leaves alone: an upstream of which nothing changed, and what limits have been heard of one that did change.

use std::os::unix::fs::PermissionsExt as _;

use hub_sim::{Fault, Hub, HubSim, Image, On, RetryAfter, Role, hours};

use crate::client::Ask;
use crate::lifecycle::InFlight;
use crate::program::{Forebay, Program};

const COLD: &str = "/v2/library/nginx/manifests/1";

/// Keys of the upstream that do not say who we are there.
const OTHER_KEYS: [&str; 3] = [
    "",
    "allow = [\"library/*\"]",
    // Another upstream as far as the way to it goes.
    "token_hosts = [\"127.0.0.1:9\"]",
];

fn limited() -> HubSim {
    HubSim::new()
        .image("library/nginx:1", Image::small())
        .anonymous_limit(0, hours(6))
        .account("alice", "a password", None)
        .retry_after(RetryAfter::Seconds(7000))
}

/// A configuration of docker.io with these keys, beside its address.
fn configured(hub: &Hub, program: &Program, keys: &str) {
    let lists = if keys.contains("token_hosts") {
        let (url, blob) = (hub.url(), hub.blob_host());
        let hosts = keys.replace("[\"", &format!("[\"{}\", \"", hub.token_host()));
        program.setup.clone().anew().with(&format!(
            "[upstreams.\"docker.io\"]\nurl = \"{url}\"\nblob_hosts = [\"{blob}\"]\n{hosts}"
        ))
    } else {
        let setup = program.setup.clone().anew();
        setup.upstream_with("docker.io", hub, keys)
    };
    lists.write_config();
}

/// The status of a cold pull, and how much was asked for it.
async fn cold(hub: &Hub, program: &Program) -> (u16, usize) {
    hub.clear_requests();
    let status = program.get(COLD).await.status;
    (status, hub.requests().len())
}

#[tokio::test]
async fn a_limit_that_was_heard_is_kept_to_whatever_else_changes() {
    let hub = limited().start().await;
    let program = Forebay::before(&hub).start().await;
    assert_eq!(program.get(COLD).await.refusal().0, 429);
    for keys in OTHER_KEYS {
        configured(&hub, &program, keys);
        assert!(program.reload().await, "{keys}");
        assert_eq!(cold(&hub, &program).await, (429, 0), "{keys}");
    }
}

#[tokio::test]
async fn a_limit_of_an_upstream_that_was_away_is_kept_to_when_it_is_back() {
    let hub = limited().start().await;
    let setup = Forebay::before(&hub);
    let program = setup.clone().upstream("other.example", &hub).start().await;
    let path = format!("{COLD}?ns=other.example");
    hub.fault(Fault::WithoutHeader("ratelimit-remaining".to_owned()))
        .method("HEAD")
        .always();
    assert_eq!(program.get(&path).await.refusal().1, "TOOMANYREQUESTS");
    hub.clear_requests();
    setup.write_config();
    assert!(program.reload().await);
    assert_eq!(program.get(&path).await.status, 404);
    setup.upstream("other.example", &hub).write_config();
    assert!(program.reload().await);
    assert_eq!(program.get(&path).await.refusal().1, "TOOMANYREQUESTS");
    let gets = hub.count(|request| request.is(On::Manifest) && request.is_get());
    assert_eq!(gets, 0, "{}", hub.requests());
}

#[tokio::test]
async fn another_account_is_not_held_to_the_limit_of_the_one_before() {
    let hub = limited().start().await;
    let program = Forebay::before(&hub).start().await;
    assert_eq!(program.get(COLD).await.refusal().0, 429);
    configured(
        &hub,
        &program,
        "username = \"alice\"\npassword = \"a password\"",
    );
    assert!(program.reload().await);
    assert_eq!(cold(&hub, &program).await.0, 200);
}

#[tokio::test]
async fn the_limit_of_an_account_is_kept_to_when_we_are_it_again() {
    const ALICE: &str = "username = \"alice\"\npassword = \"a password\"";
    const BOB: &str = "username = \"bob\"\npassword = \"another\"";
    let hub = (1..=5)
        .fold(HubSim::new(), |hub, tag| {
            hub.image(&format!("library/nginx:{tag}"), Image::small())
        })
        .account("alice", "a password", Some((2, hours(6))))
        .account("bob", "another", None)
        .retry_after(RetryAfter::Seconds(7000))
        .start()
        .await;
    // What is left is told by pulls alone.
    hub.fault(Fault::WithoutHeader("ratelimit-remaining".to_owned()))
        .method("HEAD")
        .always();
    let program = Forebay::new()
        .upstream_with("docker.io", &hub, ALICE)
        .start()
        .await;
    let pull = async |tag: u8| {
        let path = format!("/v2/library/nginx/manifests/{tag}");
        program.get(&path).await.status
    };
    for (tag, expected) in [(1, 200), (2, 200), (3, 429)] {
        assert_eq!(pull(tag).await, expected, "{tag}");
    }
    configured(&hub, &program, BOB);
    assert!(program.reload().await);
    assert_eq!(pull(4).await, 200);
    configured(&hub, &program, ALICE);
    assert!(program.reload().await);
    hub.clear_requests();
    assert_eq!(pull(5).await, 429);
    let gets = hub.count(|request| request.is(On::Manifest) && request.is_get());
    assert_eq!(gets, 0, "{}", hub.requests());
}

#[tokio::test]
async fn the_limit_of_our_address_is_kept_to_whoever_we_are() {
    let hub = limited().start().await;
    let program = Forebay::before(&hub).start().await;
    hub.fault(Fault::AbuseLimited).on(On::Registry).once();
    assert_eq!(program.get(COLD).await.refusal().0, 429);
    configured(
        &hub,
        &program,
        "username = \"alice\"\npassword = \"a password\"",
    );
    assert!(program.reload().await);
    assert_eq!(cold(&hub, &program).await, (429, 0));
}

#[tokio::test]
async fn an_open_breaker_stays_open() {
    const OPEN: &str = "forebay_upstream_breaker_open{upstream=\"docker.io\"}";
    let hub = limited().start().await;
    let program = Forebay::before(&hub).start().await;
    hub.fault(Fault::Close).on(On::Any).always();
    while program.metric(OPEN).await < 1.0 {
        program.get(COLD).await;
    }
    for keys in OTHER_KEYS.iter().take(2) {
        configured(&hub, &program, keys);
        assert!(program.reload().await, "{keys}");
        // One may be the request that tries again.
        let (status, asked) = cold(&hub, &program).await;
        assert!(status >= 500 && asked <= 1, "{keys}: {status}, {asked}");
        assert!(program.metric(OPEN).await > 0.0);
    }
}

#[tokio::test]
async fn a_fill_that_is_under_way_is_joined_by_who_comes_after() {
    let InFlight {
        hub,
        program,
        pull,
        gate,
    } = InFlight::begin("").await;
    let blob = &pull.blobs[1];
    let mut before = program.open(Ask::get(&blob.path)).await;
    let begun = before.read(1000).await;
    program
        .setup
        .clone()
        .anew()
        .upstream_with("docker.io", &hub, OTHER_KEYS[1])
        .with("[cache]\ntag_ttl = \"1m\"")
        .write_config();
    assert!(program.reload().await);
    let mut after = program.open(Ask::get(&blob.path)).await;
    let joined = after.read(1000).await;
    gate.open();
    for (begun, flow) in [(begun, before), (joined, after)] {
        let rest = flow.rest().await;
        assert!(rest.is_whole);
        assert!([begun, rest.body].concat() == blob.bytes);
    }
    let downloads = hub.count(|request| request.role == Role::Blob && request.is_get());
    assert_eq!(downloads, 1);
}

#[tokio::test]
async fn rules_of_the_cache_hold_from_then_on() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    assert_eq!(cold(&hub, &program).await.0, 200);
    assert_eq!(cold(&hub, &program).await, (200, 0));
    program
        .setup
        .clone()
        .with("[cache]\nversion_ttl = \"0s\"")
        .write_config();
    assert!(program.reload().await);
    assert_eq!(cold(&hub, &program).await, (200, 1), "one HEAD");
}

#[tokio::test]
async fn a_rotated_password_file_is_taken_up() {
    let hub = HubSim::new()
        .image("acme/app:1", Image::small())
        .private("acme/app", &["alice"])
        .account("alice", "the new one", None)
        .start()
        .await;
    let setup = Forebay::new().upstream_with(
        "docker.io",
        &hub,
        "username = \"alice\"\npassword_file = \"password\"",
    );
    let file = setup.file("password");
    let write = |password: &str| {
        std::fs::write(&file, password).expect("a file in our own folder");
        let owners = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&file, owners).expect("a file of ours");
    };
    write("the old one");
    let program = setup.start().await;
    let path = "/v2/acme/app/manifests/1";
    assert!(matches!(program.get(path).await.refusal().0, 401 | 403));
    write("the new one");
    assert!(program.reload().await);
    assert_eq!(program.get(path).await.status, 200);
}

#[tokio::test]
async fn what_was_measured_of_an_upstream_goes_with_it() {
    let hub = limited().start().await;
    let setup = Forebay::before(&hub).upstream("other.example", &hub);
    let program = setup.start().await;
    program.get(&format!("{COLD}?ns=other.example")).await;
    hub.fault(Fault::Close).on(On::Any).always();
    let gauges = [
        "upstream_breaker_open",
        "upstream_limit",
        "upstream_limit_remaining",
    ];
    let of_other = |gauge: &str| format!("forebay_{gauge}{{upstream=\"other.example\"}}");
    while program.metric(&of_other(gauges[0])).await < 1.0 {
        let path = "/v2/library/nginx/tags/list?ns=other.example";
        program.get(path).await;
    }
    for gauge in gauges {
        let text = program.get("/metrics").await.text();
        assert!(text.contains(&of_other(gauge)), "{gauge} is not in\n{text}");
    }
    configured(&hub, &program, "");
    assert!(program.reload().await);
    let text = program.get("/metrics").await.text();
    for gauge in gauges {
        assert!(!text.contains(&of_other(gauge)), "{gauge} is in\n{text}");
    }
    assert!(text.contains("forebay_upstream_requests_total{upstream=\"other.example\""));
}

#[tokio::test]
async fn another_data_directory_is_left_alone_by_a_server_that_was_told_of_it_while_it_runs() {
    let hub = limited().start().await;
    let program = Forebay::before(&hub).start().await;
    let elsewhere = program.setup.file("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder of ours");
    let socket = elsewhere.join("control.sock");
    std::fs::write(&socket, "another server's").expect("a file of ours");
    let config = program.setup.file("forebay.toml");
    let text = std::fs::read_to_string(&config).expect("our configuration");
    let text = text.replace("data = \"data\"", "data = \"elsewhere\"");
    std::fs::write(&config, text).expect("our configuration");
    // It is told each time, as long as it is not so.
    for times in 1..=2 {
        assert!(program.reload().await);
        let told = program.log.count("taken over by the next start only");
        assert_eq!(told, times, "{}", program.log.text());
    }
    let ended = program.stop().await;
    assert!(socket.exists());
    assert!(!ended.setup.data().join("control.sock").exists());
}

#[tokio::test]
async fn what_a_configuration_does_not_do_is_told_at_the_start_and_after_a_reload() {
    const NOTE: &str = "of the configuration: lifecycle rule 1 keeps none";
    let rule = "[[lifecycle]]\nrepositories = [\"**\"]\nkeep_newest = 0\n";
    let setup = Forebay::new().with(rule);
    let program = setup.start().await;
    // It listens before it says what it is.
    program.log.line_with(NOTE).await.expect("a note");
    assert!(program.reload().await);
    let log = program.stop().await.log;
    assert_eq!(log.matches(NOTE).count(), 2, "{log}");
}

/// Where the file is broken, a reload says line, column and what to do in the words of `config check`.
#[tokio::test]
async fn a_broken_file_is_told_as_config_check_tells_it() {
    let program = Forebay::new().start().await;
    for broken in [
        "[cache\nmax_size = \"1GiB\"",
        "cache.max_size = 1GiB",
        "this is no TOML",
        "[cache]\ntag_ttl = \"5m",
        "[cache]\ntag_ttl = \"5m\"\ntag_ttl = \"6m\"",
        "[cache]\nmax_sze = \"1GiB\"",
    ] {
        let checked = program.setup.clone().with(broken);
        let checked = checked.run(&["config", "check"]).await.log;
        assert!(!program.reload().await, "{checked}");
        let log = program.log.text().replace("\\\"", "\"");
        let told = checked.lines().filter_map(|line| {
            let problem = line.strip_prefix("error: ");
            problem.or_else(|| line.strip_prefix("hint: "))
        });
        let told: Vec<&str> = told.collect();
        assert!(!told.is_empty(), "{checked}");
        for one in told {
            assert!(log.contains(one), "{one} is not in {log}");
        }
        assert!(
            checked.contains("at column") || broken.contains("max_sze"),
            "{checked}"
        );
        assert_eq!(checked.matches("error: ").count(), 1, "{checked}");
    }
}
