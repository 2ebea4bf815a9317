//! What clients may read by logins of their own: what the registry is asked as them, and what its answers give.

use std::time::Duration;

use forebay_content::{
    Caller, ClientLogin, ClientRight, ClientRights, ClientVisit, Missing, Secret, Sought,
    SourceError, Standing, UpstreamCall,
};
use forebay_oci::Digest;
use forebay_upstream::UpstreamRights;
use hub_sim::{Fault, Hub, HubSim, Image, On};
use url::Url;

use crate::raw::{RawServer, answer};
use crate::rig::{Setup, is_token, request, split};

const GIVEN: ClientRight = ClientRight::Given {
    is_login_proven: true,
};
/// To whoever asks.
const OPEN: ClientRight = ClientRight::Given {
    is_login_proven: false,
};
const REFUSED: ClientRight = ClientRight::Refused {
    is_login_proven: true,
};
/// Of who showed no login, or one of which nothing is known.
const REFUSED_UNSAID: ClientRight = ClientRight::Refused {
    is_login_proven: false,
};

/// `alice:secret` and `alice:wrong`, in lower case as the raw server keeps it.
const ALICE: &str = "authorization: basic ywxpy2u6c2vjcmv0";

async fn hub() -> Hub {
    let hub = HubSim::new()
        .image("team/app:1", Image::small())
        .image("library/nginx:1", Image::small())
        .private("team/app", &["alice", "operator"])
        .account("alice", "secret", None)
        .account("bob", "secret", Some((1, Duration::from_hours(6))));
    hub.start().await
}

fn login(name: &str, password: &str) -> ClientLogin {
    ClientLogin {
        name: name.to_owned(),
        password: Secret::new(password),
        standing: Standing::default(),
    }
}

async fn right(
    rights: &UpstreamRights,
    who: Option<(&str, &str)>,
    image: &str,
) -> Result<ClientRight, SourceError> {
    let (request, reference) = split(image);
    let login = who.map(|(name, password)| login(name, password));
    let sought = Sought::Manifest(reference);
    rights.check_right(&request, login.as_ref(), &sought).await
}

async fn greet(
    rights: &UpstreamRights,
    name: &str,
    password: &str,
) -> Result<ClientRight, SourceError> {
    let visit = ClientVisit {
        caller: Caller::ourselves(),
        patience: Duration::from_secs(20),
    };
    rights.check_login(&visit, &login(name, password)).await
}

#[tokio::test]
async fn a_right_is_what_the_registry_says_to_that_login() {
    let hub = hub().await;
    // Whoever the operator is there is nobody's business.
    let (rights, _) = Setup::of(&hub).login("operator", "operators").rights();
    let ask = |who, image| right(&rights, who, image);
    let alice = Some(("alice", "secret"));
    let (given, wrong) = (GIVEN, ClientRight::WrongLogin);
    assert_eq!(ask(alice, "team/app:1").await.unwrap(), given);
    let bob = ask(Some(("bob", "secret")), "team/app:1").await.unwrap();
    assert_eq!(bob, REFUSED);
    let mallory = ask(Some(("alice", "wrong")), "team/app:1").await.unwrap();
    assert_eq!(mallory, wrong);
    assert_eq!(ask(None, "team/app:1").await.unwrap(), REFUSED_UNSAID);
    assert_eq!(ask(None, "library/nginx:1").await.unwrap(), OPEN);
    assert_eq!(
        ask(alice, "team/app:none").await.unwrap(),
        ClientRight::Absent(Missing::Manifest)
    );
    assert_eq!(ask(alice, "no/such:1").await.unwrap(), REFUSED);
    assert_eq!(greet(&rights, "alice", "secret").await.unwrap(), given);
    assert_eq!(greet(&rights, "alice", "wrong").await.unwrap(), wrong);
    // By nothing that a limit counts, and as nobody but those who asked.
    assert_eq!(hub.charged(), 0);
    assert_eq!(
        hub.count(|record| record.is(On::Manifest) && record.is_get()),
        0
    );
    assert!(hub.count(|record| record.account() == Some("operator")) == 0);
    // No token of theirs is kept: each question but the first has one of its own.
    assert_eq!(hub.count(is_token), 9);
    hub.make_private("team/app", &["bob"]);
    assert_eq!(ask(alice, "team/app:1").await.unwrap(), REFUSED);
}

#[tokio::test]
async fn blobs_and_lists_show_the_right_as_manifests_do() {
    let hub = hub().await;
    let blob = &hub.layers("team/app:1")[0];
    let (rights, _) = Setup::of(&hub).rights();
    let request = request("team/app");
    for sought in [Sought::Blob(blob.digest().parse().unwrap()), Sought::Lists] {
        for (name, expected) in [("alice", GIVEN), ("bob", REFUSED)] {
            let login = login(name, "secret");
            let right = rights.check_right(&request, Some(&login), &sought).await;
            assert_eq!(right.unwrap(), expected, "{name} {sought:?}");
        }
    }
    // A store that signs for GETs alone refuses a HEAD: that is not the registry's word.
    hub.fault(Fault::SignatureExpired).always();
    let sought = Sought::Blob(blob.digest().parse().unwrap());
    for (name, expected) in [("alice", GIVEN), ("bob", REFUSED)] {
        let login = login(name, "secret");
        let right = rights.check_right(&request, Some(&login), &sought).await;
        assert_eq!(right.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_limit_trouble_and_a_web_page_give_nothing_and_refuse_nothing() {
    let hub = hub().await;
    let (rights, seen) = Setup::of(&hub).hasty().rights();
    let alice = Some(("alice", "secret"));
    right(&rights, alice, "team/app:1").await.unwrap();
    for fault in [Fault::Status(500), Fault::Hang, Fault::Html(200)] {
        hub.fault(fault.clone()).on(On::Manifest).always();
        let asked = right(&rights, alice, "team/app:1").await;
        assert!(asked.is_err(), "{fault:?}: {asked:?}");
        hub.lift_all();
    }
    hub.fault(Fault::Status(500)).on(On::Token).always();
    let asked = right(&rights, alice, "team/app:1").await;
    assert!(
        matches!(asked, Err(SourceError::Unavailable { .. })),
        "{asked:?}"
    );
    hub.lift_all();
    // A client's budgets are not ours, and nobody is told that they were; what stops the whole address is told.
    hub.spend_account("bob", 1);
    let bob = right(&rights, Some(("bob", "secret")), "library/nginx:1").await;
    assert_eq!(bob.unwrap(), GIVEN);
    assert_eq!((seen.limits(), seen.last_reading()), (vec![], None));
    hub.fault(Fault::AbuseLimited).on(On::Manifest).always();
    let limited = right(&rights, alice, "team/app:1").await;
    assert!(
        matches!(limited, Err(SourceError::Limited { .. })),
        "{limited:?}"
    );
    let scopes: Vec<String> = seen.limits().into_iter().map(|told| told.scope).collect();
    assert_eq!(scopes, ["everything"]);
    assert_eq!(seen.breaker(), [] as [bool; 0]);
    let asked = seen.statuses();
    assert!(asked.contains(&(UpstreamCall::HeadManifest, Some(200))));
}

#[tokio::test]
async fn a_lockout_is_of_the_name_that_was_locked() {
    let hub = HubSim::new()
        .image("team/app:1", Image::small())
        .account("alice", "secret", None)
        .account("bob", "secret", None)
        .lockout(2, Duration::from_mins(10))
        .start()
        .await;
    let (rights, _) = Setup::of(&hub).rights();
    for _ in 0..2 {
        let wrong = greet(&rights, "alice", "wrong").await.unwrap();
        assert_eq!(wrong, ClientRight::WrongLogin);
    }
    for password in ["wrong", "secret"] {
        let locked = greet(&rights, "alice", password).await;
        assert!(
            matches!(locked, Err(SourceError::Limited { .. })),
            "{locked:?}"
        );
    }
    // What was told of the lockout is enough.
    assert_eq!(hub.refused_logins("alice"), 3);
    let bob = greet(&rights, "bob", "secret").await.unwrap();
    assert_eq!(bob, GIVEN);
}

#[tokio::test]
async fn a_lockout_at_a_registry_that_takes_logins_itself_is_heard_once() {
    const LOCKED: &str = "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"too many failed login attempts for username or IP address\"}]}";
    let server = RawServer::start("127.0.0.1", |head| {
        // `alice:` and `bob:secret`, as Basic has them.
        if head.contains("ywxpy2u6") {
            answer("429 Too Many Requests", "retry-after: 600\r\n", LOCKED)
        } else if head.contains("ym9iOnNlY3JldA==".to_ascii_lowercase().as_str()) {
            answer("200 OK", "content-type: application/json\r\n", "{}")
        } else {
            answer(
                "401 Unauthorized",
                "www-authenticate: Basic realm=\"x\"\r\n",
                "",
            )
        }
    })
    .await;
    let hub = HubSim::new().start().await;
    let url = Url::parse(&format!("http://{}", server.address)).unwrap();
    let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
    for asked in [2, 2, 2] {
        let locked = greet(&rights, "alice", "wrong").await;
        assert!(
            matches!(locked, Err(SourceError::Limited { .. })),
            "{locked:?}"
        );
        assert_eq!(server.heads().len(), asked);
    }
    let bob = greet(&rights, "bob", "secret").await.unwrap();
    assert_eq!(bob, GIVEN);
}

#[tokio::test]
async fn a_login_goes_to_no_token_service_that_is_not_listed() {
    let hub = hub().await;
    let (rights, _) = Setup::of(&hub).rights();
    let realm = format!("{}/token", hub.trap_url());
    hub.fault(Fault::Realm(realm)).always();
    let asked = right(&rights, Some(("alice", "secret")), "team/app:1").await;
    assert!(
        matches!(asked, Err(SourceError::Invalid { .. })),
        "{asked:?}"
    );
    assert_eq!(hub.count(hub_sim::Record::has_authorization), 0);
    assert!(hub.violations().is_empty());
}

/// What a registry says a manifest is.
const MANIFEST: &str = "content-type: application/vnd.oci.image.manifest.v1+json\r\n";

#[tokio::test]
async fn what_says_yes_to_everybody_and_is_no_registry_gives_no_right() {
    for (status, headers) in [
        ("200 OK", ""),
        ("200 OK", "content-type: Text/HTML; charset=utf-8\r\n"),
        ("200 OK", "content-type: application/xhtml+xml\r\n"),
        ("200 OK", "content-type: text/plain\r\n"),
        ("204 No Content", MANIFEST),
        ("206 Partial Content", MANIFEST),
    ] {
        let server = RawServer::start("127.0.0.1", move |_| answer(status, headers, "")).await;
        let hub = HubSim::new().start().await;
        let url = Url::parse(&format!("http://{}", server.address)).unwrap();
        let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
        for who in [None, Some(("mallory", "wrong"))] {
            let told = right(&rights, who, "team/app:1").await;
            assert!(
                !matches!(told, Ok(ClientRight::Given { .. })),
                "{status} {headers}"
            );
        }
    }
}

/// As a gateway tells of an outage, or of its terms.
#[tokio::test]
async fn what_says_yes_to_everybody_in_json_gives_no_right_to_anything() {
    let digest = Digest::sha256(b"secret");
    for body in [
        "{\"ok\":1}",
        "{\"name\":\"team/app\"}",
        "[]",
        "\"tags\"",
        "",
    ] {
        let json = "content-type: application/json\r\n";
        let server = RawServer::start("127.0.0.1", move |_| answer("200 OK", json, body)).await;
        let hub = HubSim::new().start().await;
        let url = Url::parse(&format!("http://{}", server.address)).unwrap();
        let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
        let (request, reference) = split("team/app:1");
        for sought in [
            Sought::Lists,
            Sought::Blob(digest.clone()),
            Sought::Manifest(reference),
        ] {
            let told = rights.check_right(&request, None, &sought).await;
            assert!(
                !matches!(told, Ok(ClientRight::Given { .. })),
                "{body} {sought:?}: {told:?}"
            );
        }
    }
    for body in ["{\"name\":\"team/app\",\"tags\":[]}", "{\"tags\":null}"] {
        let json = "content-type: application/json\r\n";
        let server = RawServer::start("127.0.0.1", move |_| answer("200 OK", json, body)).await;
        let hub = HubSim::new().start().await;
        let url = Url::parse(&format!("http://{}", server.address)).unwrap();
        let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
        let (request, _) = split("team/app:1");
        let told = rights.check_right(&request, None, &Sought::Lists).await;
        assert_eq!(told.unwrap(), OPEN, "{body}");
    }
}

#[tokio::test]
async fn a_registry_that_takes_logins_itself_is_asked_whether_it_knows_one_that_it_refuses() {
    let server = RawServer::start("127.0.0.1", |head| {
        let challenge = "www-authenticate: Basic realm=\"x\"\r\n";
        let is_alice = head.contains(ALICE);
        if is_alice && (head.contains("/v2/own/") || head.contains(" /v2/ ")) {
            answer("200 OK", MANIFEST, "")
        } else {
            answer("401 Unauthorized", challenge, "")
        }
    })
    .await;
    let hub = HubSim::new().start().await;
    let url = Url::parse(&format!("http://{}", server.address)).unwrap();
    let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
    let alice = Some(("alice", "secret"));
    let ask = |who, image| right(&rights, who, image);
    assert_eq!(ask(alice, "own/app:1").await.unwrap(), GIVEN);
    assert_eq!(ask(alice, "strange/app:1").await.unwrap(), REFUSED);
    assert_eq!(ask(None, "own/app:1").await.unwrap(), REFUSED_UNSAID);
    let wrong = ask(Some(("alice", "wrong")), "own/app:1").await.unwrap();
    assert_eq!(wrong, ClientRight::WrongLogin);
    assert_eq!(greet(&rights, "alice", "secret").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn a_registry_that_greets_everybody_says_nothing_of_a_login_by_that() {
    let server = RawServer::start("127.0.0.1", |head| {
        let challenge = "www-authenticate: Basic realm=\"x\"\r\n";
        let is_open = head.contains(" /v2/ ") || head.contains("/v2/open/");
        if is_open || head.contains(ALICE) && head.contains("/v2/own/") {
            answer("200 OK", MANIFEST, "")
        } else {
            answer("401 Unauthorized", challenge, "")
        }
    })
    .await;
    let hub = HubSim::new().start().await;
    let url = Url::parse(&format!("http://{}", server.address)).unwrap();
    let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
    let [alice, wrong] = [("alice", "secret"), ("alice", "wrong")];
    let ask = |who, image| right(&rights, who, image);
    let unknown = ClientRight::Unknown;
    // Whether it has asked for a login before, or not yet.
    for round in 0..2 {
        for (name, password) in [alice, wrong] {
            let greeted = greet(&rights, name, password).await.unwrap();
            assert_eq!(greeted, unknown, "{round} {password}");
            let open = ask(Some((name, password)), "open/app:1").await.unwrap();
            assert_eq!(open, OPEN, "{round} {password}");
        }
        // That it refuses nobody the same is seen where it first asks for a login, and asked for where it did before.
        let before = server.heads().len();
        assert_eq!(ask(Some(alice), "own/app:1").await.unwrap(), GIVEN);
        assert_eq!(server.heads().len(), before + 2, "{round}");
        let refused = REFUSED_UNSAID;
        for who in [alice, wrong] {
            let told = ask(Some(who), "strange/app:1").await.unwrap();
            assert_eq!(told, refused, "{round}");
        }
        let told = ask(Some(wrong), "own/app:1").await.unwrap();
        assert_eq!(told, refused, "{round}");
    }
}

#[tokio::test]
async fn what_a_greeting_says_of_a_login() {
    let limited = "SourceError::Limited";
    for (status, to_login, at_greeting) in [
        ("200 OK", Ok(GIVEN), Ok(REFUSED)),
        (
            "401 Unauthorized",
            Ok(ClientRight::WrongLogin),
            Ok(ClientRight::WrongLogin),
        ),
        ("403 Forbidden", Ok(REFUSED_UNSAID), Ok(REFUSED_UNSAID)),
        ("404 Not Found", Ok(REFUSED_UNSAID), Ok(REFUSED_UNSAID)),
        ("429 Too Many Requests", Err(limited), Err(limited)),
        ("418 I'm a teapot", Err("Invalid"), Err("Invalid")),
        (
            "500 Internal Server Error",
            Err("Unavailable"),
            Err("Unavailable"),
        ),
        (
            "503 Service Unavailable",
            Err("Unavailable"),
            Err("Unavailable"),
        ),
    ] {
        // Refuses nobody, and all images; greets as it does.
        let server = RawServer::start("127.0.0.1", move |head| {
            let challenge = "www-authenticate: Basic realm=\"x\"\r\n";
            if head.contains("authorization:") && head.contains(" /v2/ ") {
                answer(status, "", "")
            } else {
                answer("401 Unauthorized", challenge, "")
            }
        })
        .await;
        let hub = HubSim::new().start().await;
        let url = Url::parse(&format!("http://{}", server.address)).unwrap();
        let setup = || Setup::of(&hub).change(|config| config.url = url.clone());
        let said = |told: Result<ClientRight, SourceError>| match told {
            Ok(right) => Ok(right),
            Err(SourceError::Limited { .. }) => Err(limited),
            Err(SourceError::Invalid { .. }) => Err("Invalid"),
            Err(SourceError::Unavailable { .. }) => Err("Unavailable"),
            Err(other) => panic!("{status}: {other}"),
        };
        let greeted = greet(&setup().rights().0, "alice", "secret").await;
        assert_eq!(said(greeted), to_login, "{status}");
        // Asked whether it knows a login that it refuses an image.
        let alice = Some(("alice", "secret"));
        let told = right(&setup().rights().0, alice, "team/app:1").await;
        assert_eq!(said(told), at_greeting, "{status}");
    }
}

#[tokio::test]
async fn a_login_that_a_token_was_given_for_is_good_whoever_greets_it() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found"] {
        let server = RawServer::start("127.0.0.1", move |head| {
            let host = head
                .split("host: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let realm = format!("http://{}/token", host.unwrap());
            let challenge = format!("www-authenticate: Bearer realm=\"{realm}\"\r\n");
            if head.contains(" /token") && head.contains(ALICE) {
                answer("200 OK", "", "{\"token\":\"t\"}")
            } else if head.contains(" /token") {
                answer("403 Forbidden", "", "")
            } else if head.contains("authorization: bearer") {
                answer(status, &challenge, "")
            } else {
                answer("401 Unauthorized", &challenge, "")
            }
        })
        .await;
        let hub = HubSim::new().start().await;
        let url = Url::parse(&format!("http://{}", server.address)).unwrap();
        let (rights, _) = Setup::of(&hub).change(|config| config.url = url).rights();
        let greeted = greet(&rights, "alice", "secret").await.unwrap();
        assert_eq!(greeted, REFUSED, "{status}");
        // A service that gives none says nothing of a password where it does not say that it is wrong.
        let greeted = greet(&rights, "bob", "secret").await.unwrap();
        assert_eq!(greeted, REFUSED_UNSAID, "{status}");
    }
}
