//! Killed at any moment, in a life of many, the registry comes back with all that it acknowledged.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use forebay_blobs_fs::faults::{FaultyDisk, Target};
use forebay_content::SystemClock;
use futures::future::join_all;
use tempfile::TempDir;

use crate::child;
use crate::history::Client;
use crate::promises::{Promises, Told};
use crate::scene::Scene;
use crate::seed::{Chance, seed};
use crate::sound::comes_back;

const ROLE: &str = "kills::a_child_that_may_die";

/// How many clients there are at once.
const CLIENTS: usize = 3;

/// How often each of them acts in a life, if it lives so long.
const ACTS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_of_the_disk_nothing_acknowledged_is_lost() {
    live_and_die(16).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: five hundred lives"]
async fn long_killed_five_hundred_times_nothing_acknowledged_is_lost() {
    live_and_die(500).await;
}

/// Lives one after the other over the same directory, half of them killed at a change of blobs or journals, half somewhere between two
/// words to their clients, most likely in a change of the database.
async fn live_and_die(lives: u64) {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let dir = TempDir::new().unwrap();
    let (mut promises, mut journaled) = (Promises::default(), Promises::default());
    let (mut killed, mut acknowledged) = (0, 0);
    for life in 0..lives {
        let (kill_at, word) = if life % 2 == 0 {
            (1 + chance.below(200), usize::MAX)
        } else {
            (0, 1 + chance.below(CLIENTS * ACTS))
        };
        let what = format!("seed {seed}, life {life}, killed at change {kill_at} or word {word}");
        let (told, signal) = live(dir.path(), (seed + life * 100, kill_at), word);
        killed += u64::from(signal == Some(9));
        acknowledged += told.iter().filter(|told| told.is_done).count();
        for told in &told {
            promises.note(told);
            journaled.note(told);
        }
        promises = comes_back(dir.path(), &promises, &journaled, &what).await;
    }
    eprintln!("{killed} of {lives} lives were killed, {acknowledged} acts acknowledged");
    assert!(killed * 2 > lives, "{killed} of {lives}");
    assert!(acknowledged as u64 > lives, "{acknowledged}");
}

/// What it told, and by which signal it died.
fn live(dir: &Path, (seed, change): (u64, usize), words: usize) -> (Vec<Told>, Option<i32>) {
    let argument = format!("{seed} {change} {}", dir.display());
    let mut child: Child = child::command(ROLE, &argument)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told: Vec<Told> = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.extend(line.unwrap().parse::<Told>());
        if told.len() == words {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    (told, status.signal())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_child_that_may_die() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let words: Vec<&str> = argument.splitn(3, ' ').collect();
    let (seed, change): (u64, u64) = (words[0].parse().unwrap(), words[1].parse().unwrap());
    let disk = FaultyDisk::new((change > 0).then_some(change));
    let clock = Arc::new(SystemClock::new());
    let scene = Scene::on(Path::new(words[2]), Arc::new(disk.clone()), clock).await;
    let tell = |told: &Told| println!("{told}");
    let clients = (0..CLIENTS).map(async |number| {
        let mut client = Client::new(&scene, (seed, number), &tell);
        for _ in 0..ACTS {
            client.act().await;
        }
    });
    join_all(clients).await;
    println!("{} changes", disk.count(Target::Changes));
}
