//! A warm image is always pullable: by tag, by digest and by blob, whatever ails the upstream, and also right after a restart.
//!
//! Faults 7–9, 11, 12 and 16 of the table, and those of 13–15 that concern warm images. The promise is an answer within two
//! seconds; what is asserted leaves room for a machine that does ten other things.

use std::collections::HashSet;
use std::time::Duration;

use hub_sim::{Fault, Hub, HubSim, Image, On, Role, Tls};

use crate::client::Ask;
use crate::clocked::{advance, clocked};
use crate::image::Pull;
use crate::program::{Forebay, Program};

const IMAGE: &str = "library/nginx:1.27";

/// The longest that an answer may take.
const WITHIN: Duration = Duration::from_secs(5);

/// A program that has the image, and asks about its tag each time.
struct Warm {
    hub: Hub,
    program: Program,
    pull: Pull,
}

impl Warm {
    async fn up() -> Self {
        Self::before(hub().start().await, "").await
    }

    /// With an upstream that speaks TLS.
    async fn up_with_tls() -> Self {
        let hub = hub().tls(Tls::Valid).start().await;
        Self::before(hub, "ca_file = \"ca.pem\"").await
    }

    async fn before(hub: Hub, keys: &str) -> Self {
        let setup = Forebay::new()
            .upstream_with("docker.io", &hub, keys)
            .with("[cache]\nversion_ttl = \"0s\"");
        if let Some(ca) = hub.ca_pem() {
            std::fs::write(setup.file("ca.pem"), ca).expect("a file in our own folder");
        }
        let program = setup.start().await;
        let pull = Pull::of(&hub, IMAGE);
        pull.succeeds(&program).await;
        // At rest, and not only on its way there.
        let blobs: HashSet<_> = pull.blobs.iter().map(|blob| &blob.digest).collect();
        let kept = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";
        let blobs = u32::try_from(blobs.len()).expect("a few blobs");
        program.until_metric(kept, blobs.into()).await;
        Self { hub, program, pull }
    }

    /// Every connection that the program holds to the registry ends.
    async fn end_connections(&self) {
        self.hub
            .refuse(Role::Registry)
            .await
            .expect("a port of ours");
        self.hub.come_back().await.expect("a port of ours");
    }

    /// All is served in time, as stale where it cannot be checked, and a second time after a restart.
    async fn served(self, what: &str) {
        let Self { hub, program, pull } = self;
        let before = serves(&program, &pull, what).await;
        let program = program.stop().await.setup.start().await;
        let after = serves(&program, &pull, what).await;
        println!("{what}: slowest answer {before:?}, after a restart {after:?}");
        drop(hub);
    }
}

fn hub() -> HubSim {
    let platforms = ["linux/amd64", "linux/arm64"];
    HubSim::new().image(IMAGE, Image::small().platforms(&platforms))
}

async fn serves(program: &Program, pull: &Pull, what: &str) -> Duration {
    let slowest = pull.succeeds(program).await;
    assert!(slowest < WITHIN, "{what}: {slowest:?}");
    let by_tag = program.get(&pull.by_tag.path).await;
    assert_eq!(by_tag.told(), "200, 299 - \"Response is Stale\"", "{what}");
    let stale = "forebay_served_total{upstream=\"docker.io\",kind=\"manifest\",result=\"stale\"}";
    assert!(program.metric(stale).await > 0.0);
    slowest
}

/// All that is asked meets with this, and no token helps.
async fn struck_by(fault: Fault) {
    let warm = Warm::up().await;
    warm.hub.revoke_tokens();
    let name = format!("{fault:?}");
    warm.hub.fault(fault).on(On::Any).always();
    warm.served(&name).await;
}

#[tokio::test]
async fn while_the_upstream_refuses() {
    let warm = Warm::up().await;
    warm.hub.go_down().await.expect("ports of ours");
    warm.served("refused").await;
}

#[tokio::test]
async fn while_the_upstream_hangs() {
    struck_by(Fault::Hang).await;
}

#[tokio::test]
async fn while_the_upstream_closes_each_connection() {
    struck_by(Fault::Close).await;
}

#[tokio::test]
async fn while_the_upstream_says_401() {
    struck_by(Fault::Status(401)).await;
}

#[tokio::test]
async fn while_the_upstream_says_403() {
    struck_by(Fault::Status(403)).await;
}

#[tokio::test]
async fn while_the_upstream_says_404() {
    struck_by(Fault::Status(404)).await;
}

#[tokio::test]
async fn while_the_upstream_says_429() {
    struck_by(Fault::Status(429)).await;
}

#[tokio::test]
async fn while_the_upstream_limits_in_plain_text() {
    struck_by(Fault::AbuseLimited).await;
}

#[tokio::test]
async fn while_the_upstream_limits_in_what_is_no_http() {
    struck_by(Fault::MalformedAbuse).await;
}

#[tokio::test]
async fn while_the_upstream_says_500() {
    struck_by(Fault::Status(500)).await;
}

#[tokio::test]
async fn while_the_upstream_says_503_in_html() {
    struck_by(Fault::Html(503)).await;
}

#[tokio::test]
async fn while_the_upstream_talks_garbage() {
    struck_by(Fault::Raw(b"\x00\xff\x16\x03 what?\n".to_vec().into())).await;
}

#[tokio::test]
async fn while_the_upstream_shows_html_for_everything() {
    struck_by(Fault::Html(200)).await;
}

#[tokio::test]
async fn while_the_pull_limit_is_reached() {
    let warm = Warm::up().await;
    // HEADs are free, and say that nothing has changed: not even stale.
    warm.hub.set_anonymous_limit(Some((0, hub_sim::hours(6))));
    let slowest = warm.pull.succeeds(&warm.program).await;
    assert!(slowest < WITHIN, "{slowest:?}");
    let by_tag = warm.program.get(&warm.pull.by_tag.path).await;
    assert_eq!(by_tag.told(), "200");
}

#[tokio::test]
async fn while_the_tag_is_deleted() {
    let warm = Warm::up().await;
    warm.hub.delete(IMAGE);
    warm.served("deleted").await;
}

#[tokio::test]
async fn while_the_upstreams_certificate_has_expired() {
    let warm = Warm::up_with_tls().await;
    warm.hub.set_tls(Tls::Expired).expect("a certificate");
    warm.end_connections().await;
    let cold = warm.program.get("/v2/library/redis/manifests/1").await;
    assert_eq!(cold.refusal(), (502, "UNAVAILABLE".to_owned()));
    assert!(
        cold.text().contains("expired"),
        "which fault: {}",
        cold.text()
    );
    warm.served("expired").await;
}

#[tokio::test]
async fn while_the_upstreams_certificate_is_anothers() {
    let warm = Warm::up_with_tls().await;
    warm.hub.set_tls(Tls::WrongName).expect("a certificate");
    warm.end_connections().await;
    warm.served("wrong name").await;
}

#[tokio::test]
async fn while_the_upstreams_authority_is_another() {
    let warm = Warm::up_with_tls().await;
    warm.hub.renew_authority(Tls::Valid).expect("a certificate");
    warm.end_connections().await;
    warm.served("another authority").await;
}

/// What is kept belongs to the address that it came from: it does not become another's by a line of the configuration.
#[tokio::test]
async fn an_address_that_does_not_resolve_is_told_and_what_was_kept_is_there_when_it_is_back() {
    let warm = Warm::up().await;
    let before = warm.program.setup.clone();
    let elsewhere = "[upstreams.\"docker.io\"]\nurl = \"https://registry.invalid\"\n[cache]\nversion_ttl = \"0s\"";
    warm.program
        .setup
        .clone()
        .anew()
        .with(elsewhere)
        .write_config();
    assert!(warm.program.reload().await);
    for path in [&warm.pull.by_tag.path, "/v2/library/redis/manifests/1"] {
        let answer = warm.program.get(path).await;
        assert!(matches!(answer.refusal().0, 502 | 504), "{}", answer.text());
    }
    before.write_config();
    assert!(warm.program.reload().await);
    warm.hub.clear_requests();
    warm.pull.succeeds(&warm.program).await;
    let anew = |request: &hub_sim::Record| request.is(On::Manifest) && !request.is_head();
    assert_eq!(warm.hub.count(anew), 0);
}

/// What is promised, by a clock that moves only while an answer is waited for: of a hundred answers one after another, those that
/// waited at all can be counted, on however busy a machine.
#[tokio::test]
async fn of_a_hundred_answers_two_wait_and_none_for_two_seconds() {
    for (what, refuses) in [("hangs", false), ("refuses", true)] {
        let hub = hub().start().await;
        let setup = Forebay::before(&hub).with("[cache]\nversion_ttl = \"0s\"");
        let program = clocked(setup).start().await;
        let pull = Pull::of(&hub, IMAGE);
        pull.succeeds(&program).await;
        if refuses {
            hub.go_down().await.expect("ports of ours");
        } else {
            hub.fault(Fault::Hang).on(On::Any).always();
        }
        counts_waits(&program, &pull, what).await;
        let program = program.stop().await.setup.start().await;
        counts_waits(&program, &pull, &format!("{what}, after a restart")).await;
    }
}

async fn counts_waits(program: &Program, pull: &Pull, what: &str) {
    let mut waits = Vec::new();
    for _ in 0..100 {
        waits.push(wait_for(program, &pull.by_tag.path).await);
    }
    waits.sort_unstable();
    // A step or two may have been taken while the machine had other things to do.
    let waited = waits
        .iter()
        .filter(|wait| **wait >= Duration::from_millis(500));
    let waited = waited.count();
    println!("{what}: {waited} of 100 waited, at most {:?}", waits[99]);
    assert!(waited <= 2, "{what}: {waited} of 100 waited");
    assert!(waits[99] < Duration::from_secs(2), "{what}: {waits:?}");
}

/// How long a stale answer takes by the program's clock, which goes on in steps as long as nothing comes.
async fn wait_for(program: &Program, path: &str) -> Duration {
    const STEP: Duration = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    let answer = program.get(path);
    tokio::pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => {
                assert_eq!(answer.told(), "200, 299 - \"Response is Stale\"");
                return waited;
            }
            () = tokio::time::sleep(STEP * 3) => {
                advance(program, STEP).await;
                waited += STEP;
            }
        }
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_soon_not_asked_any_more_and_is_found_when_it_is_back() {
    let hub = HubSim::new().image(IMAGE, Image::small()).start().await;
    let program = Forebay::before(&hub).start().await;
    let down = hub.fault(Fault::Status(503)).on(On::Any).always();
    for number in 0..50 {
        let path = format!("/v2/library/cold{number}/manifests/1");
        assert_eq!(
            program.get(&path).await.refusal(),
            (502, "UNAVAILABLE".to_owned())
        );
    }
    let asked = hub.requests().len();
    assert!(asked <= 15, "{asked} requests for 50 pulls");
    let open = "forebay_upstream_breaker_open{upstream=\"docker.io\"}";
    assert!(program.metric(open).await > 0.0);
    hub.lift(&down);
    let pull = Pull::of(&hub, IMAGE);
    program.until_status(Ask::get(&pull.by_tag.path), 200).await;
    assert!(program.metric(open).await < 1.0);
    pull.succeeds(&program).await;
}
