//! Limits of the upstream: what cold pulls are told, and how little is asked while one stands. Faults 13 and 14.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hub_sim::{Fault, Hub, HubSim, Image, On, RetryAfter, hours, seconds};

use crate::clocked::{advance, clocked};
use crate::image::Pull;
use crate::program::Forebay;

/// Whom hubs see.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What lies between two steps of a clock that is moved while a request is answered.
const BETWEEN_STEPS: Duration = Duration::from_millis(100);

/// How many limits of the upstream stand in the way.
const LIMITED: &str = "forebay_upstream_limit{upstream=\"docker.io\"}";

#[tokio::test]
async fn a_pull_limits_retry_after_is_passed_on_in_each_of_its_shapes() {
    let mut found = String::new();
    for (name, shape, expected) in [
        ("seconds", Some(RetryAfter::Seconds(700)), 690..=700),
        ("a date", Some(RetryAfter::Date(seconds(700))), 600..=700),
        ("an epoch", Some(RetryAfter::Epoch(seconds(700))), 600..=700),
        (
            "a Go duration",
            Some(RetryAfter::GoDuration("11m40s".into())),
            690..=700,
        ),
        (
            "a fraction",
            Some(RetryAfter::GoDuration("985.86µs".into())),
            1..=60,
        ),
        (
            "an age",
            Some(RetryAfter::Raw("99999999999999999999".into())),
            1..=21_600,
        ),
        ("the past", Some(RetryAfter::Raw("-5".into())), 1..=21_600),
        ("words", Some(RetryAfter::Raw("soon".into())), 1..=21_600),
        ("nothing", None, 1..=21_600),
    ] {
        let mut hub = HubSim::new()
            .image("library/nginx:1", Image::small())
            .anonymous_limit(0, hours(6));
        if let Some(shape) = shape {
            hub = hub.retry_after(shape);
        }
        let hub = hub.start().await;
        // The HEAD before does not tell, so that the limit is met.
        hub.fault(Fault::WithoutHeader("ratelimit-remaining".to_owned()))
            .method("HEAD")
            .always();
        let program = Forebay::before(&hub).start().await;
        let answer = program.get("/v2/library/nginx/manifests/1").await;
        assert_eq!(
            answer.refusal(),
            (429, "TOOMANYREQUESTS".to_owned()),
            "{name}"
        );
        let wait = answer.header("retry-after").expect("a time");
        writeln!(found, "{name}: {wait}").expect("a string takes all");
        let wait: u64 = wait.parse().expect("seconds");
        assert!(expected.contains(&wait), "{found}");
    }
    println!("{found}");
}

#[tokio::test]
async fn an_abuse_limit_in_plain_text_becomes_json_and_nothing_is_asked_until_its_time() {
    for fault in [Fault::AbuseLimited, Fault::MalformedAbuse] {
        let hub = HubSim::new()
            .image("library/nginx:1", Image::small())
            .start()
            .await;
        let program = Forebay::before(&hub).start().await;
        hub.fault(fault.clone()).on(On::Registry).always();
        for number in 0..20 {
            let path = format!("/v2/library/cold{number}/manifests/1");
            let answer = program.get(&path).await;
            assert_eq!(
                answer.refusal(),
                (429, "TOOMANYREQUESTS".to_owned()),
                "{fault:?}"
            );
            let seconds: u64 = answer
                .header("retry-after")
                .expect("a time")
                .parse()
                .expect("seconds");
            assert!((1..=120).contains(&seconds), "{fault:?}: {seconds}");
        }
        assert_eq!(hub.requests().len(), 1, "{fault:?}: {}", hub.requests());
    }
}

#[tokio::test]
async fn a_pull_that_costs_nothing_goes_on_while_pulls_are_limited() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/nginx:2", Image::small())
        .anonymous_limit(1, hours(6))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let warm = Pull::of(&hub, "library/nginx:1");
    warm.by_tag.get(&program).await;
    // The blobs of what is already here are not pulls.
    assert_eq!(
        program
            .get("/v2/library/nginx/manifests/2")
            .await
            .refusal()
            .0,
        429
    );
    warm.succeeds(&program).await;
    assert_eq!(
        program.head("/v2/library/nginx/manifests/2").await.status,
        200
    );
    assert_eq!(hub.charged(), 1);
    assert!((program.metric(LIMITED).await - 1.0).abs() < f64::EPSILON);
}

/// Images of publishers that pay, and of open source programs: registries answer for them without a word on limits.
#[tokio::test]
async fn an_image_that_nobody_meters_is_pulled_while_the_budget_is_empty_or_pulls_are_refused() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/nginx:2", Image::small())
        .image("library/nginx:3", Image::small())
        .image("vendor/free:1", Image::small().platforms(&["linux/amd64"]))
        .image("vendor/free:2", Image::small())
        .unmetered("vendor/free")
        .anonymous_limit(1, hours(6))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    Pull::of(&hub, "library/nginx:1").by_tag.get(&program).await;
    assert_eq!(hub.charged(), 1, "nothing is left");
    hub.clear_requests();
    let free = Pull::of_platform(&hub, "vendor/free:1", "linux/amd64");
    let index = Pull::of(&hub, "vendor/free:1").by_tag;
    index.expect(&index.get(&program).await);
    free.by_tag.expect(&program.get(&free.by_tag.path).await);
    let counted = "/v2/library/nginx/manifests/2";
    assert_eq!(program.get(counted).await.refusal().0, 429);
    // From here on it is not the budget alone: a pull was refused, and none is asked for until its time.
    hub.set_anonymous_limit(Some((2, hours(6))));
    hub.fault(Fault::PullLimited)
        .on(On::Manifest)
        .method("GET")
        .once();
    program.head("/v2/library/nginx/manifests/3").await;
    let limited = program.get(counted).await;
    assert_eq!(limited.refusal().0, 429);
    Pull::of(&hub, "vendor/free:2").succeeds(&program).await;
    assert_eq!(program.get(counted).await.refusal().0, 429);
    let manifests = |line: &&str| line.contains("/manifests/");
    let asked = hub.requests().to_string();
    let asked: Vec<_> = asked.lines().filter(manifests).collect();
    insta::assert_snapshot!(asked.join("\n"), @r"
    HEAD registry /v2/vendor/free/manifests/1 200
    GET registry /v2/vendor/free/manifests/sha256:3f07504cee52… 200
    GET registry /v2/vendor/free/manifests/sha256:0598c234b155… 200
    HEAD registry /v2/library/nginx/manifests/2 200
    HEAD registry /v2/library/nginx/manifests/3 200
    GET registry /v2/library/nginx/manifests/sha256:fb8f696d404f… 429
    HEAD registry /v2/vendor/free/manifests/2 200
    GET registry /v2/vendor/free/manifests/sha256:6bfbba5ef77e… 200
    ");
    assert_eq!(hub.charged(), 0, "since then");
}

#[tokio::test]
async fn a_limit_that_is_over_is_noticed_by_a_free_head() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/nginx:2", Image::small())
        .anonymous_limit(0, hours(6))
        .retry_after(RetryAfter::Seconds(7000))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    assert_eq!(program.get(&pull.by_tag.path).await.refusal().0, 429);
    // Refused without asking: that was said to be of no use.
    hub.clear_requests();
    assert_eq!(program.get(&pull.by_tag.path).await.refusal().0, 429);
    assert!(hub.requests().is_empty(), "{}", hub.requests());
    hub.set_anonymous_limit(Some((100, hours(6))));
    program.head("/v2/library/nginx/manifests/2").await;
    pull.succeeds(&program).await;
}

/// What is asked of manifests, as far as a fresh pull is concerned.
fn manifests(hub: &Hub) -> Vec<String> {
    let asked = hub.requests().to_string();
    let manifests = asked.lines().filter(|line| line.contains("/manifests/"));
    let short = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        format!("{} {}", words[0], words[words.len() - 1])
    };
    manifests.map(short).collect()
}

/// A manifest by its digest, so that nobody asks for it by HEAD first.
fn by_digest(hub: &Hub, repository: &str) -> String {
    let digest = hub.digest(&format!("{repository}:1"));
    format!("/v2/{repository}/manifests/{digest}")
}

/// Others behind the same address have spent the rest; the registry names a time that frees nothing.
#[tokio::test]
async fn a_head_that_says_that_nothing_is_left_is_believed_after_a_rest_too() {
    let hub = HubSim::new()
        .image("library/one:1", Image::small())
        .image("library/two:1", Image::small())
        .anonymous_limit(3, hours(6))
        .retry_after(RetryAfter::Seconds(4))
        .open()
        .start()
        .await;
    let program = clocked(Forebay::before(&hub)).start().await;
    Pull::of(&hub, "library/one:1").by_tag.get(&program).await;
    hub.spend(LOOPBACK, 2);
    hub.clear_requests();
    let path = by_digest(&hub, "library/two");
    let time = async {
        // Less than a client waits; what is on its way comes meanwhile.
        for _ in 0..15 {
            hub.advance(seconds(1));
            advance(&program, seconds(1)).await;
            tokio::time::sleep(BETWEEN_STEPS).await;
        }
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = program.get(&path) => answer,
        () = time => unreachable!("it pends"),
    };
    assert_eq!(answer.refusal().0, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((21_000..=21_600).contains(&wait), "{wait}");
    assert_eq!(manifests(&hub), ["GET 429", "HEAD 200"]);
}

#[tokio::test]
async fn after_a_rest_one_asks_for_all_whether_there_is_more() {
    const FRESH: usize = 22;
    let name = |number| format!("library/app{number}");
    let hub = (0..=FRESH).fold(HubSim::new(), |hub, number| {
        hub.image(&format!("{}:1", name(number)), Image::small())
    });
    let hub = hub
        .anonymous_limit(3, hours(6))
        .retry_after(RetryAfter::Seconds(30))
        .open()
        .start()
        .await;
    // Before we have seen any of it: nobody knows when it opens.
    hub.spend(LOOPBACK, 3);
    let program = clocked(Forebay::before(&hub)).start().await;
    let first = program.get(&by_digest(&hub, &name(FRESH))).await;
    assert_eq!(first.refusal().0, 429);
    hub.advance(seconds(30));
    advance(&program, seconds(30)).await;
    hub.clear_requests();
    let paths: Vec<_> = (0..FRESH)
        .map(|number| by_digest(&hub, &name(number)))
        .collect();
    let pulls = paths.iter().map(|path| program.get(path));
    for answer in futures::future::join_all(pulls).await {
        assert_eq!(answer.refusal().0, 429);
    }
    let asked = manifests(&hub);
    let gets = asked.iter().filter(|line| *line == "GET 429").count();
    assert_eq!(gets, 1, "{asked:?}");
    assert!(asked.len() <= FRESH + 1, "{asked:?}");
}
