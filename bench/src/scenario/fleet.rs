//! A fleet behind one address that pulls all its images again and again (`imagePullPolicy: Always`), within the limit of an
//! anonymous address at Docker Hub: directly, through docker-registry, through Forebay.

use std::fmt::Write as _;
use std::thread::{scope, sleep};
use std::time::Duration;

use hub_sim::{HubSim, Image, hours};

use super::node::Node;
use super::page::publish;
use super::tally::Tally;
use super::world::World;
use crate::build::Programs;
use crate::error::Error;
use crate::report::Who;
use crate::settings::Settings;

const NODES: usize = 50;

const IMAGES: usize = 20;

const ROUNDS: usize = 10;

/// How many tags move to new images between two rounds.
const MOVED: usize = 2;

/// What Docker Hub lets an address pull without an account in six hours (hub-facts, section 1).
const LIMIT: u64 = 100;

/// How often a node tries a pull in one round. A kubelet tries without end, 10 s, 20 s, 40 s … 5 min apart; a window of six hours
/// is longer than any patience of a deploy.
const TRIES: usize = 3;

/// The tags' time to live in Forebay.
const TAG_TTL: Duration = Duration::from_secs(2);

/// Between the end of a round and the next.
const PAUSE: Duration = Duration::from_millis(2200);

/// What changed and was asked for: an index and one platform's manifest of each image, and of each that a tag moved to.
pub(crate) const DUE: u64 = 2 * (IMAGES + (ROUNDS - 1) * MOVED) as u64;

/// What came of a fleet's ten rounds.
#[derive(Debug, Default)]
struct Outcome {
    upstream: Tally,
    pulls: u64,
    failed: u64,
    /// Without the pauses.
    took: Duration,
}

pub(crate) fn run(programs: &Programs, settings: &Settings) -> Result<(), Error> {
    let mut outcomes = Vec::new();
    for (who, name) in [
        (Who::Direct, "direct"),
        (Who::DockerRegistry, "docker-registry"),
        (Who::Forebay, "**Forebay**"),
    ] {
        let outcome = pull_all(programs, who)?;
        println!("{name}: {outcome:?}");
        outcomes.push((name, outcome));
    }
    publish("fleet", &table(&outcomes), settings)
}

fn pull_all(programs: &Programs, who: Who) -> Result<Outcome, Error> {
    let hub = (0..IMAGES).fold(HubSim::new(), |hub, number| {
        hub.image(&reference(number), image())
    });
    let hub = hub.anonymous_limit(LIMIT, hours(6));
    let cache = format!("tag_ttl = \"{}s\"", TAG_TTL.as_secs());
    let world = World::begin(programs, hub, who, &cache)?;
    let mut nodes: Vec<Node> = (0..NODES).map(|_| Node::new(world.registry)).collect();
    let mut outcome = Outcome::default();
    for round in 0..ROUNDS {
        if round > 0 {
            sleep(PAUSE);
            for moved in 0..MOVED {
                let number = (round * MOVED + moved) % IMAGES;
                world.hub.push(&reference(number), image());
            }
        }
        let began = world.elapsed();
        outcome.failed += pull_round(&mut nodes);
        outcome.took += world.elapsed().saturating_sub(began);
        outcome.pulls += (NODES * IMAGES) as u64;
        outcome.upstream += world.take_tally();
    }
    Ok(outcome)
}

/// Has all nodes pull all images at once, each node one after another as a kubelet does; how many pulls failed.
fn pull_round(nodes: &mut [Node]) -> u64 {
    scope(|scope| {
        let pulling: Vec<_> = nodes
            .iter_mut()
            .enumerate()
            .map(|(number, node)| scope.spawn(move || pull_in_turn(node, number)))
            .collect();
        let ended = pulling.into_iter().map(|node| {
            // A node that panicked has pulled nothing.
            node.join().unwrap_or(IMAGES as u64)
        });
        ended.sum()
    })
}

/// Pulls all images, beginning with the one of the node's own number; how many pulls failed.
fn pull_in_turn(node: &mut Node, number: usize) -> u64 {
    let mut failed = 0;
    for image in (0..IMAGES).map(|image| (number + image) % IMAGES) {
        let name = repository(image);
        let is_pulled = (0..TRIES).any(|_| node.pull(&name, "stable").is_ok());
        failed += u64::from(!is_pulled);
    }
    failed
}

fn repository(number: usize) -> String {
    format!("library/app{number}")
}

fn reference(number: usize) -> String {
    format!("{}:stable", repository(number))
}

fn image() -> Image {
    Image::with_layers(&[100_000, 20_000]).platforms(&["linux/amd64", "linux/arm64"])
}

fn table(outcomes: &[(&str, Outcome)]) -> String {
    let mut text = format!(
        "{NODES} nodes of linux/amd64, {IMAGES} images for two platforms, {ROUNDS} rounds, {MOVED} tags moved between rounds; one \
         address,\n{LIMIT} pulls in 6 h. What changed and was asked for is {DUE} pulls.\n\n\
         | | pulls charged | requests sent | pulls failed | time |\n|---|---|---|---|---|\n"
    );
    for (name, outcome) in outcomes {
        let Outcome {
            upstream,
            pulls,
            failed,
            took,
        } = outcome;
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {failed} of {pulls} | {:.1} s |",
            upstream.charged,
            upstream.sent(),
            took.as_secs_f64()
        );
    }
    text.push_str(
        "\nThe requests by kind:\n\n\
         | | HEAD manifest | GET manifest | blobs | tokens | challenged | `/v2/` |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, Outcome { upstream, .. }) in outcomes {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} |",
            upstream.heads,
            upstream.gets,
            upstream.blobs,
            upstream.tokens,
            upstream.challenged,
            upstream.others
        );
    }
    text
}
