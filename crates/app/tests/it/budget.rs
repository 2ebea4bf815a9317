//! A tag that moved while pulls are limited: what is kept is pulled, from the first HEAD to the last layer.

use hub_sim::{HubSim, Image, hours};

use crate::client::{Answer, Ask};
use crate::image::{Part, Pull};
use crate::program::{Forebay, Program};

const PLATFORM: &str = "linux/amd64";
const IMAGE: &str = "library/nginx:latest";

/// A node with containerd: HEAD by tag, then everything by digest.
struct Containerd<'a>(&'a Program);

impl Containerd<'_> {
    async fn ask(&self, ask: Ask) -> Answer {
        self.0
            .ask(ask.header("user-agent", "containerd/v2.1.4"))
            .await
    }

    /// What the tag is, and whether that is stale.
    async fn resolve(&self) -> (String, bool) {
        let head = Ask::head("/v2/library/nginx/manifests/latest?ns=docker.io");
        let head = self.ask(head).await;
        assert_eq!(head.status, 200);
        let digest = head.header("docker-content-digest").expect("a digest");
        (digest.to_owned(), head.header("warning").is_some())
    }

    async fn manifest(&self, digest: &str) -> Answer {
        self.ask(Ask::get(&format!(
            "/v2/library/nginx/manifests/{digest}?ns=docker.io"
        )))
        .await
    }

    /// Pulls by digest what a HEAD named: the index, the platform's manifest, its blobs.
    async fn pull(&self, index: &Part, platform: &Pull) {
        index.expect(&self.manifest(&index.digest).await);
        platform
            .by_tag
            .expect(&self.manifest(&platform.by_tag.digest).await);
        for blob in &platform.blobs {
            let ask = Ask::get(&format!("{}?ns=docker.io", blob.path));
            blob.expect(&self.ask(ask).await);
        }
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_pulled_as_it_was_while_pulls_are_limited() {
    let image = || Image::small().platforms(&[PLATFORM, "linux/arm64"]);
    let hub = HubSim::new()
        .image(IMAGE, image())
        .anonymous_limit(2, hours(6));
    let hub = hub.start().await;
    let program = Forebay::before(&hub)
        .with("[cache]\ntag_ttl = \"0s\"")
        .start()
        .await;
    let node = Containerd(&program);
    let part = || {
        (
            Pull::of(&hub, IMAGE).by_tag,
            Pull::of_platform(&hub, IMAGE, PLATFORM),
        )
    };
    let (old, old_platform) = part();
    assert_eq!(node.resolve().await, (old.digest.clone(), false));
    node.pull(&old, &old_platform).await;
    assert_eq!(hub.charged(), 2);

    hub.push(IMAGE, image());
    let (new, new_platform) = part();
    hub.clear_requests();
    // The answer that used up the budget said so: nobody has to run into the limit.
    for _ in 0..2 {
        assert_eq!(node.resolve().await, (old.digest.clone(), true));
        node.pull(&old, &old_platform).await;
    }
    insta::assert_snapshot!(hub.requests(), @r"
    HEAD registry /v2/library/nginx/manifests/latest 200
    HEAD registry /v2/library/nginx/manifests/latest 200
    ");
    let stale = "forebay_served_total{upstream=\"docker.io\",kind=\"manifest\",result=\"stale\"}";
    assert!((program.metric(stale).await - 2.0).abs() < f64::EPSILON);

    hub.set_anonymous_limit(Some((100, hours(6))));
    assert_eq!(node.resolve().await, (new.digest.clone(), false));
    node.pull(&new, &new_platform).await;
}

#[tokio::test]
async fn with_nothing_left_the_same_image_comes_from_elsewhere_layer_by_layer_from_home() {
    let image = || Image::small().platforms(&[PLATFORM]).seed(7);
    let hub = HubSim::new()
        .image(IMAGE, image())
        .anonymous_limit(0, hours(6));
    let hub = hub.start().await;
    let elsewhere = HubSim::new().image("docker/library/nginx:latest", image());
    let elsewhere = elsewhere.start().await;
    let program = Forebay::before(&hub)
        .upstream("ecr.test:1", &elsewhere)
        .with(
            "[[equivalents]]\nfrom = \"docker.io/library/*\"\nto = [\"ecr.test:1/docker/library/*\"]",
        )
        .start()
        .await;
    let node = Containerd(&program);
    let index = Pull::of(&hub, IMAGE).by_tag;
    assert_eq!(node.resolve().await, (index.digest.clone(), false));
    node.pull(&index, &Pull::of_platform(&hub, IMAGE, PLATFORM))
        .await;
    assert_eq!(hub.charged(), 0);
    let manifests = |requests: &str| {
        requests
            .lines()
            .filter(|line| {
                line.starts_with("GET registry")
                    && line.contains("/manifests/")
                    && line.contains(" 200")
            })
            .count()
    };
    assert_eq!(manifests(&hub.requests().to_string()), 0);
    assert_eq!(manifests(&elsewhere.requests().to_string()), 2);
    assert!(!elsewhere.requests().to_string().contains("/blobs/"));
    let line = program.out.line_with("from=ecr.test:1").await;
    let line = line.expect("a line that says where it came from");
    assert!(line.contains(" cache=miss "), "{line}");
    let metric = "forebay_pulled_elsewhere_total{upstream=\"docker.io\",from=\"ecr.test:1\"}";
    assert!((program.metric(metric).await - 2.0).abs() < f64::EPSILON);
}
