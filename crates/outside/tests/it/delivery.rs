//! Which alerts arrive, how often they are tried, and whom they hold up.

use std::time::Duration;

use forebay_content::{AlertKind, Clock as _, Notify as _};
use forebay_http_kit::ProxyRule;
use forebay_outside::{Form, MAX_TRIES, MAX_WAITING};
use futures::FutureExt as _;

use crate::receiver::{OK, PATIENCE, Receiver, SECRET, World, alert, alert_of};

#[tokio::test]
async fn each_webhook_is_told_in_its_own_form_and_in_order() {
    let (generic, slack) = (Receiver::start(|_| OK).await, Receiver::start(|_| OK).await);
    let world = World::with(&[(&generic.url, Form::Json), (&slack.url, Form::Slack)]);
    world.tell(&alert("first"));
    world.tell(&alert("second <!here>"));
    let told = generic.posted(2).await;
    assert!(told[0].contains("\"text\":\"first\""), "{told:?}");
    assert!(told[1].contains("\"kind\":\"budget_low\""), "{told:?}");
    let told = slack.posted(2).await;
    let expected = r#"{"text":"Forebay on node1: second &lt;!here&gt;"}"#;
    assert_eq!(told[1], expected);
    world.delivered(4).await;
}

#[tokio::test]
async fn who_has_trouble_is_tried_again_after_longer_and_longer_waits() {
    let receiver = Receiver::start(|number| match number {
        0 => "503 Service Unavailable\r\n",
        1 => "429 Too Many Requests\r\nretry-after: 30\r\n",
        _ => OK,
    })
    .await;
    let world = World::with(&[(&receiver.url, Form::Json)]);
    world.tell(&alert("again"));
    receiver.posted(1).await;
    // Of its own accord after a second, then when it was asked to.
    assert!(time_until(&world, &receiver, 2).await >= Duration::from_secs(1));
    assert!(time_until(&world, &receiver, 3).await >= Duration::from_secs(30));
    world.delivered(1).await;
    assert_eq!(receiver.so_far(), 3);
}

#[tokio::test]
async fn who_never_answers_right_is_given_up_after_so_many_tries() {
    let receiver = Receiver::start(|_| "500 Internal Server Error\r\n").await;
    let world = World::with(&[(&receiver.url, Form::Json)]);
    world.tell(&alert("in vain"));
    time_until(&world, &receiver, MAX_TRIES as usize).await;
    world.failed(1).await;
    assert_eq!(receiver.so_far(), MAX_TRIES as usize);
}

#[tokio::test]
async fn who_refuses_or_redirects_is_not_tried_again() {
    for script in [
        (|_| "404 Not Found\r\n") as fn(usize) -> &'static str,
        |_| "302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\n",
        |_| "307 Temporary Redirect\r\nlocation: /here\r\n",
    ] {
        let receiver = Receiver::start(script).await;
        let world = World::with(&[(&receiver.url, Form::Json)]);
        world.tell(&alert("no"));
        world.failed(1).await;
        assert_eq!(receiver.so_far(), 1);
    }
}

#[tokio::test]
async fn a_webhook_that_hangs_holds_up_neither_who_tells_nor_another_and_its_queue_is_bounded() {
    let (hanging, other) = (Receiver::start(|_| "").await, Receiver::start(|_| OK).await);
    let world = World::with(&[(&hanging.url, Form::Json), (&other.url, Form::Json)]);
    world.tell(&alert("first"));
    hanging.posted(1).await;
    world.delivered(1).await;
    for number in 0..MAX_WAITING + 3 {
        // The other takes those that are too many for this one.
        world.tell(&alert("more"));
        // One at a time, so that nothing of the other's is lost.
        world.delivered(number as u64 + 2).await;
    }
    world.failed(3).await;
    assert_eq!(hanging.so_far(), 1);
    // Nor does it hold up the end.
    world.tasks.stop();
    assert!(world.tasks.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_new_configuration_holds_at_once_and_what_waits_is_still_brought() {
    let (before, after) = (Receiver::start(|_| OK).await, Receiver::start(|_| OK).await);
    let world = World::with(&[(&before.url, Form::Json)]);
    world.tell(&alert("before"));
    world.set(&[(&after.url, Form::Slack)]);
    world.tell(&alert("after"));
    assert_eq!(after.posted(1).await.len(), 1);
    assert_eq!(before.posted(1).await.len(), 1);
    world.set(&[]);
    assert!(!world.webhooks.notify(&alert("nobody")));
    world.delivered(2).await;
    assert_eq!((before.so_far(), after.so_far()), (1, 1));
}

#[tokio::test]
async fn a_changed_proxy_holds_from_the_next_alert_on() {
    let (webhook, proxy) = (Receiver::start(|_| OK).await, Receiver::start(|_| OK).await);
    let world = World::with(&[(&webhook.url, Form::Json)]);
    world.tell(&alert("straight"));
    webhook.posted(1).await;
    let by_proxy = ProxyRule::Url {
        url: proxy.url.replace(SECRET, ""),
        no_proxy: String::new(),
    };
    world.set_by(by_proxy, &[(&webhook.url, Form::Json)]);
    world.tell(&alert("by the proxy"));
    proxy.posted(1).await;
    world.set(&[(&webhook.url, Form::Json)]);
    world.tell(&alert("straight again"));
    webhook.posted(2).await;
    assert_eq!((webhook.so_far(), proxy.so_far()), (2, 1));
}

/// The first storm is on its way already; it waits too.
#[tokio::test]
async fn storms_never_go_before_what_is_about_all_and_never_take_its_room() {
    let receiver = Receiver::start(|number| match number {
        0 => "503 Service Unavailable\r\n",
        _ => OK,
    })
    .await;
    let world = World::with(&[(&receiver.url, Form::Json)]);
    let storm = |number: usize| alert_of(AlertKind::StormBegan, &format!("storm {number}"));
    world.tell(&storm(0));
    receiver.posted(1).await;
    let taken = (1..=400).filter(|number| world.webhooks.notify(&storm(*number)));
    assert_eq!(taken.count(), MAX_WAITING);
    for kind in [
        AlertKind::BudgetLow,
        AlertKind::UpstreamDown,
        AlertKind::CredentialRefused,
        AlertKind::DiskNearFull,
    ] {
        world.tell(&alert_of(kind, kind.as_str()));
    }
    let all = 1 + 4 + 1 + MAX_WAITING;
    time_until(&world, &receiver, all).await;
    let posted = receiver.posted(all).await;
    let place = |text: &str| {
        let text = format!("\"text\":\"{text}\"");
        posted
            .iter()
            .rposition(|body| body.contains(&text))
            .expect("posted")
    };
    let first = [
        "budget_low",
        "upstream_down",
        "credential_refused",
        "disk_near_full",
    ];
    assert_eq!(first.map(place), [1, 2, 3, 4]);
    assert_eq!((place("storm 0"), place("storm 1")), (5, 6));
}

#[tokio::test]
async fn what_became_of_an_alert_is_told_when_it_has_reached_one_or_none() {
    let refusing = Receiver::start(|_| "404 Not Found\r\n").await;
    let taking = Receiver::start(|number| if number == 0 { OK } else { "410 Gone\r\n" }).await;
    let world = World::with(&[(&refusing.url, Form::Json), (&taking.url, Form::Json)]);
    world.tell(&alert("one takes it"));
    assert_eq!(world.settled().await, [true]);
    world.failed(1).await;
    world.tell(&alert("none takes it"));
    assert_eq!(world.settled().await, [false]);
    let more = world.webhooks.settled().now_or_never();
    assert_eq!(more, None, "each is told once");
    assert_eq!(world.webhooks.counts().failed, 3);
}

#[tokio::test]
async fn what_still_waits_at_the_end_has_reached_nobody() {
    let hanging = Receiver::start(|_| "").await;
    let world = World::with(&[(&hanging.url, Form::Json)]);
    world.tell(&alert("hangs"));
    hanging.posted(1).await;
    world.tell(&alert("waits"));
    world.set(&[]);
    world.tasks.stop();
    assert!(world.tasks.drain(Duration::from_secs(5)).await);
    assert_eq!(world.settled().await, [false, false]);
}

/// Lets time pass until so many were posted; tells how much had to.
async fn time_until(world: &World, receiver: &Receiver, posted: usize) -> Duration {
    let began = world.clock.monotonic();
    let passed = async {
        while receiver.so_far() < posted {
            world.clock.advance(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, passed).await;
    in_time.expect("in time");
    world.clock.monotonic().saturating_sub(began)
}
