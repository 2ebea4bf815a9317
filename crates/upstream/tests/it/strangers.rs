//! What one client does at a registry that says itself what its clients may, and what that costs the others: limits, trouble, pace, and
//! all that a hostile registry can answer to some.

use std::time::Duration;

use forebay_content::{
    ClientLogin, ClientRight, ClientRights, ManualClock, Missing, Secret, Sought, SourceError,
    Standing,
};
use forebay_upstream::{Pacers, UpstreamRights};
use futures::future::join_all;
use hub_sim::HubSim;
use url::Url;

use crate::raw::{HANG, RawServer, answer};
use crate::rig::{Setup, asked_by, split};

/// What a registry says a manifest is.
const MANIFEST: &str = "content-type: application/vnd.oci.image.manifest.v1+json\r\n";
const CHALLENGE: &str = "www-authenticate: Basic realm=\"x\"\r\n";

/// A client: the name that it shows, what is known of that, and its address.
#[derive(Clone, Copy, Debug)]
struct Who(&'static str, Standing, &'static str);

const ALICE: Who = Who("alice", Standing::Fresh, "192.0.2.1");
const BOB: Who = Who("bob", Standing::Fresh, "192.0.2.2");

/// A registry that is asked as its clients, and what it was asked.
struct Asked {
    rights: UpstreamRights,
    server: RawServer,
}

async fn setup(server: &RawServer) -> Setup {
    let hub = HubSim::new().start().await;
    let url = Url::parse(&format!("http://{}", server.address)).unwrap();
    Setup::of(&hub).change(|config| {
        config.url = url;
        // Of Docker Hub's limits each has a meaning; of another registry's nothing is known.
        config.name = "registry.example".into();
    })
}

impl Asked {
    async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let server = RawServer::start("127.0.0.1", answer).await;
        let (rights, _) = setup(&server).await.rights();
        Self { rights, server }
    }

    async fn ask(&self, who: Option<Who>, image: &str) -> Result<ClientRight, SourceError> {
        let (_, reference) = split(image);
        self.seek(who, image, Sought::Manifest(reference)).await
    }

    async fn seek(
        &self,
        who: Option<Who>,
        image: &str,
        sought: Sought,
    ) -> Result<ClientRight, SourceError> {
        let address = who.map_or("198.51.100.1", |who| who.2);
        self.seek_from(address, who, (image, sought)).await
    }

    /// As whoever it is, but from this address.
    async fn ask_from(
        &self,
        address: &str,
        who: Option<Who>,
        image: &str,
    ) -> Result<ClientRight, SourceError> {
        let (_, reference) = split(image);
        self.seek_from(address, who, (image, Sought::Manifest(reference)))
            .await
    }

    async fn seek_from(
        &self,
        address: &str,
        who: Option<Who>,
        (image, sought): (&str, Sought),
    ) -> Result<ClientRight, SourceError> {
        let (request, _) = split(image);
        let login = who.map(|Who(name, standing, _)| ClientLogin {
            name: name.to_owned(),
            password: Secret::new("secret"),
            standing,
        });
        let request = asked_by(address, request);
        let right = self.rights.check_right(&request, login.as_ref(), &sought);
        right.await
    }

    /// Whether who asks gets an image; and how many requests that took.
    async fn gets(&self, who: Who, image: &str) -> (bool, usize) {
        let before = self.server.heads().len();
        let told = self.ask(Some(who), image).await;
        let requests = self.server.heads().len() - before;
        (matches!(told, Ok(ClientRight::Given { .. })), requests)
    }
}

/// Whether a head shows the login of one of these names, whose passwords are alike.
fn shows(head: &str, names: &[&str]) -> bool {
    use base64::Engine as _;
    names.iter().any(|name| {
        let encoded = base64::prelude::BASE64_STANDARD.encode(format!("{name}:secret"));
        head.contains(&encoded.to_ascii_lowercase())
    })
}

/// 429 to these, for a minute, and what is asked for to all others who show a login.
async fn limiting(limited: &'static [&'static str], words: &'static str) -> Asked {
    Asked::start(move |head| {
        if shows(head, limited) {
            answer("429 Too Many Requests", "retry-after: 60\r\n", words)
        } else if head.contains("authorization:") {
            answer("200 OK", MANIFEST, "")
        } else {
            answer("401 Unauthorized", CHALLENGE, "")
        }
    })
    .await
}

#[tokio::test]
async fn a_limit_that_one_client_meets_is_theirs_alone() {
    let registry = limiting(&["bob", "eve", "eve2"], "slow down").await;
    assert!(registry.gets(ALICE, "team/app:1").await.0);
    // Bob is told by the registry once, and after that here.
    assert_eq!(registry.gets(BOB, "team/app:1").await, (false, 1));
    assert_eq!(registry.gets(BOB, "team/app:2").await, (false, 0));
    assert_eq!(registry.gets(ALICE, "team/app:2").await, (true, 1));
    // However many logins one client has, and however often strangers hear it.
    for (name, standing, address) in [
        ("eve", Standing::Fresh, BOB.2),
        ("eve2", Standing::Fresh, BOB.2),
        ("eve", Standing::Unproven, "192.0.2.3"),
        ("eve2", Standing::Unproven, "192.0.2.4"),
    ] {
        let eve = Who(name, standing, address);
        assert!(!registry.gets(eve, "team/app:3").await.0);
    }
    assert_eq!(registry.gets(ALICE, "team/app:3").await, (true, 1));
}

#[tokio::test]
async fn a_limit_that_two_clients_meet_and_nobody_is_answered_in_between_is_our_address_and_all_clients()
 {
    let registry = limiting(&["bob", "carol"], "slow down").await;
    let carol = Who("carol", Standing::Proven, "192.0.2.3");
    registry.gets(ALICE, "team/app:1").await;
    assert_eq!(registry.gets(BOB, "team/app:1").await, (false, 1));
    assert_eq!(registry.gets(ALICE, "team/app:2").await, (true, 1));
    // Bob's is his own, as alice was answered since; carol's comes alone.
    assert_eq!(registry.gets(carol, "team/app:2").await, (false, 1));
    assert_eq!(registry.gets(ALICE, "team/app:3").await, (true, 1));

    let registry = limiting(&["bob", "carol"], "slow down").await;
    assert!(!registry.gets(BOB, "team/app:1").await.0);
    assert!(!registry.gets(carol, "team/app:1").await.0);
    let told = registry.ask(Some(ALICE), "team/app:1").await;
    let Err(SourceError::Limited { retry_after, .. }) = told else {
        panic!("{told:?}");
    };
    assert!(retry_after <= Duration::from_mins(1), "{retry_after:?}");
    assert_eq!(registry.gets(ALICE, "team/app:2").await, (false, 0));
}

#[tokio::test]
async fn a_limit_that_says_that_it_is_of_our_address_is_all_clients_at_once() {
    let registry = limiting(&["bob"], "rate limit for ip 192.0.2.1 exceeded").await;
    // A HEAD's answer has no words.
    let told = registry.seek(Some(BOB), "team/app:1", Sought::Lists).await;
    assert!(matches!(told, Err(SourceError::Limited { .. })), "{told:?}");
    assert_eq!(registry.gets(ALICE, "team/app:1").await, (false, 0));
}

#[tokio::test]
async fn a_limit_that_we_have_met_ourselves_and_a_client_as_well_is_all_clients() {
    let server = RawServer::start("127.0.0.1", |head| {
        if head.contains("authorization:") && !shows(head, &["bob"]) {
            answer("200 OK", MANIFEST, "")
        } else {
            answer("429 Too Many Requests", "retry-after: 60\r\n", "slow down")
        }
    })
    .await;
    let pacers = Pacers::default();
    let ours = setup(&server).await.pacers(&pacers).start();
    ours.resolve("team/app:1").await.unwrap_err();
    let (rights, _) = setup(&server).await.pacers(&pacers).rights();
    let registry = Asked { rights, server };
    // They ask without their login at first: nothing has asked for one yet.
    assert_eq!(registry.gets(BOB, "team/app:1").await, (false, 1));
    assert_eq!(registry.gets(ALICE, "team/app:1").await, (false, 0));
}

#[tokio::test]
async fn strangers_who_ask_for_what_fails_close_the_way_for_strangers_alone() {
    let registry = Asked::start(|head| {
        if head.contains("/v2/bad") {
            answer("500 Internal Server Error", "", "")
        } else {
            answer("200 OK", MANIFEST, "")
        }
    })
    .await;
    let eve = |address| Who("eve", Standing::Unproven, address);
    let dave = Who("dave", Standing::Unproven, "192.0.2.3");
    for number in 0..20 {
        for who in [None, Some(eve("198.51.100.1"))] {
            let told = registry.ask(who, &format!("bad{number}/app:1")).await;
            assert!(told.is_err(), "{told:?}");
        }
        assert_eq!(registry.gets(ALICE, "team/app:1").await, (true, 1));
        // One client's troubles are one, of however many images.
        assert_eq!(registry.gets(dave, "team/app:1").await, (true, 1));
    }
    // Those of many who show no login are theirs alone.
    let asked = async |who: Option<Who>, address, number| {
        let image = format!("bad{number}/app:1");
        let told = registry.ask_from(address, who, &image).await;
        assert!(told.is_err(), "{told:?}");
    };
    let addresses: Vec<String> = (2..8).map(|host| format!("198.51.100.{host}")).collect();
    for (number, address) in addresses.iter().enumerate() {
        asked(None, address, number).await;
    }
    let nobody = registry
        .ask_from("198.51.100.9", None, "team/app:1")
        .await
        .unwrap_err();
    assert!(
        matches!(nobody, SourceError::Unavailable { .. }),
        "{nobody}"
    );
    assert_eq!(registry.gets(dave, "team/app:1").await, (true, 1));
    assert_eq!(registry.gets(ALICE, "team/app:1").await, (true, 1));
    // And those of many who show logins that nobody has seen work are not those of who shows one that has.
    for (number, address) in addresses.iter().enumerate() {
        asked(Some(dave), address, number).await;
    }
    assert_eq!(registry.gets(dave, "team/app:1").await, (false, 0));
    assert_eq!(registry.gets(ALICE, "team/app:1").await, (true, 1));
    // What a login meets with that works, all would meet with.
    for number in 0..5 {
        assert!(!registry.gets(ALICE, &format!("bad{number}/app:1")).await.0);
    }
    for who in [ALICE, BOB, dave] {
        assert_eq!(
            registry.gets(who, "team/app:1").await,
            (false, 0),
            "{who:?}"
        );
    }
}

/// As a registry with a token service answers that gives to everybody, so that each question is two requests.
fn with_tokens(head: &str) -> String {
    let host = head
        .split("host: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let realm = format!("http://{}/token", host.unwrap());
    if head.contains(" /token") {
        answer("200 OK", "", "{\"token\":\"t\"}")
    } else if head.contains("authorization: bearer") {
        answer("200 OK", MANIFEST, "")
    } else {
        let challenge = format!("www-authenticate: Bearer realm=\"{realm}\"\r\n");
        answer("401 Unauthorized", &challenge, "")
    }
}

#[tokio::test]
async fn strangers_who_come_at_once_have_no_token_without_its_answer() {
    let server = RawServer::start("127.0.0.1", |head| {
        // Of what is refused no answer is wanted.
        if head.contains(" /token") && head.contains("refused") {
            answer("403 Forbidden", "", "")
        } else {
            with_tokens(head)
        }
    })
    .await;
    let setup = setup(&server).await.change(|config| {
        (config.requests_per_minute, config.burst) = (800, 800);
    });
    let (rights, _) = setup.rights();
    let registry = Asked { rights, server };
    assert!(registry.ask(None, "team/app:1").await.is_ok());
    let images: Vec<String> = (0..120).map(|n| format!("team/app{n}:1")).collect();
    let told = join_all(images.iter().map(|image| registry.ask(None, image))).await;
    let answered = told.iter().filter(|told| told.is_ok()).count();
    // Of 50 requests, three for the challenge and what came of it.
    assert_eq!((answered, registry.server.heads().len()), (23, 49));
    // What was meant for the questions that were not asked is there for others.
    let eve = Who("eve", Standing::Unproven, "198.51.100.1");
    assert!(registry.gets(eve, "team/app:1").await.0);
    let images: Vec<String> = (0..120).map(|n| format!("refused/app{n}:1")).collect();
    for image in &images {
        let _ = registry.ask(Some(eve), image).await;
    }
    assert_eq!(registry.server.heads().len(), 49 + 3 + 46);
}

#[tokio::test]
async fn strangers_send_the_registry_so_many_requests_and_no_more_and_who_is_known_there_goes_on() {
    // Open to all; and a token service.
    let open = |_: &str| answer("200 OK", MANIFEST, "");
    for is_open in [true, false] {
        let server = RawServer::start("127.0.0.1", move |head| {
            if is_open {
                open(head)
            } else {
                with_tokens(head)
            }
        })
        .await;
        let setup = setup(&server).await.change(|config| {
            (config.requests_per_minute, config.burst) = (800, 800);
        });
        let clock = ManualClock::default();
        let (rights, _) = setup.clock(&clock).rights();
        let registry = Asked { rights, server };
        let asked_by = async |who: Option<Who>| {
            let before = registry.server.heads().len();
            for number in 0..120 {
                match registry.ask(who, &format!("team/app{number}:1")).await {
                    Ok(_) => {}
                    Err(SourceError::Paced { retry_after }) => {
                        assert!(retry_after <= Duration::from_mins(1), "{retry_after:?}");
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            registry.server.heads().len() - before
        };
        // One address has a quarter of what there is for all; nothing is spent on a token whose question would be one too many.
        let most = if is_open { 50 } else { 49 };
        assert_eq!(asked_by(None).await, most, "{is_open}");
        assert_eq!(asked_by(None).await, 0, "{is_open}");
        // The first of those who show a login finds out what the registry wants of them.
        for (address, expected) in [
            ("198.51.100.2", most),
            ("198.51.100.3", 50),
            ("198.51.100.4", 50),
            ("198.51.100.5", 50),
            ("198.51.100.6", 0),
        ] {
            let eve = Who("eve", Standing::Unproven, address);
            assert_eq!(asked_by(Some(eve)).await, expected, "{address}");
        }
        let requests = if is_open { 120 } else { 241 };
        assert_eq!(asked_by(Some(ALICE)).await, requests, "{is_open}");
        // Who goes on asking all the time is answered as often as its requests allow, each 1.2 s.
        let mut answered = 0;
        for number in 0..20 {
            clock.advance(Duration::from_millis(1_200));
            let image = format!("team/more{number}:1");
            answered += usize::from(registry.ask(None, &image).await.is_ok());
        }
        assert_eq!(answered, if is_open { 20 } else { 10 }, "{is_open}");
    }
}

#[tokio::test]
async fn what_a_new_login_is_compared_with_counts_as_asked_for_it() {
    let server = RawServer::start("127.0.0.1", |head| {
        if head.contains("authorization:") || head.contains("open") {
            answer("200 OK", MANIFEST, "")
        } else {
            answer("401 Unauthorized", CHALLENGE, "")
        }
    })
    .await;
    let setup = setup(&server).await.change(|config| {
        (config.requests_per_minute, config.burst) = (160, 160);
    });
    let (rights, _) = setup.rights();
    let registry = Asked { rights, server };
    let eve = Who("eve", Standing::Unproven, "198.51.100.1");
    // Once it has asked for a login it is shown each, and asked what it gives to nobody.
    assert_eq!(registry.gets(eve, "team/app:1").await, (true, 2));
    for number in 0..4 {
        let open = format!("open/app{number}:1");
        assert_eq!(registry.gets(eve, &open).await, (true, 2));
    }
    assert_eq!(registry.gets(eve, "open/more:1").await, (false, 0));
    // Nobody's part is whole.
    let nobody = registry.ask(None, "open/more:1").await;
    assert!(
        matches!(nobody, Ok(ClientRight::Given { .. })),
        "{nobody:?}"
    );
}

/// What the registry answers to whoever asks for an image of this name, but for alice.
fn hostile(name: &str, head: &str, trap: &str) -> String {
    let host = head
        .split("host: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let host = host.unwrap_or_default();
    let bearer = |realm: &str| format!("www-authenticate: Bearer realm=\"{realm}\"\r\n");
    match name {
        // It challenges whatever is shown, each time in another way.
        "endless" => {
            let realm = format!("http://{host}/token?{}", head.len());
            let challenge = bearer(&realm) + &"www-authenticate: Basic realm=\"x\"\r\n".repeat(50);
            answer("401 Unauthorized", &challenge, "")
        }
        "elsewhere" => answer(
            "401 Unauthorized",
            &bearer(&format!("http://{trap}/token")),
            "",
        ),
        "heavy" => answer(
            "200 OK",
            &format!("x-heavy: {}\r\n", "x".repeat(1 << 20)),
            "",
        ),
        "many" => answer("200 OK", &"x-many: x\r\n".repeat(100_000), ""),
        "redirects" => {
            let to = format!("location: http://{trap}/secret\r\n");
            answer("307 Temporary Redirect", &to, "")
        }
        "itself" => {
            let to = format!("location: http://{host}/v2/itself/app/manifests/1\r\n");
            answer("307 Temporary Redirect", &to, "")
        }
        "silent" => HANG.to_owned(),
        "drips" => format!("HTTP/1.1 200 OK\r\nx-drip: 1{HANG}"),
        "stops" => format!("HTTP/1.1 403 Forbidden\r\ncontent-length: 1000\r\n\r\nno{HANG}"),
        "cut" => "HTTP/1.1 200".to_owned(),
        "noise" => "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(),
        "down" => answer("503 Service Unavailable", "retry-after: 3600\r\n", ""),
        "limits" => answer("429 Too Many Requests", "retry-after: 3600\r\n", "no"),
        _ => answer("500 Internal Server Error", "", ""),
    }
}

#[tokio::test]
async fn whatever_a_registry_does_to_strangers_a_login_that_works_goes_on() {
    const NAMES: [&str; 14] = [
        "endless",
        "elsewhere",
        "heavy",
        "many",
        "redirects",
        "itself",
        "silent",
        "drips",
        "stops",
        "cut",
        "noise",
        "down",
        "limits",
        "other",
    ];
    let trap = RawServer::start("127.0.0.1", |_| answer("200 OK", MANIFEST, "")).await;
    let trapped = trap.address.to_string();
    let registry = Asked::start(move |head| {
        let name = NAMES
            .iter()
            .find(|name| head.contains(&format!("/v2/{name}/")));
        match name {
            Some(name) => hostile(name, head, &trapped),
            // A token for whatever it likes.
            None if head.contains(" /token") => {
                answer("200 OK", "", "{\"token\":\"another's\",\"expires_in\":1}")
            }
            None if shows(head, &["alice"]) => answer("200 OK", MANIFEST, ""),
            None => answer("401 Unauthorized", CHALLENGE, ""),
        }
    })
    .await;
    assert!(registry.gets(ALICE, "team/app:1").await.0);
    for standing in [None, Some(Standing::Unproven)] {
        registry.server.hold();
        let ask = |number: usize| {
            let name = NAMES[number % NAMES.len()];
            let who = standing.map(|standing| Who("eve", standing, "198.51.100.1"));
            let registry = &registry;
            async move {
                let told = registry.ask(who, &format!("{name}/app:1")).await;
                (name, told)
            }
        };
        let strangers = join_all((0..4 * NAMES.len()).map(ask));
        let alices = async {
            let mut given = 0;
            for number in 0..50 {
                given += usize::from(registry.gets(ALICE, &format!("team/app{number}:1")).await.0);
            }
            // What hangs does so until she has all that she asked for.
            registry.server.let_go();
            given
        };
        let (told, given) = tokio::join!(strangers, alices);
        assert_eq!(given, 50);
        for (name, told) in told {
            let is_given = matches!(told, Ok(ClientRight::Given { .. }));
            assert!(!is_given, "{name} {told:?}");
        }
    }
    assert!(registry.gets(ALICE, "team/app:1").await.0);
    // Where she herself asks for them, nothing of her login goes elsewhere, and nothing is given.
    let ask = async |name| {
        let told = registry.ask(Some(ALICE), &format!("{name}/app:1")).await;
        (name, told)
    };
    for (name, told) in join_all(NAMES.map(ask)).await {
        let is_given = matches!(told, Ok(ClientRight::Given { .. }));
        assert!(!is_given, "{name} {told:?}");
        assert_ne!(
            told.ok(),
            Some(ClientRight::Absent(Missing::Manifest)),
            "{name}"
        );
    }
    assert_eq!(trap.heads(), [""; 0]);
}
