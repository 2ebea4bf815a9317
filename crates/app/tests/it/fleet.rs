//! A fleet behind one address: what it is charged, what was asked for it, and that no clock makes that more.
//!
//! `cargo run --release -p forebay-bench -- fleet` has more nodes pull the same, and does so without Forebay too.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hub_sim::{Hub, HubSim, Image, On, Record, hours, minutes};
use tokio::task::JoinSet;

use crate::client::Ask;
use crate::clocked::{advance, clocked, jump};
use crate::image::{Part, Pull};
use crate::program::{Forebay, Program};

const NODES: usize = 8;
const IMAGES: usize = 20;
const ROUNDS: usize = 10;

/// How many tags move between two rounds.
const MOVED: usize = 2;

/// Images that the fleet pulls in all: an index, a platform's manifest and three blobs each.
const PULLED: usize = IMAGES + (ROUNDS - 1) * MOVED;

/// More than a tag's time to live, and than a token's.
const BETWEEN_ROUNDS: Duration = minutes(6);

/// A year, in seconds.
const YEAR: i64 = 365 * 24 * 3600;

/// A node with containerd, and what it has.
#[derive(Default)]
struct Node {
    kept: HashSet<String>,
}

/// What an image must come to for a node of linux/amd64: the path of its tag, and what that names.
struct Expected {
    tag: String,
    index: Part,
    platform: Pull,
}

impl Node {
    /// Resolves the tag, then asks by digest for what it lacks; everything has to come at once and whole.
    async fn pull(&mut self, program: &Program, image: &Expected) {
        let head = Ask::head(&image.tag).header("user-agent", "containerd/v2.1.4");
        let head = program.ask(head).await;
        assert_eq!(head.status, 200, "{}", image.tag);
        let digest = head.header("docker-content-digest");
        assert_eq!(digest, Some(&*image.index.digest), "{}", image.tag);
        let manifests = [&image.index, &image.platform.by_tag];
        for part in manifests.into_iter().chain(&image.platform.blobs) {
            if self.kept.insert(part.digest.clone()) {
                part.get(program).await;
            }
        }
    }
}

/// For two platforms, each with two layers, of which one has so many bytes.
fn image(size: u64) -> Image {
    Image::with_layers(&[4096, size]).platforms(&["linux/amd64", "linux/arm64"])
}

fn reference(number: usize) -> String {
    format!("library/app{number}:stable")
}

fn expected(hub: &Hub) -> Arc<Vec<Expected>> {
    let one = |number| {
        let reference = reference(number);
        let mut index = Pull::of(hub, &reference).by_tag;
        let tag = index.path.clone();
        index.path = format!("/v2/library/app{number}/manifests/{}", index.digest);
        let platform = Pull::of_platform(hub, &reference, "linux/amd64");
        Expected {
            tag,
            index,
            platform,
        }
    };
    Arc::new((0..IMAGES).map(one).collect())
}

async fn hub(size: u64) -> Hub {
    let hub = (0..IMAGES).fold(HubSim::new(), |hub, number| {
        hub.image(&reference(number), image(size))
    });
    hub.anonymous_limit(100, hours(6)).start().await
}

/// Lets the time between two rounds pass, and moves two tags in it.
async fn begin_round(round: usize, (hub, size): (&Hub, u64), program: &Program) {
    if round == 0 {
        return;
    }
    hub.advance(BETWEEN_ROUNDS);
    advance(program, BETWEEN_ROUNDS).await;
    for moved in 0..MOVED {
        hub.push(&reference((round * MOVED + moved) % IMAGES), image(size));
    }
}

/// All nodes pull all images at once, each in an order of its own.
async fn pull_round(
    nodes: Vec<Node>,
    images: &Arc<Vec<Expected>>,
    program: &Arc<Program>,
) -> Vec<Node> {
    let mut pulling = JoinSet::new();
    for (number, mut node) in nodes.into_iter().enumerate() {
        let (images, program) = (Arc::clone(images), Arc::clone(program));
        pulling.spawn(async move {
            for image in 0..IMAGES {
                node.pull(&program, &images[(number + image) % IMAGES])
                    .await;
            }
            node
        });
    }
    pulling.join_all().await
}

#[tokio::test]
async fn a_fleet_is_charged_for_exactly_what_changed_and_was_asked_for() {
    const SIZE: u64 = 10_000;
    let hub = hub(SIZE).await;
    let program = Arc::new(clocked(Forebay::before(&hub)).start().await);
    let mut nodes: Vec<Node> = (0..NODES).map(|_| Node::default()).collect();
    // Alone, so that nobody else is the first to be challenged.
    nodes[0].pull(&program, &expected(&hub)[0]).await;
    for round in 0..ROUNDS {
        begin_round(round, (&hub, SIZE), &program).await;
        nodes = pull_round(nodes, &expected(&hub), &program).await;
    }
    assert_eq!(hub.charged(), 2 * PULLED);
    let count = |what: &dyn Fn(&Record) -> bool| hub.count(what);
    let granted = |request: &Record| request.status.is_some_and(|status| status < 400);
    let of_manifests = |request: &Record| request.is(On::Manifest) && granted(request);
    let found = [
        (
            "HEAD",
            count(&|request| of_manifests(request) && request.is_head()),
        ),
        (
            "GET",
            count(&|request| of_manifests(request) && request.is_get()),
        ),
        ("blob", count(&|request| request.is(On::Blob))),
        ("bytes", count(&|request| request.is(On::BlobContent))),
        ("token", count(&|request| request.is(On::Token))),
        ("refused", count(&|request| !granted(request))),
    ];
    let asked = [
        ("HEAD", IMAGES * ROUNDS),
        ("GET", 2 * PULLED),
        ("blob", 3 * PULLED),
        ("bytes", 3 * PULLED),
        ("token", IMAGES * ROUNDS),
        ("refused", 1),
    ];
    assert_eq!(found, asked);
    let sent = asked.iter().map(|(_, count)| count).sum::<usize>();
    assert_eq!(hub.requests().len(), sent, "and nothing else");
}

#[tokio::test]
async fn clocks_that_jump_while_a_fleet_pulls_cost_no_pull_and_evict_nothing() {
    // What is pulled fills most of the room that there is.
    const SIZE: u64 = 1_400_000;
    let hub = hub(SIZE).await;
    let setup = Forebay::before(&hub).with("[cache]\nmax_size = \"64MiB\"\n");
    let program = Arc::new(clocked(setup).start().await);
    let mut nodes = vec![Node::default(), Node::default()];
    let jumps = [
        3600,
        -3600,
        10 * YEAR,
        -10 * YEAR,
        -10 * YEAR,
        10 * YEAR,
        -3600,
        3600,
    ];
    for round in 0..ROUNDS {
        begin_round(round, (&hub, SIZE), &program).await;
        let images = expected(&hub);
        let jumping = async {
            if let Some(seconds) = jumps.get(round) {
                jump(&program, *seconds).await;
            }
        };
        (nodes, ()) = tokio::join!(pull_round(nodes, &images, &program), jumping);
    }
    assert_eq!(hub.charged(), 2 * PULLED);
    hub.clear_requests();
    // Who has nothing yet gets all of it from what is kept.
    pull_round(vec![Node::default()], &expected(&hub), &program).await;
    let fetched = hub.requests_where(|request| !request.is_head() && !request.is(On::Token));
    assert!(fetched.is_empty(), "{fetched}");
}
