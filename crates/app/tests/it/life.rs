//! Days of a registry: clients push, pull and delete, every hour garbage is collected and lifecycle rules are applied, and nobody
//! notices anything but that older images pass.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use registry_conformance::life::{Client, KEPT, Life, tidy_up};
use registry_conformance::registry::Registry;

use crate::clocked::{advance, clocked};
use crate::program::{Forebay, Program, files_below};

/// Clients that live at the same time.
const CLIENTS: u64 = 4;

/// The largest layer, in bytes.
const MAX_LAYER_BYTES: u64 = 64 * 1024;

/// How often time passes in the story, unless `FOREBAY_LIFE_STEPS` says otherwise.
const STEPS: u64 = 24;

/// Things done between two steps.
const ACTS_A_STEP: u64 = 6;

/// How much time passes then, while nobody is in the middle of anything: a day, after which unused blobs go, is five steps.
const STEP: Duration = Duration::from_hours(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_garbage_is_collected_and_rules_are_applied() {
    let seed = number("FOREBAY_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("FOREBAY_SEED={seed}");
    let program = clocked(Forebay::new().with(&format!(
        "local = [\"life/**\"]\n[clients]\nloopback_push = true\n\
         [[lifecycle]]\nrepositories = [\"life/passing-*\"]\ntags = [\"v*\"]\nkeep_newest = {KEPT}"
    )));
    let program = program.start().await;
    let base = format!("http://{}", program.address);
    let registry = Registry::new(&base, "life", None, true).expect("an address");
    let life = Life::new(registry, seed, MAX_LAYER_BYTES);
    let living = life.begin(CLIENTS);
    for step in 1..=number("FOREBAY_LIFE_STEPS").unwrap_or(STEPS) {
        life.until_done(step * ACTS_A_STEP).await;
        let _nobody_acts = life.between_acts().await;
        advance(&program, STEP).await;
    }
    life.end();
    let mut clients = Vec::new();
    for (mut client, lived) in living.join_all().await {
        assert_eq!(lived, Ok(()), "{}", program.log.text());
        assert_eq!(client.check_all().await, Ok(()));
        clients.push(client);
    }
    let done = life.done();
    println!("{done:?}");
    for act in ["pushes", "pulls", "manifests deleted", "images that passed"] {
        assert!(done.contains_key(act), "{act}: {done:?}");
    }
    let cleared = program
        .log
        .count("cleared away what no local repository holds");
    assert!(cleared > 0, "{}", program.log.text());
    only_what_is_held_is_left(&program, &mut clients).await;
}

/// Once what nobody needs is deleted and cleared away, what is on the disk is what is held, and all of that.
async fn only_what_is_held_is_left(program: &Program, clients: &mut [Client]) {
    let expired = program.setup.run(&["repo", "expire"]).await;
    assert!(expired.status.success(), "{}", expired.log);
    let held = tidy_up(clients).await.expect("a registry that deletes");
    let collected = program.setup.run(&["gc"]).await;
    assert!(collected.status.success(), "{}", collected.log);
    let blobs = program.setup.data().join("registry/blobs/sha256");
    let on_disk: BTreeSet<String> = files_below(&blobs)
        .iter()
        .filter_map(|path| Some(format!("sha256:{}", path.split_once('/')?.1)))
        .collect();
    assert_eq!(on_disk, held);
    for client in clients {
        assert_eq!(client.check_all().await, Ok(()));
    }
}

/// A number of the environment.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
