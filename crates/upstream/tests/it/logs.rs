//! What is logged, and what never is, at whatever level.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use forebay_content::{ClientRights, Sought};
use forebay_limits::PULL_LIMIT_COOL_DOWN;
use hub_sim::{Fault, On, hours, minutes};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use url::Url;

use crate::raw::{RawServer, answer};
use crate::rig::{Rig, Setup, asked_by, nginx, open_hub, split};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

/// Wants all there is, as long as the tests run: else what one thread does not listen to may be switched off for the others,
/// too, at the moment when they begin or end (`tracing` keeps that for each place in the code, for all threads).
static AWAKE: OnceLock<Dispatch> = OnceLock::new();

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn count(&self, what: &str) -> usize {
        self.text().matches(what).count()
    }

    /// Gets all that this thread logs, at `level` or above.
    fn listen(&self, level: LevelFilter) -> DefaultGuard {
        AWAKE.get_or_init(|| {
            let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE);
            Dispatch::new(subscriber.with_writer(io::sink).finish())
        });
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }
}

#[tokio::test]
async fn a_limit_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::INFO);
    let hub = nginx().anonymous_limit(1, hours(6)).start().await;
    hub.fault(Fault::WithoutHeader("ratelimit-remaining".to_owned()))
        .always();
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    for _ in 0..3 {
        for _ in 0..5 {
            rig.manifest("library/nginx:1").await.unwrap_err();
        }
        rig.clock.advance(PULL_LIMIT_COOL_DOWN);
    }
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    for expected in [
        "an upstream limits us",
        "upstream=\"docker.io\"",
        "limit=pull limit of address",
        "not_asked_for_seconds=300",
        "username and password",
    ] {
        assert!(log.text().contains(expected), "{expected}: {}", log.text());
    }
    hub.set_anonymous_limit(Some((100, hours(6))));
    for _ in 0..3 {
        rig.manifest("library/nginx:1").await.unwrap();
    }
    assert_eq!(log.count("INFO"), 1, "{}", log.text());
    assert_eq!(log.count("no longer limits us"), 1, "{}", log.text());
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_told_once_before_any_pull_is_refused() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::INFO);
    let hub = nginx().anonymous_limit(1, hours(6)).start().await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    assert_eq!(log.count("nothing is left"), 1, "{}", log.text());
    for _ in 0..3 {
        rig.resolve("library/nginx:1").await.unwrap();
        rig.manifest("library/nginx:1").await.unwrap_err();
    }
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    hub.set_anonymous_limit(Some((100, hours(6))));
    for _ in 0..3 {
        rig.resolve("library/nginx:1").await.unwrap();
    }
    assert_eq!(log.count("INFO"), 1, "{}", log.text());
    assert_eq!(log.count("no longer limits us"), 1, "{}", log.text());
}

#[tokio::test]
async fn two_addresses_that_are_charged_in_turn_are_told_of_once_each() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::INFO);
    let hub = nginx().anonymous_limit(100, hours(6)).start().await;
    let rig = Rig::of(&hub);
    let (empty, full) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    hub.spend(empty, 100);
    for _ in 0..10 {
        for address in [empty, full] {
            hub.see_clients_as(Some(address));
            rig.resolve("library/nginx:1").await.unwrap();
        }
    }
    assert_eq!(log.count("nothing is left"), 1, "{}", log.text());
    assert_eq!(log.count("no longer limits us"), 0, "{}", log.text());
    hub.advance(hours(6));
    hub.see_clients_as(Some(empty));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(log.count("no longer limits us"), 1, "{}", log.text());
}

#[tokio::test]
async fn a_limit_that_was_told_before_a_reload_or_a_restart_is_told_to_be_over() {
    let hub = nginx().anonymous_limit(0, hours(6)).start().await;
    for is_restart in [false, true] {
        hub.set_anonymous_limit(Some((0, hours(6))));
        let before = Rig::of(&hub);
        before.manifest("library/nginx:1").await.unwrap_err();
        let log = Log::default();
        let _guard = log.listen(LevelFilter::INFO);
        let after = Setup::of(&hub).clock(&before.clock).start();
        if is_restart {
            after.upstream.restore(&before.kept(), &[]);
        } else {
            after.upstream.inherit_limits(&before.upstream);
        }
        after.resolve("library/nginx:1").await.unwrap();
        assert_eq!(log.text(), "", "it was told before");
        hub.set_anonymous_limit(Some((100, hours(6))));
        after.resolve("library/nginx:1").await.unwrap();
        assert_eq!(log.count("no longer limits us"), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn trouble_is_told_once_with_its_cause_and_once_when_it_is_over() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::INFO);
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Close).always();
    for _ in 0..20 {
        rig.resolve("library/nginx:1").await.unwrap_err();
        rig.clock.advance(minutes(1));
    }
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    assert_eq!(log.count("an upstream is in trouble"), 1);
    assert_eq!(
        log.count("cause=\"the upstream is unavailable: 127.0.0.1"),
        1,
        "{}",
        log.text()
    );
    hub.lift_all();
    rig.clock.advance(minutes(2));
    for _ in 0..3 {
        rig.resolve("library/nginx:1").await.unwrap();
    }
    assert_eq!(log.count("INFO"), 1, "{}", log.text());
    assert_eq!(log.count("an upstream answers again"), 1);
}

#[tokio::test]
async fn credentials_that_the_registry_does_not_count_by_are_told_once() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::WARN);
    let hub = nginx()
        .account("alice", "hunter2", Some((100, hours(6))))
        .start()
        .await;
    let rig = Setup::of(&hub).login("alice", "hunter2").start();
    rig.manifest("library/nginx:1").await.unwrap();
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
    let source = ("docker-ratelimit-source".to_owned(), "192.0.2.7".to_owned());
    let fault = hub.fault(Fault::Header(source.0, source.1)).always();
    for _ in 0..5 {
        rig.resolve("library/nginx:1").await.unwrap();
        rig.manifest("library/nginx:1").await.unwrap();
    }
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    for expected in [
        "credentials are not being applied",
        "upstream=\"docker.io\"",
        "charged=192.0.2.7",
    ] {
        assert!(log.text().contains(expected), "{expected}: {}", log.text());
    }
    let reading = rig.seen.last_reading().unwrap();
    assert!(reading.source.unwrap().is_anonymous());
    hub.lift(&fault);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.fault(Fault::Header(
        "docker-ratelimit-source".to_owned(),
        "2001:db8::".to_owned(),
    ))
    .always();
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(log.count("WARN"), 2, "once for each time that it begins");
    // Nobody has credentials here.
    Rig::of(&hub).resolve("library/nginx:1").await.unwrap();
    assert_eq!(log.count("WARN"), 2, "{}", log.text());
}

#[tokio::test]
async fn a_refused_login_is_told_each_time_that_it_is_shown_and_no_more_often() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::WARN);
    let hub = nginx().account("alice", "hunter2", None).start().await;
    let rig = Setup::of(&hub).login("alice", "hunter3").start();
    for _ in 0..20 {
        rig.resolve("library/nginx:1").await.unwrap_err();
    }
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    for expected in [
        "an upstream refuses our credentials",
        "at=\"token service\"",
        "times=1",
        "not_shown_for_seconds=60",
    ] {
        assert!(log.text().contains(expected), "{expected}: {}", log.text());
    }
}

// One thread: the subscriber is this thread's, and sees the tasks that run on it too.
#[tokio::test]
async fn no_password_token_or_signature_is_ever_logged() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::TRACE);
    let hub = nginx()
        .account("alice", "hunter2", Some((1, hours(6))))
        .start()
        .await;
    let rig = Setup::of(&hub).login("alice", "hunter2").start();
    rig.manifest("library/nginx:1").await.unwrap();
    rig.manifest("library/nginx:1").await.unwrap_err();
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    rig.blob("library/nginx", &layer).await.unwrap();
    hub.fault(Fault::SignatureExpired).times(2);
    rig.blob("library/nginx", &layer).await.unwrap_err();
    hub.revoke_tokens();
    hub.fault(Fault::Realm(
        "http://alice:hunter2@evil.example/token".to_owned(),
    ))
    .once();
    rig.resolve("library/nginx:1").await.unwrap_err();
    let wrong = Setup::of(&hub).login("alice", "hunter3").start();
    wrong.resolve("library/nginx:1").await.unwrap_err();
    assert!(hub.count(|record| record.is(On::Token)) >= 2);

    let text = log.text();
    for expected in [
        "asked an upstream",
        "call=\"get_manifest\" method=GET host=\"127.0.0.1\" path=\"/v2/library/nginx/manifests/1\" status=200",
        "an upstream refuses our credentials",
        "is not asked",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    // In clear, in base64 after `alice:`, as a token, and as a signed address.
    for secret in ["hunter", "YWxpY2U6", "eyJ", "signature="] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn trouble_that_strangers_meet_with_is_told_as_theirs() {
    let log = Log::default();
    let _guard = log.listen(LevelFilter::INFO);
    let server = RawServer::start("127.0.0.1", |head| {
        if head.contains("/v2/bad") {
            answer("500 Internal Server Error", "", "")
        } else {
            let manifest = "content-type: application/vnd.oci.image.manifest.v1+json\r\n";
            answer("200 OK", manifest, "")
        }
    })
    .await;
    let hub = open_hub().await;
    let url = Url::parse(&format!("http://{}", server.address)).unwrap();
    let (rights, seen) = Setup::of(&hub).change(|config| config.url = url).rights();
    let ask = async |host: u32, image: &str| {
        let (request, reference) = split(image);
        let request = asked_by(&format!("198.51.100.{host}"), request);
        let sought = Sought::Manifest(reference);
        rights.check_right(&request, None, &sought).await
    };
    for host in 1..10 {
        ask(host, &format!("bad{host}/app:1")).await.unwrap_err();
    }
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
    assert_eq!(log.count("INFO"), 1, "{}", log.text());
    for expected in ["others go on", "who shows no login"] {
        assert!(log.text().contains(expected), "{expected}: {}", log.text());
    }
    // Nor is anybody told that the upstream does not answer.
    assert_eq!(seen.breaker(), [] as [bool; 0]);
}
