//! An upstream that says itself what its clients may pull (`authorize = "client"`): who is let in, by which door, for how long, and
//! what it is asked for that.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::join_all;
use hub_sim::{Fault, Hub, HubSim, Image, On, Record};

use crate::client::{Answer, Ask};
use crate::clocked::{advance, clocked};
use crate::image::Pull;
use crate::program::{Forebay, Program};

/// The host of its own, and the name that images have there.
const HOST: &str = "private.forebay.example";
const NAME: &str = "registry.example";

const IMAGE: &str = "/v2/team/app/manifests/1";
const BOUND: Duration = Duration::from_mins(5);

const ALICE: Option<(&str, &str)> = Some(("alice", "alices-password"));
const BOB: Option<(&str, &str)> = Some(("bob", "bobs-password"));

async fn hub() -> Hub {
    let hub = HubSim::new()
        .image("team/app:1", Image::small())
        .image("team/other:1", Image::small())
        .image("library/nginx:1", Image::small())
        .private("team/app", &["alice", "operator"])
        .private("team/other", &["operator"])
        .account("alice", "alices-password", None)
        .account("bob", "bobs-password", None)
        .account("operator", "operators-password", None);
    hub.start().await
}

fn keys(more: &str) -> String {
    format!(
        "hosts = [\"{HOST}\"]\nauthorize = \"client\"\nusername = \"operator\"\npassword = \"operators-password\"\n{more}"
    )
}

/// With the hub as an upstream that is asked as its clients, and as docker.io.
fn before(hub: &Hub) -> Forebay {
    Forebay::before(hub).upstream_with(NAME, hub, &keys(""))
}

fn as_user(ask: Ask, who: Option<(&str, &str)>) -> Ask {
    let ask = ask.header("host", HOST);
    let Some((name, password)) = who else {
        return ask;
    };
    let credential = BASE64_STANDARD.encode(format!("{name}:{password}"));
    ask.header("authorization", &format!("Basic {credential}"))
}

async fn get(program: &Program, who: Option<(&str, &str)>, path: &str) -> Answer {
    as_user(Ask::get(path), who).to(program.address).await
}

/// What it is told, in few words.
async fn told(program: &Program, who: Option<(&str, &str)>, path: &str) -> String {
    get(program, who, path).await.told()
}

/// Pulls an image as a client does that is logged in, and expects every byte of it.
async fn pull(program: &Program, hub: &Hub, who: Option<(&str, &str)>, image: &str) {
    for part in Pull::of(hub, image).parts() {
        part.expect(&get(program, who, &part.path).await);
    }
}

/// Questions about rights: those that a client's own account asked, or nobody's.
fn is_of_clients(record: &Record) -> bool {
    record.account() != Some("operator") && !record.is(On::Token)
}

fn is_get(record: &Record) -> bool {
    record.is_get() && (record.is(On::Manifest) || record.is(On::Blob))
}

#[tokio::test]
async fn who_may_pull_there_pulls_here_and_who_may_not_sees_nothing() {
    let hub = hub().await;
    let program = before(&hub).start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    // Fetched once and as the operator; of alice there was one HEAD, and nothing that counts.
    assert_eq!(
        hub.count(|record| is_get(record) && is_of_clients(record)),
        0
    );
    let heads = |account| hub.count(|record| record.is_head() && record.account() == account);
    assert_eq!(heads(Some("alice")), 1);

    // What is kept is nobody else's: neither bob's, who has an account, nor nobody's.
    hub.clear_requests();
    let blob = &Pull::of(&hub, "team/app:1").blobs[0].path;
    let digest = hub.digest("team/app:1");
    let paths = [
        IMAGE.to_owned(),
        format!("/v2/team/app/manifests/{digest}"),
        blob.clone(),
        "/v2/team/app/tags/list".to_owned(),
        format!("/v2/team/app/referrers/{digest}"),
    ];
    for path in &paths {
        let refused = get(&program, BOB, path).await;
        assert_eq!(
            refused.refusal(),
            (404, "NAME_UNKNOWN".to_owned()),
            "{path}"
        );
        let nobody = get(&program, None, path).await;
        assert_eq!(nobody.refusal(), (401, "UNAUTHORIZED".to_owned()), "{path}");
        assert_eq!(
            nobody.header("www-authenticate"),
            Some(&*format!("Basic realm=\"{NAME}\""))
        );
        // What is not there looks like it, to its last header.
        let absent = path.replace("team/app", "no/such");
        for who in [BOB, None] {
            let (there, absent) = (
                get(&program, who, path).await,
                get(&program, who, &absent).await,
            );
            assert_eq!(
                there.words("team/app"),
                absent.words("no/such"),
                "{who:?} {path}"
            );
        }
    }
    // One question each about either repository, in the half minute in which it is remembered.
    let bobs = hub.count(|record| record.is_head() && record.account() == Some("bob"));
    assert_eq!(bobs, 2);
    assert_eq!(hub.count(is_get), 0);
    for path in &paths {
        assert_eq!(told(&program, ALICE, path).await, "200", "{path}");
    }
    // She has no right to what the operator has.
    let others = "/v2/team/other/manifests/1";
    assert_eq!(told(&program, ALICE, others).await, "404 NAME_UNKNOWN");
    // What everybody may pull there, nobody needs a login for.
    pull(&program, &hub, None, "library/nginx:1").await;
    // As containers/image says that it has none.
    let empty = Some(("", ""));
    pull(&program, &hub, empty, "library/nginx:1").await;
    assert_eq!(told(&program, empty, IMAGE).await, "401 UNAUTHORIZED");
    assert_eq!(hub.refused_logins(""), 0);
    assert!(hub.violations().is_empty(), "{:?}", hub.violations());
    // No word of a password anywhere.
    for text in [program.log.text(), program.out.text()] {
        assert!(!text.contains("password"), "{text}");
    }
}

#[tokio::test]
async fn a_right_that_is_taken_back_ends_within_its_time_although_all_is_kept() {
    let hub = hub().await;
    let program = clocked(before(&hub)).start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    hub.make_private("team/app", &["operator"]);
    hub.clear_requests();
    let by_digest = format!("/v2/team/app/manifests/{}", hub.digest("team/app:1"));
    let all_but_a_second = BOUND.saturating_sub(Duration::from_secs(1));
    advance(&program, all_but_a_second).await;
    assert_eq!(told(&program, ALICE, &by_digest).await, "200");
    assert_eq!(hub.count(is_of_clients), 0);
    advance(&program, Duration::from_secs(1)).await;
    for part in Pull::of(&hub, "team/app:1").parts() {
        assert_eq!(told(&program, ALICE, &part.path).await, "404 NAME_UNKNOWN");
    }
    // One question for all of it, and another when half a minute is over; before the first of a login that has worked one finds out
    // how the registry is to be asked, for what strangers heard is theirs.
    assert_eq!(hub.count(is_of_clients), 2);
    hub.make_private("team/app", &["alice", "operator"]);
    advance(&program, Duration::from_secs(30)).await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    assert_eq!(hub.count(is_of_clients), 3);
    assert_eq!(hub.count(is_get), 0);

    // A password that is no longer hers is out in the same time.
    hub.set_account("alice", "another-password", None);
    advance(&program, BOUND).await;
    assert_eq!(told(&program, ALICE, &by_digest).await, "401 UNAUTHORIZED");
}

#[tokio::test]
async fn while_the_registry_cannot_be_asked_rights_hold_their_time_and_no_longer() {
    let hub = hub().await;
    let program = clocked(before(&hub)).start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    pull(&program, &hub, None, "library/nginx:1").await;
    let warm = format!("/v2/team/app/manifests/{}", hub.digest("team/app:1"));
    for (fault, refusal) in [
        // Of no kind that is tried again: the clock stands still.
        (Fault::Status(500), "503 UNAVAILABLE"),
        (Fault::AbuseLimited, "429 TOOMANYREQUESTS"),
    ] {
        hub.fault(fault.clone()).always();
        assert_eq!(told(&program, ALICE, &warm).await, "200", "{fault:?}");
        // Never asked before, and so not given: no trouble is a right.
        let bob = get(&program, BOB, &warm).await;
        assert_eq!(bob.told(), refusal, "{fault:?}");
        assert!(bob.header("retry-after").is_some(), "{fault:?}");
        advance(&program, BOUND).await;
        let alice = get(&program, ALICE, &warm).await;
        assert_eq!(alice.told(), refusal, "{fault:?}");
        hub.lift_all();
        advance(&program, BOUND).await;
        assert_eq!(told(&program, ALICE, &warm).await, "200", "{fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_not_hammered_into_the_registry() {
    let hub = hub().await;
    let program = clocked(before(&hub)).start().await;
    let wrong = Some(("alice", "wrong"));
    let all = (0..50).map(|_| get(&program, wrong, IMAGE));
    for answer in join_all(all).await {
        assert_eq!(answer.refusal(), (401, "UNAUTHORIZED".to_owned()));
    }
    assert_eq!(hub.refused_logins("alice"), 1);
    // Guesses for one name from one address end before the registry locks it, and her own password is as good as before.
    pull(&program, &hub, ALICE, "team/app:1").await;
    for minute in 0..10 {
        for guess in 0..10 {
            let guess = format!("{minute}-{guess}");
            let answer = get(&program, Some(("alice", &guess)), "/v2/").await;
            assert!(matches!(answer.status, 401 | 429), "{answer:?}");
        }
        advance(&program, Duration::from_mins(1)).await;
    }
    // Three, and one more when enough of them are made up for.
    assert_eq!(hub.refused_logins("alice"), 4);
    assert_eq!(told(&program, ALICE, IMAGE).await, "200");
    // Guesses of other names end as well, and whoever has an account comes in where one has.
    for guess in 0..10 {
        let answer = get(&program, Some((&format!("eve{guess}"), "x")), "/v2/").await;
        assert!(matches!(answer.status, 401 | 429), "{answer:?}");
    }
    let guessed: u64 = (0..10)
        .map(|guess| hub.refused_logins(&format!("eve{guess}")))
        .sum();
    assert_eq!(guessed, 2);
}

#[tokio::test]
async fn clients_are_told_by_names_that_the_registry_has_taken_and_by_none_that_they_only_say() {
    let hub = hub().await;
    let setup = before(&hub).with("[ledger]\nstorm_threshold = 5");
    let program = setup.start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    // As many as five a minute make in four.
    for _ in 0..21 {
        let wrong = Some(("mallory", "operators-password"));
        assert_eq!(told(&program, wrong, IMAGE).await, "401 UNAUTHORIZED");
    }
    assert!(
        program
            .log
            .line_with("a client asks again and again")
            .await
            .is_some()
    );
    let top = program.setup.run(&["top", "--once", "--json"]).await.out;
    let top: serde_json::Value = serde_json::from_str(&top).expect("JSON");
    let of = |list: &str| {
        let list = top[list].as_array().expect("a list").iter();
        let users = list.map(|one| one["client"]["user"].as_str().map(str::to_owned));
        let mut users: Vec<_> = users.collect();
        users.sort();
        users
    };
    assert_eq!(of("spent"), [None, Some("alice".to_owned())]);
    assert_eq!(of("storms"), [None]);
    let export = program.setup.run(&["ledger", "export", "--csv"]).await.out;
    assert!(export.contains(",alice,"), "{export}");
    assert!(!export.contains("mallory"), "{export}");
    assert!(!program.log.text().contains("mallory"));
}

#[tokio::test]
async fn a_reload_that_changes_the_section_knows_still_who_has_logged_in() {
    let hub = hub().await;
    let setup = before(&hub);
    let program = setup.start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    // Nobody who is new comes in from here at once.
    for guess in 0..5 {
        get(&program, Some((&format!("eve{guess}"), "x")), "/v2/").await;
    }
    assert_eq!(told(&program, BOB, "/v2/").await, "429 TOOMANYREQUESTS");
    setup
        .clone()
        .anew()
        .upstream("docker.io", &hub)
        .upstream_with(NAME, &hub, &keys("authorize_for = \"1m\"\n"))
        .write_config();
    assert!(program.reload().await);
    assert_eq!(told(&program, BOB, "/v2/").await, "429 TOOMANYREQUESTS");
    hub.clear_requests();
    pull(&program, &hub, ALICE, "team/app:1").await;
    let asked = hub.count(|record| record.is_head() && record.account() == Some("alice"));
    assert_eq!(asked, 1, "what she may is asked anew");
}

#[tokio::test]
async fn strangers_spend_a_part_of_the_pace_and_who_logs_in_waits_for_none_of_them() {
    let hub = hub().await;
    let slow = keys("requests_per_minute = 128\nburst = 128\n");
    let setup = Forebay::before(&hub).upstream_with(NAME, &hub, &slow);
    let program = clocked(setup).start().await;
    pull(&program, &hub, None, "library/nginx:1").await;
    let made_up = |number| format!("/v2/made/up{number}/manifests/1");
    for number in 0..20 {
        let answer = get(&program, None, &made_up(number)).await;
        assert_eq!(answer.refusal(), (401, "UNAUTHORIZED".to_owned()));
        // Of a quarter's quarter, which is eight requests, three were for what everybody may have; each question takes a token.
        assert_eq!(
            answer.header("retry-after").is_some(),
            number >= 2,
            "{number}"
        );
    }
    let asked = hub.count(|record| record.is_head() && record.account().is_none());
    // Three, and the first of theirs and of the operator's, which finds out how it is to be asked.
    assert_eq!(asked, 5);
    // What was asked lately is told all the same.
    pull(&program, &hub, None, "library/nginx:1").await;
    // Hers alone waits for none of this, though she comes from the same address.
    pull(&program, &hub, ALICE, "team/app:1").await;
    advance(&program, Duration::from_mins(1)).await;
    let answer = get(&program, None, &made_up(20)).await;
    assert_eq!(answer.header("retry-after"), None);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_question() {
    let hub = hub().await;
    let program = before(&hub).start().await;
    let all = (0..100).map(|_| get(&program, ALICE, IMAGE));
    for answer in join_all(all).await {
        assert_eq!(answer.told(), "200");
    }
    let alices = hub.count(|record| record.account() == Some("alice") && record.is(On::Manifest));
    assert_eq!(alices, 1);
    assert_eq!(hub.count(is_get), 1);
}

#[tokio::test]
async fn only_its_own_host_leads_to_it_and_nothing_else_is_there() {
    let hub = hub().await;
    let setup = before(&hub).with("[access]\n[[access.allow]]\nwho = [\"anonymous\"]\nrepositories = [\"**\"]\nactions = [\"pull\"]\n");
    let program = setup.start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    hub.clear_requests();
    // By no rule and no other door, neither with her login nor without.
    for path in [
        "/v2/team/app/manifests/1?ns=registry.example",
        "/v2/registry.example/team/app/manifests/1",
    ] {
        let answer = program.get(path).await;
        assert!(
            matches!(answer.refusal().0, 401 | 404),
            "{path}: {answer:?}"
        );
    }
    // At its host `?ns=` is its name or wrong.
    let ns = |name: &str| format!("{IMAGE}?ns={name}");
    assert_eq!(told(&program, ALICE, &ns(NAME)).await, "200");
    let other = "/v2/library/nginx/manifests/1?ns=docker.io";
    assert_eq!(told(&program, ALICE, other).await, "404 NAME_UNKNOWN");
    // A greeting is its own: a login is good if it is there.
    let greeting = get(&program, None, "/v2/").await;
    assert_eq!(
        (greeting.status, greeting.header("www-authenticate")),
        (401, Some("Basic realm=\"registry.example\""))
    );
    assert_eq!(told(&program, ALICE, "/v2/").await, "200");
    let wrong = Some(("alice", "wrong"));
    assert_eq!(told(&program, wrong, "/v2/").await, "401 UNAUTHORIZED");
    // Nothing of ours is there: no tokens, no list of our repositories, no place to push to.
    for path in ["/token?scope=repository:team/app:pull", "/v2/_catalog"] {
        assert_eq!(
            told(&program, ALICE, path).await,
            "404 UNSUPPORTED",
            "{path}"
        );
    }
    for path in ["/v2/app/blobs/uploads/", "/v2/team/app/blobs/uploads/"] {
        let push = as_user(Ask::new(http::Method::POST, path), ALICE);
        let refused = push.to(program.address).await;
        assert_eq!(refused.refusal(), (405, "UNSUPPORTED".to_owned()));
    }
    let bearer = Ask::get(IMAGE)
        .header("host", HOST)
        .header("authorization", "Bearer abc");
    assert_eq!(bearer.to(program.address).await.status, 401);
    // Elsewhere the greeting is Forebay's.
    let greeting = program.get("/v2/").await;
    let challenge = greeting.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    assert_eq!(
        program.get("/v2/library/nginx/manifests/1").await.status,
        200
    );
    // None of this asked the registry for her image.
    let asked = hub.count(|record| record.account() == Some("alice") && record.is(On::Manifest));
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn images_that_are_not_on_the_list_are_neither_asked_for_nor_named() {
    let hub = hub().await;
    let setup = Forebay::new().upstream_with(NAME, &hub, &keys("allow = [\"team/app\"]\n"));
    let program = setup.start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    hub.clear_requests();
    let near = get(&program, BOB, "/v2/team/apps/manifests/1").await;
    assert_eq!(near.refusal(), (404, "NAME_UNKNOWN".to_owned()));
    assert!(!near.text().contains("team/app"), "{}", near.text());
    assert_eq!(hub.requests().len(), 0);
}

#[tokio::test]
async fn a_reload_opens_and_closes_the_door() {
    let hub = hub().await;
    let open = Forebay::before(&hub).upstream(NAME, &hub);
    let program = open.start().await;
    // Under the rules of access, of which there are none, whoever may ask may pull.
    let path = "/v2/registry.example/library/nginx/manifests/1";
    assert_eq!(program.get(path).await.status, 200);
    open.clone()
        .anew()
        .upstream("docker.io", &hub)
        .upstream_with(NAME, &hub, &keys(""))
        .write_config();
    assert!(program.reload().await);
    for path in [path, "/v2/library/nginx/manifests/1?ns=registry.example"] {
        let answer = program.get(path).await;
        assert_eq!(answer.refusal(), (404, "NAME_UNKNOWN".to_owned()), "{path}");
        assert!(answer.text().contains("a host name of its own"), "{path}");
    }
    pull(&program, &hub, ALICE, "team/app:1").await;
    assert_eq!(told(&program, BOB, IMAGE).await, "404 NAME_UNKNOWN");
    // The operator's own commands name it as ever.
    let refreshed = program
        .setup
        .clone()
        .run(&["refresh", "registry.example/team/app:1"])
        .await;
    assert!(refreshed.status.success(), "{}", refreshed.log);
    // Whoever loses that line would open to all what each had to have a right to: a restart does it, and no reload.
    open.write_config();
    assert!(!program.reload().await);
    assert_eq!(told(&program, BOB, IMAGE).await, "404 NAME_UNKNOWN");
    assert_eq!(program.get(path).await.status, 404);
    // Nor do two reloads what one may not: without the whole section it is closed, and what was kept of it stays.
    let without = open.clone().anew().upstream("docker.io", &hub);
    without.write_config();
    assert!(program.reload().await);
    assert_eq!(program.get(path).await.status, 404);
    open.write_config();
    assert!(!program.reload().await);
    assert_eq!(program.get(path).await.status, 404);
    // The section as it was may come back.
    let guarded = without.upstream_with(NAME, &hub, &keys(""));
    guarded.write_config();
    assert!(program.reload().await);
    pull(&program, &hub, ALICE, "team/app:1").await;
    open.write_config();
    assert!(!program.reload().await);
    assert_eq!(told(&program, BOB, IMAGE).await, "404 NAME_UNKNOWN");
}

#[tokio::test]
async fn what_another_registry_gave_under_the_name_is_shown_to_nobody_who_may_read_in_this_one() {
    let hub = hub().await;
    let program = before(&hub).start().await;
    pull(&program, &hub, ALICE, "team/app:1").await;
    let olds: Vec<String> = Pull::of(&hub, "team/app:1")
        .parts()
        .map(|part| part.path.clone())
        .collect();
    assert_eq!(told(&program, BOB, IMAGE).await, "404 NAME_UNKNOWN");

    // Another registry, where bob has a repository of that name, and nothing that is in the first one's.
    let other = HubSim::new()
        .image("team/app:1", Image::small().seed(2))
        .image("library/nginx:1", Image::small())
        .private("team/app", &["bob", "operator"])
        .account("bob", "bobs-password", None)
        .account("operator", "operators-password", None)
        .start()
        .await;
    let anew = program.setup.clone().anew().upstream("docker.io", &hub);
    let elsewhere = anew.clone().upstream_with(NAME, &other, &keys(""));
    let is_of_the_other_alone = async |program: &Program| {
        pull(program, &other, BOB, "team/app:1").await;
        assert_eq!(told(program, ALICE, IMAGE).await, "401 UNAUTHORIZED");
        for old in olds.iter().filter(|path| *path != IMAGE) {
            let answer = get(program, BOB, old).await;
            assert_eq!(answer.status, 404, "{old}: {answer:?}");
        }
    };
    elsewhere.write_config();
    assert!(program.reload().await);
    is_of_the_other_alone(&program).await;
    program.stop().await;

    // A start tells them apart as well; and what the first one gave is still there, once it has its name again.
    let program = anew.upstream_with(NAME, &hub, &keys("")).start().await;
    hub.clear_requests();
    pull(&program, &hub, ALICE, "team/app:1").await;
    assert_eq!(hub.count(is_get), 0, "{}", hub.requests());
    assert_eq!(told(&program, BOB, IMAGE).await, "404 NAME_UNKNOWN");
    program.stop().await;
    let program = elsewhere.start().await;
    is_of_the_other_alone(&program).await;
}
