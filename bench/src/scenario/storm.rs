//! Clients that ask without end beside a healthy fleet: for images that cannot be had, and for a good one by a moving tag.
//!
//! What the upstream is asked for each is counted, and how long the healthy fleet waits with and without them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use hub_sim::{HubSim, Image};

use super::node::Node;
use super::page::publish;
use super::tally::Tally;
use super::world::World;
use crate::build::Programs;
use crate::client::Url;
use crate::error::Error;
use crate::report::Who;
use crate::sample::{Sample, percentile};
use crate::settings::Settings;

/// Clients of the storm.
const CLIENTS: usize = 30;

/// Between two requests of one client that asks for what cannot be had: 10 a second.
const BROKEN_EVERY: Duration = Duration::from_millis(100);

/// Between two requests of one client whose container dies: 20,000 a minute in all.
const CRASHING_EVERY: Duration = Duration::from_millis(90);

/// Nodes of the healthy fleet.
const HEALTHY_NODES: usize = 20;

/// Between two requests of one of them.
const HEALTHY_EVERY: Duration = Duration::from_millis(100);

/// The tags' time to live.
const TAG_TTL: Duration = Duration::from_secs(10);

/// What cannot be had: no such repository, no such tag, and not for us.
const BROKEN: [(&str, &str); 3] = [
    ("library/gone", "latest"),
    ("library/healthy", "nosuch"),
    ("acme/private", "latest"),
];

/// The good image whose containers die.
const CRASHING: (&str, &str) = ("library/crashing", "latest");

/// What happens beside the healthy fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Quiet,
    /// The broken images' storm, but at another Forebay of the same machine: what the machine makes of so many clients.
    Elsewhere,
    Broken,
    Crashing,
}

const TURNS: [(Weather, &str); 4] = [
    (Weather::Quiet, "nothing else"),
    (
        Weather::Elsewhere,
        "30 clients at another Forebay of the same machine",
    ),
    (Weather::Broken, "30 clients, images that cannot be had"),
    (
        Weather::Crashing,
        "30 clients, one good image by a moving tag",
    ),
];

/// What came of all turns of one weather.
#[derive(Debug, Default)]
struct Outcome {
    /// The healthy fleet's 99th percentile of each turn, in milliseconds.
    p99_ms: Sample,
    /// The storm's requests.
    asked: u64,
    lasted: Duration,
    /// What the upstream was asked for each image of the storm.
    upstream: Vec<(String, Tally)>,
}

pub(crate) fn run(programs: &Programs, settings: &Settings) -> Result<(), Error> {
    let cache = format!("tag_ttl = \"{}s\"", TAG_TTL.as_secs());
    let world = World::begin(programs, hub(), Who::Forebay, &cache)?;
    let elsewhere = World::begin(programs, hub(), Who::Forebay, &cache)?;
    for (repository, tag) in [("library/healthy", "1.0"), CRASHING] {
        Node::new(world.registry).pull(repository, tag)?;
    }
    let mut outcomes: Vec<Outcome> = TURNS.iter().map(|_| Outcome::default()).collect();
    for _ in 0..settings.storms {
        for ((weather, name), outcome) in TURNS.iter().zip(&mut outcomes) {
            let stormed = match weather {
                Weather::Elsewhere => &elsewhere,
                _ => &world,
            };
            turn((&world, stormed), *weather, settings.storm, outcome)?;
            println!("{name}: {outcome:?}");
        }
    }
    publish("storm", &table(&outcomes), settings)
}

fn hub() -> HubSim {
    HubSim::new()
        .image("library/healthy:1.0", Image::with_layers(&[20_000]))
        .image("library/crashing:latest", Image::with_layers(&[20_000]))
        .image("acme/private:latest", Image::small())
        .private("acme/private", &["somebody"])
}

/// Lets the healthy fleet work for `long` in such a weather.
fn turn(
    (world, stormed): (&World, &World),
    weather: Weather,
    long: Duration,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    world.hub.clear_requests();
    let is_over = AtomicBool::new(false);
    let until = &is_over;
    let (waits, asked) = scope(|scope| {
        let healthy: Vec<_> = (0..HEALTHY_NODES)
            .map(|number| scope.spawn(move || work(world, until, number)))
            .collect();
        let storming: Vec<_> = (0..CLIENTS)
            .filter(|_| weather != Weather::Quiet)
            .map(|number| scope.spawn(move || rage(stormed, until, weather, number)))
            .collect();
        sleep(long);
        is_over.store(true, Ordering::Relaxed);
        let gone = || Error::program("bench", "a client panicked");
        let mut waits = Vec::new();
        for node in healthy {
            waits.extend(node.join().map_err(|_| gone())??);
        }
        let mut asked = 0;
        for client in storming {
            asked += client.join().map_err(|_| gone())??;
        }
        Ok::<_, Error>((waits, asked))
    })?;
    outcome
        .p99_ms
        .add(percentile(waits, 99).as_secs_f64() * 1e3);
    outcome.asked += asked;
    outcome.lasted += long;
    note_upstream(world, weather, outcome);
    Ok(())
}

fn note_upstream(world: &World, weather: Weather, outcome: &mut Outcome) {
    let images: &[(&str, &str)] = match weather {
        Weather::Quiet | Weather::Elsewhere => &[],
        Weather::Broken => &BROKEN,
        Weather::Crashing => &[CRASHING],
    };
    for (repository, tag) in images {
        let asked = world.hub.requests_where(|request| {
            let other_tag = request
                .reference
                .as_deref()
                .is_some_and(|named| named != *tag);
            request.repository.as_deref() == Some(repository) && !other_tag
        });
        let name = format!("`{repository}:{tag}`");
        let tally = Tally::of(asked.iter());
        match outcome
            .upstream
            .iter_mut()
            .find(|(known, _)| *known == name)
        {
            Some((_, known)) => *known += tally,
            None => outcome.upstream.push((name, tally)),
        }
    }
}

/// Asks for a warm image, by tag and by digest in turns, and says how long each answer took.
fn work(world: &World, is_over: &AtomicBool, number: usize) -> Result<Vec<Duration>, Error> {
    let mut node = Node::new(world.registry);
    let digest = world.hub.digest("library/healthy:1.0");
    let paths = ["1.0", &digest].map(|reference| path("library/healthy", reference));
    let mut waits = Vec::new();
    // Not all at the same moment.
    sleep(HEALTHY_EVERY.mul_f64(share(number, HEALTHY_NODES)));
    let began = world.elapsed();
    for turn in 0_u32.. {
        let due = began + HEALTHY_EVERY * turn;
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        sleep(due.saturating_sub(world.elapsed()));
        let url = Url::new(world.registry.address, paths[turn as usize % 2].clone());
        let asked = world.elapsed();
        let answer = node.exchange("GET", &url, &[("User-Agent", "containerd/v2.1.4")])?;
        waits.push(world.elapsed().saturating_sub(asked));
        if answer.status != 200 {
            return Err(url.wrong(format!("status {}", answer.status)));
        }
    }
    Ok(waits)
}

/// Asks again and again, HEAD and GET in turns, and says how often.
fn rage(
    world: &World,
    is_over: &AtomicBool,
    weather: Weather,
    number: usize,
) -> Result<u64, Error> {
    let mut node = Node::new(world.registry);
    let ((repository, tag), every) = match weather {
        Weather::Crashing => (CRASHING, CRASHING_EVERY),
        _ => (BROKEN[number % BROKEN.len()], BROKEN_EVERY),
    };
    let url = Url::new(world.registry.address, path(repository, tag));
    sleep(every.mul_f64(share(number, CLIENTS)));
    let began = world.elapsed();
    for turn in 0_u32.. {
        let due = began + every * turn;
        if is_over.load(Ordering::Relaxed) {
            return Ok(u64::from(turn));
        }
        sleep(due.saturating_sub(world.elapsed()));
        let method = ["HEAD", "GET"][turn as usize % 2];
        let answer = node.exchange(method, &url, &[("User-Agent", "docker/28.0.1")])?;
        let is_good = answer.status == 200;
        if is_good != (weather == Weather::Crashing) {
            return Err(url.wrong(format!("status {}", answer.status)));
        }
    }
    Ok(0)
}

fn path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

#[expect(clippy::cast_precision_loss, reason = "some tens")]
fn share(number: usize, of: usize) -> f64 {
    number as f64 / of as f64
}

fn table(outcomes: &[Outcome]) -> String {
    // The second: the same clients on the same machine, at another server.
    let elsewhere = outcomes
        .get(1)
        .map_or(f64::NAN, |outcome| outcome.p99_ms.median());
    let mut text = format!(
        "{HEALTHY_NODES} healthy nodes ask for a warm image, 10 times a second each. Beside them, in turns:\n\n\
         | | requests of the storm, a minute | healthy p99, ms | to elsewhere |\n|---|---|---|---|\n"
    );
    for ((_, name), outcome) in TURNS.iter().zip(outcomes) {
        let (median, min, max) = (
            outcome.p99_ms.median(),
            outcome.p99_ms.min(),
            outcome.p99_ms.max(),
        );
        let _ = writeln!(
            text,
            "| {name} | {:.0} | {median:.2} ({min:.2}–{max:.2}) | {:.2} × |",
            a_minute(outcome.asked, outcome),
            median / elsewhere
        );
    }
    let _ = write!(
        text,
        "\nThe median of the turns, with the least and the most. What the upstream was asked for each image of a storm, a minute\n\
         (the negative TTL is 60 s, the tag's {} s):\n\n\
         | image | HEAD | GET | tokens | refused or challenged | in all |\n|---|---|---|---|---|---|\n",
        TAG_TTL.as_secs()
    );
    for outcome in outcomes {
        for (name, tally) in &outcome.upstream {
            let a_minute = |count| a_minute(count, outcome);
            let _ = writeln!(
                text,
                "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
                a_minute(tally.heads),
                a_minute(tally.gets),
                a_minute(tally.tokens),
                a_minute(tally.challenged),
                a_minute(tally.sent())
            );
        }
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
fn a_minute(count: u64, outcome: &Outcome) -> f64 {
    count as f64 * 60.0 / outcome.lasted.as_secs_f64()
}
